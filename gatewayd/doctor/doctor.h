/*
 * What stops IPv6 on this machine.  Runs in the doctor (_gwrelay, Landlock,
 * no capability) and in gatewayctl, whose user may be anybody: what cannot be
 * looked at for want of permission is skipped and says so.
 */
#ifndef GW_DOCTOR_H
#define GW_DOCTOR_H

#include <event2/event.h>

#include "conf.h"
#include "report.h"

struct doctor_options {
	/* NULL: not known, and conf_why says why; stays the caller's, and
	 * must live until done is called */
	const struct gw_conf	*conf;
	const char		*conf_file;
	const char		*conf_why;
	int			 conf_bad;	/* it has errors: conf_why */
	int			 daemon;	/* a process of gatewayd asks */
};

/*
 * Runs all checks.  Those that look at this machine are finished when this
 * returns; those that wait for an answer go on side by side in the event
 * loop, each with a deadline of its own (DOCTOR_WAIT_MS at most).  Then done
 * is called, once, with a report that is the callee's.
 */
void	 doctor_run(struct event_base *, const struct doctor_options *,
	    void (*done)(struct report *, void *), void *arg);

#endif
