/*
 * Findings and their document.  Runs in the doctor (_gwrelay, Landlock) and
 * in gatewayctl.
 */
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "report.h"
#include "util.h"

struct report *
report_new(void)
{
	struct report	*r = xcalloc(1, sizeof(*r));

	TAILQ_INIT(&r->findings);
	r->time = unix_time();
	return (r);
}

void
report_free(struct report *r)
{
	struct finding	*f;

	while ((f = TAILQ_FIRST(&r->findings)) != NULL) {
		TAILQ_REMOVE(&r->findings, f, entry);
		free(f->tunnel);
		free(f->summary);
		free(f->evidence);
		free(f->remedy);
		free(f);
	}
	free(r);
}

#define TEXT_MAX	768	/* of a path or a name that is too long */

static char * __attribute__((format(printf, 1, 0)))
text(const char *fmt, va_list ap)
{
	char	*s, *p;

	if (vasprintf(&s, fmt, ap) == -1)
		fatal("vasprintf");
	if (strlen(s) > TEXT_MAX)
		s[TEXT_MAX] = '\0';
	for (p = s; *p != '\0'; p++)
		if (*p < ' ' || *p > '~')
			*p = '?';
	return (s);
}

struct finding *
report_add(struct report *r, unsigned int order, enum finding_status status,
    const char *id, const char *tunnel, const char *fmt, ...)
{
	struct finding	*f = xcalloc(1, sizeof(*f)), *before;
	va_list		 ap;

	f->order = order;
	f->status = status;
	f->id = id;
	f->tunnel = xstrdup0(tunnel);
	va_start(ap, fmt);
	f->summary = text(fmt, ap);
	va_end(ap);
	/* answers come late, and in any order */
	TAILQ_FOREACH_REVERSE(before, &r->findings, findings, entry)
		if (before->order <= order)
			break;
	if (before != NULL)
		TAILQ_INSERT_AFTER(&r->findings, before, f, entry);
	else
		TAILQ_INSERT_HEAD(&r->findings, f, entry);
	r->count[status]++;
	return (f);
}

void
finding_evidence(struct finding *f, const char *fmt, ...)
{
	va_list	 ap;

	free(f->evidence);
	va_start(ap, fmt);
	f->evidence = text(fmt, ap);
	va_end(ap);
}

void
finding_remedy(struct finding *f, const char *fmt, ...)
{
	va_list	 ap;

	free(f->remedy);
	va_start(ap, fmt);
	f->remedy = text(fmt, ap);
	va_end(ap);
}

const char *
finding_status_name(enum finding_status status)
{
	static const char *const	 names[FINDING_STATUSES] = {
		"ok", "warn", "fail", "skip"
	};

	return (names[status]);
}

static json_t *
string_or_null(const char *s)
{
	return (s != NULL ? json_string(s) : json_null());
}

/* an object's keys keep their order: jansson sorts only when told to */
static json_t *
finding_json(const struct finding *f)
{
	json_t	*o = json_object();

	json_object_set_new(o, "id", json_string(f->id));
	json_object_set_new(o, "tunnel", string_or_null(f->tunnel));
	json_object_set_new(o, "status",
	    json_string(finding_status_name(f->status)));
	json_object_set_new(o, "summary", json_string(f->summary));
	json_object_set_new(o, "evidence", string_or_null(f->evidence));
	json_object_set_new(o, "remedy", string_or_null(f->remedy));
	return (o);
}

char *
report_json(const struct report *r, size_t *len)
{
	const struct finding	*f;
	json_t			*root = json_object(), *checks = json_array();
	char			*s;
	unsigned int		 i;

	TAILQ_FOREACH(f, &r->findings, entry)
		json_array_append_new(checks, finding_json(f));
	json_object_set_new(root, "checks", checks);
	for (i = 0; i < FINDING_STATUSES; i++)
		json_object_set_new(root,
		    finding_status_name((enum finding_status)i),
		    json_integer(r->count[i]));
	json_object_set_new(root, "time", json_integer((json_int_t)r->time));
	if ((s = json_dumps(root, JSON_COMPACT)) == NULL)
		fatalx("json_dumps");
	json_decref(root);
	*len = strlen(s);
	s = realloc(s, *len + 2);
	if (s == NULL)
		fatal("realloc");
	memcpy(s + (*len)++, "\n", 2);
	return (s);
}
