/*
 * The data path of one tunnel: a TUN device at one end, a raw protocol-41
 * socket at the other, and events that move packets between them.
 *
 * Each end may be missing and may be replaced at any time.  Every event
 * handles one batch and returns, so that no tunnel starves another.
 */
#ifndef GW_PATH_H
#define GW_PATH_H

#include <sys/queue.h>
#include <event2/event.h>
#include <stdint.h>

#include "sixin4.h"
#include "wire_driver.h"

struct path_stats {
	uint64_t	 sent;		/* datagrams to the endpoint */
	uint64_t	 received;	/* datagrams from it */
	uint64_t	 icmp_errors;	/* ICMPv4 messages about ours */
	uint64_t	 too_big;	/* ICMPv6 Packet Too Big written */
	uint64_t	 drops[SIXIN4_DROPS];
};

struct path {
	TAILQ_ENTRY(path)	 entry;
	uint32_t		 id;
	struct imsg_encap	 conf;
	struct event_base	*base;

	int			 tun;		/* -1: none */
	uint32_t		 offloads;	/* TUN_F_* */
	struct event		*tun_ev;

	int			 raw;		/* -1: none */
	struct event		*raw_ev;
	struct event		*room_ev;	/* room in the send buffer */
	int			 sndbuf;
	int			 paused;	/* waiting for room */
	uint32_t		 path_mtu;	/* IPv4, of the outer path */
	uint64_t		 mtu_at;	/* it was asked for, ms */
	int			 df;		/* DF is set on what we send */

	uint32_t		 tokens;	/* Packet Too Big we may send */
	uint64_t		 tokens_at;	/* ms */
	uint64_t		 reported_at;	/* last log of drops, ms */
	struct path_stats	 reported;
	struct path_stats	 stats;
};
TAILQ_HEAD(paths, path);

/* a path without ends; fatal if there is no memory */
struct path	*path_new(struct event_base *, uint32_t id,
		    const struct imsg_encap *);
/* logs the totals, closes both ends */
void		 path_free(struct path *);
/* new parameters for the ends that are there */
void		 path_set(struct path *, const struct imsg_encap *);
/* takes over a descriptor as encap.h describes it, in place of the last */
void		 path_tun(struct path *, int fd, uint32_t offloads);
void		 path_raw(struct path *, int fd);

/* for transmit.c and receive.c: what both directions need */

/* the interface is gone: forgets the descriptor and waits for another */
void		 path_lose_tun(struct path *);
/* stops reading from TUN until the raw socket has room */
void		 path_pause(struct path *);
/* reads the error queue; asks for the path MTU if it may have changed */
void		 path_errors(struct path *);
/* the path MTU may be larger again: asks now and then */
void		 path_mtu_recheck(struct path *);
/* answers a packet larger than the path's limit, if it may be answered */
void		 path_too_big(struct path *, const struct iovec *, int iovcnt);
/* logs what was dropped, at most once a minute */
void		 path_report(struct path *);

/* events; arg: the path */
void		 transmit_event(evutil_socket_t, short, void *arg);
void		 receive_event(evutil_socket_t, short, void *arg);

#endif
