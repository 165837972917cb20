/*
 * The ends of a tunnel's data path: descriptors, path MTU, reports.  Process
 * encap (no privilege).
 */
#include <sys/socket.h>
#include <sys/uio.h>
#include <netinet/in.h>
#include <linux/errqueue.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "addr.h"
#include "encap.h"
#include "log.h"
#include "path.h"
#include "util.h"

#define PATH_REPORT_MS		60000
#define PATH_RECHECK_MS		10000
#define PATH_ERRORS_MAX		64	/* read from the queue at a time */
/* RFC 4443, section 2.4 (f): Packet Too Big as a burst, and each second */
#define PATH_TOKENS		50
#define PATH_TOKEN_MS		20

struct path *
path_new(struct event_base *base, uint32_t id, const struct imsg_encap *conf)
{
	struct path	*p = xcalloc(1, sizeof(*p));

	p->base = base;
	p->id = id;
	p->conf = *conf;
	p->tun = p->raw = -1;
	p->tokens = PATH_TOKENS;
	return (p);
}

static struct event *
path_event(struct path *p, int fd, short events, event_callback_fn fn)
{
	struct event	*ev;

	if ((ev = event_new(p->base, fd, events, fn, p)) == NULL)
		fatalx("event_new failed");
	return (ev);
}

static void
path_event_free(struct event **ev)
{
	if (*ev != NULL)
		event_free(*ev);
	*ev = NULL;
}

static void
path_close_tun(struct path *p)
{
	path_event_free(&p->tun_ev);
	if (p->tun != -1)
		close(p->tun);
	p->tun = -1;
}

static void
path_close_raw(struct path *p)
{
	/* without a way out what is sent waits in the device's queue */
	if (p->tun_ev != NULL)
		event_del(p->tun_ev);
	path_event_free(&p->raw_ev);
	path_event_free(&p->room_ev);
	if (p->raw != -1)
		close(p->raw);
	p->raw = -1;
	p->paused = 0;
}

/* reads from TUN again, now that packets can leave or be dropped */
static void
path_resume(struct path *p)
{
	p->paused = 0;
	if (p->tun_ev != NULL)
		event_add(p->tun_ev, NULL);
}

static void
path_room(evutil_socket_t fd, short events, void *arg)
{
	path_resume(arg);
}

void
path_pause(struct path *p)
{
	if (p->paused || p->room_ev == NULL)
		return;
	p->paused = 1;
	if (p->tun_ev != NULL)
		event_del(p->tun_ev);
	event_add(p->room_ev, NULL);
}

/* "reason=count ..." of what was dropped since a former state */
static int
path_drops(const struct path *p, const struct path_stats *since, char *buf,
    size_t size)
{
	uint64_t	 n;
	size_t		 len = 0;
	int		 i;

	buf[0] = '\0';
	for (i = SIXIN4_PASS + 1; i < SIXIN4_DROPS && len < size; i++) {
		n = p->stats.drops[i] - since->drops[i];
		if (n > 0)
			len += (size_t)snprintf(buf + len, size - len,
			    " %s=%" PRIu64, sixin4_drop_name(i), n);
	}
	return (len > 0);
}

void
path_report(struct path *p)
{
	uint64_t	 now;
	char		 buf[512];

	/* every interface sends these, they are not worth a line */
	p->reported.drops[SIXIN4_LINKLOCAL] = p->stats.drops[SIXIN4_LINKLOCAL];
	if (memcmp(p->stats.drops, p->reported.drops,
	    sizeof(p->stats.drops)) == 0)
		return;
	now = monotime_ms();
	if (p->reported_at != 0 && now - p->reported_at < PATH_REPORT_MS)
		return;
	if (!path_drops(p, &p->reported, buf, sizeof(buf)))
		return;
	log_record(LL_INFO, p->conf.name, "dropped packets:%s", buf);
	p->reported = p->stats;
	p->reported_at = now;
}

void
path_free(struct path *p)
{
	static const struct path_stats	 none;
	char				 buf[512];

	path_drops(p, &none, buf, sizeof(buf));
	log_record(LL_INFO, p->conf.name, "userspace 6in4 closed: sent=%"
	    PRIu64 " received=%" PRIu64 " icmp_errors=%" PRIu64
	    " too_big_sent=%" PRIu64 "%s", p->stats.sent, p->stats.received,
	    p->stats.icmp_errors, p->stats.too_big, buf);
	path_close_tun(p);
	path_close_raw(p);
	free(p);
}

void
path_lose_tun(struct path *p)
{
	log_record(LL_WARN, p->conf.name,
	    "the TUN interface is gone, waiting for a new one");
	path_close_tun(p);
}

/*
 * Connecting again makes the kernel look the route up: the one it keeps for
 * the socket may be older than the last change.
 */
