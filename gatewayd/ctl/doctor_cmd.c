/*
 * "gatewayctl doctor": what on this machine prevents IPv6.  Runs with the
 * rights of its caller, whoever that is.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client.h"
#include "doctor.h"
#include "doctor_cmd.h"
#include "table.h"

#define WHY_SIZE	512

struct run {
	int	 json;
	int	 code;
};

/* keeps the first error */
static void
conf_line(void *arg, enum log_level level, const char *line)
{
	char	*why = arg;

	if (level == LL_ERROR && why[0] == '\0')
		strlcpy(why, line, WHY_SIZE);
}

static struct gw_conf *
read_conf(const char *file, struct doctor_options *o, char *why)
{
	struct gw_conf	*conf;

	why[0] = '\0';
	o->conf_file = file;
	o->conf_why = why;
	if (access(file, R_OK) == -1) {
		snprintf(why, WHY_SIZE, "%s: %s", file, strerror(errno));
		return (NULL);
	}
	/* only root can tell whose the secrets are */
	conf = conf_parse(file, geteuid() == 0, conf_line, why);
	o->conf_bad = conf == NULL;
	o->conf = conf;
	return (conf);
}

static void
print_finding(const struct finding *f)
{
	static const enum colour	 colours[FINDING_STATUSES] = {
		[FINDING_OK] = COLOUR_GREEN,
		[FINDING_WARN] = COLOUR_YELLOW,
		[FINDING_FAIL] = COLOUR_RED,
		[FINDING_SKIP] = COLOUR_NONE
	};
	enum colour			 c = colours[f->status];

	printf("%s%-4s%s  %s%s%s\n", colour_on(c),
	    finding_status_name(f->status), colour_off(c),
	    f->tunnel != NULL ? f->tunnel : "",
	    f->tunnel != NULL ? ": " : "", f->summary);
	if (f->evidence != NULL)
		printf("      %s\n", f->evidence);
	if (f->remedy != NULL)
		printf("      remedy: %s\n", f->remedy);
}

static void
print_report(const struct report *r)
{
	const struct finding	*f;
	unsigned int		 i;

	TAILQ_FOREACH(f, &r->findings, entry)
		print_finding(f);
	printf("\n");
	for (i = 0; i < FINDING_STATUSES; i++)
		printf("%s%u %s", i > 0 ? ", " : "", r->count[i],
		    finding_status_name((enum finding_status)i));
	printf("\n");
}

static void
done(struct report *r, void *arg)
{
	struct run	*run = arg;
	char		*json;
	size_t		 len;

	if (run->json) {
		json = report_json(r, &len);
		fwrite(json, 1, len, stdout);
		free(json);
	} else
		print_report(r);
	run->code = r->count[FINDING_FAIL] > 0 ? EXIT_FAILED : EXIT_OK;
	report_free(r);
}

int
doctor_command(const char *file, int json)
{
	struct doctor_options	 o = { .daemon = 0 };
	struct run		 run = { json, EXIT_FAILED };
	struct event_base	*base;
	struct gw_conf		*conf;
	char			 why[WHY_SIZE];

	if ((base = event_base_new()) == NULL)
		client_fail(EXIT_FAILED, "event_base_new");
	conf = read_conf(file, &o, why);
	doctor_run(base, &o, done, &run);
	event_base_dispatch(base);
	event_base_free(base);
	conf_free(conf);
	return (run.code);
}
