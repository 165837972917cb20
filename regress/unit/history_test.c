/*
 * The history under a clock of its own: what slots hold, what is not known,
 * days, gaps, clocks that jump, restarts, tunnels that come and go, a full
 * disk, and files that are not what they should be.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "history.h"
#include "letters.h"
#include "ring.h"
#include "status.h"
#include "unit.h"
#include "util.h"

#define START	1700000000ULL	/* a multiple of a step */
#define DAY	(24 * 3600)

uint64_t	 __wrap_unix_time(void);
uint64_t	 __wrap_monotime_ms(void);
ssize_t		 __wrap_pwrite64(int, const void *, size_t, off_t);
ssize_t		 __real_pwrite64(int, const void *, size_t, off_t);
int		 __wrap_fallocate64(int, int, off_t, off_t);
int		 __real_fallocate64(int, int, off_t, off_t);

static uint64_t			 now = START, mono = 1000000;
static int			 fd = -1, full, no_holes;
static unsigned int		 nwrites;
static size_t			 written;
static struct imsg_status	 st;	/* of the next sample */
static unsigned int		 percent_lost;

uint64_t
__wrap_unix_time(void)
{
	return (now);
}

uint64_t
__wrap_monotime_ms(void)
{
	return (mono);
}

ssize_t
__wrap_pwrite64(int file, const void *data, size_t len, off_t at)
{
	nwrites++;
	written += len;
	if (full) {
		errno = ENOSPC;
		return (-1);
	}
	return (__real_pwrite64(file, data, len, at));
}

int
__wrap_fallocate64(int file, int mode, off_t at, off_t len)
{
	if (no_holes) {
		errno = EOPNOTSUPP;
		return (-1);
	}
	return (__real_fallocate64(file, mode, at, len));
}

static struct fe_tunnel *
tunnel(const char *name)
{
	struct fe_tunnel	*t = fe_tunnel_name(name);

	CHECK(t != NULL);
	return (t);
}

static void
new_file(void)
{
	if (fd != -1)
		close(fd);
	if ((fd = memfd_create("history", 0)) == -1)
		err(1, "memfd_create");
	now = START;
	memset(&st, 0, sizeof(st));
	st.rtt_us = WIRE_UNKNOWN;
	history_open(dup(fd));
}

/* as a new process finds things */
static void
restart(const char *letters)
{
	letters_configure("");
	mono += 100000;
	history_open(dup(fd));
	letters_configure(letters);
}

static void
pass(unsigned int seconds)
{
	now += seconds;
	mono += seconds * 1000ULL;
}

/* a hundred more probes with that delay, WIRE_UNKNOWN for none of them */
static void
sample(const char *name, uint32_t rtt_us)
{
	unsigned int	 lost = rtt_us == WIRE_UNKNOWN ? 100 : percent_lost;

	st.counters.probes[PROBE_TIMEOUT] += lost;
	st.counters.probes[PROBE_REPLY] += 100 - lost;
	st.counters.rtt.sum_us += (100 - lost) * (uint64_t)rtt_us;
	fe_tunnel_update(tunnel(name), &st);
}

static void
run_second(const char *name, uint32_t rtt_us)
{
	sample(name, rtt_us);
	pass(1);
	st.rx_bytes += 1000;
	st.tx_bytes += 10;
}

/* a sample every second for so many slots; it ends where one begins */
static void
run(const char *name, unsigned int slots, uint32_t rtt_us)
{
	unsigned int	 i;

	for (i = 0; i < slots * HISTORY_STEP; i++)
		run_second(name, rtt_us);
}

/* the slot that is so many steps ago */
static struct history_slot
ago(const char *name, uint32_t steps)
{
	struct history_slot	 slot;

	history_get(tunnel(name), (uint32_t)(now / HISTORY_STEP) - steps, 1,
	    &slot);
	return (slot);
}

static int
known(const char *name, uint32_t steps)
{
	return (ago(name, steps).number != 0);
}

