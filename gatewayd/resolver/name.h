/*
 * The form of host names (RFC 1123, section 2.1).  Runs in the resolver
 * (_gwrelay, Landlock).
 */
#ifndef GW_NAME_H
#define GW_NAME_H

/* NULL if the DNS may be asked for that name, else what is wrong with it */
const char	*name_error(const char *);

#endif
