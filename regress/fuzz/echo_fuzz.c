/*
 * What a socket for ICMP or ICMPv6 receives: is it the doctor's answer?
 *
 * Input: the message, with an IPv4 header or without.
 */
#include <stdlib.h>
#include <string.h>

#include "echo.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct echo	 e = { .nonce = "a random number" };
	uint8_t		*p;

	/* its own size, so that one byte too far is noticed */
	p = malloc(len);
	if (p == NULL && len > 0)
		abort();
	if (len > 0)
		memcpy(p, data, len);
	if (echo_is_answer(&e, p, len) &&
	    memmem(p, len, e.nonce, sizeof(e.nonce)) == NULL)
		abort();
	free(p);
	return (0);
}
