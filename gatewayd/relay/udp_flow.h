/*
 * Flows of datagrams: a front socket, and behind it a connected socket for
 * each key, which is whatever tells its user's peers or destinations apart.
 * Runs in the relay (_gwrelay, chroot).
 *
 * A flow ends when nothing has passed for the time-out.  Where there are as
 * many as may be, the one that has been silent for longest goes, and those
 * that have never had an answer go first: who only fills the table does not
 * end what works.
 */
#ifndef GW_UDP_FLOW_H
#define GW_UDP_FLOW_H

#include <sys/queue.h>
#include <sys/tree.h>
#include <event2/event.h>
#include <event2/event_struct.h>

#include "dial.h"
#include "udp_io.h"

#define UDP_KEY_SIZE	SOCKS_ADDRESS
#define UDP_HEAD_SIZE	SOCKS_REPLY	/* RSV, FRAG and an address */

struct udp_datagram;
struct udp_flows;

/* a port of this machine that all flows from one address have in common */
struct udp_mapping {
	uint32_t	 refs;
	enum he_family	 family;
	struct in6_addr	 source;
	in_port_t	 port;		/* network byte order */
};

struct udp_flow {
	RB_ENTRY(udp_flow)	 entry;
	TAILQ_ENTRY(udp_flow)	 used;
	uint64_t		 used_ms;
	struct udp_flows	*flows;
	struct udp_sock		 sock;		/* fd -1: not open yet */
	struct event		 ev;
	union udp_addr		 remote;	/* connected to */
	union udp_addr		 peer;		/* answers go there, or */
	int			 has_peer;	/* where front is connected */
	int			 answered;
	struct way		*way;		/* NULL: IPv4 */
	enum he_family		 family;
	struct in6_addr		 source;
	struct dial		*dial;		/* NULL: it is open */
	TAILQ_HEAD(, udp_datagram) waiting;	/* until it is */
	int			 named;		/* for a name, and so many */
	uint32_t		 nwaiting;	/* wait for that */
	struct udp_mapping	*mapping;
	size_t			 head_len;
	uint8_t			 head[UDP_HEAD_SIZE];	/* before answers */
	size_t			 key_len;
	uint8_t			 key[UDP_KEY_SIZE];
};
RB_HEAD(udp_tree, udp_flow);
TAILQ_HEAD(udp_lru, udp_flow);

struct udp_flows {
	TAILQ_ENTRY(udp_flows)	 entry;
	struct udp_sock		 front;
	struct event		 front_ev;
	udp_got			*got;
	void			*arg;
	uint32_t		 n;
	uint32_t		 max;
	struct udp_tree		 tree;
	struct udp_flow		*last;		/* found last, or NULL */
	struct udp_lru		 lru[2];	/* by answered, oldest first */
	struct event		 timer;
	size_t			 waiting;	/* bytes, and datagrams, */
	uint32_t		 nwaiting;	/* for names */
	uint64_t		 up_bytes;	/* from the front */
	uint64_t		 down_bytes;	/* to it */
	uint64_t		 refused;	/* datagrams */
	uint64_t		 total;		/* flows so far */
	/* what its user may set after udp_flows_init() */
	struct limit_user	*user;		/* whose bandwidth it is */
	int			 socks;		/* answers have a head */
	int			 inward;	/* the front is the tunnel's */
	int			 shared;	/* one port for all flows */
	struct udp_mapping	*mappings[2];	/* by family, or NULL */
	void			(*drained)(void *);	/* NULL: it takes more */
};

/*
 * Begins; front is a UDP socket that does not block, and is taken over.  got()
 * is called with what comes from it, between two calls of the loop.
 */
void	 udp_flows_init(struct udp_flows *, int front, uint32_t max,
	    udp_got *, void *arg);
void	 udp_flows_free(struct udp_flows *);
/* no new flows; drained(arg) when the last one ends.  Nonzero: there is none */
int	 udp_flows_drain(struct udp_flows *, void (*drained)(void *));
/*
 * Ends those of all fronts that go by that tunnel, or have come by it: the next
 * datagram of each begins another one.
 */
void	 udp_flows_reset(const struct way *);

/* NULL: there is none yet, or its tunnel has gone and a new one is needed */
struct udp_flow	*udp_flow_find(struct udp_flows *, const void *key,
		    size_t key_len);
/* a new one, NULL while it drains; udp_flow_dial() or udp_flow_open() next */
struct udp_flow	*udp_flow_new(struct udp_flows *, const void *key,
		    size_t key_len);
/* looks for the destination and connects to it, if the rules let it */
void	 udp_flow_dial(struct udp_flow *, const struct socks_dest *,
	    enum gw_family, struct way *);
/*
 * SOCKS answers begin with that address.  Without this it is the remote's as
 * soon as that is known.
 */
void	 udp_flow_head(struct udp_flow *, const struct socks_dest *);
/* fd is connected to the remote and taken over */
void	 udp_flow_open(struct udp_flow *, int fd);
void	 udp_flow_free(struct udp_flow *);
/*
 * Sends from the front to the remote, or when the flow is open; if it is
 * already then with head before it, which is not copied, nor is data:
 * udp_flush().
 */
void	 udp_flow_send(struct udp_flow *, const void *head, size_t head_len,
	    const void *data, size_t len);
/* a datagram is not sent */
void	 udp_flows_refuse(struct udp_flows *, enum refusal);

/* 120 s, if it is not called */
void	 udp_flow_timeout(uint32_t ms);

#endif
