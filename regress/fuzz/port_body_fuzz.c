/*
 * The body of POST /ports/udp and /ports/tcp.  The first byte's lowest bit says
 * which.  What is taken must be a mapping that may be asked for, and what is
 * refused must be explained.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "port_body.h"
#include "portmap.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

/* the way back is the same remote */
static void
check_remote(const struct imsg_port *p)
{
	char		 text[PORTMAP_REMOTE_SIZE], host[GW_HOST_SIZE];
	uint16_t	 port;

	portmap_remote_text(p->host, p->target_port, text);
	if (portmap_remote(text, host, &port) != NULL ||
	    strcmp(host, p->host) != 0 || port != p->target_port)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imsg_port	 p;
	char			 detail[PORT_BODY_DETAIL] = "";
	char			*body;

	if (size == 0)
		return (0);
	memset(&p, 0xff, sizeof(p));
	p.protocol = *data & 1 ? IPPROTO_TCP : IPPROTO_UDP;
	/* nothing behind it may be read */
	if ((body = malloc(size)) == NULL)
		abort();
	memcpy(body, data + 1, size - 1);
	if (port_body(body, size - 1, &p, detail) == -1) {
		if (detail[0] == '\0')
			abort();
	} else if (portmap_error(&p) != NULL || p.fixed != 0)
		abort();
	else if (p.kind == GW_PORT_FORWARD)
		check_remote(&p);
	free(body);
	return (0);
}
