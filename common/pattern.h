/*
 * What a rule is about: destinations, as the configuration writes them.  No
 * I/O, no privilege; for the parser of the configuration and for the relay.
 */
#ifndef GW_PATTERN_H
#define GW_PATTERN_H

#include <sys/socket.h>
#include <netinet/in.h>
#include <stdint.h>

#define PATTERN_NAME_SIZE	256

/* how a message calls what is allowed */
#define PATTERN_FORMS	"*, NAME, *.NAME, ADDRESS and ADDRESS/LEN, each with " \
			    ":PORT if need be ([ADDRESS/LEN]:PORT for IPv6)"

struct gw_pattern {
	sa_family_t	 family;	/* AF_UNSPEC: a name */
	uint8_t		 len;		/* of the prefix */
	uint8_t		 below;		/* all names below it, too */
	in_port_t	 port;		/* host byte order, 0: any */
	struct in6_addr	 addr;		/* IPv4 in the first four bytes */
	char		 name[PATTERN_NAME_SIZE]; /* lower case; "": any */
};

/*
 * Reads "*", "example.org", "*.example.org" or ".example.org",
 * "192.0.2.0/24", "2001:db8::1", and all of them with a port, as in
 * "[2001:db8::/32]:80".  0, or -1 if it is none of them.
 */
int	 pattern_parse(const char *text, struct gw_pattern *);

#endif
