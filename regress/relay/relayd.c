/*
 * The relay without a daemon around it, for tests and for the benchmark:
 * session.c, dial.c and pump.c as they are, names from a table, tunnels and
 * rules by commands on standard input.
 *
 *	relayd [-ag] [-i IDLE_MS] [-h HALF_CLOSED_MS] [-p PORT] [-t TOTAL_MS]
 *	    [-u UDP_MS]
 *
 * It prints its port on 127.0.0.1.  -a: user and password are asked for; -g:
 * no offload of datagrams.
 * Commands, each answered by a line, "ok" if there is nothing to say:
 *
 *	host NAME 6|4 MS [ADDRESS ...]	the answer for it; MS -1: never
 *	way NAME SOURCE ACTIVE		a tunnel; ACTIVE is 0 or 1
 *	family auto|ipv6|ipv4|prefer-ipv4
 *	rule TEXT, allow TEXT, deny TEXT, own ADDRESS
 *	upstream ADDRESS:PORT|none
 *	users [NAME:PASSWORD ...]	who may log in
 *	uid NUMBER			whose clients come from now on
 *	stats				all that was counted, as JSON
 *	lookups				how many there were
 *	count				sessions
 *	trace HOST PORT policy|ipv6|ipv4
 *					lines of fields between tabs, the last
 *					of which begins with "end"
 *	bandwidth N			bytes a second of each user, 0: any
 *	quit
 *
 * and those of relayd_udp.c.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <linux/netlink.h>
#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "acceptor.h"
#include "log.h"
#include "flow.h"
#include "printstats.h"
#include "pump.h"
#include "relayd_udp.h"
#include "relay_int.h"
#include "session.h"
#include "trace.h"
#include "upstream.h"
#include "util.h"

#define NAMES	64
#define LIST	32
#define ENOTFOUND	4	/* ARES_ENOTFOUND */

struct relay	 relay;

static struct name {
	char			 name[GW_HOST_SIZE];
	enum he_family		 family;
	int			 ms;
	struct lookup_answer	 answer;
} names[NAMES];
static size_t	 nnames;

struct question {
	TAILQ_ENTRY(question)	 entry;
	uint32_t		 id;
	struct event		*ev;
	struct lookup_answer	 answer;
	void			(*cb)(void *, const struct lookup_answer *);
	void			*arg;
};
static TAILQ_HEAD(, question)	 questions = TAILQ_HEAD_INITIALIZER(questions);

static int	 auth;
static uid_t	 owner = 1000;	/* of every client */
static uint32_t	 nlookups;

static void
question_end(struct question *q)
{
	TAILQ_REMOVE(&questions, q, entry);
	event_free(q->ev);
	free(q);
}

static void
answer(int fd, short what, void *arg)
{
	struct question	*q = arg, copy = *q;

	question_end(q);
	copy.cb(copy.arg, &copy.answer);
}

static struct name *
name_find(const char *name, enum he_family family)
{
	size_t	 i;

	for (i = 0; i < nnames; i++)
		if (names[i].family == family &&
		    strcmp(names[i].name, name) == 0)
			return (&names[i]);
	return (NULL);
}

uint32_t
relay_lookup(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	static uint32_t	 last;
	const struct name	*n = name_find(name, family);
	struct question		*q = xcalloc(1, sizeof(*q));
	struct timeval		 tv = { 0, 0 };

	q->id = ++last;
	nlookups++;
	q->cb = cb;
	q->arg = arg;
	if (n != NULL)
		q->answer = n->answer;
	else
		q->answer.error = ENOTFOUND;
	q->ev = evtimer_new(relay.base, answer, q);
	TAILQ_INSERT_TAIL(&questions, q, entry);
	if (n != NULL) {
		tv.tv_sec = n->ms / 1000;
		tv.tv_usec = n->ms % 1000 * 1000;
	}
	if (n == NULL || n->ms >= 0)
		evtimer_add(q->ev, &tv);
	return (q->id);
}

uint32_t
relay_lookup_fresh(enum he_family family, const char *name,
    void (*cb)(void *, const struct lookup_answer *), void *arg)
{
	return (relay_lookup(family, name, cb, arg));
}

void
relay_lookup_cancel(uint32_t id)
{
	struct question	*q;

	TAILQ_FOREACH(q, &questions, entry)
		if (q->id == id) {
			question_end(q);
			return;
		}
	errx(1, "no look-up %u", id);
}

static void
accepted(int fd, void *arg)
{
	session_new(fd, owner, auth);
}

