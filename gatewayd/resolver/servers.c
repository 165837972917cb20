/*
 * The name servers: see servers.h.  Runs in the resolver (_gwrelay, Landlock).
 *
 * c-ares 1.18 begins each question with the first server, whatever became of
 * the last one, and takes no other order while questions are under way.  So
 * each server that goes first (turn.h) has a channel of its own.
 */
#include <sys/socket.h>

#include <arpa/nameser.h>
#include <string.h>

#include "aresloop.h"
#include "log.h"
#include "servers.h"
#include "turn.h"
#include "util.h"

#define TRY_MS		1500		/* for one server to answer */
#define TRIES		2

static struct {
	struct turn		 turn;
	struct aresloop		 loops[TURN_SERVERS];	/* by who goes first;
							 * made when needed */
} servers;

void
servers_init(struct event_base *base)
{
	unsigned int	 i;

	for (i = 0; i < TURN_SERVERS; i++)
		aresloop_init(&servers.loops[i], base);
}

/* nonzero if c-ares begins with another server each time (resolv.conf's
 * "rotate"): then nobody is the first one */
static int
rotates(ares_channel channel)
{
	struct ares_options	 o;
	int			 mask = 0;

	if (ares_save_options(channel, &o, &mask) == ARES_SUCCESS)
		ares_destroy_options(&o);
	return ((mask & ARES_OPT_ROTATE) != 0);
}

static unsigned int
count(ares_channel channel)
{
	struct ares_addr_port_node	*list = NULL, *s;
	unsigned int			 n = 0;

	if (ares_get_servers_ports(channel, &list) != ARES_SUCCESS)
		return (1);
	for (s = list; s != NULL; s = s->next)
		n++;
	ares_free_data(list);
	return (n > 0 && !rotates(channel) ? n : 1);
}

int
servers_open(void)
{
	struct aresloop	*l = &servers.loops[0];
	unsigned int	 i;
	int		 r;

	for (i = 0; i < TURN_SERVERS; i++)
		aresloop_close(&servers.loops[i]);
	r = aresloop_open(l, TRY_MS, TRIES);
	turn_init(&servers.turn, r == ARES_SUCCESS ? count(l->channel) : 1);
	return (r);
}

/* puts the first n servers last */
static int
turn_list(ares_channel channel, unsigned int n)
{
	struct ares_addr_port_node	*list, **s, *head;
	int				 r;

	if ((r = ares_get_servers_ports(channel, &list)) != ARES_SUCCESS)
		return (r);
	for (s = &list; n > 0 && *s != NULL; n--)
		s = &(*s)->next;
	if ((head = *s) != NULL) {
		*s = NULL;
		for (s = &head; *s != NULL; s = &(*s)->next)
			;
		*s = list;
		list = head;
	}
	r = ares_set_servers_ports(channel, list);
	ares_free_data(list);
	return (r);
}

/* the channel on which it is that server's turn; if there can be none, the
 * one in resolv.conf's order */
static unsigned int
channel_of(unsigned int first)
{
	struct aresloop	*l = &servers.loops[first];
	int		 r;

	if (first == 0 || l->channel != NULL)
		return (first);
	if ((r = aresloop_open(l, TRY_MS, TRIES)) == ARES_SUCCESS &&
	    (r = turn_list(l->channel, first)) == ARES_SUCCESS)
		return (first);
	log_warnx("name server %u: %s", first + 1, ares_strerror(r));
	aresloop_close(l);
	return (0);
}

static void
probed(void *arg, int status, int timeouts, unsigned char *msg, int len)
{
	int	 in_time = timeouts == 0;

	if (status == ARES_EDESTRUCTION || !turn_probed(&servers.turn, in_time))
		return;
	log_info("the first name server of %s %s", RESOLV_CONF, in_time ?
	    "answers again" : "does not answer: the next one is asked first");
}

/* if need be asks the first server for what each one knows: the root's name
 * servers.  An error is an answer, too: nobody waits for it. */
static void
probe(void)
{
	struct aresloop	*l = &servers.loops[0];

	if (!turn_probe(&servers.turn, monotime_ms()))
		return;
	ares_query(l->channel, ".", ns_c_in, ns_t_ns, probed, NULL);
	aresloop_arm(l);
}

void
servers_ask(const struct cache_key *key, unsigned int *first,
    ares_callback cb, void *arg)
{
	struct aresloop	*l;

	*first = channel_of(servers.turn.first);
	l = &servers.loops[*first];
	if (l->channel == NULL) {
		cb(arg, ARES_ENOTINITIALIZED, 0, NULL, 0);
		return;
	}
	probe();
	ares_search(l->channel, key->name, ns_c_in,
	    key->family == AF_INET ? ns_t_a : ns_t_aaaa, cb, arg);
	aresloop_arm(l);
}

void
servers_answered(unsigned int first, int timeouts)
{
	turn_answered(&servers.turn, first, timeouts);
	probe();
}