static void
path_mtu_refresh(struct path *p)
{
	struct sockaddr_in	 sin;
	socklen_t		 len = sizeof(int);
	int			 df, discover, mtu;

	memset(&sin, 0, sizeof(sin));
	sin.sin_family = AF_INET;
	sin.sin_addr = p->conf.remote;
	p->mtu_at = monotime_ms();
	if (connect(p->raw, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    getsockopt(p->raw, IPPROTO_IP, IP_MTU, &mtu, &len) == -1) {
		log_record(LL_DEBUG, p->conf.name, "no path MTU to %s: %s",
		    addr4_text(p->conf.remote), strerror(errno));
		return;
	}
	if ((uint32_t)mtu == p->path_mtu)
		return;
	log_record(LL_INFO, p->conf.name, "path MTU to %s is %d",
	    addr4_text(p->conf.remote), mtu);
	p->path_mtu = (uint32_t)mtu;
	/* below, RFC 4213, section 3.2.2, has the IPv4 layer fragment */
	df = mtu >= SIXIN4_MTU_MIN + SIXIN4_OVERHEAD;
	if (df == p->df)
		return;
	discover = df ? IP_PMTUDISC_DO : IP_PMTUDISC_DONT;
	if (setsockopt(p->raw, IPPROTO_IP, IP_MTU_DISCOVER, &discover,
	    sizeof(discover)) == -1)
		log_warn("IP_MTU_DISCOVER");
	else
		p->df = df;
}

void
path_mtu_recheck(struct path *p)
{
	if (p->raw != -1 && p->path_mtu < p->conf.mtu + SIXIN4_OVERHEAD &&
	    monotime_ms() - p->mtu_at >= PATH_RECHECK_MS)
		path_mtu_refresh(p);
}

/* the error in one message of the queue, NULL if there is none */
static const struct sock_extended_err *
path_error(struct msghdr *msg)
{
	struct cmsghdr	*cm;

	for (cm = CMSG_FIRSTHDR(msg); cm != NULL; cm = CMSG_NXTHDR(msg, cm))
		if (cm->cmsg_level == IPPROTO_IP && cm->cmsg_type == IP_RECVERR)
			return ((const void *)CMSG_DATA(cm));
	return (NULL);
}

void
path_errors(struct path *p)
{
	const struct sock_extended_err	*ee;
	struct msghdr			 msg;
	union {
		struct cmsghdr	 hdr;
		uint8_t		 space[512];
	}				 control;
	int				 i, mtu = 0;

	for (i = 0; i < PATH_ERRORS_MAX; i++) {
		memset(&msg, 0, sizeof(msg));
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control);
		if (recvmsg(p->raw, &msg, MSG_ERRQUEUE | MSG_DONTWAIT) == -1)
			break;
		if ((ee = path_error(&msg)) == NULL)
			continue;
		if (ee->ee_errno == EMSGSIZE)
			mtu = 1;
		if (ee->ee_origin == SO_EE_ORIGIN_ICMP)
			p->stats.icmp_errors++;
	}
	if (mtu)
		path_mtu_refresh(p);
}

static int
path_token(struct path *p)
{
	uint64_t	 now = monotime_ms(), n;

	n = (now - p->tokens_at) / PATH_TOKEN_MS;
	if (n > 0) {
		p->tokens = n > PATH_TOKENS - p->tokens ? PATH_TOKENS :
		    p->tokens + (uint32_t)n;
		p->tokens_at = now;
	}
	if (p->tokens == 0)
		return (0);
	p->tokens--;
	return (1);
}

void
path_too_big(struct path *p, const struct iovec *pkt, int iovcnt)
{
	struct virtio_net_hdr	 vnet;
	struct iovec		 iov[2];
	uint8_t			 buf[SIXIN4_MTU_MIN];
	size_t			 len;

	p->stats.drops[SIXIN4_TOOBIG]++;
	if (p->tun == -1)
		return;
	len = sixin4_toobig(&p->conf, buf, sixin4_limit(p->path_mtu), pkt,
	    iovcnt);
	if (len == 0 || !path_token(p))
		return;
	memset(&vnet, 0, sizeof(vnet));
	iov[0].iov_base = &vnet;
	iov[0].iov_len = sizeof(vnet);
	iov[1].iov_base = buf;
	iov[1].iov_len = len;
	if (writev(p->tun, iov, 2) != -1)
		p->stats.too_big++;
}

void
path_tun(struct path *p, int fd, uint32_t offloads)
{
	path_close_tun(p);
	p->tun = fd;
	p->offloads = offloads;
	p->tun_ev = path_event(p, fd, EV_READ | EV_PERSIST, transmit_event);
	if (p->raw != -1 && !p->paused)
		event_add(p->tun_ev, NULL);
}

void
path_raw(struct path *p, int fd)
{
	socklen_t	 len = sizeof(p->sndbuf);

	path_close_raw(p);
	p->raw = fd;
	if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &p->sndbuf, &len) == -1)
		p->sndbuf = ENCAP_SNDBUF;
	p->raw_ev = path_event(p, fd, EV_READ | EV_PERSIST, receive_event);
	p->room_ev = path_event(p, fd, EV_WRITE, path_room);
	event_add(p->raw_ev, NULL);
	path_resume(p);
	p->df = 1;
	p->path_mtu = p->conf.mtu + SIXIN4_OVERHEAD;
	path_mtu_refresh(p);
}

void
path_set(struct path *p, const struct imsg_encap *conf)
{
	int	 ttl = conf->ttl, new_mtu = conf->mtu != p->conf.mtu;

	/* packets of a former endpoint must not pass for the new one's */
	if (conf->remote.s_addr != p->conf.remote.s_addr ||
	    conf->local.s_addr != p->conf.local.s_addr)
		path_close_raw(p);
	p->conf = *conf;
	if (p->raw == -1)
		return;
	if (setsockopt(p->raw, IPPROTO_IP, IP_TTL, &ttl, sizeof(ttl)) == -1)
		log_warn("IP_TTL");
	if (new_mtu)
		path_mtu_refresh(p);
}
