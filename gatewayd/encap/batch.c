/*
 * The buffers of batched system calls.  Process encap (no privilege).
 *
 * They are large, since any datagram may be 64 kB, but a tunnel that only
 * carries probes touches a few pages of them; what a burst touched is given
 * back when it is over.
 */
#include <sys/mman.h>
#include <netinet/in.h>
#include <string.h>

#include "batch.h"
#include "log.h"

#define BATCH_BURST	4	/* packets at a time that leave pages behind */

static const struct timeval	 batch_trim_after = { 3, 0 };
static struct batch		*batch;
static struct event		*batch_timer;
static int			 batch_dirty;	/* a burst since the timer */

static void
batch_fill(struct batch *b)
{
	int	 ecn, i;

	for (i = 0; i < BATCH_MSGS; i++) {
		b->send[i].msg_hdr.msg_iov = b->send_iov[i];
		b->recv_iov[i].iov_base = b->recv_buf[i];
		b->recv_iov[i].iov_len = sizeof(b->recv_buf[i]);
		b->recv[i].msg_hdr.msg_iov = &b->recv_iov[i];
		b->recv[i].msg_hdr.msg_iovlen = 1;
	}
	for (ecn = 0; ecn < 4; ecn++) {
		b->tos[ecn].hdr.cmsg_level = IPPROTO_IP;
		b->tos[ecn].hdr.cmsg_type = IP_TOS;
		b->tos[ecn].hdr.cmsg_len = CMSG_LEN(sizeof(ecn));
		memcpy(CMSG_DATA(&b->tos[ecn].hdr), &ecn, sizeof(ecn));
	}
	b->ready = 1;
}

/* one shot after a burst, so that an idle process is not woken up */
static void
batch_trim(evutil_socket_t fd, short events, void *arg)
{
	if (batch_dirty) {
		batch_dirty = 0;
		evtimer_add(batch_timer, &batch_trim_after);
		return;
	}
	if (madvise(batch, sizeof(*batch), MADV_DONTNEED) == -1)
		log_warn("madvise");
}

struct batch *
batch_get(struct event_base *base)
{
	if (batch == NULL) {
		batch = mmap(NULL, sizeof(*batch), PROT_READ | PROT_WRITE,
		    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (batch == MAP_FAILED)
			fatal("mmap");
		/* a huge page would make all of it real at the first packet */
		(void)madvise(batch, sizeof(*batch), MADV_NOHUGEPAGE);
		if ((batch_timer = evtimer_new(base, batch_trim, NULL)) == NULL)
			fatalx("evtimer_new failed");
	}
	if (!batch->ready)
		batch_fill(batch);
	return (batch);
}

void
batch_used(unsigned int packets)
{
	if (packets < BATCH_BURST)
		return;
	batch_dirty = 1;
	if (!evtimer_pending(batch_timer, NULL))
		evtimer_add(batch_timer, &batch_trim_after);
}