static void
test_values(void)
{
	struct history_slot	 slot;
	int			 i;

	new_file();
	letters_configure("ab");
	percent_lost = 7;
	run("a", 3, 12340);
	slot = ago("a", 1);
	CHECK(slot.number == now / HISTORY_STEP - 1);
	CHECK(slot.rtt == 123 && slot.loss == 700);
	CHECK(slot.rx == 1000 && slot.tx == 10);
	CHECK(known("a", 3) && !known("a", 4));
	/* the current one is not over, and there is none to come */
	CHECK(!known("a", 0) && !known("a", (uint32_t)-1));
	CHECK(!known("b", 1));
	/* no answer: loss alone */
	run("a", 1, WIRE_UNKNOWN);
	slot = ago("a", 1);
	CHECK(slot.rtt == HISTORY_NO_RTT && slot.loss == 10000);
	CHECK(slot.rx == 1000);
	/* answers that come late after all, the first to probes before */
	percent_lost = 0;
	st.counters.probes[PROBE_LATE] += 50;
	st.counters.rtt.sum_us += 50 * 2000000;
	run("a", 1, 1000);
	slot = ago("a", 1);
	CHECK(slot.loss == 0 && slot.rtt > 10 && slot.rtt < 20000);
	percent_lost = 20;
	for (i = 0; i < HISTORY_STEP; i++) {
		st.counters.probes[PROBE_LATE] += 10;
		st.counters.rtt.sum_us += 10 * 1000;
		run_second("a", 1000);
	}
	slot = ago("a", 1);
	CHECK(slot.loss == 1000 && slot.rtt == 10);
	percent_lost = 0;
	/* values beyond the format's */
	st.rx_bytes = 0;
	run("a", 1, UINT32_MAX - 1);
	CHECK(ago("a", 1).rtt == HISTORY_NO_RTT - 1);
	st.rx_bytes += UINT64_MAX / 4096;
	run("a", 1, 1);
	CHECK(ago("a", 1).rx == HISTORY_NO_RATE - 1);
	CHECK(ago("a", 1).rtt == 0);
}

/* nothing from the engine: nothing is known, and nothing made up */
static void
test_silence(void)
{
	new_file();
	letters_configure("a");
	run("a", 2, 1000);
	pass(600);
	st.rx_bytes += 1000000;
	run("a", 2, 1000);
	CHECK(known("a", 1) && known("a", 2) && !known("a", 3));
	CHECK(!known("a", 100) && known("a", 123));
	/* what came in between is no rate of one slot */
	CHECK(ago("a", 2).rx == 1000);
	/* the interface is another one: its counters begin anew */
	st.rx_bytes = 5;
	run("a", 1, 1000);
	CHECK(ago("a", 1).rx == 1000);
	/* said again without a probe: nothing new but the traffic */
	fe_tunnel_update(tunnel("a"), &st);
	pass(HISTORY_STEP);
	CHECK(ago("a", 1).rtt == HISTORY_NO_RTT && ago("a", 1).rx == 1000);
	/* the engine is another one: its counters begin anew as well */
	memset(&st.counters, 0, sizeof(st.counters));
	run("a", 1, 3000);
	CHECK(ago("a", 1).rtt == 30);
}

/* a day later the ring has gone round */
static void
test_day(void)
{
	uint32_t	 i;

	new_file();
	letters_configure("a");
	for (i = 0; i < HISTORY_SLOTS + 10; i++) {
		sample("a", 1000 * (1 + i % 7));
		pass(HISTORY_STEP);
	}
	for (i = 1; i < HISTORY_SLOTS; i++)
		CHECK(ago("a", i).rtt ==
		    10 * (1 + (HISTORY_SLOTS + 10 - i) % 7));
	/* the place of this one is another's by now */
	CHECK(!known("a", HISTORY_SLOTS + 1));
	/* a day of silence, and all is forgotten */
	pass(DAY);
	sample("a", 1000);
	CHECK(!known("a", 1) && !known("a", HISTORY_SLOTS - 1));
}

