/*
 * The form of host names (RFC 952; RFC 1123, section 2.1), with underscores.
 */
#ifndef GW_NAME_H
#define GW_NAME_H

#include <stddef.h>
#include <stdint.h>

/* NULL if the DNS may be asked for that name, which may end in a dot; else
 * what is wrong with it */
const char	*name_error(const char *);
/* splits "NAME:PORT", whose name, which is not looked at, has to fit into size
 * bytes: 0, or -1 if it is something else; port 0 is none */
int		 name_port(const char *, char *name, size_t size,
		    uint16_t *port);

#endif
