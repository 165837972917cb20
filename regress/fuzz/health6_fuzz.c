/*
 * The health of IPv6 under whatever connections come to: IPv4 goes first
 * only for a reason, and never for ever.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "health6.h"

#define MINUTE	60000

int	 LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static struct health6	 health;
static uint64_t		 now;
static uint32_t		 in_a_row;	/* failures */
static uint64_t		 allowed;	/* the last one that finds out */

#define MUST(what)	do { if (!(what)) abort(); } while (0)

static void
first(void)
{
	enum health6_state	 before = health.state;
	uint64_t		 retry_at = health.retry_at;

	if (!health6_first(&health, now)) {
		MUST(before != HEALTH6_GOOD && now < retry_at);
		MUST(retry_at - now <= 10 * MINUTE);
		return;
	}
	if (before == HEALTH6_GOOD)
		return;
	MUST(health.state == HEALTH6_TRYING);
	MUST(now - allowed >= 15000);	/* as long as it may take */
	allowed = now;
}

static void
failed(uint8_t site)
{
	struct in6_addr		 addr;
	enum health6_state	 before = health.state;
	uint32_t		 wait = health.wait_ms;

	memset(&addr, 0, sizeof(addr));
	addr.s6_addr[5] = site % 3;
	addr.s6_addr[6] = site;		/* the same /48 */
	in_a_row++;
	if (!health6_failed(&health, &addr, now)) {
		MUST(health.state == before);
		return;
	}
	MUST(before != HEALTH6_BAD && health.state == HEALTH6_BAD);
	MUST(in_a_row >= HEALTH6_FAILURES);
	MUST(health.wait_ms == (wait == 0 ? MINUTE : wait * 2) ||
	    health.wait_ms == 10 * MINUTE);
	MUST(health.retry_at == now + health.wait_ms);
}

static void
good_again(void)
{
	MUST(health.state == HEALTH6_GOOD && health6_first(&health, now));
	in_a_row = 0;
	allowed = 0;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	memset(&health, 0, sizeof(health));
	now = 1000000;
	good_again();
	for (; len > 0; data++, len--) {
		switch (*data % 8) {
		case 0:
			health6_worked(&health);
			good_again();
			break;
		case 1:
			if (health.state == HEALTH6_TRYING)
				allowed = 0;
			health6_unused(&health);
			break;
		case 2:
			if (*data == 2) {
				health6_reset(&health);
				good_again();
			}
			break;
		case 3:
		case 4:
			failed(*data / 8);
			break;
		case 5:
			now += *data / 8 * 1000;
			break;
		default:
			first();
		}
	}
	/* ten minutes later somebody finds out */
	now += 10 * MINUTE;
	MUST(health6_first(&health, now));
	return (0);
}
