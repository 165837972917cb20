/*
 * Connects to a destination: asks for its addresses, and tries them as Happy
 * Eyeballs says.  Runs in the relay (_gwrelay, chroot).
 */
#ifndef GW_DIAL_H
#define GW_DIAL_H

#include "relay_int.h"
#include "socks.h"

#define DIAL_TRIES	4	/* at once */

struct dial;
struct upstream;

/* fd: connected and not blocking, or -1 and the code says why */
typedef void dial_done(void *arg, struct dial *, int fd, enum socks_code);

/*
 * Gives a datagram socket of that family the address that it sends from;
 * source: that of the tunnel, for IPv6.  0, or -1 with errno.
 */
typedef int dial_bind(void *arg, int fd, enum he_family,
    const struct in6_addr *source);

/* what somebody who watches is told while it goes on, with done's arg */
struct dial_trace {
	void	(*answered)(void *arg, enum he_family,
		    const struct lookup_answer *);
	/* by the rules, and why */
	void	(*denied)(void *arg, uint32_t candidate, const char *why);
};

struct dial_try {
	struct dial	*dial;
	struct event	*ev;		/* NULL: free */
	uint32_t	 candidate;
	int		 fd;
};

struct dial {
	struct he		 he;
	struct socks_dest	 dest;		/* as asked for */
	struct way		*way;		/* for IPv6, NULL: none */
	struct upstream		*upstream;	/* dest is that server's;
						 * NULL: no server */
	uint32_t		 lookups[2];	/* under way, by family */
	uint32_t		 denied;	/* candidates, by the rules */
	uint32_t		 winner;	/* candidate; UINT32_MAX none */
	uint8_t			 trial;		/* of IPv6's health */
	uint8_t			 timed_out;
	uint8_t			 aside;		/* may be set: health does not
						 * hear of it */
	const struct dial_trace	*trace;		/* may be set; or NULL */
	struct event		*timer;
	struct dial_try		 tries[DIAL_TRIES];
	dial_bind		*bind;		/* NULL: a connection */
	dial_done		*done;
	void			*arg;
};

/*
 * Begins; done() comes later, never before this returns, and then the dial is
 * still there, to be looked at and freed by dial_free().
 */
struct dial	*dial_new(const struct socks_dest *, enum gw_family,
		    struct way *, dial_done *, void *arg);
/*
 * The same for datagrams: the socket is connected to the first address that
 * the rules let pass and that has a route.  Nothing is known of an answer, so
 * that statistics and health do not hear of it.
 */
struct dial	*dial_datagrams(const struct socks_dest *, enum gw_family,
		    struct way *, dial_bind *, dial_done *, void *arg);
/*
 * The same for upstream.c, which is told by upstream_start() and calls done();
 * u is the dial's from here on.  Rules, tunnels, their health and the
 * statistics of families have nothing to do with it.  server: NULL if there is
 * nothing to connect to.
 */
struct dial	*dial_upstream(struct upstream *u,
		    const struct socks_dest *server, dial_done *, void *arg);
/* BND.ADDR of a reply: where fd, which done() got, begins */
void		 dial_bound(const struct dial *, int fd, struct socks_dest *);
/* gives it up, if it is not done */
void		 dial_free(struct dial *);

#endif
