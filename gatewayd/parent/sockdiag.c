/*
 * Closing sockets by their source address.  Runs in the parent
 * (CAP_NET_ADMIN).
 *
 * For each prefix in turn, TCP and then UDP: a dump that the kernel filters,
 * and SOCK_DESTROY for every socket in it.  While sockets vanish the kernel
 * may leave some out, so a dump that found any is followed by another.
 */
#include <sys/queue.h>
#include <sys/socket.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "log.h"
#include "nlsock.h"
#include "sockdiag.h"
#include "util.h"

#define DIAG_MESSAGE	256	/* more than any request of ours */
#define DIAG_PASSES	4	/* dumps of one protocol */

/* flows: neither listeners nor what is closed; of UDP, what is connected */
#define DIAG_UDP_STATES	(1U << TCP_ESTABLISHED)
#define DIAG_TCP_STATES	(1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT | \
			    1U << TCP_SYN_RECV | 1U << TCP_FIN_WAIT1 | \
			    1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT | \
			    1U << TCP_LAST_ACK | 1U << TCP_CLOSING)

struct diag_job {
	TAILQ_ENTRY(diag_job)	 entry;
	struct in6_addr		 prefix;
	uint8_t			 len;
	uint8_t			 protocol;	/* under way */
	unsigned int		 passes;	/* of that */
	unsigned int		 found;		/* in this one */
	unsigned int		 closed;	/* in all */
};
TAILQ_HEAD(diag_jobs, diag_job);

/* "source address in prefix": one operation of the kernel's socket filter,
 * with struct inet_diag_hostcond, whose last member has no size */
struct diag_filter {
	struct inet_diag_bc_op	 op;
	uint8_t			 family;
	uint8_t			 prefix_len;
	uint16_t		 pad;
	int32_t			 port;
	struct in6_addr		 addr;
};
_Static_assert(offsetof(struct diag_filter, addr) ==
    sizeof(struct inet_diag_bc_op) + sizeof(struct inet_diag_hostcond),
    "inet_diag_hostcond");

static struct nlsock	 diag;
static struct event	*diag_ev;
static struct diag_jobs	 jobs = TAILQ_HEAD_INITIALIZER(jobs);
static uint32_t		 dump_seq;	/* of the dump, 0: none */
static int		 refused;	/* errno that was logged */

static void	diag_next(struct diag_job *);

static void
diag_refused(const char *what, int error)
{
	if (refused == error)
		return;
	refused = error;
	log_warnx("flows = reset: the kernel does not %s: %s%s", what,
	    strerror(error), error == EOPNOTSUPP ?
	    " (it needs CONFIG_INET_DIAG_DESTROY)" : "");
}

int
sockdiag_parse(const struct nlmsghdr *h, struct inet_diag_sockid *id)
{
	struct inet_diag_msg	 m;

	if (h->nlmsg_type != SOCK_DIAG_BY_FAMILY ||
	    nlmsg_datalen(h) < (int)sizeof(m))
		return (-1);
	memcpy(&m, nlmsg_data(h), sizeof(m));
	if (m.idiag_family != AF_INET6)
		return (-1);
	*id = m.id;
	return (0);
}

static struct nl_msg *
diag_msg(uint16_t type, int flags, const struct diag_job *j,
    struct inet_diag_req_v2 **req)
{
	struct nl_msg	*msg;

	msg = nlsock_msg_new(DIAG_MESSAGE, type, flags);
	*req = nlsock_header(msg, sizeof(**req));
	(*req)->sdiag_family = AF_INET6;
	(*req)->sdiag_protocol = j->protocol;
	return (msg);
}

static int
diag_dump(const struct diag_job *j)
{
	struct inet_diag_req_v2	*req;
	struct diag_filter	 f;
	struct nl_msg		*msg;

	msg = diag_msg(SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, j, &req);
	req->idiag_states = j->protocol == IPPROTO_TCP ? DIAG_TCP_STATES :
	    DIAG_UDP_STATES;
	memset(&f, 0, sizeof(f));
	f.op.code = INET_DIAG_BC_S_COND;
	f.op.yes = sizeof(f);
	f.op.no = sizeof(f) + 4;	/* past the end: not this one */
	f.family = AF_INET6;
	f.prefix_len = j->len;
	f.port = -1;			/* any */
	f.addr = j->prefix;
	nlsock_put(msg, INET_DIAG_REQ_BYTECODE, &f, sizeof(f));
	dump_seq = nlsock_send(&diag, msg);
	return (dump_seq == 0 ? -1 : 0);
}

