/*
 * Text from elsewhere, made safe to print, and how wide it is.  For
 * gatewayctl, an unprivileged client.
 */
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "text.h"

/* bytes of the character at s, and its columns; 0 columns: it is none */
static size_t
character(const char *s, size_t *columns)
{
	mbstate_t	 state;
	wchar_t		 wc;
	size_t		 len;

	memset(&state, 0, sizeof(state));
	*columns = 0;
	len = mbrtowc(&wc, s, strlen(s), &state);
	if (len == 0 || len > strlen(s))
		return (1);
	if (iswprint((wint_t)wc) && wcwidth(wc) > 0)
		*columns = (size_t)wcwidth(wc);
	return (len);
}

char *
printable(char *text)
{
	const char	*from = text;
	char		*to = text;
	size_t		 len, columns;

	for (; *from != '\0'; from += len) {
		len = character(from, &columns);
		if (columns == 0)
			*to++ = '?';
		else {
			memmove(to, from, len);
			to += len;
		}
	}
	*to = '\0';
	return (text);
}

size_t
text_fit(const char *text, size_t width)
{
	const char	*s = text;
	size_t		 len, columns;

	for (; *s != '\0'; s += len) {
		len = character(s, &columns);
		if (columns > width)
			break;
		width -= columns;
	}
	return ((size_t)(s - text));
}

size_t
text_width(const char *text)
{
	size_t	 columns, width = 0;

	while (*text != '\0') {
		text += character(text, &columns);
		width += columns;
	}
	return (width);
}
