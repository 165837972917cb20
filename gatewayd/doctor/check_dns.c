/*
 * Do names have IPv6 addresses here?  Runs in the doctor (_gwrelay, Landlock)
 * and in gatewayctl.  What servers answer is c-ares's to parse; of it only an
 * address and an error number are used.
 */
#include <netinet/in.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "lookup.h"

/* of the DNS itself: every resolver can find it, and it has had an AAAA
 * record for long */
#define NAME	"a.root-servers.net"

static void
dns_address(struct doctor *d, const struct ares_addrinfo *ai)
{
	struct sockaddr_in6	 sin6;
	struct finding		*f;

	memcpy(&sin6, ai->nodes->ai_addr, sizeof(sin6));
	f = doctor_add(d, FINDING_OK, "dns.aaaa", NULL,
	    "the name servers give IPv6 addresses");
	finding_evidence(f, "%s has the AAAA record %s", NAME,
	    addr6_text(&sin6.sin6_addr));
}

static void
dns_error(struct doctor *d, int error)
{
	struct finding	*f;

	if (error == ARES_ENODATA || error == ARES_ENOTFOUND) {
		f = doctor_add(d, FINDING_WARN, "dns.aaaa", NULL,
		    "the name servers give no IPv6 address where there is "
		    "one: programs will use IPv4");
		finding_evidence(f, "%s: %s", NAME, ares_strerror(error));
		finding_remedy(f, "a resolver that filters AAAA records: "
		    "switch that off there, or name another one in "
		    "/etc/resolv.conf");
		return;
	}
	f = doctor_add(d, FINDING_FAIL, "dns.aaaa", NULL,
	    "no name server answers as it should: names cannot be used at "
	    "all");
	finding_evidence(f, "%s: %s", NAME, error == ARES_ECANCELLED ?
	    "no answer within 5 s" : ares_strerror(error));
	finding_remedy(f, "see 'nameserver' in /etc/resolv.conf: is it "
	    "reachable ('ping'), and does it serve this machine?");
}

static void
dns_done(struct doctor *d, void *arg, int error,
    const struct ares_addrinfo *ai)
{
	if (ai != NULL && ai->nodes != NULL &&
	    ai->nodes->ai_family == AF_INET6)
		dns_address(d, ai);
	else
		dns_error(d, ai != NULL ? ARES_ENODATA : error);
}

void
check_dns(struct doctor *d)
{
	lookup(d, NAME, AF_INET6, dns_done, NULL);
}
