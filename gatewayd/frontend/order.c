/*
 * Orders: see order.h.  Runs in the frontend (_gatewayd, chroot).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "child.h"
#include "log.h"
#include "order.h"

static TAILQ_HEAD(, order)	 orders = TAILQ_HEAD_INITIALIZER(orders);

/* enum admin_verb in words; already: it was so */
static const struct verb {
	const char	*name;
	const char	*done;
	const char	*already;
} verbs[] = {
	[ADMIN_UP] = { "up", "coming up", "already up" },
	[ADMIN_DOWN] = { "down", "taken down", "already down" },
	[ADMIN_RESTART] = { "restart", "restarting", "already restarting" },
	[ADMIN_PREFER] = { "prefer", "preferred from now on",
	    "already preferred" },
	[ADMIN_UNPREFER] = { "unprefer", "no longer preferred",
	    "not preferred anyway" },
};
#define NVERBS	(sizeof(verbs) / sizeof(verbs[0]))

const char *
order_verb(uint32_t verb)
{
	return (verb < NVERBS ? verbs[verb].name : NULL);
}

static void
order_ask(struct order *o, enum imsg_type type, const void *data, size_t len)
{
	static uint32_t	 last;

	if (++last == 0)
		last = 1;
	o->id = last;
	TAILQ_INSERT_TAIL(&orders, o, entry);
	peer_send(child_peer(PROC_PARENT), type, o->id, -1, data, len);
}

void
order_tunnel(struct order *o, const struct fe_tunnel *t, enum admin_verb verb,
    const char *who)
{
	struct imsg_admin	 admin;

	log_info("control: %s asks: tunnel %s %s", who, t->conf.name,
	    verbs[verb].name);
	memset(&admin, 0, sizeof(admin));
	admin.tunnel = t->conf.id;
	admin.verb = verb;
	o->is_reload = 0;
	o->verb = verb;
	strlcpy(o->name, t->conf.name, sizeof(o->name));
	order_ask(o, IMSG_ADMIN, &admin, sizeof(admin));
}

void
order_reload(struct order *o, const char *who)
{
	log_info("control: %s asks: reload", who);
	o->is_reload = 1;
	order_ask(o, IMSG_RELOAD, NULL, 0);
}

void
order_cancel(struct order *o)
{
	if (o->id == 0)
		return;
	o->id = 0;
	TAILQ_REMOVE(&orders, o, entry);
}

void
order_answer(struct imsg *imsg)
{
	struct imsg_result	 result;
	struct order		*o;

	TAILQ_FOREACH(o, &orders, entry)
		if (o->id == imsg->hdr.id)
			break;
	if (imsg->hdr.type == IMSG_RELOAD_TEXT) {
		if (o != NULL)
			o->text(o->arg, (const char *)imsg->data, imsg->len);
		return;
	}
	if (imsg_get_data(imsg, &result, sizeof(result)) == -1)
		fatalx("%s: bad length", msg_name(imsg->hdr.type));
	if (o == NULL)
		return;
	order_cancel(o);
	o->done(o->arg, result.error);
}

static void
words_tunnel(const struct order *o, uint32_t error, char *buf, size_t size)
{
	const struct verb	*v = &verbs[o->verb];
	char			 other[64];
	const char		*what;

	switch (error) {
	case 0:
		snprintf(buf, size, "tunnel %s: %s", o->name, v->done);
		return;
	case EALREADY:
		snprintf(buf, size, "tunnel %s: %s", o->name, v->already);
		return;
	case ENOENT:
		what = "it is no longer in the configuration";
		break;
	case EPERM:
		what = "not permitted";
		break;
	case EBUSY:
		what = "a reload or stop is under way: try again";
		break;
	case EINVAL:
		what = "it has enabled = false: change that and reload";
		break;
	default:
		strlcpy(other, strerror((int)error), sizeof(other));
		what = other;
	}
	snprintf(buf, size, "tunnel %s %s: %s", o->name, v->name, what);
}

static void
words_reload(uint32_t error, char *buf, size_t size)
{
	if (error == 0)
		strlcpy(buf, "configuration reloaded", size);
	else if (error == EBUSY)
		strlcpy(buf, "another reload is under way: try again", size);
	else if (error == EINVAL)
		strlcpy(buf, "the file has errors: the configuration stays as "
		    "it was", size);
	else
		snprintf(buf, size, "reload failed, the configuration stays "
		    "as it was: %s", strerror((int)error));
}

void
order_words(const struct order *o, uint32_t error, char *buf, size_t size)
{
	if (o->is_reload)
		words_reload(error, buf, size);
	else
		words_tunnel(o, error, buf, size);
}