static void
test_restart(void)
{
	new_file();
	letters_configure("ab");
	run("a", 3, 1000);
	run("b", 2, 2000);
	sample("a", 1000);
	sample("b", 2000);
	/* the slots that are not over are lost, and no others */
	restart("ba");
	CHECK(known("a", 3) && ago("b", 1).rtt == 20 && known("b", 2));
	pass(60);
	restart("a");
	CHECK(known("a", 15) && !known("a", 1));
	/* half a day later */
	pass(DAY / 2);
	restart("a");
	run("a", 1, 3000);
	CHECK(ago("a", 1).rtt == 30);
	CHECK(known("a", DAY / 2 / HISTORY_STEP + 16));
	/* and two days later */
	pass(2 * DAY);
	restart("a");
	CHECK(!known("a", 1) && !known("a", HISTORY_SLOTS - 1));
}

/* what was written under a clock that was wrong comes to no light later */
static void
test_clock_back(int while_running)
{
	uint32_t	 i;

	new_file();
	letters_configure("a");
	run("a", 20, 1000);
	now += 3600;
	run("a", 20, 2000);
	now -= 3600;
	if (!while_running)
		restart("a");
	run("a", 2, 3000);
	CHECK(ago("a", 1).rtt == 30);
	CHECK(ago("a", 39).rtt == 10);
	/* silence until the time of the wrong slots is over */
	pass(3600 + 300);
	for (i = 1; i < 3600 / HISTORY_STEP + 40; i++)
		CHECK(!known("a", i));
	run("a", 1, 4000);
	CHECK(ago("a", 1).rtt == 40);
	for (i = 2; i < 3600 / HISTORY_STEP + 40; i++)
		CHECK(!known("a", i));
	CHECK(ago("a", 3600 / HISTORY_STEP + 62).rtt == 30);
}

static void
test_clock_forward(void)
{
	new_file();
	letters_configure("a");
	now = 7;			/* no clock yet */
	restart("a");
	run("a", 2, 1000);
	now = START;
	run("a", 2, 2000);
	CHECK(ago("a", 1).rtt == 20 && ago("a", 2).rtt == 20);
	CHECK(!known("a", 3));
}

static void
test_come_and_go(void)
{
	struct stat	 before, after;

	new_file();
	letters_configure("abc");
	run("a", 2, 1000);
	run("b", 2, 2000);
	CHECK(ring_count() == 3);
	/* one leaves, and is back before the day is over */
	letters_configure("bc");
	pass(3600);
	letters_configure("abc");
	CHECK(known("a", 3600 / HISTORY_STEP + 3) && ring_count() == 3);
	/* a new one takes nobody's place */
	letters_configure("bc");
	letters_configure("bcd");
	CHECK(ring_count() == 4 && !known("d", 723));
	/* and a day later that of who left, of which nothing is seen */
	run("d", 2, 4000);
	pass(DAY + 1);
	CHECK(fstat(fd, &before) == 0);
	letters_configure("bcde");
	CHECK(ring_count() == 4 && tunnel("e")->ring == 1);
	now -= DAY + 3600 + 60;
	CHECK(!known("e", 1) && !known("e", 12) && !known("e", 14));
	now += DAY + 3600 + 60;
	restart("bcde");
	CHECK(tunnel("e")->ring == 1 && strcmp(ring_name(0), "e") == 0);
	CHECK(fstat(fd, &after) == 0 && after.st_size <= before.st_size);
}

static void
test_all_rings(void)
{
	struct history_owner	 o = { "x", "", 0 };
	uint32_t		 i;

	new_file();
	for (i = 0; i < HISTORY_RINGS; i++) {
		o.left = now - HISTORY_RINGS - 10 + (i ^ 5);
		snprintf(o.name, sizeof(o.name), "x%u", i);
		CHECK(pwrite(fd, &o, sizeof(o), HISTORY_OWNER(i)) ==
		    sizeof(o));
	}
	restart("a");
	/* who left first makes room */
	CHECK(ring_count() == HISTORY_RINGS && tunnel("a")->ring == 6);
	run("a", 1, 1000);
	CHECK(known("a", 1));
}