/* "NAME 6|4 MS [ADDRESS ...]" */
static void
command_host(char *rest)
{
	char		*name = strsep(&rest, " "), *family, *ms, *addr;
	enum he_family	 f;
	struct name	*n;

	family = strsep(&rest, " ");
	ms = strsep(&rest, " ");
	f = *family == '6' ? HE_V6 : HE_V4;
	if ((n = name_find(name, f)) == NULL) {
		if (nnames == NAMES)
			errx(1, "too many names");
		n = &names[nnames++];
	}
	memset(n, 0, sizeof(*n));
	strlcpy(n->name, name, sizeof(n->name));
	n->family = f;
	n->ms = atoi(ms);
	n->answer.ttl = 60;
	while ((addr = strsep(&rest, " ")) != NULL) {
		if (inet_pton(f == HE_V6 ? AF_INET6 : AF_INET, addr,
		    f == HE_V6 ? (void *)&n->answer.v6[n->answer.n] :
		    (void *)&n->answer.v4[n->answer.n]) != 1)
			errx(1, "%s", addr);
		n->answer.n++;
	}
	if (n->answer.n == 0)
		n->answer.error = ENOTFOUND;
}

static void
command_way(char *rest)
{
	static uint32_t	 last;
	const char	*name = strsep(&rest, " "), *source;
	struct way	*w = way_name(name);

	if (w == NULL)
		w = way_new(++last);
	source = strsep(&rest, " ");
	strlcpy(w->name, name, sizeof(w->name));
	health6_reset(&w->health);
	w->usable = inet_pton(AF_INET6, source, &w->source) == 1;
	w->active = rest != NULL && *rest == '1';
}

static void
command_list(const char *verb, const char *text)
{
	static struct gw_pattern	 allow[LIST], deny[LIST];
	static struct acl_rule		 rules[LIST];
	static struct in6_addr		 own[LIST];
	struct acl			*acl = &relay.acl;
	int				 r = 0;

	acl->allow = allow;
	acl->deny = deny;
	acl->rules = rules;
	acl->own = own;
	if (strcmp(verb, "allow") == 0)
		r = pattern_parse(text, &allow[acl->nallow++]);
	else if (strcmp(verb, "deny") == 0)
		r = pattern_parse(text, &deny[acl->ndeny++]);
	else if (strcmp(verb, "rule") == 0)
		r = acl_rule(text, &rules[acl->nrules++]);
	else if (inet_pton(AF_INET6, text, &own[acl->nown++]) != 1)
		r = -1;
	if (r == -1)
		errx(1, "%s %s", verb, text);
}

/* "HOST PORT FAMILIES" */
static void
command_trace(char *rest)
{
	static uint32_t		 last;
	struct imsg_trace	 m;
	const char		*family;

	memset(&m, 0, sizeof(m));
	m.uid = 1000;
	strlcpy(m.host, strsep(&rest, " "), sizeof(m.host));
	m.port = (uint16_t)atoi(strsep(&rest, " "));
	family = rest;
	m.families = strcmp(family, "ipv6") == 0 ? TRACE_IPV6 :
	    strcmp(family, "ipv4") == 0 ? TRACE_IPV4 : TRACE_POLICY;
	trace_start(++last, &m);
}

static const char *
text(uint8_t family, const struct in6_addr *addr)
{
	static char	 buf[INET6_ADDRSTRLEN];

	return (inet_ntop(family == 6 ? AF_INET6 : AF_INET, addr, buf,
	    sizeof(buf)));
}

void
relay_trace_query(uint32_t id, const struct imsg_trace_query *m)
{
	int	 i;

	printf("query\t%u\t%u\t%u\t%u\t%u", m->family, m->asked, m->ms,
	    m->error, m->ttl);
	for (i = 0; i < m->nrecords; i++)
		printf("\t%s", text(m->family, &m->records[i]));
	printf("\n");
}

void
relay_trace_attempt(uint32_t id, const struct imsg_trace_attempt *m)
{
	printf("attempt\t%s\t%u\t%u\t%u\t%u\t%s\n", text(m->family,
	    &m->addr), m->state, m->start_ms, m->ms, m->error, m->why);
}

void
relay_trace_end(uint32_t id, const struct imsg_trace_end *m)
{
	printf("end\t%u\t%u\t%u\t%u\t%u\t%s\t%s\t%s\t%s\n", m->result,
	    m->ms, m->policy, m->first, m->upstream, m->tunnel, m->rule,
	    m->reason,
	    m->result != TRACE_RESULT_CONNECTED ? "" : text(
	    memcmp(&m->source.s6_addr[4], &in6addr_any, 12) == 0 ? 4 : 6,
	    &m->source));
	fflush(stdout);
}

static void
command_family(const char *word)
{
	relay.family = strcmp(word, "ipv6") == 0 ? GW_FAMILY_IPV6 :
	    strcmp(word, "ipv4") == 0 ? GW_FAMILY_IPV4 :
	    strcmp(word, "prefer-ipv4") == 0 ? GW_FAMILY_PREFER_IPV4 :
	    GW_FAMILY_AUTO;
}

/* as a new configuration brings them */
static void
command_users(char *rest)
{
	struct imsg_relay_user	 m;
	struct users		 next = { NULL, 0 };
	char			*item, *name;

	while (rest != NULL && (item = strsep(&rest, " ")) != NULL) {
		name = strsep(&item, ":");
		if (item == NULL)
			continue;
		memset(&m, 0, sizeof(m));
		strlcpy(m.name, name, sizeof(m.name));
		salted_make(&m.password, item, strlen(item));
		users_add(&next, &m);
	}
	users_commit(&next, &relay.users);
}

