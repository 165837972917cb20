/*
 * gatewayctl's traces on the control socket.  Runs in the frontend (_gatewayd,
 * chroot).
 *
 * Anybody may ask: who could connect to this socket can connect to others as
 * well.  The relay's limits of a user hold for them, and its rules.  A client
 * may have several under way, and is answered in its own order.
 */
#include <stdlib.h>
#include <string.h>

#include "control_int.h"
#include "util.h"

static void
trace_free(struct client *c, struct client_trace *t)
{
	TAILQ_REMOVE(&c->traces, t, entry);
	tracing_cancel(&t->tracing);
	free(t->text);
	free(t);
}

void
client_traces_drop(struct client *c)
{
	struct client_trace	*t;

	while ((t = TAILQ_FIRST(&c->traces)) != NULL)
		trace_free(c, t);
}

/* answers those at the head of the queue that are done */
static void
traces_answer(struct client *c)
{
	struct client_trace	*t;

	while ((t = TAILQ_FIRST(&c->traces)) != NULL && t->tracing.id == 0) {
		if (t->text != NULL)
			client_data(c, t->id, t->text, strlen(t->text));
		client_result(c, t->id, t->code, "%s",
		    t->words != NULL ? t->words : "");
		trace_free(c, t);
	}
}

static void
trace_done(void *arg, char *text, enum trace_result result)
{
	static const enum exit_code	 codes[] = {
		[TRACE_RESULT_CONNECTED] = EXIT_OK,
		[TRACE_RESULT_FAILED] = EXIT_FAILED,
		[TRACE_RESULT_TIMEOUT] = EXIT_TIMEOUT
	};
	struct client_trace		*t = arg;

	t->text = text;
	t->code = codes[result];
	if (text == NULL)
		t->words = "the relay does not answer: see the log";
	traces_answer(t->client);
}

void
client_trace(struct client *c, struct imsg *imsg)
{
	struct imsg_ctl_trace	 req;
	struct client_trace	*t;

	if (imsg_get_data(imsg, &req, sizeof(req)) == -1 ||
	    !wire_string(req.host) || req.families > TRACE_IPV4) {
		client_drop(c);
		return;
	}
	t = xcalloc(1, sizeof(*t));
	t->client = c;
	t->id = imsg->hdr.id;
	t->code = EXIT_FAILED;
	t->tracing.m.uid = c->cred.uid;
	t->tracing.m.port = req.port;
	t->tracing.m.families = req.families;
	strlcpy(t->tracing.m.host, req.host, sizeof(t->tracing.m.host));
	t->tracing.done = trace_done;
	t->tracing.arg = t;
	TAILQ_INSERT_TAIL(&c->traces, t, entry);
	t->words = tracing_error(req.host, req.port);
	if (t->words == NULL && tracing_start(&t->tracing) == -1)
		t->words = "as many traces as there may be are under way: try "
		    "again";
	traces_answer(c);
}
