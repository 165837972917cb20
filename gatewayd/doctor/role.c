/*
 * The doctor: looks for what stops IPv6 on this machine.  Runs as _gwrelay
 * without any capability, not in a chroot but under Landlock: it reads /etc,
 * /run, /proc, /sys and /lib/modules, opens sockets as any user may, and
 * writes nothing.
 *
 *	parent   -> CONF (the configuration, printed)
 *	         -> START: what is not as it should be goes to the log
 *	frontend -> RUN		-> frontend TEXT ... TEXT (empty)
 *
 * One run at a time; whoever asks meanwhile gets its result.
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "child.h"
#include "doctor.h"
#include "gatewayd.h"
#include "log.h"
#include "wire.h"

#define SOCKETS_MAX	320	/* 16 tunnels, 4 targets, 3 protocols; echo
				 * requests, names */
#define WHY_SIZE	256

static struct {
	struct gw_conf	*conf;		/* NULL: none was given */
	struct gw_conf	*next;		/* came while a run uses conf */
	char		 why[WHY_SIZE];	/* there is no conf */
	int		 running;
	int		 log;		/* the run is for the log */
	int		 asked;		/* and for the frontend */
} doctor = { .why = "gatewayd did not hand it over" };

static void
run_log(const struct report *r)
{
	const struct finding	*f;

	TAILQ_FOREACH(f, &r->findings, entry) {
		if (f->status != FINDING_WARN && f->status != FINDING_FAIL)
			continue;
		log_record(f->status == FINDING_FAIL ? LL_ERROR : LL_WARN,
		    f->tunnel, "%s: %s%s%s%s%s%s", f->id, f->summary,
		    f->evidence != NULL ? " (" : "",
		    f->evidence != NULL ? f->evidence : "",
		    f->evidence != NULL ? ")" : "",
		    f->remedy != NULL ? "; remedy: " : "",
		    f->remedy != NULL ? f->remedy : "");
	}
	log_info("looked at this machine: %u ok, %u warn, %u fail, %u skip",
	    r->count[FINDING_OK], r->count[FINDING_WARN],
	    r->count[FINDING_FAIL], r->count[FINDING_SKIP]);
}

static void
run_answer(const struct report *r)
{
	struct peer	*p = child_peer(PROC_FRONTEND);
	char		*json;
	size_t		 len;

	json = report_json(r, &len);
	/* at most 200 findings, see DOCTOR_TUNNELS and DOCTOR_SAME, of three
	 * texts of 768 bytes */
	if (len > WIRE_DOCTOR_MAX)
		fatalx("doctor: a report of %zu bytes", len);
	peer_send_pieces(p, IMSG_DOCTOR_TEXT, 0, json, len);
	peer_send0(p, IMSG_DOCTOR_TEXT, 0);
	free(json);
}

static void
conf_take(struct gw_conf *conf)
{
	conf_free(doctor.conf);
	doctor.conf = conf;
}

static void
run_done(struct report *r, void *arg)
{
	doctor.running = 0;
	if (doctor.log)
		run_log(r);
	if (doctor.asked)
		run_answer(r);
	doctor.log = doctor.asked = 0;
	report_free(r);
	if (doctor.next != NULL)
		conf_take(doctor.next);
	doctor.next = NULL;
	/* it may be days until the next one */
	malloc_trim(0);
}

static void
run(void)
{
	struct doctor_options	 o;

	if (doctor.running)
		return;
	doctor.running = 1;
	memset(&o, 0, sizeof(o));
	o.conf = doctor.conf;
	o.conf_file = GW_CONF_FILE;
	o.conf_why = doctor.why;
	o.daemon = 1;
	doctor_run(child_base(), &o, run_done, NULL);
}

static void
conf_line(void *arg, enum log_level level, const char *line)
{
	if (level == LL_ERROR)
		strlcpy(doctor.why, line, sizeof(doctor.why));
}

/* what gatewayd printed of its own is good; but see conf_print() */
static void
take_conf(struct imsg *imsg)
{
	struct gw_conf	*conf;
	char		 path[32];
	int		 fd = imsg_get_fd(imsg);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	conf = conf_parse(path, 0, conf_line, NULL);
	close(fd);
	if (conf == NULL)
		log_warnx("the configuration is not understood: %s",
		    doctor.why);
	if (!doctor.running)
		conf_take(conf);
	else {
		conf_free(doctor.next);
		doctor.next = conf;
	}
}

static void
doctor_dispatch(struct peer *p, struct imsg *imsg)
{
	switch (imsg->hdr.type) {
	case IMSG_DOCTOR_CONF:
		take_conf(imsg);
		break;
	case IMSG_DOCTOR_START:
		doctor.log = 1;
		run();
		break;
	case IMSG_DOCTOR_RUN:
		doctor.asked = 1;
		run();
		break;
	}
}

void
doctor_main(const struct proc_args *args)
{
	static const struct child_ops	 ops = {
		.dispatch = doctor_dispatch,
		.nofile = SOCKETS_MAX
	};

	child_run(args, &ops);
}
