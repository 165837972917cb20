/*
 * How often one may be wrong about a password.  No I/O; the clock is an
 * argument, in milliseconds.  Runs in the relay (_gwrelay, chroot).
 *
 * After five wrong ones in a row the same client is told no without a look at
 * what it says, but for one try every ten seconds.  There is room for so many
 * of them; who has waited longest makes room for another one.
 */
#ifndef GW_GUESS_H
#define GW_GUESS_H

#include <sys/types.h>
#include <stdint.h>

#define GUESS_TRIES	5
#define GUESS_MS	10000
#define GUESS_CLIENTS	1024

struct guess {
	uid_t		 who;
	uint64_t	 until;		/* then all is forgotten */
};

struct guesses {
	uint32_t	 n;
	struct guess	 list[GUESS_CLIENTS];
};

/* nonzero if that client's password is looked at */
int	 guess_allowed(struct guesses *, uid_t who, uint64_t now);
/* it was wrong */
void	 guess_wrong(struct guesses *, uid_t who, uint64_t now);

#endif
