/*
 * Documents that are larger than a message.  Runs in any process.
 */
#include "peer.h"
#include "wire.h"

void
peer_send_pieces(struct peer *p, enum imsg_type type, uint32_t id,
    const void *data, size_t len)
{
	const char	*s = data;
	size_t		 n;

	for (; len > 0; s += n, len -= n) {
		n = len < WIRE_CHUNK ? len : WIRE_CHUNK;
		peer_send(p, type, id, -1, s, n);
	}
}
