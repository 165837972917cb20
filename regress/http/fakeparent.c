/*
 * The parent's end of the frontend's pipe, and what child.c is in a daemon.
 * Every order is answered with what the last command said:
 *
 *	admin ERRNO	to an order about a tunnel; 99: no answer
 *	reload ERRNO	to a reload; EINVAL has two lines of text
 *
 * The relay is fakerelay.c.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "fakeparent.h"
#include "fakeports.h"
#include "fakerelay.h"
#include "order.h"

#define NO_ANSWER	99

static struct event_base	*loop;
static struct peer		*to_parent, *to_relay;
static unsigned int		 admin_error, reload_error;

struct event_base *
child_base(void)
{
	return (loop);
}

struct peer *
child_peer(enum gw_proc proc)
{
	return (proc == PROC_RELAY ? to_relay : to_parent);
}

static void
frontend_dispatch(struct peer *p, struct imsg *imsg)
{
	order_answer(imsg);
}

static void
parent_dispatch(struct peer *p, struct imsg *imsg)
{
	static const char	 text[] =
	    "gw.conf:3:1: unknown key \"log_levle\"; did you mean \"log_level\""
	    "\ngw.conf:9:8: \"x\" is no number\n";
	struct imsg_result	 m = { admin_error };
	uint32_t		 id = imsg->hdr.id;

	if (imsg->hdr.type == IMSG_ADMIN && admin_error != NO_ANSWER)
		peer_send(p, IMSG_ADMIN_RESULT, id, -1, &m, sizeof(m));
	m.error = reload_error;
	if (imsg->hdr.type == IMSG_RELOAD && reload_error != NO_ANSWER) {
		if (m.error == EINVAL)
			peer_send(p, IMSG_RELOAD_TEXT, id, -1, text,
			    strlen(text));
		peer_send(p, IMSG_RELOAD_RESULT, id, -1, &m, sizeof(m));
	}
}

static void
peer_gone(struct peer *p, const char *why)
{
	errx(1, "pipe: %s", why);
}

void
fakeparent_start(struct event_base *base)
{
	int	 sv[2];

	loop = base;
	to_relay = fakerelay_start(base);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK | SOCK_CLOEXEC,
	    0, sv) == -1)
		err(1, "socketpair");
	to_parent = peer_new(base, sv[0], PROC_FRONTEND, PROC_PARENT,
	    frontend_dispatch, peer_gone);
	(void)peer_new(base, sv[1], PROC_PARENT, PROC_FRONTEND,
	    parent_dispatch, peer_gone);
}

int
fakeparent_command(const char *line)
{
	return (sscanf(line, "admin %u", &admin_error) == 1 ||
	    sscanf(line, "reload %u", &reload_error) == 1 ||
	    fakeports_command(line));
}
