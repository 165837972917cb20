/*
 * Limits under any course of requests: nobody has more than is his, and what
 * is counted is what was taken.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "limits.h"

RB_PROTOTYPE(limit_users, limit_user, entry, )

#define USERS	4

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct limits	 limits;
static uint64_t		 began, now;
static uint32_t		 held[USERS][LIMIT_COUNTS];
static uint64_t		 had[USERS][LIMIT_KINDS];

#define MUST(what)	do { if (!(what)) abort(); } while (0)

/* what a bucket gives in that time, and its burst */
static uint64_t
most(enum limit kind)
{
	return ((now - began + 2000) * limits.conf.max[kind] / 1000);
}

static void
admit(int uid, struct limit_user *u)
{
	/* the first of them may be spent without the others */
	if (limits_admit(&limits, u, now)) {
		held[uid][LIMIT_SESSIONS]++;
		held[uid][LIMIT_HALF_OPEN]++;
		had[uid][LIMIT_NEW]++;
	}
}

static void
take(int uid, struct limit_user *u, enum limit kind)
{
	if (!limits_take(&limits, u, kind, now))
		return;
	if (kind < LIMIT_COUNTS)
		held[uid][kind]++;
	else
		had[uid][kind]++;
}

static void
give(int uid, struct limit_user *u, enum limit kind)
{
	if (held[uid][kind] == 0)
		return;
	limits_give(u, kind);
	held[uid][kind]--;
}

static void
pass(int uid, struct limit_user *u, uint32_t n)
{
	uint32_t	 room = limits_room(&limits, u, n, now), took;

	MUST(room <= n);
	took = limits_bytes(&limits, u, n, now);
	MUST(took == room);
	had[uid][LIMIT_BYTES] += took;
}

static void
check(int uid)
{
	int	 kind;

	for (kind = 0; kind < LIMIT_COUNTS; kind++)
		MUST(held[uid][kind] <= limits.conf.max[kind]);
	for (; kind < LIMIT_KINDS; kind++)
		MUST(had[uid][kind] <= most(kind) ||
		    (kind == LIMIT_BYTES && limits.conf.max[kind] == 0));
}

/* all that is held, whoever is shown and whoever is not */
static void
check_total(void)
{
	struct relay_uid	 list[3];
	uint32_t		 i, n, kind, sum;

	for (kind = 0; kind < LIMIT_COUNTS; kind++) {
		for (sum = 0, i = 0; i < USERS; i++)
			sum += held[i][kind];
		MUST(limits_total(&limits, kind) == sum);
	}
	n = limits_users(&limits, list, 3);
	MUST(n <= 3);
	for (sum = 0, i = 0; i < n; i++)
		sum += list[i].udp;
	MUST(sum == limits_total(&limits, LIMIT_UDP));
}

static void
step(const uint8_t *data)
{
	int			 uid = data[0] % USERS;
	struct limit_user	*u = limits_user(&limits, uid, now);

	switch (data[0] / USERS % 6) {
	case 0:
		admit(uid, u);
		break;
	case 1:
		take(uid, u, data[1] % 2 ? LIMIT_UDP : LIMIT_DNS);
		break;
	case 2:
		give(uid, u, data[1] % LIMIT_COUNTS);
		break;
	case 3:
		pass(uid, u, data[1] * 16U);
		break;
	case 4:
		now += data[1] * 16U;
		break;
	case 5:
		limits_sweep(&limits, now);
		/* it holds from any moment on */
		memset(had, 0, sizeof(had));
		began = now;
		break;
	}
	check(uid);
}

static void
clear(void)
{
	struct limit_user	*u;

	while ((u = RB_ROOT(&limits.users)) != NULL) {
		limit_users_RB_REMOVE(&limits.users, u);
		free(u);
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct limits_conf	 conf;
	int			 kind;

	if (len < LIMIT_KINDS)
		return (0);
	for (kind = 0; kind < LIMIT_KINDS; kind++)
		conf.max[kind] = *data++ * (kind == LIMIT_BYTES ? 100U : 1U);
	len -= LIMIT_KINDS;
	memset(held, 0, sizeof(held));
	memset(had, 0, sizeof(had));
	began = now = 1000000;
	limits_init(&limits, &conf);
	for (; len >= 2; data += 2, len -= 2)
		step(data);
	check_total();
	clear();
	return (0);
}
