/*
 * The control server against any sequence of records from two clients, with
 * events in between for those that monitor.
 *
 * Input: records of { client (1 byte, low bit), kind (1 byte), length (2
 * bytes, big endian), that many bytes }.  kind: 0 to 7 is what a client may
 * send, then the bytes are the payload; otherwise they are the record.  The
 * parent behind the server answers every request it gets, the relay those
 * about ports and every other trace, the doctor none; what they get must keep
 * to messages.def, or peer.c ends the program.
 */
#include <sys/socket.h>
#include <sys/un.h>

#include <err.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "control.h"
#include "fakepipe.h"
#include "fakeports.h"
#include "log.h"
#include "order.h"
#include "peer.h"
#include "status.h"
#include "tracing.h"
#include "util.h"
#include "wire.h"
#include "wire_status.h"
#include "wire_trace.h"

#define CLIENTS		2
#define RECORDS		64	/* of one input */
#define TURNS		8	/* of the event loop for each */

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static const enum imsg_type	 kinds[] = {
	IMSG_CTL_SHOW, IMSG_CTL_TUNNEL, IMSG_CTL_RELOAD, IMSG_CTL_LOG,
	IMSG_CTL_MONITOR, IMSG_CTL_TRACE, IMSG_CTL_PORT_ADD,
	IMSG_CTL_PORT_DEL
};
#define NKINDS	(sizeof(kinds) / sizeof(kinds[0]))

static struct event_base	*base;
static struct peer		*to_parent;
static struct peer		*to_doctor;
static struct peer		*to_relay;
static struct sockaddr_un	 server;
static socklen_t		 server_len = sizeof(server);

struct event_base *
child_base(void)
{
	return (base);
}

struct peer *
child_peer(enum gw_proc proc)
{
	switch (proc) {
	case PROC_DOCTOR:
		return (to_doctor);
	case PROC_RELAY:
		return (to_relay);
	default:
		return (to_parent);
	}
}

static void
frontend_dispatch(struct peer *p, struct imsg *imsg)
{
	if (p->proc != PROC_RELAY)
		order_answer(imsg);
	else if (!fakeports_message(imsg))
		tracing_message(imsg);
}

static void
parent_dispatch(struct peer *p, struct imsg *imsg)
{
	struct imsg_result	 m = { imsg->hdr.id % 8 };

	switch (imsg->hdr.type) {
	case IMSG_ADMIN:
		peer_send(p, IMSG_ADMIN_RESULT, imsg->hdr.id, -1, &m,
		    sizeof(m));
		break;
	case IMSG_RELOAD:
		peer_send(p, IMSG_RELOAD_TEXT, imsg->hdr.id, -1, "x\n", 2);
		peer_send(p, IMSG_RELOAD_RESULT, imsg->hdr.id, -1, &m,
		    sizeof(m));
		break;
	}
}

/* it takes its time */
static void
doctor_dispatch(struct peer *p, struct imsg *imsg)
{
}

static void
relay_dispatch(struct peer *p, struct imsg *imsg)
{
	struct imsg_trace_end	 m;

	memset(&m, 0, sizeof(m));
	m.result = imsg->hdr.id % 3;
	m.first = 6;
	if (imsg->hdr.type != IMSG_TRACE)
		fakeports_request(imsg);
	else if (imsg->hdr.id % 2 == 0)
		peer_send(p, IMSG_TRACE_END, imsg->hdr.id, -1, &m, sizeof(m));
}

static void
setup(void)
{
	static struct fe_tunnel	 tunnel;
	struct peer		*other;
	int			 fd;

	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "fuzz");
	base = event_base_new();
	fe_status.conf.control_gid = UINT32_MAX;
	strlcpy(tunnel.conf.name, "he", sizeof(tunnel.conf.name));
	strlcpy(tunnel.conf.iface, "he0", sizeof(tunnel.conf.iface));
	(void)fe_tunnels_add(&fe_status.tunnels, &tunnel);
	to_parent = fakepipe(base, PROC_PARENT, frontend_dispatch,
	    parent_dispatch, &other);
	to_doctor = fakepipe(base, PROC_DOCTOR, frontend_dispatch,
	    doctor_dispatch, &other);
	to_relay = fakepipe(base, PROC_RELAY, frontend_dispatch,
	    relay_dispatch, &other);
	fakeports_start(other);
	/* no name: the kernel gives an abstract one */
	server.sun_family = AF_UNIX;
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	if (fd == -1 || bind(fd, (struct sockaddr *)&server,
	    sizeof(sa_family_t)) == -1 || listen(fd, CLIENTS) == -1 ||
	    getsockname(fd, (struct sockaddr *)&server, &server_len) == -1)
		err(1, "listen");
	control_listen(base, fd);
}

static void
turn(void)
{
	int	 i;

	for (i = 0; i < TURNS; i++)
		event_base_loop(base, EVLOOP_NONBLOCK);
}

static int
client(void)
{
	int	 fd;

	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0);
	if (fd == -1 ||
	    connect(fd, (struct sockaddr *)&server, server_len) == -1)
		err(1, "connect");
	return (fd);
}

/* what comes back must be what a client may get */
static void
read_answers(int fd)
{
	struct imsgbuf	 ibuf;
	struct imsg	 imsg;

	imsgbuf_init(&ibuf, fd);
	while (imsg_get(&ibuf, &imsg) == 1)
		if (msg_error(&imsg, PROC_FRONTEND, PROC_CTL) != NULL)
			abort();
}

static void
send_record(int fd, uint8_t kind, const uint8_t *data, size_t len)
{
	uint8_t		 record[IMSG_SIZE_MAX + 1];
	struct imsg_hdr	 hdr = { 0, 7 };
	size_t		 off = 0;

	if (kind < NKINDS) {
		hdr.type = kinds[kind];
		memcpy(record, &hdr, sizeof(hdr));
		off = sizeof(hdr);
	}
	if (len > sizeof(record) - off)
		len = sizeof(record) - off;
	memcpy(record + off, data, len);
	(void)send(fd, record, off + len, MSG_NOSIGNAL);
}

/* something for those that monitor */
static void
event(void)
{
	struct fe_tunnel	*t = fe_tunnel_name("he");
	struct imsg_status	 m = t->st;

	m.state = m.state == TS_UP ? TS_DOWN : TS_UP;
	fe_tunnel_update(t, &m);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t	 kind;
	int	 fds[CLIENTS], i, who;
	size_t	 len;

	if (base == NULL)
		setup();
	for (i = 0; i < CLIENTS; i++)
		fds[i] = client();
	turn();
	for (i = 0; i < RECORDS && size >= 4; i++) {
		who = data[0] % CLIENTS;
		kind = data[1];
		len = (size_t)data[2] << 8 | data[3];
		data += 4;
		size -= 4;
		if (len > size)
			len = size;
		send_record(fds[who], kind, data, len);
		data += len;
		size -= len;
		turn();
		event();
		read_answers(fds[who]);
	}
	for (i = 0; i < CLIENTS; i++)
		close(fds[i]);
	turn();
	return (0);
}
