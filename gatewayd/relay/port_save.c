/*
 * Port mappings that survive a restart: those that were made at run time.
 * Runs in the relay (_gwrelay, chroot).
 *
 * The parent keeps them without a look inside: a head, and then a struct
 * imsg_port for each.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "ports.h"
#include "ports_int.h"
#include "relay_int.h"
#include "util.h"

#define MAGIC		"gwports"
#define VERSION		1
#define SAVE_MS		1000	/* between two */

struct head {
	char		magic[sizeof(MAGIC)];
	uint32_t	version;
	uint32_t	count;
};
_Static_assert(sizeof(struct head) == 16, "head has padding");
_Static_assert(sizeof(struct head) + GW_PORTS_MAX *
    sizeof(struct imsg_port) <= WIRE_PORTS_MAX, "they fit");

static char		*text;		/* on its way in */
static size_t		 text_len;
static struct event	*save_ev;
static uint64_t		 saved;		/* monotonic ms */

static void
save(void)
{
	struct head		 head = { MAGIC, VERSION, 0 };
	const struct port	*p;
	char			*out = NULL;
	size_t			 len = 0;

	saved = monotime_ms();
	xappend(&out, &len, &head, sizeof(head));
	TAILQ_FOREACH(p, &ports, entry) {
		/* one that is not made yet may never be */
		if (p->deleted || p->m.fixed || p->nrequests > 0)
			continue;
		xappend(&out, &len, &p->m, sizeof(p->m));
		head.count++;
	}
	memcpy(out, &head, sizeof(head));
	peer_send_pieces(child_peer(PROC_PARENT), IMSG_PORTS_SAVE, 0, out,
	    len);
	peer_send0(child_peer(PROC_PARENT), IMSG_PORTS_SAVE, 0);
	free(out);
}

static void
save_later(int fd, short what, void *arg)
{
	save();
}

/* the first change at once, as the daemon may be stopped; others wait */
void
port_save(void)
{
	uint64_t	 now = monotime_ms();
	struct timeval	 tv = { SAVE_MS / 1000, 0 };

	if (save_ev == NULL && (save_ev = evtimer_new(relay.base, save_later,
	    NULL)) == NULL)
		fatalx("evtimer_new");
	if (evtimer_pending(save_ev, NULL))
		return;
	if (saved == 0 || now - saved >= SAVE_MS)
		save();
	else if (evtimer_add(save_ev, &tv) == -1)
		fatalx("evtimer_add");
}

void
ports_flush(void)
{
	if (save_ev == NULL || !evtimer_pending(save_ev, NULL))
		return;
	evtimer_del(save_ev);
	save();
}

void
port_load(const void *data, size_t len)
{
	if (len > WIRE_PORTS_MAX - text_len)
		fatalx("PORTS_LOAD: too much");
	if (len > 0)
		xappend(&text, &text_len, data, len);
}

/* the mapping i of what was loaded */
static void
loaded(uint32_t i, struct imsg_port *m)
{
	memcpy(m, text + sizeof(struct head) + i * sizeof(*m), sizeof(*m));
}

/* the number of mappings in what was loaded, -1 if it makes no sense */
static int
loaded_count(void)
{
	struct head		 head;
	struct imsg_port	 m;
	uint32_t		 i;
	int			 error;

	if (text_len < sizeof(head))
		return (-1);
	memcpy(&head, text, sizeof(head));
	if (memcmp(head.magic, MAGIC, sizeof(head.magic)) != 0 ||
	    head.version != VERSION || head.count > GW_PORTS_MAX ||
	    text_len != sizeof(head) + head.count * sizeof(m))
		return (-1);
	for (i = 0; i < head.count; i++) {
		loaded(i, &m);
		error = port_error(&m);
		if (m.fixed || m.port == 0 || error == EINVAL ||
		    error == EACCES)
			return (-1);
	}
	return ((int)head.count);
}

static void
restore(uint32_t i)
{
	struct imsg_port	 m;

	loaded(i, &m);
	if (port_error(&m) == 0 && port_find(m.protocol, m.port) == NULL) {
		port_new(&m);
		return;
	}
	log_warnx("%s port %u is not mapped any more: the configuration has "
	    "another use for it", port_protocol(m.protocol), m.port);
	port_save();
}

void
port_restore(void)
{
	int	 i, n = 0;

	if (text != NULL && (n = loaded_count()) == -1)
		peer_send0(child_peer(PROC_PARENT), IMSG_PORTS_BAD, 0);
	for (i = 0; i < n; i++)
		restore((uint32_t)i);
	free(text);
	text = NULL;
	text_len = 0;
}
