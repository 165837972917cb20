/*
 * Is the API's port ours?  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl; reads only.
 */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "addr.h"
#include "check.h"
#include "control_path.h"
#include "listeners.h"

/* would the kernel refuse to bind there beside it? */
static int
in_the_way(const struct gw_conf *conf, const struct listener_socket *s)
{
	const struct sockaddr_storage	*ss = &conf->api_bind;
	const struct sockaddr_in	*sin = (const void *)ss;
	const struct sockaddr_in6	*sin6 = (const void *)ss;
	static const struct in6_addr	 any;

	if (s->protocol != IPPROTO_TCP || s->port != conf->api_port)
		return (0);
	if (memcmp(&s->addr, &any, sizeof(any)) == 0)
		return (1);
	if (s->family != ss->ss_family)
		return (0);
	return (s->family == AF_INET ?
	    memcmp(&s->addr, &sin->sin_addr, sizeof(sin->sin_addr)) == 0 :
	    memcmp(&s->addr, &sin6->sin6_addr, sizeof(s->addr)) == 0);
}

static void
port_taken(struct doctor *d, const struct listener_socket *s)
{
	struct finding	*f;

	f = doctor_add(d, FINDING_FAIL, "port.api", NULL,
	    "the API's port %u is taken by somebody else", s->port);
	if (s->pid != 0)
		finding_evidence(f, "%s (process %d, uid %u) listens there",
		    s->program, (int)s->pid, s->uid);
	else
		finding_evidence(f, "a process of uid %u listens there, and "
		    "gatewayd does not run", s->uid);
	finding_remedy(f, "'ss -ltnp sport = :%u' shows whose it is, as root; "
	    "end that, or give api_port in [core] another number", s->port);
}

void
check_port(struct doctor *d)
{
	struct listener_sockets	 ls;
	const struct gw_conf	*conf = d->conf;
	struct finding		*f;
	size_t			 i;
	int			 runs;

	if (conf == NULL)
		return;
	runs = d->o.daemon || control_path(conf) == CONTROL_ANSWERS;
	listeners_load(&ls);
	for (i = 0; i < ls.n && !in_the_way(conf, &ls.list[i]); i++)
		;
	if (i < ls.n && !runs) {
		listeners_name(&ls);
		port_taken(d, &ls.list[i]);
	} else if (i == ls.n && runs) {
		f = doctor_add(d, FINDING_WARN, "port.api", NULL,
		    "gatewayd does not listen on %s, as its configuration "
		    "says", sockaddr_text((const void *)&conf->api_bind));
		finding_evidence(f, "/proc/net has no such socket");
		finding_remedy(f, "a change of api_bind or api_port needs "
		    "'systemctl restart v6-gatewayd'");
	} else
		doctor_add(d, FINDING_OK, "port.api", NULL, runs ?
		    "gatewayd listens on the API's port %u" :
		    "the API's port %u is free", conf->api_port);
	listeners_free(&ls);
}
