/*
 * Is the time of day believable?  Certificates, and with them the broker's
 * update, need that.  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 */
#include <sys/stat.h>
#include <stdio.h>
#include <time.h>

#include "check.h"
#include "util.h"

#define RELEASED	1767225600	/* 2026-01-01: it cannot be earlier */
#define DAY		86400

static void
utc(uint64_t when, char *buf, size_t size)
{
	time_t		 t = (time_t)when;
	struct tm	 tm;

	if (gmtime_r(&t, &tm) == NULL ||
	    strftime(buf, size, "%Y-%m-%d %H:%M UTC", &tm) == 0)
		snprintf(buf, size, "%llu", (unsigned long long)when);
}

void
check_clock(struct doctor *d)
{
	uint64_t	 now = unix_time(), past = RELEASED;
	struct finding	*f;
	struct stat	 st;
	char		 is[40], was[40];
	const char	*what = "this program was made";

	/* it was written in the past */
	if (d->o.conf_file != NULL && stat(d->o.conf_file, &st) == 0 &&
	    (uint64_t)st.st_mtim.tv_sec > past) {
		past = (uint64_t)st.st_mtim.tv_sec;
		what = "the configuration was written";
	}
	utc(now, is, sizeof(is));
	utc(past, was, sizeof(was));
	if (now + DAY >= past) {
		f = doctor_add(d, FINDING_OK, "clock", NULL,
		    "the clock is believable");
		finding_evidence(f, "it is %s", is);
		return;
	}
	f = doctor_add(d, now < RELEASED ? FINDING_FAIL : FINDING_WARN,
	    "clock", NULL, "the clock is wrong: certificates will be refused");
	finding_evidence(f, "it says %s, and %s at %s", is, what, was);
	finding_remedy(f, "'timedatectl set-ntp true', or set it with "
	    "'date -s'");
}
