/*
 * imsg over SEQPACKET records: descriptors stay with their record and never
 * leak, queues keep the order, and nothing but a whole record is a message.
 */
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "imsg.h"
#include "unit.h"

static struct imsgbuf	 tx, rx;

static void
pair(int fdpass)
{
	int	 sv[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0, sv) == -1)
		err(1, "socketpair");
	imsgbuf_init(&tx, sv[0]);
	imsgbuf_init(&rx, sv[1]);
	if (fdpass)
		imsgbuf_allow_fdpass(&rx);
}

static void
unpair(void)
{
	imsgbuf_clear(&tx);
	imsgbuf_clear(&rx);
	CHECK(TAILQ_EMPTY(&tx.queue) && tx.queued == 0 && tx.fd == -1);
}

/* a descriptor that can be told from others */
static int
marked_fd(int n)
{
	int	 fd;

	if ((fd = memfd_create("imsg", MFD_CLOEXEC)) == -1 ||
	    ftruncate(fd, n) == -1)
		err(1, "memfd");
	return (fd);
}

static int
fd_mark(int fd)
{
	struct stat	 st;

	if (fstat(fd, &st) == -1)
		err(1, "fstat");
	return ((int)st.st_size);
}

/* a record as a peer without imsg.c would send it */
static void
expect_error(int error)
{
	struct imsg	 imsg;

	errno = 0;
	CHECK(imsg_get(&rx, &imsg) == -1);
	if (errno != error)
		errx(1, "%s instead of %s", strerror(errno), strerror(error));
}

static void
test_plain(void)
{
	struct imsg	 imsg;
	char		 buf[6];

	pair(0);
	CHECK(imsg_get(&rx, &imsg) == 0);
	CHECK(imsg_compose(&tx, 7, 9, -1, "hello", 6) == 0);
	CHECK(imsg_compose(&tx, 8, 0, -1, NULL, 0) == 0);
	CHECK(imsg_get(&rx, &imsg) == 1);
	CHECK(imsg.hdr.type == 7 && imsg.hdr.id == 9 && imsg.len == 6);
	CHECK(imsg.fd == -1 && imsg_get_fd(&imsg) == -1);
	CHECK(imsg_get_data(&imsg, buf, 5) == -1 && errno == EBADMSG);
	CHECK(imsg_get_data(&imsg, buf, 7) == -1 && errno == EBADMSG);
	CHECK(imsg_get_data(&imsg, buf, 6) == 0 && strcmp(buf, "hello") == 0);
	imsg_free(&imsg);
	CHECK(imsg_get(&rx, &imsg) == 1 && imsg.hdr.type == 8);
	CHECK(imsg.len == 0);
	CHECK(imsg_get(&rx, &imsg) == 0);
	unpair();
}

/* on a stream a descriptor could arrive with a neighbour's bytes */
static void
test_fd_stays(void)
{
	struct imsg	 imsg;
	int		 before = open_fds(), fd, i;

	pair(1);
	for (i = 0; i < 60; i++)
		CHECK(imsg_compose(&tx, (uint32_t)i, 0,
		    i % 3 == 0 ? marked_fd(i) : -1, "x", 1) == 0);
	for (i = 0; i < 60; i++) {
		CHECK(imsg_get(&rx, &imsg) == 1);
		CHECK(imsg.hdr.type == (uint32_t)i);
		CHECK((imsg.fd != -1) == (i % 3 == 0));
		if (i % 2 == 0 && (fd = imsg_get_fd(&imsg)) != -1) {
			CHECK(fd_mark(fd) == i);
			CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
			close(fd);
		}
		imsg_free(&imsg);
	}
	unpair();
	CHECK(open_fds() == before);
}

