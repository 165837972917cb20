/*
 * What the doctor found: a list of findings, and the document /doctor shows.
 * Runs in the doctor (_gwrelay, Landlock) and in gatewayctl.
 */
#ifndef GW_REPORT_H
#define GW_REPORT_H

#include <sys/queue.h>
#include <stddef.h>
#include <stdint.h>

enum finding_status {
	FINDING_OK,
	FINDING_WARN,
	FINDING_FAIL,
	FINDING_SKIP,		/* it could not be looked at */
	FINDING_STATUSES
};

struct finding {
	TAILQ_ENTRY(finding)	 entry;
	unsigned int		 order;		/* place in the report */
	enum finding_status	 status;
	const char		*id;		/* "route.default" */
	char			*tunnel;	/* NULL: none in particular */
	/* printable ASCII each, one line; the last two may be NULL */
	char			*summary;
	char			*evidence;
	char			*remedy;
};
TAILQ_HEAD(findings, finding);

struct report {
	struct findings		 findings;
	unsigned int		 count[FINDING_STATUSES];
	uint64_t		 time;		/* Unix seconds */
};

/* empty; report_free() frees it with its findings */
struct report	*report_new(void);
void		 report_free(struct report *);
/*
 * Adds a finding behind all of a lower or the same order; it belongs to the
 * report.  id must outlive it.  Bytes that are no printable ASCII (names of
 * programs, answers of servers) become '?'; 768
 * bytes are kept.
 */
struct finding	*report_add(struct report *, unsigned int order,
		    enum finding_status, const char *id, const char *tunnel,
		    const char *fmt, ...)
		    __attribute__((format(printf, 6, 7)));
/* each once, or again: the later text replaces the earlier one */
void		 finding_evidence(struct finding *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));
void		 finding_remedy(struct finding *, const char *fmt, ...)
		    __attribute__((format(printf, 2, 3)));

/* "ok", "warn", "fail", "skip" */
const char	*finding_status_name(enum finding_status);
/* compact JSON and a newline, to be freed; *len its bytes */
char		*report_json(const struct report *, size_t *len);

#endif
