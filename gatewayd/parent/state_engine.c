/*
 * What the engine wants to find again after a restart.  Runs in the parent,
 * which keeps it in a file and does not look inside.
 */
#include <stdlib.h>

#include "parent.h"
#include "state.h"
#include "util.h"

static struct state_file	 file = { "engine", 0 };
static int			 sent;		/* and may be complained of */
static char			*text;		/* on its way in */
static size_t			 text_len;

void
state_engine_load(struct peer *p)
{
	size_t	 len;
	void	*data;

	if ((data = state_load(&file, &len)) == NULL)
		len = 0;
	sent = len > 0;
	peer_send_pieces(p, IMSG_STATE_LOAD, 0, data, len);
	peer_send0(p, IMSG_STATE_LOAD, 0);
	free(data);
}

void
state_engine_save(struct peer *p, const struct imsg *imsg)
{
	if (imsg->len == 0) {
		state_save(&file, text_len > 0 ? text : "", text_len);
		free(text);
		text = NULL;
		text_len = 0;
		return;
	}
	if (imsg->len > WIRE_STATE_MAX - text_len)
		parent_lied(p->proc, "STATE_SAVE: more than %d bytes",
		    WIRE_STATE_MAX);
	xappend(&text, &text_len, imsg->data, imsg->len);
}

void
state_engine_bad(struct peer *p)
{
	if (!sent)
		parent_lied(p->proc, "STATE_BAD: nothing was sent");
	sent = 0;
	state_set_aside(&file, "makes no sense to the engine");
}
