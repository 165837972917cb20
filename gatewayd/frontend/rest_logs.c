/*
 * GET /logs: the last log records of all processes.  Runs in the frontend
 * (_gatewayd, chroot).
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "logs.h"
#include "rest_logs.h"


/* digits alone, and no more than max */
static int
number(const char *s, unsigned long long max, uint64_t *n)
{
	if (*s == '\0' || s[strspn(s, "0123456789")] != '\0')
		return (-1);
	errno = 0;
	*n = strtoull(s, NULL, 10);
	return (errno != 0 || *n > max ? -1 : 0);
}

const char *
check_since(const char *value)
{
	uint64_t	 n;

	if (number(value, INT64_MAX, &n) == -1)
		return ("since is the id of a record: 0, or what \"next\" "
		    "said");
	return (NULL);
}

const char *
check_level(const char *value)
{
	enum log_level	 level;

	if (log_level_parse(value, &level) == -1)
		return ("level is error, warn, info or debug");
	return (NULL);
}

const char *
check_limit(const char *value)
{
	uint64_t	 n;

	if (number(value, LOGS_KEPT, &n) == -1 || n == 0)
		return ("limit is a number from 1 to 1000");
	return (NULL);
}

void
get_logs(const struct rest_query *q, struct rest_answer *a)
{
	const char	*value;
	enum log_level	 level = LL_DEBUG;
	uint64_t	 since = 0, limit = LOGS_LIMIT;
	int		 after = 0;

	if ((value = rest_value(q, 0)) != NULL)
		after = number(value, INT64_MAX, &since) == 0;
	if ((value = rest_value(q, 1)) != NULL)
		log_level_parse(value, &level);
	if ((value = rest_value(q, 2)) != NULL)
		number(value, LOGS_KEPT, &limit);
	rest_answer_text(a, "application/json", json_logs(after ? &since :
	    NULL, level, (unsigned int)limit));
}