/* what the queue holds leaves in order, descriptors with it */
static void
test_queue(void)
{
	struct imsg	 imsg;
	uint32_t	 data[256], i, sent = 0, got = 0;
	int		 before = open_fds();

	pair(1);
	memset(data, 0, sizeof(data));
	while (sent < 600) {
		data[255] = sent;
		CHECK(imsg_compose(&tx, sent, 1, sent % 50 == 7 ?
		    marked_fd((int)sent) : -1, data, sizeof(data)) == 0);
		sent++;
	}
	CHECK(!TAILQ_EMPTY(&tx.queue) && tx.queued > 0);
	for (i = 0; i < 10000 && got < sent; i++) {
		while (imsg_get(&rx, &imsg) == 1) {
			CHECK(imsg.hdr.type == got);
			CHECK(imsg_get_data(&imsg, data, sizeof(data)) == 0);
			CHECK(data[255] == got);
			CHECK((imsg.fd != -1) == (got % 50 == 7));
			if (imsg.fd != -1)
				CHECK(fd_mark(imsg.fd) == (int)got);
			imsg_free(&imsg);
			got++;
		}
		CHECK(imsgbuf_write(&tx) == 0);
	}
	CHECK(got == sent && TAILQ_EMPTY(&tx.queue) && tx.queued == 0);
	unpair();
	CHECK(open_fds() == before);
}

/* a peer that does not read costs a bounded amount of memory */
static void
test_queue_full(void)
{
	static uint8_t	 data[8192];
	int		 before = open_fds(), fd, i, r = 0;

	pair(1);
	for (i = 0; i < 2000 && r == 0; i++)
		r = imsg_compose(&tx, 1, 0, -1, data, sizeof(data));
	CHECK(r == -1 && errno == ENOBUFS);
	CHECK(tx.queued <= IMSG_QUEUE_MAX);
	CHECK(tx.queued > IMSG_QUEUE_MAX - 2 * sizeof(data));
	/* refused: the descriptor is still ours */
	fd = marked_fd(3);
	CHECK(imsg_compose(&tx, 1, 0, fd, data, sizeof(data)) == -1);
	CHECK(errno == ENOBUFS && fd_mark(fd) == 3);
	close(fd);
	unpair();
	CHECK(open_fds() == before);
}

static void
test_oversize(void)
{
	static uint8_t	 data[IMSG_SIZE_MAX + 1];
	const size_t	 most = IMSG_SIZE_MAX - sizeof(struct imsg_hdr);
	struct imsg	 imsg;
	int		 fd = marked_fd(1);

	pair(1);
	CHECK(imsg_compose(&tx, 1, 0, fd, data, most + 1) == -1);
	CHECK(errno == EMSGSIZE && fd_mark(fd) == 1);
	close(fd);
	CHECK(imsg_compose(&tx, 1, 0, -1, data, most) == 0);
	CHECK(imsg_get(&rx, &imsg) == 1 && imsg.len == most);
	/* longer than any message: cut by the kernel, and told so */
	CHECK(send_raw(tx.fd, data, IMSG_SIZE_MAX + 1, NULL, 0) == 0);
	expect_error(EBADMSG);
	unpair();
}

static void
test_short(void)
{
	uint8_t	 hdr[sizeof(struct imsg_hdr)];
	size_t	 len;

	memset(hdr, 0, sizeof(hdr));
	pair(0);
	for (len = 1; len < sizeof(hdr); len++) {
		CHECK(send_raw(tx.fd, hdr, len, NULL, 0) == 0);
		expect_error(EBADMSG);
	}
	unpair();
}

/* an empty record looks like the end, so it is the end; its fd is closed */
static void
test_end(void)
{
	struct imsg	 imsg;
	int		 before = open_fds(), fd;

	pair(1);
	fd = marked_fd(1);
	CHECK(send_raw(tx.fd, "", 0, NULL, 0) == 0);
	expect_error(EPIPE);
	CHECK(send_raw(tx.fd, "", 0, &fd, 1) == 0);
	expect_error(EPIPE);
	close(fd);
	unpair();
	CHECK(open_fds() == before);

	/* what was sent before the end still arrives */
	pair(0);
	CHECK(imsg_compose(&tx, 5, 0, -1, NULL, 0) == 0);
	imsgbuf_clear(&tx);
	CHECK(imsg_get(&rx, &imsg) == 1 && imsg.hdr.type == 5);
	expect_error(EPIPE);
	unpair();
}

