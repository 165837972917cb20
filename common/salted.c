/*
 * Salted hashes: see salted.h.  No I/O; any process.
 */
#include <sha2.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "salted.h"

_Static_assert(SALTED_SIZE == SHA256_DIGEST_LENGTH, "SHA-256");

void
salted_hash(const uint8_t salt[SALTED_SIZE], const void *secret, size_t len,
    uint8_t hash[SALTED_SIZE])
{
	SHA2_CTX ctx;

	SHA256Init(&ctx);
	SHA256Update(&ctx, salt, SALTED_SIZE);
	SHA256Update(&ctx, secret, len);
	SHA256Final(hash, &ctx);
	explicit_bzero(&ctx, sizeof(ctx));
}

void
salted_make(struct salted *s, const void *secret, size_t len)
{
	arc4random_buf(s->salt, sizeof(s->salt));
	salted_hash(s->salt, secret, len, s->hash);
}

int
salted_equal(const struct salted *s, const void *secret, size_t len)
{
	uint8_t hash[SALTED_SIZE];
	unsigned int i, differ = 0;

	salted_hash(s->salt, secret, len, hash);
	for (i = 0; i < sizeof(hash); i++)
		differ |= hash[i] ^ s->hash[i];
	return (differ == 0);
}
