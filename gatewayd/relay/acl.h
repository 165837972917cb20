/*
 * Where the relay may connect to: the refusals that are built in, the
 * operator's allow and deny, and the rules that choose family and way.  No
 * I/O.  Runs in the relay (_gwrelay, chroot).
 *
 * A destination is judged by its resolved address, just before connect(2):
 * what a name means may change between two questions (DNS rebinding), and an
 * address can be written into another one.
 */
#ifndef GW_ACL_H
#define GW_ACL_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "conf.h"
#include "pattern.h"
#include "nat64.h"
#include "socks.h"

enum acl_way {
	ACL_ACTIVE,		/* the active tunnel */
	ACL_TUNNEL,
	ACL_UPSTREAM
};

struct acl_rule {
	struct gw_pattern	 pattern;
	enum gw_family		 family;
	uint8_t			 any;	/* the global policy's family */
	enum acl_way		 way;
	char			 tunnel[GW_NAME_SIZE];	/* ACL_TUNNEL */
};

struct acl {
	struct gw_pattern	*allow;
	struct gw_pattern	*deny;
	struct acl_rule		*rules;
	size_t			 nallow;
	size_t			 ndeny;
	size_t			 nrules;
	struct in6_addr		*own;	/* addresses of this machine, IPv4 as
					 * v4-mapped */
	size_t			 nown;
	struct nat64		 nat64;	/* besides the well-known one */
};

/* "PATTERN FAMILY [via TUNNEL|upstream]"; 0 or -1 */
int	 acl_rule(const char *text, struct acl_rule *);
/* the inverse of both; cut to size */
void	 acl_pattern_text(const struct gw_pattern *, char *, size_t size);
void	 acl_rule_text(const struct acl_rule *, char *, size_t size);
/* "auto", "ipv6", ...; 0, or -1 if it is none of them */
const char *acl_family_word(enum gw_family);
int	 acl_family(const char *word, enum gw_family *);

/* ::ffff:A.B.C.D, as IPv4 stands in own */
struct in6_addr acl_mapped(struct in_addr);

/* nonzero if whatever a client asks for has to go by the upstream server */
int	 acl_all_upstream(const struct acl *);
/* the first rule for what the client asked for, NULL if there is none */
const struct acl_rule *acl_find(const struct acl *, const struct socks_dest *);

/*
 * NULL if the relay may connect to that resolved address and port; else why
 * not, in words that are good until the next call.  name: what the client
 * asked for, or NULL.
 */
const char *acl_refused(const struct acl *, const struct socks_dest *,
	    const char *name);
/*
 * The same for what an upstream server is asked for, as far as it can be told
 * here: names by deny, and those of the own machine; literal addresses also
 * where they are private, as they would mean another network there.
 */
const char *acl_refused_upstream(const struct acl *,
	    const struct socks_dest *);

#endif
