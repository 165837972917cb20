/*
 * Does nftables drop what comes in by default?  Then protocol 41 and the
 * broker's pings need rules.  nfnetlink(7) tells root only.  Runs in the
 * doctor (_gwrelay, Landlock) and in gatewayctl; reads only.
 */
#include <netinet/in.h>

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <string.h>

#include "check.h"
#include "nlsock.h"

#define NAME_SIZE	64

/* the first chain that drops */
struct chain {
	int	 family;		/* NFPROTO_*, 0: none */
	char	 table[NAME_SIZE];
	char	 name[NAME_SIZE];
};

static uint32_t
be32(const struct nlattr *nla)
{
	uint32_t	 n;

	if (nla == NULL || nla_len(nla) != sizeof(n))
		return (UINT32_MAX);
	memcpy(&n, nla_data(nla), sizeof(n));
	return (ntohl(n));
}

/* of the hook that the input of this machine goes through */
static int
is_input(struct nlattr *hook)
{
	struct nlattr	*tb[NFTA_HOOK_MAX + 1];

	return (hook != NULL &&
	    nla_parse_nested(tb, NFTA_HOOK_MAX, hook, NULL) == 0 &&
	    be32(tb[NFTA_HOOK_HOOKNUM]) == NF_INET_LOCAL_IN);
}

static void
take_chain(const struct nlmsghdr *h, void *arg)
{
	struct chain		*c = arg;
	struct nlattr		*tb[NFTA_CHAIN_MAX + 1];
	struct nfgenmsg		 nfg;

	if (c->family != 0 || nlmsg_parse((struct nlmsghdr *)(uintptr_t)h,
	    sizeof(nfg), tb, NFTA_CHAIN_MAX, NULL) < 0)
		return;
	memcpy(&nfg, nlmsg_data(h), sizeof(nfg));
	if ((nfg.nfgen_family != NFPROTO_INET &&
	    nfg.nfgen_family != NFPROTO_IPV4) ||
	    !is_input(tb[NFTA_CHAIN_HOOK]) ||
	    be32(tb[NFTA_CHAIN_POLICY]) != NF_DROP ||
	    tb[NFTA_CHAIN_TABLE] == NULL || tb[NFTA_CHAIN_NAME] == NULL)
		return;
	c->family = nfg.nfgen_family;
	nla_strlcpy(c->table, tb[NFTA_CHAIN_TABLE], sizeof(c->table));
	nla_strlcpy(c->name, tb[NFTA_CHAIN_NAME], sizeof(c->name));
}

static int
load(struct chain *c)
{
	struct nlsock	 nl;
	struct nl_msg	*msg;
	struct nfgenmsg	*nfg;
	int		 r;

	memset(c, 0, sizeof(*c));
	if (nlsock_open(&nl, NETLINK_NETFILTER, 0) == -1)
		return (-1);
	msg = nlsock_msg_new(256, NFNL_SUBSYS_NFTABLES << 8 | NFT_MSG_GETCHAIN,
	    NLM_F_DUMP);
	nfg = nlsock_header(msg, sizeof(*nfg));
	nfg->nfgen_family = NFPROTO_UNSPEC;
	nfg->version = NFNETLINK_V0;
	r = nlsock_request(&nl, msg, take_chain, c);
	nlsock_close(&nl);
	return (r);
}

static void
firewall_drops(struct doctor *d, const struct gw_tunnel *t,
    const struct chain *c)
{
	const char	*family = c->family == NFPROTO_INET ? "inet" : "ip";
	struct finding	*f;

	f = doctor_add(d, FINDING_WARN, "firewall.input", t,
	    "the firewall drops what comes in unless a rule accepts it: is "
	    "there one for protocol 41 and for the broker's pings?");
	finding_evidence(f, "nftables: chain %s %s %s has the policy drop",
	    family, c->table, c->name);
	finding_remedy(f, "'nft add rule %s %s %s ip protocol 41 accept; nft "
	    "add rule %s %s %s icmp type echo-request accept', and in "
	    "/etc/nftables.conf", family, c->table, c->name, family,
	    c->table, c->name);
}

void
check_firewall(struct doctor *d)
{
	const struct gw_tunnel	*t;
	struct finding		*f;
	struct chain		 c;

	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t))
		if (t->type == GW_HE_6IN4)
			break;
	if (t == NULL)
		return;
	if (load(&c) == 0) {
		if (c.family != 0)
			firewall_drops(d, t, &c);
		else
			doctor_add(d, FINDING_OK, "firewall.input", NULL,
			    "nftables does not drop by default");
	} else if (errno == EPERM || errno == EACCES) {
		f = doctor_add(d, FINDING_SKIP, "firewall.input", NULL,
		    "whether nftables drops protocol 41: only root may see "
		    "its rules");
		finding_evidence(f, "nfnetlink: %s", strerror(errno));
		finding_remedy(f, "as root: 'gatewayctl doctor', or 'nft list "
		    "ruleset'");
	}
	/* otherwise the kernel has no nftables: nothing is dropped by it */
}