static void
diag_destroy(struct diag_job *j, const struct inet_diag_sockid *id)
{
	struct inet_diag_req_v2	*req;
	struct in6_addr		 src;
	struct nl_msg		*msg;

	memcpy(&src, id->idiag_src, sizeof(src));
	if (refused == EOPNOTSUPP || !prefix_match(&src, &j->prefix, j->len))
		return;
	msg = diag_msg(SOCK_DESTROY, 0, j, &req);
	req->id = *id;
	(void)nlsock_send(&diag, msg);
	j->found++;
	j->closed++;
}

/* takes up the next dump that there is to make */
static void
diag_start(void)
{
	struct diag_job	*j;

	while ((j = TAILQ_FIRST(&jobs)) != NULL) {
		j->passes++;
		j->found = 0;
		if (diag_dump(j) == 0)
			return;
		diag_refused("list sockets", errno);
		diag_next(j);
	}
}

/* the job's next protocol, or the end of it */
static void
diag_next(struct diag_job *j)
{
	if (j->protocol == IPPROTO_TCP) {
		j->protocol = IPPROTO_UDP;
		j->passes = 0;
		return;
	}
	if (j->closed != 0)
		log_info("closed %u flows with a source address in %s/%u",
		    j->closed, addr6_text(&j->prefix), j->len);
	TAILQ_REMOVE(&jobs, j, entry);
	free(j);
}

static void
diag_dumped(struct diag_job *j, int error)
{
	dump_seq = 0;
	if (error != 0)
		diag_refused("list sockets", error);
	if (error != 0 || j->found == 0 || j->passes == DIAG_PASSES ||
	    refused == EOPNOTSUPP)
		diag_next(j);
	diag_start();
}

/* only failures are answered */
static void
diag_failed(struct diag_job *j, int error)
{
	if (j->closed > 0)
		j->closed--;
	if (error != ENOENT)	/* it ended by itself */
		diag_refused("close them", error);
}

static void
diag_message(const struct nlmsghdr *h, void *arg)
{
	struct inet_diag_sockid	 id;
	struct diag_job		*j = TAILQ_FIRST(&jobs);

	(void)arg;
	if (j == NULL)
		return;
	if (h->nlmsg_type != NLMSG_ERROR && h->nlmsg_type != NLMSG_DONE) {
		if (h->nlmsg_seq == dump_seq && sockdiag_parse(h, &id) == 0)
			diag_destroy(j, &id);
	} else if (h->nlmsg_seq == dump_seq)
		diag_dumped(j, nlsock_result(h));
	else
		diag_failed(j, nlsock_result(h));
}

static void
diag_read(int fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	/* ENOBUFS: some of the failures were lost, the dump goes on */
	if (nlsock_read(&diag, diag_message, NULL) == -1 && errno != ENOBUFS)
		log_warn("sock_diag");
}

void
sockdiag_open(struct event_base *base)
{
	if (nlsock_open(&diag, NETLINK_SOCK_DIAG, 0) == -1) {
		refused = errno;
		return;
	}
	/* as many of them as there are sockets would not find room */
	nl_socket_disable_auto_ack(diag.sk);
	diag_ev = event_new(base, nlsock_fd(&diag), EV_READ | EV_PERSIST,
	    diag_read, NULL);
	if (diag_ev == NULL || event_add(diag_ev, NULL) == -1)
		fatalx("cannot add the sock_diag events");
}

void
sockdiag_close(void)
{
	struct diag_job	*j;

	if (diag_ev == NULL)
		return;
	event_free(diag_ev);
	diag_ev = NULL;
	nlsock_close(&diag);
	while ((j = TAILQ_FIRST(&jobs)) != NULL) {
		TAILQ_REMOVE(&jobs, j, entry);
		free(j);
	}
	dump_seq = 0;
}

void
sockdiag_close_flows(const struct in6_addr *prefix, uint8_t len)
{
	struct diag_job	*j;

	if (diag_ev == NULL) {
		log_warnx("flows = reset: no socket for sock_diag: %s",
		    strerror(refused));
		return;
	}
	/* one that waits will do */
	TAILQ_FOREACH(j, &jobs, entry)
		if (j != TAILQ_FIRST(&jobs) && j->len == len &&
		    IN6_ARE_ADDR_EQUAL(&j->prefix, prefix))
			return;
	j = xcalloc(1, sizeof(*j));
	j->prefix = *prefix;
	j->len = len;
	j->protocol = IPPROTO_TCP;
	TAILQ_INSERT_TAIL(&jobs, j, entry);
	if (dump_seq == 0)
		diag_start();
}
