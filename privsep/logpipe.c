/*
 * Log records between processes: see logpipe.h.  No privilege; any process.
 */
#include <string.h>

#include "logpipe.h"
#include "util.h"

/* what else is to be sent comes first: above this records are dropped */
#define QUEUE_MAX	(64 * 1024)

static uint32_t	 dropped[PROC_COUNT];

void
logpipe_fill(struct imsg_log *m, enum gw_proc proc, enum log_level level,
    const char *tunnel)
{
	memset(m, 0, sizeof(*m));
	m->time = unix_time();
	m->level = level;
	m->proc = proc;
	if (tunnel != NULL)
		strlcpy(m->tunnel, tunnel, sizeof(m->tunnel));
}

void
logpipe_send(struct peer *p, enum imsg_type type, const struct imsg_log *head,
    const char *text, size_t len)
{
	uint8_t		 buf[sizeof(*head) + WIRE_LOG_TEXT];
	struct imsg_log	 m = *head;

	m.dropped += dropped[m.proc];
	if (p->ibuf.queued > QUEUE_MAX) {
		dropped[m.proc] = m.dropped + 1;
		return;
	}
	dropped[m.proc] = 0;
	if (len > WIRE_LOG_TEXT)
		len = WIRE_LOG_TEXT;
	memcpy(buf, &m, sizeof(m));
	memcpy(buf + sizeof(m), text, len);
	peer_send(p, type, 0, -1, buf, sizeof(m) + len);
}

int
logpipe_get(const struct imsg *imsg, struct imsg_log *m, const char **text)
{
	size_t	 len;

	if (imsg->len < sizeof(*m))
		return (-1);
	memcpy(m, imsg->data, sizeof(*m));
	*text = (const char *)imsg->data + sizeof(*m);
	len = imsg->len - sizeof(*m);
	if (m->level > LL_DEBUG || m->proc >= PROC_COUNT ||
	    !wire_string(m->tunnel) || memchr(*text, '\0', len) != NULL)
		return (-1);
	return ((int)len);
}
