/*
 * The form of host names (RFC 952; RFC 1123, section 2.1).
 */
#ifndef GW_NAME_H
#define GW_NAME_H

/* NULL if the DNS may be asked for that name, which may end in a dot; else
 * what is wrong with it */
const char	*name_error(const char *);

#endif
