/*
 * The parent's end of the frontend's pipe, and what child.c is in a daemon.
 * Every order is answered with what the test, or the last command, said:
 *
 *	admin ERRNO	to an order about a tunnel; 99: no answer
 *	reload ERRNO	to a reload; EINVAL has two lines of text
 *
 * The relay is fakerelay.c.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "fakeparent.h"
#include "fakepipe.h"
#include "fakeports.h"
#include "fakerelay.h"
#include "order.h"
#include "status.h"
#include "util.h"

struct fakeparent		 fakeparent;

static struct event_base	*loop;
static struct peer		*to_parent, *to_relay;

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
answer(struct peer *p, enum imsg_type type, uint32_t id, unsigned int error)
{
	struct imsg_result	 m = { error };

	if (error != FAKEPARENT_SILENT)
		peer_send(p, type, id, -1, &m, sizeof(m));
}

static void
parent_dispatch(struct peer *p, struct imsg *imsg)
{
	static const char	 text[] =
	    "gw.conf:3:1: unknown key \"log_levle\"; did you mean \"log_level\""
	    "\ngw.conf:9:8: \"x\" is no number\n";
	uint32_t		 id = imsg->hdr.id;

	if (fakeparent.asked != NULL)
		fakeparent.asked(imsg);
	switch (imsg->hdr.type) {
	case IMSG_ADMIN:
		answer(p, IMSG_ADMIN_RESULT, id, fakeparent.admin_error);
		break;
	case IMSG_RELOAD:
		if (fakeparent.reload_error == EINVAL)
			peer_send(p, IMSG_RELOAD_TEXT, id, -1, text,
			    strlen(text));
		answer(p, IMSG_RELOAD_RESULT, id, fakeparent.reload_error);
		break;
	}
}

void
fakeparent_start(struct event_base *base)
{
	struct peer	*parent;

	loop = base;
	to_relay = fakerelay_start(base);
	to_parent = fakepipe(base, PROC_PARENT, frontend_dispatch,
	    parent_dispatch, &parent);
}

int
fakeparent_command(const char *line)
{
	return (sscanf(line, "admin %u", &fakeparent.admin_error) == 1 ||
	    sscanf(line, "reload %u", &fakeparent.reload_error) == 1 ||
	    fakeports_command(line));
}

void
fakeparent_drop(const char *name)
{
	struct fe_tunnels	 rest;
	struct fe_tunnel	*t, *copy;

	fe_tunnels_init(&rest);
	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry) {
		if (strcmp(t->conf.name, name) == 0)
			continue;
		copy = xmalloc(sizeof(*copy));
		*copy = *t;
		(void)fe_tunnels_add(&rest, copy);
	}
	fe_tunnels_commit(&rest);
	fe_status.conf.loaded_at++;
}
