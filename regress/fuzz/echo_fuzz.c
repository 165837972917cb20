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

	if (len == 0)
		return (0);
	/* its own size, so that one byte too far is noticed */
	if ((p = malloc(len)) == NULL)
		abort();
	memcpy(p, data, len);
	if (echo_is_answer(&e, p, len) &&
	    memmem(p, len, e.nonce, sizeof(e.nonce)) == NULL)
		abort();
	free(p);
	return (0);
}
