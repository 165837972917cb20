/*
 * Text from elsewhere, made safe to print, and how wide it is.  For
 * gatewayctl, an unprivileged client.  What a character is depends on the
 * locale (LC_CTYPE).
 */
#ifndef GW_TEXT_H
#define GW_TEXT_H

#include <stddef.h>

/*
 * Replaces, in place, what is no printable character that stands by itself:
 * controls, what combines or changes direction, and bytes that are no
 * character at all.  Nothing that is left can drive a terminal.
 */
char	*printable(char *);
/* columns of printable text */
size_t	 text_width(const char *);
/* bytes of its beginning that are not wider than that */
size_t	 text_fit(const char *, size_t width);

#endif
