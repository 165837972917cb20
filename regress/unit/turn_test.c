/*
 * turn.c under a fake clock.
 */
#include <err.h>

#include "turn.h"
#include "unit.h"

#define S	1000ULL

static void
test_dead(void)
{
	struct turn	 t;

	turn_init(&t, 2);
	turn_answered(&t, 0, 0);
	CHECK(t.first == 0 && !turn_probe(&t, 100 * S));
	turn_answered(&t, 0, 1);
	CHECK(t.first == 1 && turn_probe(&t, 100 * S));
	/* those that waited together with that one say the same */
	turn_answered(&t, 0, 1);
	CHECK(t.first == 1 && !turn_probe(&t, 300 * S));
	CHECK(turn_probed(&t, 0) && t.first == 1);
	CHECK(!turn_probe(&t, 100 * S + TURN_PROBE_MS - 1));
	CHECK(turn_probe(&t, 100 * S + TURN_PROBE_MS));
	CHECK(!turn_probed(&t, 0) && t.first == 1);
	CHECK(turn_probe(&t, 300 * S));
	CHECK(turn_probed(&t, 1) && t.first == 0);
	CHECK(!turn_probe(&t, 400 * S));
}

/* a name's own servers are slow, or a datagram was lost: no news */
static void
test_alive(void)
{
	struct turn	 t;
	uint64_t	 ms;

	turn_init(&t, 2);
	for (ms = 0; ms < 100; ms++) {
		turn_answered(&t, 0, 1);
		CHECK(t.first == 1 && turn_probe(&t, ms));
		CHECK(!turn_probed(&t, 1) && t.first == 0);
	}
}

static void
test_several_dead(void)
{
	struct turn	 t;

	turn_init(&t, 3);
	turn_answered(&t, 0, 2);
	CHECK(t.first == 1 && turn_probe(&t, 0) && turn_probed(&t, 0));
	turn_answered(&t, 1, 1);
	CHECK(t.first == 2 && turn_probe(&t, 1) && !turn_probed(&t, 0));
	CHECK(!turn_probe(&t, 2));
	/* the last one, too: the first one may be back */
	turn_answered(&t, 2, 1);
	CHECK(t.first == 2 && turn_probe(&t, 3));
	CHECK(turn_probed(&t, 1) && t.first == 0);
}

static void
test_how_many(void)
{
	struct turn	 t;

	turn_init(&t, 1);
	turn_answered(&t, 0, 1);
	CHECK(t.first == 0 && !turn_probe(&t, 0));
	turn_init(&t, 9);
	CHECK(t.n == TURN_SERVERS);
}

int
main(void)
{
	test_dead();
	test_alive();
	test_several_dead();
	test_how_many();
	return (0);
}
