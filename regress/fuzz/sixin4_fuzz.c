/*
 * A datagram from the tunnel's endpoint: decapsulation; what passes must keep
 * the rules.  And the same bytes as a packet of our own, with the Packet Too
 * Big about it.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "sixin4.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
fuzz_decap(const struct imsg_encap *conf, uint8_t *buf, size_t size)
{
	struct in6_addr	 addr;
	uint8_t		*pkt = buf;
	size_t		 len = size;

	if (sixin4_decap(conf, &pkt, &len) != SIXIN4_PASS)
		return;
	if (pkt < buf + 20 || len < 40 || pkt + len > buf + size ||
	    pkt[0] >> 4 != 6)
		abort();
	memcpy(&addr, pkt + 8, sizeof(addr));
	if (IN6_IS_ADDR_MULTICAST(&addr) || IN6_IS_ADDR_V4MAPPED(&addr) ||
	    memcmp(&addr, &conf->address, sizeof(addr)) == 0)
		abort();
	memcpy(&addr, pkt + 24, sizeof(addr));
	if (!prefix_match(&addr, &conf->prefixes[0], 64) &&
	    !prefix_match(&addr, &conf->prefixes[1], 48))
		abort();
}

static void
fuzz_out(const struct imsg_encap *conf, uint8_t *pkt, size_t len)
{
	uint8_t		 buf[SIXIN4_MTU_MIN];
	struct iovec	 iov = { pkt, len };

	if (sixin4_check(conf, pkt, len) == SIXIN4_PASS &&
	    sixin4_toobig(conf, buf, 1400, &iov, 1) > sizeof(buf))
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imsg_encap	 conf;
	uint8_t			*buf;

	memset(&conf, 0, sizeof(conf));
	conf.local.s_addr = inet_addr("192.0.2.2");
	conf.remote.s_addr = inet_addr("198.51.100.1");
	inet_pton(AF_INET6, "2001:db8:1::2", &conf.address);
	inet_pton(AF_INET6, "2001:db8:1::", &conf.prefixes[0]);
	inet_pton(AF_INET6, "2001:db8:2::", &conf.prefixes[1]);
	conf.lens[0] = 64;
	conf.lens[1] = 48;
	conf.nprefixes = 2;
	/* of exactly this size, for the address sanitizer */
	if ((buf = malloc(size + 1)) == NULL)
		return (0);
	memcpy(buf + 1, data, size);
	fuzz_out(&conf, buf + 1, size);
	fuzz_decap(&conf, buf + 1, size);
	free(buf);
	return (0);
}
