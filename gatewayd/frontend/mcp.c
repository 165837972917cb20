/*
 * The MCP server's listener, all its connections, and whose turn it is.  Runs
 * in the frontend (_gatewayd, chroot).
 *
 * Connections with work wait in a queue.  From one round of the event loop to
 * the next some of them are served, for half a millisecond; who has more to
 * do goes to the end of the queue.
 */
#include <sys/socket.h>

#include <malloc.h>
#include <unistd.h>

#include "acceptor.h"
#include "counters.h"
#include "events.h"
#include "log.h"
#include "mcp.h"
#include "mcp_conn.h"
#include "util.h"

#define ROUND_US	500	/* of work in one round of the loop */
#define RESERVED	1	/* of the connections, for root */
#define TRIM_MS		1000	/* after a client has left */
#define SOON_MS		900	/* until figures are told of */

TAILQ_HEAD(mcp_conns, mcp_conn);

struct mcp_limits	 mcp_limits = {
	.connections = 64,
	.line_ms = 30000,
	.write_ms = 30000,
};

static struct {
	struct event_base	*base;
	struct mcp_conns	 conns;
	struct mcp_conns	 turns;		/* those with work */
	unsigned int		 nconns;
	int			 full;		/* and that was logged */
	struct event		*round;
	struct event		*tell;
	struct event		*trim;
	struct event_follower	 follower;
} mcp = {
	.conns = TAILQ_HEAD_INITIALIZER(mcp.conns),
	.turns = TAILQ_HEAD_INITIALIZER(mcp.turns)
};

static void
timer_start(struct event *ev, unsigned int ms)
{
	struct timeval	 tv;

	tv.tv_sec = ms / 1000;
	tv.tv_usec = (suseconds_t)(ms % 1000) * 1000;
	if (evtimer_add(ev, &tv) == -1)
		fatalx("evtimer_add");
}

void
mcp_ready(struct mcp_conn *c)
{
	if (c->waiting)
		return;
	if (TAILQ_EMPTY(&mcp.turns))
		timer_start(mcp.round, 0);
	c->waiting = 1;
	TAILQ_INSERT_TAIL(&mcp.turns, c, turn);
}

static void
conn_drop(struct mcp_conn *c)
{
	TAILQ_REMOVE(&mcp.conns, c, entry);
	mcp.nconns--;
	count_mcp_connection(-1);
	mcp.full = 0;
	mcp_conn_free(c);
	if (!evtimer_pending(mcp.trim, NULL))
		timer_start(mcp.trim, TRIM_MS);
}

/* what clients made us take goes back to the system when they have left */
static void
mcp_trim(int fd, short what, void *arg)
{
	malloc_trim(0);
}

/* serves those in the queue, the first ones first, for a while */
static void
mcp_round(int fd, short what, void *arg)
{
	struct mcp_conn	*c;
	uint64_t	 until = monotime_us() + ROUND_US;
	int		 r;

	while ((c = TAILQ_FIRST(&mcp.turns)) != NULL) {
		TAILQ_REMOVE(&mcp.turns, c, turn);
		c->waiting = 0;
		if ((r = mcp_conn_turn(c, until)) == -1)
			conn_drop(c);
		else if (r == 1) {
			c->waiting = 1;
			TAILQ_INSERT_TAIL(&mcp.turns, c, turn);
		}
		if (monotime_us() >= until)
			break;
	}
	if (!TAILQ_EMPTY(&mcp.turns))
		timer_start(mcp.round, 0);
}

/* everybody who subscribed to something looks at it again */
static void
mcp_tell(int fd, short what, void *arg)
{
	struct mcp_conn	*c;

	TAILQ_FOREACH(c, &mcp.conns, entry)
		if (mcp_subs_changed(&c->session.subs))
			mcp_ready(c);
}

/* something happened: tell at once, together with what it brings about */
static void
mcp_event(void *arg, const struct fe_event *e)
{
	timer_start(mcp.tell, 0);
}

/* only figures: there will be more of them */
static void
mcp_changed(void)
{
	if (mcp.nconns > 0 && !evtimer_pending(mcp.tell, NULL))
		timer_start(mcp.tell, SOON_MS);
}

static void
mcp_accepted(int fd, void *arg)
{
	struct mcp_conn	*c;
	struct ucred	 cred;
	socklen_t	 len = sizeof(cred);
	unsigned int	 max = mcp_limits.connections;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) == -1) {
		log_warn("mcp: SO_PEERCRED");
		close(fd);
		return;
	}
	if (cred.uid != 0)
		max -= RESERVED;
	if (mcp.nconns >= max) {
		if (!mcp.full)
			log_warnx("mcp: %u clients are connected: refusing "
			    "more", mcp.nconns);
		mcp.full = 1;
		close(fd);
		return;
	}
	c = mcp_conn_new(mcp.base, fd, cred.uid);
	TAILQ_INSERT_TAIL(&mcp.conns, c, entry);
	mcp.nconns++;
	count_mcp_connection(1);
}

void
mcp_listen(struct event_base *base, int fd)
{
	mcp.base = base;
	mcp.round = evtimer_new(base, mcp_round, NULL);
	mcp.tell = evtimer_new(base, mcp_tell, NULL);
	mcp.trim = evtimer_new(base, mcp_trim, NULL);
	if (mcp.round == NULL || mcp.tell == NULL || mcp.trim == NULL)
		fatalx("mcp: out of memory");
	mcp.follower.kinds = EVENTS_LASTING;
	mcp.follower.cb = mcp_event;
	events_follow(&mcp.follower);
	fe_watch = mcp_changed;
	acceptor_new(base, fd, "mcp", mcp_accepted, NULL);
}
