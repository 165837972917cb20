/*
 * Which programs can the whole Internet reach once there is IPv6?  IPv4 hid
 * them behind a NAT; with IPv6 each address is reachable.  Runs in the doctor
 * (_gwrelay, Landlock) and in gatewayctl; reads only.
 */
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "listeners.h"

#define SHOWN	8	/* programs in a sentence */

/* bound to every address, or to one that Internet hosts can reach */
static int
exposed(const struct doctor *d, const struct listener_socket *s)
{
	const struct rt_ifaddr	*a;

	if (s->family != AF_INET6)
		return (0);
	if (IN6_IS_ADDR_UNSPECIFIED(&s->addr))
		return (1);
	a = netinfo_addr(d->net, &s->addr);
	return (a != NULL && netinfo_global(a));
}

static int
same(const struct listener_socket *a, const struct listener_socket *b)
{
	return (a->protocol == b->protocol && a->port == b->port &&
	    strcmp(a->program, b->program) == 0);
}

static void
describe(const struct listener_socket *s, char *buf, size_t size)
{
	const char	*protocol = s->protocol == IPPROTO_TCP ? "TCP" : "UDP";

	if (s->pid != 0)
		snprintf(buf, size, "%s (process %d, %s port %u)", s->program,
		    (int)s->pid, protocol, s->port);
	else if (s->inode == 0)
		snprintf(buf, size, "the kernel (%s port %u)", protocol,
		    s->port);
	else
		snprintf(buf, size, "a program of uid %u (%s port %u)", s->uid,
		    protocol, s->port);
}

/* "sshd (process 1, TCP port 22), ..."; how many there are */
static size_t
list(const struct listener_sockets *ls, char *buf, size_t size)
{
	char	 one[80];
	size_t	 i, j, n = 0;

	buf[0] = '\0';
	for (i = 0; i < ls->n; i++) {
		for (j = 0; j < i && !same(&ls->list[i], &ls->list[j]); j++)
			;
		if (j < i || n++ >= SHOWN)
			continue;
		describe(&ls->list[i], one, sizeof(one));
		strlcat(buf, n > 1 ? ", " : "", size);
		strlcat(buf, one, size);
	}
	if (n > SHOWN)
		strlcat(buf, ", ...", size);
	return (n);
}

void
check_exposure(struct doctor *d)
{
	struct listener_sockets	 ls;
	struct finding		*f;
	char			 text[SHOWN * 84];
	size_t			 i, n = 0;

	listeners_load(&ls);
	for (i = 0; i < ls.n; i++)
		if (exposed(d, &ls.list[i]))
			ls.list[n++] = ls.list[i];
	ls.n = n;
	listeners_name(&ls);
	if ((n = list(&ls, text, sizeof(text))) == 0)
		doctor_add(d, FINDING_OK, "exposure", NULL,
		    "no program listens for IPv6 connections of the Internet");
	else {
		f = doctor_add(d, FINDING_WARN, "exposure", NULL,
		    "%zu program(s) can be reached from the whole Internet "
		    "by IPv6, unless a firewall is in between", n);
		finding_evidence(f, "%s", text);
		finding_remedy(f, "what is not meant for strangers should "
		    "listen on 127.0.0.1 and ::1, or be filtered: 'nft add "
		    "rule inet filter input iifname IFACE tcp dport PORT "
		    "drop'");
	}
	listeners_free(&ls);
}
