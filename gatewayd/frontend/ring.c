/*
 * The rings of the history's file: see ring.h.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <sys/types.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "ring.h"
#include "wire.h"

#define DAY		(24 * 3600)
#define AT_ONCE		64	/* owners read with one call */
#define SLOT_SIZE	((int64_t)sizeof(struct history_slot))

static struct {
	int			 fd;
	int			 failing;	/* the last write did */
	struct history_owner	*owners;
	uint32_t		 n;
} rings = { -1, 0, NULL, 0 };

static int
put(const void *data, size_t len, int64_t at)
{
	ssize_t	 n = pwrite(rings.fd, data, len, at);

	if (n == (ssize_t)len) {
		if (rings.failing)
			log_info("the history is written again");
		rings.failing = 0;
		return (0);
	}
	if (n != -1)
		errno = ENOSPC;
	if (!rings.failing)
		log_warn("the history cannot be written, and has a gap");
	rings.failing = 1;
	return (-1);
}

/* what is not there is zeros */
static void
get(void *data, size_t len, int64_t at)
{
	ssize_t	 n = pread(rings.fd, data, len, at);

	if (n < 0)
		n = 0;
	memset((char *)data + n, 0, len - (size_t)n);
}

/* zeros from there on; a hole if it is much, where there can be holes */
static int
wipe(int64_t at, int64_t len)
{
	static const char	 zeros[HISTORY_BLOCK];
	int64_t			 n;

	if (len >= HISTORY_BLOCK && fallocate(rings.fd,
	    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, len) == 0)
		return (0);
	for (; len > 0; at += n, len -= n) {
		n = len < HISTORY_BLOCK ? len : HISTORY_BLOCK;
		if (put(zeros, (size_t)n, at) == -1)
			return (-1);
	}
	return (0);
}

/* grows the table to n; new ones are nobody's */
static void
owners_grow(uint32_t n)
{
	rings.owners = reallocarray(rings.owners, n, sizeof(*rings.owners));
	if (rings.owners == NULL)
		fatal("reallocarray");
	memset(rings.owners + rings.n, 0,
	    (n - rings.n) * sizeof(*rings.owners));
	rings.n = n;
}

static int
owner_valid(const struct history_owner *o)
{
	return (wire_string(o->name) && o->name[0] != '\0');
}

static void
owners_read(void)
{
	struct history_owner	 some[AT_ONCE];
	uint32_t		 i, at;

	for (at = 0; at < HISTORY_RINGS; at += AT_ONCE) {
		get(some, sizeof(some), HISTORY_OWNER(at));
		for (i = 0; i < AT_ONCE; i++) {
			if (!owner_valid(&some[i]))
				continue;
			owners_grow(at + i + 1);
			rings.owners[at + i] = some[i];
		}
	}
}

void
ring_open(int fd)
{
	if (rings.fd != -1)
		close(rings.fd);
	free(rings.owners);
	memset(&rings, 0, sizeof(rings));
	rings.fd = fd;
	owners_read();
}

int
ring_ready(void)
{
	return (rings.fd != -1);
}

uint32_t
ring_count(void)
{
	return (rings.n);
}

const char *
ring_name(uint32_t i)
{
	return (rings.owners[i].name);
}

static int
owner_put(uint32_t i)
{
	return (put(&rings.owners[i], sizeof(rings.owners[i]),
	    HISTORY_OWNER(i)));
}

void
ring_stays(uint32_t i)
{
	if (rings.owners[i].left == 0)
		return;
	rings.owners[i].left = 0;
	owner_put(i);
}

void
ring_leaves(uint32_t i, uint64_t now)
{
	if (rings.owners[i].left != 0)
		return;
	rings.owners[i].left = now;
	owner_put(i);
}

static int
expired(const struct history_owner *o, uint64_t now)
{
	return (o->name[0] == '\0' ||
	    (o->left != 0 && o->left < now && now - o->left > DAY));
}

static uint32_t
ring_find(uint64_t now)
{
	uint32_t	 i, oldest = RING_NONE;

	for (i = 0; i < rings.n; i++) {
		if (expired(&rings.owners[i], now))
			return (i);
		if (rings.owners[i].left != 0 && (oldest == RING_NONE ||
		    rings.owners[i].left < rings.owners[oldest].left))
			oldest = i;
	}
	if (rings.n == HISTORY_RINGS)
		return (oldest);
	owners_grow(rings.n + 1);
	return (rings.n - 1);
}

uint32_t
ring_take(const char *name, uint64_t now)
{
	struct history_owner	*o;
	uint32_t		 i;

	if ((i = ring_find(now)) == RING_NONE ||
	    wipe(HISTORY_RING(i), HISTORY_RING_SIZE) == -1)
		return (RING_NONE);
	o = &rings.owners[i];
	memset(o, 0, sizeof(*o));
	strlcpy(o->name, name, sizeof(o->name));
	if (owner_put(i) == 0)
		return (i);
	/* what the new one wrote would be the old one's after a restart */
	memset(o, 0, sizeof(*o));
	return (RING_NONE);
}

/* in two pieces where the ring ends */
static void
wipe_slots(uint32_t i, uint32_t number, uint32_t n)
{
	uint32_t	 place, piece;

	for (; n > 0; number += piece, n -= piece) {
		place = number % HISTORY_SLOTS;
		piece = HISTORY_SLOTS - place < n ? HISTORY_SLOTS - place : n;
		wipe(HISTORY_RING(i) + place * SLOT_SIZE, piece * SLOT_SIZE);
	}
}

void
ring_put(uint32_t i, const struct history_slot *slot, uint32_t last)
{
	uint32_t	 gap = 0;

	if (slot->number > last)
		gap = slot->number - last - 1;
	if (gap >= HISTORY_SLOTS)
		gap = HISTORY_SLOTS - 1;
	wipe_slots(i, slot->number - gap, gap);
	put(slot, sizeof(*slot), HISTORY_RING(i) +
	    slot->number % HISTORY_SLOTS * SLOT_SIZE);
}

void
ring_get(uint32_t i, uint32_t number, uint32_t n, struct history_slot *slots)
{
	uint32_t	 place, piece, k;

	for (; n > 0; n -= piece) {
		place = number % HISTORY_SLOTS;
		piece = HISTORY_SLOTS - place < n ? HISTORY_SLOTS - place : n;
		get(slots, piece * sizeof(*slots),
		    HISTORY_RING(i) + place * SLOT_SIZE);
		for (k = 0; k < piece; k++, number++, slots++)
			if (slots->number != number)
				memset(slots, 0, sizeof(*slots));
	}
}
