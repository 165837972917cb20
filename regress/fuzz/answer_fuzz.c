/*
 * A name's way through resolver and relay: what a name server says, the
 * cache, LOOKED_UP, and the relay's reader of it.
 *
 * Input: flags (1 byte; bit 0: IPv4; bits 1 and 2: how c-ares has judged the
 * message; bit 3: what follows is a LOOKED_UP of a resolver that lies), then
 * the message.
 */
#include <sys/socket.h>

#include <ares.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "lookup.h"
#include "names.h"
#include "relay_int.h"
#include "wire_resolve.h"

#define NAME	"a.example"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);
void	__wrap_fatalx(const char *, ...) __attribute__((noreturn));
void	__wrap_peer_send(struct peer *, enum imsg_type, uint32_t, int,
	    const void *, size_t);
int	__wrap_query_start(struct query_pool *, const struct cache_key *,
	    query_done *, void *);

static jmp_buf			 refused;
static query_done		*done;		/* of the query under way */
static void			*done_arg;
static uint32_t			 asked;		/* LOOKUP's id */
static struct imsg_looked_up	 sent;
static int			 answers;	/* that the relay got */

/* a refusal, as the process's end */
void
__wrap_fatalx(const char *fmt, ...)
{
	longjmp(refused, 1);
}

void
__wrap_peer_send(struct peer *p, enum imsg_type type, uint32_t id, int fd,
    const void *data, size_t len)
{
	if (type == IMSG_LOOKUP)
		asked = id;
	else if (type == IMSG_LOOKED_UP && len == sizeof(sent))
		memcpy(&sent, data, len);
	else
		abort();
}

int
__wrap_query_start(struct query_pool *pool, const struct cache_key *key,
    query_done *fn, void *arg)
{
	done = fn;
	done_arg = arg;
	return (0);
}

static void
check(int error, uint32_t ttl, uint32_t n)
{
	uint32_t	 max = CACHE_FAILED;

	if (error == 0)
		max = CACHE_TTL_MAX;
	else if (error == ARES_ENODATA || error == ARES_ENOTFOUND)
		max = CACHE_NEG_MAX;
	if ((error == 0) != (n > 0) || n > WIRE_ADDRS || ttl == 0 ||
	    ttl > max)
		abort();
}

static void
answered(void *arg, const struct lookup_answer *a)
{
	if ((a->error == 0) != (a->n > 0) || a->n > LOOKUP_ADDRS)
		abort();
	answers++;
}

static void
ask(int family, uint16_t fresh)
{
	struct imsg_lookup	 m = { (uint16_t)family, fresh, NAME };
	struct imsg		 imsg = {
		{ IMSG_LOOKUP, 1 }, (const uint8_t *)&m, sizeof(m), -1
	};

	names_lookup(1, &imsg);
}

/* what the resolver has sent, or would have */
static void
to_relay(int family, const uint8_t *data, size_t len)
{
	struct imsg	 imsg = { { IMSG_LOOKED_UP, 0 }, data, len, -1 };
	int		 before = answers;

	relay_lookup(family == AF_INET ? HE_V4 : HE_V6, NAME, answered, NULL);
	imsg.hdr.id = asked;
	if (setjmp(refused) != 0) {
		relay_lookup_cancel(asked);
		return;
	}
	lookup_answered(&imsg);
	if (answers != before + 1)
		abort();
}

static void
from_server(int family, int status, const uint8_t *msg, size_t len)
{
	struct imsg_looked_up	 first;
	struct cache_answer	 a;

	ask(family, 1);
	answer_read(&a, family, status, msg, len);
	done(done_arg, &a);
	first = sent;
	check((int)first.error, first.ttl, first.naddrs);
	/* and once more, from the cache */
	done = NULL;
	ask(family, 0);
	if (done != NULL || sent.error != first.error ||
	    sent.naddrs != first.naddrs || sent.ttl > first.ttl ||
	    memcmp(sent.addrs, first.addrs, sizeof(sent.addrs)) != 0)
		abort();
	to_relay(family, (const uint8_t *)&first, sizeof(first));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static const int	 statuses[] = { ARES_SUCCESS, ARES_ENODATA,
				    ARES_ENOTFOUND, ARES_ETIMEOUT };
	int			 family;
	static int		 ready;

	if (len < 1)
		return (0);
	if (!ready)
		names_init();
	ready = 1;
	family = data[0] & 1 ? AF_INET : AF_INET6;
	if (data[0] & 8)
		to_relay(family, data + 1, len - 1);
	else
		from_server(family, statuses[data[0] >> 1 & 3], data + 1,
		    len - 1);
	return (0);
}
