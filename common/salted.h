/*
 * Salted hashes of what only its holder may know: tokens and passwords.  Pure
 * computation; made in the parent, compared in processes below it.
 *
 * One round of SHA-256, on purpose: it guards what a process below the parent
 * holds in its memory, not a file; and where a stranger may try passwords a
 * slow hash would be his to burn our time with.  Against guessing there is a
 * limit (guess.h), and secrets that nobody can guess.
 */
#ifndef GW_SALTED_H
#define GW_SALTED_H

#include <stddef.h>
#include <stdint.h>

#define SALTED_SIZE	32	/* SHA-256 */

struct salted {
	uint8_t	 salt[SALTED_SIZE];
	uint8_t	 hash[SALTED_SIZE];	/* SHA-256(salt | secret) */
};

/* with a new salt */
void	 salted_make(struct salted *, const void *secret, size_t len);
void	 salted_hash(const uint8_t salt[SALTED_SIZE], const void *secret,
	    size_t len, uint8_t hash[SALTED_SIZE]);
/* nonzero if it is that secret; takes as long if it is not */
int	 salted_equal(const struct salted *, const void *secret, size_t len);

#endif