static void
test_peer_closed(void)
{
	int	 before = open_fds(), fd = marked_fd(2);

	pair(0);
	imsgbuf_clear(&rx);
	CHECK(imsg_compose(&tx, 1, 0, fd, NULL, 0) == -1);
	CHECK(errno == EPIPE && fd_mark(fd) == 2);
	close(fd);
	unpair();

	/* the same with something in the queue */
	pair(0);
	while (TAILQ_EMPTY(&tx.queue))
		CHECK(imsg_compose(&tx, 1, 0, -1, "", 1) == 0);
	imsgbuf_clear(&rx);
	CHECK(imsgbuf_write(&tx) == -1);
	unpair();
	CHECK(open_fds() == before);
}

/* the queue's own descriptors are closed with it */
static void
test_queued_fd_closed(void)
{
	int	 before = open_fds();

	pair(1);
	while (TAILQ_EMPTY(&tx.queue))
		CHECK(imsg_compose(&tx, 1, 0, -1, "", 1) == 0);
	CHECK(imsg_compose(&tx, 1, 0, marked_fd(1), NULL, 0) == 0);
	unpair();
	CHECK(open_fds() == before);
}

static void
test_fd_refused(void)
{
	struct imsg_hdr	 hdr = { 1, 1 };
	struct imsg	 imsg;
	int		 before = open_fds(), fds[5], n, i;

	for (i = 0; i < 5; i++)
		fds[i] = marked_fd(i + 1);
	/* one, where none is allowed */
	pair(0);
	CHECK(send_raw(tx.fd, &hdr, sizeof(hdr), fds, 1) == 0);
	expect_error(EBADMSG);
	unpair();
	/* two fit into the space of one on 64-bit machines; three never do */
	for (n = 2; n <= 5; n++) {
		pair(1);
		CHECK(send_raw(tx.fd, &hdr, sizeof(hdr), fds, (size_t)n) == 0);
		CHECK(imsg_get(&rx, &imsg) == -1);
		CHECK(errno == EBADMSG || errno == EMFILE);
		/* and the pipe is in step */
		CHECK(imsg_compose(&tx, 4, 4, -1, NULL, 0) == 0);
		CHECK(imsg_get(&rx, &imsg) == 1 && imsg.hdr.type == 4);
		unpair();
	}
	for (i = 0; i < 5; i++)
		close(fds[i]);
	CHECK(open_fds() == before);
}

/* Linux drops the descriptor and delivers the rest: never a message */
static void
test_table_full(void)
{
	struct rlimit	 old, low;
	struct imsg	 imsg;
	int		 before = open_fds(), fd;

	pair(1);
	CHECK(imsg_compose(&tx, 1, 0, marked_fd(1), "x", 1) == 0);
	CHECK(imsg_compose(&tx, 2, 0, -1, "y", 1) == 0);
	if (getrlimit(RLIMIT_NOFILE, &old) == -1)
		err(1, "getrlimit");
	low = old;
	if ((fd = dup(0)) == -1)
		err(1, "dup");
	close(fd);
	low.rlim_cur = (rlim_t)fd;	/* the lowest free one is too high */
	if (setrlimit(RLIMIT_NOFILE, &low) == -1)
		err(1, "setrlimit");
	expect_error(EMFILE);
	if (setrlimit(RLIMIT_NOFILE, &old) == -1)
		err(1, "setrlimit");
	CHECK(imsg_get(&rx, &imsg) == 1 && imsg.hdr.type == 2);
	unpair();
	CHECK(open_fds() == before);
}

int
main(void)
{
	test_plain();
	test_fd_stays();
	test_queue();
	test_queue_full();
	test_oversize();
	test_short();
	test_end();
	test_peer_closed();
	test_queued_fd_closed();
	test_fd_refused();
	test_table_full();
	return (0);
}
