/*
 * icmp6_parse() against any message, and against our own probes with any
 * bits flipped: accepted is what icmp6_build() made, and nothing else.
 *
 * Input: flags (bit 0: a quoted request, bit 1: flip the bits of a probe of
 * ours), address (16 bytes), then the message or the bits to flip.
 */
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>

#include "icmp6.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const struct icmp6_key	 key = { "a secret for tests", 0x1234 };
	struct icmp6_echo		 echo, got;
	struct in6_addr			 addr;
	uint8_t				 msg[256], own[ICMP6_ECHO_LEN];
	uint8_t				 type;
	size_t				 i;

	if (len < 17 || len - 17 > sizeof(msg))
		return (0);
	type = data[0] & 1 ? ICMP6_ECHO_REQUEST : ICMP6_ECHO_REPLY;
	memcpy(&addr, data + 1, sizeof(addr));
	memset(msg, 0, sizeof(msg));
	memcpy(msg, data + 17, len - 17);
	len -= 17;
	if (data[0] & 2) {
		memset(&echo, 0, sizeof(echo));
		echo.target = addr;
		echo.tunnel = 1;
		echo.seq = 70000;
		icmp6_build(&key, &echo, own);
		own[0] = type;
		for (i = 0; i < sizeof(own); i++)
			msg[i] ^= own[i];
		len = sizeof(own);
	}
	if (icmp6_parse(&key, type, msg, len, &addr, &got) != ICMP6_OURS)
		return (0);
	icmp6_build(&key, &got, own);
	own[0] = type;
	/* the checksum is the kernel's business */
	if (len < sizeof(own) || memcmp(own, msg, 2) != 0 ||
	    memcmp(own + 4, msg + 4, sizeof(own) - 4) != 0)
		abort();
	return (0);
}
