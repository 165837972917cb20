/*
 * Which of the name servers is asked first.  No I/O; the clock is an argument,
 * in milliseconds.  Runs in the resolver (_gwrelay, Landlock).
 *
 * That is the first one of resolv.conf(5), until a question waits for it in
 * vain and another one answers.  Then it is the next one's turn, so that a
 * dead server costs one question its time and not each.  But maybe a datagram
 * was lost or the name's own servers are slow: so the first one is asked for
 * what it knows, at once and, if it does not say, again each TURN_PROBE_MS in
 * which there are questions.  When it answers in time it goes first again.
 */
#ifndef GW_TURN_H
#define GW_TURN_H

#include <stdint.h>

#define TURN_SERVERS	3	/* that take turns: as many as libc asks */
#define TURN_PROBE_MS	10000

struct turn {
	unsigned int	 n;		/* who take turns */
	unsigned int	 first;		/* whose it is: 0 to n - 1 */
	int		 dead;		/* the first one: a probe says so */
	int		 probing;
	uint64_t	 probe_at;
};

/* n: how many there are, at least 1 */
void	 turn_init(struct turn *, unsigned int n);
/* a question that was asked of that one first has an answer, after so many
 * time-outs */
void	 turn_answered(struct turn *, unsigned int first, int timeouts);
/* nonzero if the first server is to be probed now: turn_probed() follows */
int	 turn_probe(struct turn *, uint64_t now);
/* what came of it; nonzero if that is news */
int	 turn_probed(struct turn *, int in_time);

#endif
