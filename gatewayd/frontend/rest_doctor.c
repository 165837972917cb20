/*
 * GET /doctor: the doctor process looks, which takes seconds; the answer is
 * deferred until then.  Runs in the frontend (_gatewayd, chroot).
 *
 * A report serves everybody for a while, so that no number of requests makes
 * the machine, or the network, busy.
 */
#include <sys/queue.h>

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "rest_doctor.h"
#include "util.h"
#include "wire.h"

#define FRESH_MS	10000

struct waiter {
	TAILQ_ENTRY(waiter)	 entry;
	struct rest_later	*later;
};
TAILQ_HEAD(waiters, waiter);

static struct {
	char		*text;		/* the last report, NULL: none yet */
	uint64_t	 until;		/* it is fresh, ms */
	int		 asked;		/* another is on its way */
	char		*next;
	size_t		 next_len;
	struct waiters	 waiters;
} doctor = { .waiters = TAILQ_HEAD_INITIALIZER(doctor.waiters) };

static void
answer(struct rest_answer *a)
{
	rest_answer_text(a, "application/json", xstrdup(doctor.text));
}

static void
waiter_gone(void *arg)
{
	struct waiter	*w = arg;

	TAILQ_REMOVE(&doctor.waiters, w, entry);
	free(w);
}

static void
ask(void)
{
	if (!doctor.asked)
		peer_send0(child_peer(PROC_DOCTOR), IMSG_DOCTOR_RUN, 0);
	doctor.asked = 1;
}

void
get_doctor(const struct rest_query *q, struct rest_answer *a)
{
	struct waiter	*w;

	if (doctor.text != NULL && monotime_ms() < doctor.until) {
		answer(a);
		return;
	}
	ask();
	if (q->later == NULL) {
		rest_fail(q, a, 503, "the machine is being looked at: ask "
		    "again in some seconds");
		return;
	}
	w = xcalloc(1, sizeof(*w));
	w->later = q->later;
	TAILQ_INSERT_TAIL(&doctor.waiters, w, entry);
	rest_defer(q, a, waiter_gone, w);
}

static void
report_complete(void)
{
	struct rest_answer	 a;
	struct waiter		*w;
	json_t			*root;

	root = json_loadb(doctor.next, doctor.next_len, 0, NULL);
	if (!json_is_array(json_object_get(root, "checks")))
		fatalx("DOCTOR_TEXT: no report");
	json_decref(root);
	free(doctor.text);
	doctor.text = doctor.next;
	doctor.next = NULL;
	doctor.next_len = 0;
	doctor.asked = 0;
	doctor.until = monotime_ms() + FRESH_MS;
	while ((w = TAILQ_FIRST(&doctor.waiters)) != NULL) {
		TAILQ_REMOVE(&doctor.waiters, w, entry);
		memset(&a, 0, sizeof(a));
		answer(&a);
		w->later->answer(w->later, &a);
		free(w);
	}
}

void
doctor_text(struct imsg *imsg)
{
	if (!doctor.asked || doctor.next_len + imsg->len > WIRE_DOCTOR_MAX ||
	    memchr(imsg->data, '\0', imsg->len) != NULL ||
	    (imsg->len == 0 && doctor.next == NULL))
		fatalx("DOCTOR_TEXT: malformed");
	if (imsg->len == 0) {
		report_complete();
		return;
	}
	xappend(&doctor.next, &doctor.next_len, imsg->data, imsg->len);
}
