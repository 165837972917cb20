/*
 * The relay's SOCKS5 messages: a client's, an upstream's, a datagram's header.
 * The first byte says which, and how many bytes come at a time.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "socks.h"

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static void
check_dest(const struct socks_dest *d)
{
	uint8_t			 out[SOCKS_ADDRESS];
	struct socks_dest	 again;
	enum socks_code		 code;
	const char		*error;
	size_t			 n, used;

	n = socks_address_put(d, out);
	if (n > sizeof(out) || socks_address(out, n, &again, &used, &code,
	    &error) != 1 || used != n || again.port != d->port ||
	    again.family != d->family)
		abort();
}

static void
stream(struct socks *s, const uint8_t *data, size_t len, size_t step, int want)
{
	enum socks_event	 event;
	uint8_t			 out[2];
	size_t			 n, used;

	while (len > 0) {
		n = step < len ? step : len;
		event = socks_read(s, data, n, &used);
		if (used > n || (event != SOCKS_BAD && used == 0))
			abort();
		data += used;
		len -= used;
		switch (event) {
		case SOCKS_MORE:
			if (used != n)
				abort();
			break;
		case SOCKS_METHODS:
			if (socks_choose(s, (enum socks_method)want, out) ==
			    -1)
				return;
			break;
		case SOCKS_LOGIN:
			if (strlen(s->user) == 0 || strlen(s->user) > 255)
				abort();
			socks_login(s, 1, out);
			break;
		case SOCKS_REQUEST:
		case SOCKS_REPLIED:
			check_dest(&s->dest);
			return;
		case SOCKS_BAD:
			if (s->error == NULL)
				abort();
			return;
		default:
			break;
		}
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct socks_dest	 d;
	struct socks		 s;
	const char		*error;
	int			 n;

	if (len < 1)
		return (0);
	switch (data[0] % 4) {
	case 0:
	case 1:
		socks_client(&s);
		stream(&s, data + 1, len - 1, data[0] / 4 + 1U, data[0] % 4 ?
		    SOCKS_PASSWORD : SOCKS_NO_AUTH);
		break;
	case 2:
		socks_upstream(&s);
		stream(&s, data + 1, len - 1, data[0] / 4 + 1U, 0);
		break;
	default:
		n = socks_udp(data + 1, len - 1, &d, &error);
		if (n > (int)(len - 1))
			abort();
		if (n != -1)
			check_dest(&d);
	}
	return (0);
}