static void
command_upstream(const char *text)
{
	memset(&relay.upstream, 0, sizeof(relay.upstream));
	if (strcmp(text, "none") != 0 &&
	    upstream_parse(text, &relay.upstream) == -1)
		errx(1, "upstream %s", text);
}

static void
command(char *line)
{
	char	*rest = line, *verb = strsep(&rest, " ");

	if (strcmp(verb, "host") == 0)
		command_host(rest);
	else if (strcmp(verb, "way") == 0)
		command_way(rest);
	else if (strcmp(verb, "family") == 0)
		command_family(rest);
	else if (strcmp(verb, "uid") == 0)
		owner = (uid_t)strtoul(rest, NULL, 10);
	else if (strcmp(verb, "users") == 0)
		command_users(rest);
	else if (strcmp(verb, "upstream") == 0)
		command_upstream(rest);
	else if (strcmp(verb, "stats") == 0) {
		print_stats();
		return;
	} else if (strcmp(verb, "lookups") == 0) {
		printf("%u\n", nlookups);
		return;
	} else if (strcmp(verb, "count") == 0) {
		printf("%u\n", session_count() + flow_count());
		return;
	} else if (strcmp(verb, "trace") == 0) {
		command_trace(rest);
		return;
	} else if (command_udp(verb, rest))
		return;
	else if (strcmp(verb, "bandwidth") == 0)
		relay.limits.conf.max[LIMIT_BYTES] = (uint32_t)atoi(rest);
	else if (strcmp(verb, "quit") == 0)
		event_base_loopbreak(relay.base);
	else
		command_list(verb, rest);
	printf("ok\n");
}

static void
input(int fd, short what, void *arg)
{
	static char	 buf[65536];
	static size_t	 len;
	ssize_t		 n = read(fd, buf + len, sizeof(buf) - len);
	char		*nl;

	if (n <= 0) {
		event_base_loopbreak(relay.base);
		return;
	}
	len += (size_t)n;
	while ((nl = memchr(buf, '\n', len)) != NULL) {
		*nl = '\0';
		command(buf);
		len -= (size_t)(nl + 1 - buf);
		memmove(buf, nl + 1, len);
	}
	fflush(stdout);
}

static int
listen_on(in_port_t port)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(sin);
	int			 fd, on = 1;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_port = htons(port);
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on,
	    sizeof(on)) == -1 || bind(fd, (struct sockaddr *)&sin,
	    sizeof(sin)) == -1 || listen(fd, 512) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(1, "listen");
	printf("%u\n", ntohs(sin.sin_port));
	fflush(stdout);
	return (fd);
}

int
main(int argc, char *argv[])
{
	uint32_t		 idle = 900000, half_closed = 60000;
	uint32_t		 total = he_default.total_ms;
	struct event_config	*conf;
	in_port_t		 port = 0;
	int			 ch, fd;

	while ((ch = getopt(argc, argv, "agh:i:p:t:u:")) != -1) {
		switch (ch) {
		case 'a':
			auth = 1;
			break;
		case 'g':
			udp_io_plain();
			break;
		case 'h':
			half_closed = (uint32_t)atoi(optarg);
			break;
		case 'i':
			idle = (uint32_t)atoi(optarg);
			break;
		case 'u':
			udp_flow_timeout((uint32_t)atoi(optarg));
			break;
		case 'p':
			port = (in_port_t)atoi(optarg);
			break;
		case 't':
			total = (uint32_t)atoi(optarg);
			break;
		default:
			errx(2, "see the source");
		}
	}
	signal(SIGPIPE, SIG_IGN);
	log_init(LL_DEBUG, LF_TEXT, LT_STDERR, "relayd");
	conf = event_config_new();	/* as in the daemon */
	event_config_set_flag(conf, EVENT_BASE_FLAG_EPOLL_USE_CHANGELIST);
	relay.base = event_base_new_with_config(conf);
	TAILQ_INIT(&relay.ways);
	relay.diag = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    NETLINK_SOCK_DIAG);
	relay.he = he_default;
	relay.he.total_ms = total;
	limits_init(&relay.limits, &limits_default);
	relay.limits.conf.max[LIMIT_NEW] = 100000;
	relay.limits.conf.max[LIMIT_SESSIONS] = 100000;
	relay.limits.conf.max[LIMIT_HALF_OPEN] = 1000;
	relay.limits.conf.max[LIMIT_DNS] = 100000;
	stats_init(relay.base, count_report);
	pump_init(relay.base);
	pump_timeouts(idle, half_closed);
	fd = listen_on(port);
	pump_options(fd);
	acceptor_new(relay.base, fd, "relayd", accepted, NULL);
	event_add(event_new(relay.base, STDIN_FILENO, EV_READ | EV_PERSIST,
	    input, NULL), NULL);
	event_base_dispatch(relay.base);
	return (0);
}
