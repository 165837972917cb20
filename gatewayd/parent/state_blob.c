/*
 * What a child wants to find again after a restart.  Runs in the parent, which
 * keeps it in a file and does not look inside.
 *
 * A disk that does not take it is tried again until it does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "parent.h"
#include "state.h"
#include "util.h"
#include "wire.h"
#include "wire_port.h"

#define RETRY_SECONDS	10

struct state_blob {
	struct state_file	 file;
	size_t			 max;
	int			 sent;		/* and may be complained of */
	char			*text;		/* on its way in */
	size_t			 len;
	char			*kept;		/* not written yet */
	size_t			 kept_len;
	struct event		*retry;
};

struct state_blob	 state_engine = {
	.file = { "engine", 0 },
	.max = WIRE_STATE_MAX
};
struct state_blob	 state_ports = {
	.file = { "ports", 0 },
	.max = WIRE_PORTS_MAX
};

void
state_blob_load(struct state_blob *b, struct peer *p, enum imsg_type type)
{
	size_t	 len;
	void	*data;

	if ((data = state_load(&b->file, &len)) == NULL)
		len = 0;
	b->sent = len > 0;
	peer_send_pieces(p, type, 0, data, len);
	peer_send0(p, type, 0);
	free(data);
}

static void
blob_write(struct state_blob *b)
{
	static const struct timeval	 tv = { RETRY_SECONDS, 0 };

	if (state_save(&b->file, b->kept != NULL ? b->kept : "",
	    b->kept_len) == -1) {
		if (evtimer_add(b->retry, &tv) == -1)
			fatalx("evtimer_add");
		return;
	}
	evtimer_del(b->retry);
	free(b->kept);
	b->kept = NULL;
	b->kept_len = 0;
}

static void
blob_retry(int fd, short events, void *arg)
{
	blob_write(arg);
}

void
state_blob_save(struct state_blob *b, const struct peer *p,
    const struct imsg *imsg)
{
	if (imsg->len > b->max - b->len)
		parent_lied(p->proc, "%s: more than %zu bytes",
		    msg_name(imsg->hdr.type), b->max);
	if (imsg->len > 0) {
		xappend(&b->text, &b->len, imsg->data, imsg->len);
		return;
	}
	if (b->retry == NULL && (b->retry = evtimer_new(env.base, blob_retry,
	    b)) == NULL)
		fatalx("evtimer_new");
	free(b->kept);
	b->kept = b->text;
	b->kept_len = b->len;
	b->text = NULL;
	b->len = 0;
	blob_write(b);
}

void
state_blob_bad(struct state_blob *b, const struct peer *p,
    const struct imsg *imsg)
{
	char	 what[64];

	if (!b->sent)
		parent_lied(p->proc, "%s: nothing was sent",
		    msg_name(imsg->hdr.type));
	b->sent = 0;
	snprintf(what, sizeof(what), "makes no sense to the %s",
	    proc_name(p->proc));
	state_set_aside(&b->file, what);
}

void
state_blob_flush(struct state_blob *b)
{
	if (b->retry != NULL && evtimer_pending(b->retry, NULL))
		blob_write(b);
}