static void
test_sparse(void)
{
	struct stat	 sb;
	uint32_t	 i;

	new_file();
	letters_configure("abcdefghijklmnopqrstuvwxyz");
	run("z", 1, 1000);
	nwrites = 0;
	written = 0;
	run("z", 100, 1000);
	/* each slot is written once, and nothing else is */
	CHECK(nwrites == 100 && written == 1600);
	CHECK(fstat(fd, &sb) == 0);
	CHECK(sb.st_size > HISTORY_RING(25) && sb.st_size < HISTORY_RING(26));
	CHECK(sb.st_blocks * 512 < 64 * 1024);
	/* standing by, every ten seconds: its gaps are wiped, small as ever */
	nwrites = 0;
	for (i = 0; i < 100; i++) {
		sample("y", 1000);
		pass(2 * HISTORY_STEP);
	}
	CHECK(nwrites <= 200 && known("y", 2) && !known("y", 3));
}

static void
test_full_disk(void)
{
	new_file();
	letters_configure("a");
	run("a", 2, 1000);
	CHECK(known("a", 1));
	full = 1;
	run("a", 3, 2000);
	CHECK(known("a", 4) && !known("a", 2));
	full = 0;
	run("a", 2, 3000);
	CHECK(ago("a", 1).rtt == 30 && !known("a", 4) && known("a", 6));
	/* an empty ring cannot be had: no history, and nobody else's */
	full = no_holes = 1;
	letters_configure("ab");
	run("b", 2, 1000);
	CHECK(tunnel("b")->ring == 0 && !known("b", 1));
	full = 0;
	letters_configure("ab");
	run("b", 2, 1000);
	CHECK(tunnel("b")->ring != 0 && known("b", 1));
	no_holes = 0;
}

static void
test_damaged(void)
{
	struct history_owner	 o;
	struct history_slot	 slot;
	static char		 rubbish[HISTORY_RING_SIZE];

	new_file();
	memset(&o, 'x', sizeof(o));		/* no NUL */
	CHECK(pwrite(fd, &o, sizeof(o), HISTORY_OWNER(0)) == sizeof(o));
	memset(&o, 0, sizeof(o));
	o.name[0] = 'a';
	CHECK(pwrite(fd, &o, sizeof(o), HISTORY_OWNER(1)) == sizeof(o));
	CHECK(pwrite(fd, &o, sizeof(o), HISTORY_OWNER(2)) == sizeof(o));
	o.left = UINT64_MAX;
	o.name[0] = 'b';
	CHECK(pwrite(fd, &o, sizeof(o), HISTORY_OWNER(3)) == sizeof(o));
	memset(rubbish, 0xa5, sizeof(rubbish));
	CHECK(pwrite(fd, rubbish, sizeof(rubbish), HISTORY_RING(1)) ==
	    (ssize_t)sizeof(rubbish));
	restart("abc");
	CHECK(tunnel("a")->ring == 2 && tunnel("b")->ring == 4);
	CHECK(tunnel("c")->ring == 1);	/* nobody's: its name was none */
	CHECK(!known("a", 1) && !known("a", HISTORY_SLOTS - 1));
	run("a", 1, 1000);
	CHECK(known("a", 1) && !known("a", 2));
	/* a slot of the right number may hold anything */
	memset(&slot, 0xff, sizeof(slot));
	slot.number = (uint32_t)(now / HISTORY_STEP) - 4;
	CHECK(pwrite(fd, &slot, sizeof(slot), HISTORY_RING(1) + (off_t)
	    (slot.number % HISTORY_SLOTS * sizeof(slot))) == sizeof(slot));
	CHECK(known("a", 4));
	/* cut off: what is not there was never written */
	CHECK(ftruncate(fd, HISTORY_OWNER(2) + 5) == 0);
	restart("ab");
	CHECK(!known("a", 1) && !known("b", 1));
	run("b", 1, 1000);
	CHECK(known("b", 1));
}

static void
test_none(void)
{
	struct history_slot	 slot;

	history_open(-1);
	letters_configure("a");
	run("a", 2, 1000);
	CHECK(!ring_ready());
	history_get(tunnel("a"), (uint32_t)(now / HISTORY_STEP) - 1, 1,
	    &slot);
	CHECK(slot.number == 0);
}

int
main(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "frontend");
	test_none();
	test_values();
	test_silence();
	test_day();
	test_restart();
	test_clock_back(1);
	test_clock_back(0);
	test_clock_forward();
	test_come_and_go();
	test_all_rings();
	test_sparse();
	test_full_disk();
	test_damaged();
	letters_configure("");
	return (0);
}
