/*
 * Content negotiation (RFC 9110, 12.5.1) between two media types.  Pure; runs
 * in the frontend (_gatewayd, chroot).
 */
#ifndef GW_HTTP_ACCEPT_H
#define GW_HTTP_ACCEPT_H

#include <stddef.h>

/* a media type that could be sent */
struct accept_type {
	const char	*type;		/* "text" */
	const char	*subtype;	/* "plain" */
	const char	*version;	/* parameter version */
	/* found by accept_add(): */
	int		 quality;	/* thousandths */
	int		 precedence;	/* of the range that says so, 0: none */
};

/* precedence of a range: the most specific one that matches counts */
#define ACCEPT_ANY	1		/* star/star */
#define ACCEPT_TYPE	2		/* text/star */
#define ACCEPT_SUBTYPE	3		/* text/plain */
#define ACCEPT_VERSION	4		/* text/plain;version=0.0.4 */

/*
 * Reads one line of an Accept field; further lines are further calls.  A range
 * of another version does not match, other parameters are not looked at, and
 * what is malformed does not count.
 */
void	 accept_add(struct accept_type *, const char *value, size_t len);

#endif
