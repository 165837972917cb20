/*
 * Records and descriptors of every kind into imsg_get(), and what comes out
 * of it into the table of messages.
 *
 * Input: records of { flags, length (2 bytes, big endian), that many bytes }.
 * flags: the low two bits are the number of descriptors, bit 2 lets the
 * receiver take them.
 */
#include <sys/socket.h>

#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "peer.h"
#include "unit.h"

#define RECORDS		32	/* of one input: all fit into the socket */
#define ALLOW		0x04

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	 spare[3];

static void
judge(struct imsg *imsg)
{
	static uint8_t	 copy[IMSG_SIZE_MAX];
	int		 from, to, fd = imsg->fd;

	if (imsg->len > IMSG_SIZE_MAX - sizeof(struct imsg_hdr))
		abort();
	if (imsg_get_data(imsg, copy, imsg->len) == -1 ||
	    imsg_get_data(imsg, copy, imsg->len + 1) == 0)
		abort();
	for (from = 0; from <= PROC_CTL; from++)
		for (to = 0; to <= PROC_CTL; to++)
			(void)msg_error(imsg, (enum gw_proc)from,
			    (enum gw_proc)to);
	(void)msg_name(imsg->hdr.type);
	if (imsg_get_fd(imsg) != fd || imsg_get_fd(imsg) != -1)
		abort();
	if (fd != -1)
		close(fd);
}

/* a descriptor that stayed would make the next one higher */
static int
lowest_fd(void)
{
	int	 fd;

	if ((fd = open("/dev/null", O_RDONLY | O_CLOEXEC)) == -1)
		err(1, "/dev/null");
	close(fd);
	return (fd);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct imsgbuf	 rx;
	struct imsg	 imsg;
	size_t		 len;
	int		 sv[2], before, i;

	for (i = 0; i < 3; i++)
		if (spare[i] == 0 && (spare[i] = dup(0)) == -1)
			err(1, "dup");
	before = lowest_fd();
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv) == -1)
		err(1, "socketpair");
	imsgbuf_init(&rx, sv[1]);
	for (i = 0; i < RECORDS && size >= 3; i++) {
		len = (size_t)data[1] << 8 | data[2];
		if (len > size - 3)
			len = size - 3;
		rx.allow_fd = (data[0] & ALLOW) != 0;
		/* a full socket is no news */
		(void)send_raw(sv[0], data + 3, len, spare, data[0] & 3);
		data += 3 + len;
		size -= 3 + len;
		if (imsg_get(&rx, &imsg) == 1)
			judge(&imsg);
	}
	close(sv[0]);
	imsgbuf_clear(&rx);
	if (lowest_fd() != before)
		abort();
	return (0);
}
