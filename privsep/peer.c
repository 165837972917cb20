/*
 * Pipes between processes in the event loop, and the one place where a
 * message is checked: sender, receiver, size, descriptor.  No privilege.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "peer.h"
#include "util.h"
#include "wire_all.h"

#define PEER_BURST	32	/* messages read before others get a turn */

static const struct {
	const char	*name;
	uint32_t	 from;
	uint32_t	 to;
	size_t		 min;
	size_t		 max;
	int		 fd;
} messages[] = {
#define NOFD	0
#define FD	1
#define MSG(...)	MSG_(__VA_ARGS__)
#define MSG_(name, from, to, min, max, fd) \
	{ #name, from, to, min, max, fd },
#include "messages.def"
#undef MSG
#undef MSG_
#undef FD
#undef NOFD
};

const char *
msg_name(uint32_t type)
{
	return (type < IMSG_COUNT ? messages[type].name : "?");
}

const char *
msg_error(const struct imsg *imsg, enum gw_proc from, enum gw_proc to)
{
	uint32_t	 type = imsg->hdr.type;

	if (type >= IMSG_COUNT)
		return ("unknown type");
	if (!(messages[type].from & (1U << from)))
		return ("not allowed from there");
	if (!(messages[type].to & (1U << to)))
		return ("not allowed to here");
	if (imsg->len < messages[type].min)
		return ("too short");
	if (imsg->len > messages[type].max)
		return ("too long");
	if (messages[type].fd && imsg->fd == -1)
		return ("no descriptor");
	if (!messages[type].fd && imsg->fd != -1)
		return ("unexpected descriptor");
	return (NULL);
}

/* one message was read: nonzero if the peer still stands afterwards */
static int
peer_handle(struct peer *p, struct imsg *imsg, int *freed)
{
	const char	*why;

	if ((why = msg_error(imsg, p->proc, p->self)) != NULL) {
		/* gatewayctl may be anybody, as often as he likes */
		log_record(p->proc == PROC_CTL ? LL_DEBUG : LL_WARN, NULL,
		    "%s: message %u (%s): %s", proc_name(p->proc),
		    imsg->hdr.type, msg_name(imsg->hdr.type), why);
		imsg_free(imsg);
		p->gone(p, why);
		return (0);
	}
	p->freed = freed;
	p->dispatch(p, imsg);
	imsg_free(imsg);
	if (*freed)
		return (0);
	p->freed = NULL;
	return (1);
}

static void
peer_read(int fd, short events, void *arg)
{
	struct peer	*p = arg;
	struct imsg	 imsg;
	int		 freed = 0, i, n;

	for (i = 0; i < PEER_BURST; i++) {
		if ((n = imsg_get(&p->ibuf, &imsg)) == 0)
			return;
		if (n == -1) {
			p->gone(p, errno == EPIPE || errno == ECONNRESET ?
			    NULL : strerror(errno));
			return;
		}
		if (!peer_handle(p, &imsg, &freed))
			return;
	}
}

static void
peer_write(int fd, short events, void *arg)
{
	struct peer	*p = arg;

	if (p->dead || imsgbuf_write(&p->ibuf) == -1) {
		p->gone(p, p->dead ? "reads too slowly" : NULL);
		return;
	}
	if (!TAILQ_EMPTY(&p->ibuf.queue))
		event_add(p->write_ev, NULL);
}

struct peer *
peer_new(struct event_base *base, int fd, enum gw_proc self,
    enum gw_proc proc, void (*dispatch)(struct peer *, struct imsg *),
    void (*gone)(struct peer *, const char *))
{
	struct peer	*p = xcalloc(1, sizeof(*p));

	imsgbuf_init(&p->ibuf, fd);
	p->self = self;
	p->proc = proc;
	p->dispatch = dispatch;
	p->gone = gone;
	p->read_ev = event_new(base, fd, EV_READ | EV_PERSIST, peer_read, p);
	p->write_ev = event_new(base, fd, EV_WRITE, peer_write, p);
	if (p->read_ev == NULL || p->write_ev == NULL ||
	    event_add(p->read_ev, NULL) == -1)
		fatal("event_add");
	return (p);
}

void
peer_free(struct peer *p)
{
	if (p->freed != NULL)
		*p->freed = 1;
	event_free(p->read_ev);
	event_free(p->write_ev);
	imsgbuf_clear(&p->ibuf);
	free(p);
}

void
peer_send(struct peer *p, enum imsg_type type, uint32_t id, int fd,
    const void *data, size_t len)
{
	struct imsg	 imsg = { { type, id }, data, len, fd };
	const char	*why;
	int		 lost;

	if ((why = msg_error(&imsg, p->self, p->proc)) != NULL)
		fatalx("%s to %s: %s", msg_name(type), proc_name(p->proc),
		    why);
	if (p->dead || imsg_compose(&p->ibuf, type, id, fd, data, len) == -1) {
		lost = p->dead || (errno != EPIPE && errno != ECONNRESET);
		if (fd != -1)
			close(fd);
		if (!lost)
			return;	/* gone: the read side will tell */
		/* said from the event loop, never inside the caller's work */
		p->dead = 1;
		event_active(p->write_ev, EV_WRITE, 0);
		return;
	}
	if (!TAILQ_EMPTY(&p->ibuf.queue))
		event_add(p->write_ev, NULL);
}
