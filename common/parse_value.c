/*
 * Values that many keys share: words, numbers, durations, ranges, lists,
 * names and paths.  No I/O; runs wherever a configuration is read.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>

#include "parse.h"
#include "util.h"

/* set_word() fills any of the model's enums through an int */
_Static_assert(sizeof(enum gw_type) == sizeof(int), "enums are ints");

#define ACCOUNT_MAX	31	/* useradd(8) */

static const struct {
	const char	*name;
	uint32_t	 ms;
} units[] = {
	{ "h", 60 * 60 * 1000 }, { "m", 60 * 1000 }, { "s", 1000 }, { "ms", 1 }
};
#define NUNITS	(sizeof(units) / sizeof(units[0]))

/* decimal digits of an uint32_t and nothing else; 0 or -1 */
int
parse_number(const char *text, uint32_t *number)
{
	const char *error;
	long long n;

	if (!isdigit((unsigned char)text[0]))
		return (-1);
	n = strtonum(text, 0, UINT32_MAX, &error);
	if (error != NULL)
		return (-1);
	*number = (uint32_t)n;
	return (0);
}

/* the first len characters are a number and a unit; 0 or -1 */
int
parse_duration(const char *text, size_t len, uint32_t *ms)
{
	uint64_t n = 0;
	size_t i, u;

	for (i = 0; i < len && isdigit((unsigned char)text[i]); i++)
		if ((n = n * 10 + (uint64_t)(text[i] - '0')) > UINT32_MAX)
			return (-1);
	if (i == 0)
		return (-1);
	for (u = 0; u < NUNITS; u++)
		if (strlen(units[u].name) == len - i &&
		    strncmp(text + i, units[u].name, len - i) == 0)
			break;
	if (u == NUNITS || n * units[u].ms > UINT32_MAX)
		return (-1);
	*ms = (uint32_t)(n * units[u].ms);
	return (0);
}

/* in the largest unit that needs no fraction */
const char *
duration_text(char buf[DURATION_SIZE], uint32_t ms)
{
	size_t u;

	if (ms == 0)
		return ("0s");
	for (u = 0; u < NUNITS - 1 && ms % units[u].ms != 0; u++)
		;
	snprintf(buf, DURATION_SIZE, "%u%s", ms / units[u].ms, units[u].name);
	return (buf);
}

/* digits and a percent sign; 0 or -1 */
int
parse_percent(const char *text, uint32_t *percent)
{
	char digits[4];
	size_t len = strlen(text);

	if (len < 2 || len > sizeof(digits) || text[len - 1] != '%')
		return (-1);
	strlcpy(digits, text, len);
	return (parse_number(digits, percent));
}

/* ADDRESS/LEN, both IPv6; 0 or -1 */
int
parse_prefix(const char *text, struct in6_addr *addr, uint8_t *len)
{
	char buf[INET6_ADDRSTRLEN];
	const char *slash = strchr(text, '/');
	uint32_t n;

	if (slash == NULL || (size_t)(slash - text) >= sizeof(buf))
		return (-1);
	strlcpy(buf, text, (size_t)(slash - text) + 1);
	if (inet_pton(AF_INET6, buf, addr) != 1 ||
	    parse_number(slash + 1, &n) == -1 || n > 128)
		return (-1);
	*len = (uint8_t)n;
	return (0);
}

void
replace_string(char **string, const char *text)
{
	free(*string);
	*string = xstrdup(text);
}

void
strings_add(struct gw_strings *strings, const char *text)
{
	struct gw_string *string = xcalloc(1, sizeof(*string));

	string->text = xstrdup(text);
	TAILQ_INSERT_TAIL(strings, string, entry);
}

void
list_start(struct parse *p, struct list *list)
{
	list->text = p->value;
	list->next = 0;
	list->count = 0;
	list->at = p->at;
	p->value = list->item;
}

/* nonzero if there is an item; errors about it show it and its column */
int
list_next(struct parse *p, struct list *list)
{
	static const char separators[] = ", \t";
	const char *s;
	size_t len;

	list->next += strspn(list->text + list->next, separators);
	s = list->text + list->next;
	p->at = list->at;
	p->at.at.col += (uint32_t)list->next;
	len = strcspn(s, separators);
	memcpy(list->item, s, len);
	list->item[len] = '\0';
	list->next += len;
	list->count += len > 0;
	return (len > 0);
}

void
set_flag(struct parse *p, void *field)
{
	static const char *const words[] = {
		"no", "yes", "false", "true", "off", "on", NULL
	};
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], p->value) != 0)
			continue;
		*(int *)field = i % 2;
		return;
	}
	value_error(p, nearest(p->value, words), "is not a yes or no; "
	    "allowed are yes, true, on, no, false and off");
}

void
set_word(struct parse *p, void *field)
{
	const char *const *words = p->key->words;
	char list[128] = "";
	int i;

	for (i = 0; words[i] != NULL; i++) {
		if (strcmp(words[i], p->value) == 0) {
			memcpy(field, &i, sizeof(i));	/* any enum */
			return;
		}
		if (i > 0)
			strlcat(list, ", ", sizeof(list));
		strlcat(list, words[i], sizeof(list));
	}
	value_error(p, nearest(p->value, words), "is unknown; allowed are %s",
	    list);
}

/* a number in the key's limits; 0, or -1 after an error */
static int
number_in_limits(struct parse *p, uint32_t *n)
{
	if (parse_number(p->value, n) == 0 && *n >= p->key->min &&
	    *n <= p->key->max)
		return (0);
	value_error(p, NULL, "is not a number in range; allowed is %u to %u",
	    p->key->min, p->key->max);
	return (-1);
}

void
set_u8(struct parse *p, void *field)
{
	uint32_t n;

	if (number_in_limits(p, &n) == 0)
		*(uint8_t *)field = (uint8_t)n;
}

void
set_u16(struct parse *p, void *field)
{
	uint32_t n;

	if (number_in_limits(p, &n) == 0)
		*(uint16_t *)field = (uint16_t)n;
}

void
set_u32(struct parse *p, void *field)
{
	uint32_t n;

	if (number_in_limits(p, &n) == 0)
		*(uint32_t *)field = n;
}

void
set_percent(struct parse *p, void *field)
{
	uint32_t n;

	if (parse_percent(p->value, &n) == 0 && n >= p->key->min &&
	    n <= p->key->max)
		*(uint32_t *)field = n;
	else
		value_error(p, NULL, "is not a percentage in range; allowed "
		    "is %u%% to %u%%", p->key->min, p->key->max);
}

/* 0, or -1 after an error about text, which is all or part of the value */
static int
duration_in_limits(struct parse *p, const char *text, size_t len,
    uint32_t *ms)
{
	char min[DURATION_SIZE], max[DURATION_SIZE];

	if (parse_duration(text, len, ms) == -1) {
		value_error(p, NULL, "is not a duration; a duration is a "
		    "number and ms, s, m or h");
		return (-1);
	}
	if (*ms < p->key->min || *ms > p->key->max) {
		value_error(p, NULL, "is out of range; allowed is %s to %s",
		    duration_text(min, p->key->min),
		    duration_text(max, p->key->max));
		return (-1);
	}
	return (0);
}

void
set_duration(struct parse *p, void *field)
{
	uint32_t ms;

	if (duration_in_limits(p, p->value, strlen(p->value), &ms) == 0)
		*(uint32_t *)field = ms;
}

/* MIN..MAX, or one duration for both */
void
set_range(struct parse *p, void *field)
{
	uint32_t ms[2];
	const char *dots = strstr(p->value, ".."), *second;

	second = dots == NULL ? p->value : dots + 2;
	if (dots == NULL)
		dots = p->value + strlen(p->value);
	if (duration_in_limits(p, p->value, (size_t)(dots - p->value),
	    &ms[0]) == -1 ||
	    duration_in_limits(p, second, strlen(second), &ms[1]) == -1)
		return;
	if (ms[0] > ms[1])
		value_error(p, NULL, "is a range from long to short; "
		    "allowed is MIN..MAX");
	else
		memcpy(field, ms, sizeof(ms));
}

void
set_text(struct parse *p, void *field)
{
	if (strlen(p->value) <= p->key->max)
		replace_string(field, p->value);
	else
		value_error(p, NULL, "is too long; allowed are %u bytes",
		    p->key->max);
}

/* relative paths would depend on where the daemon was started */
void
set_path(struct parse *p, void *field)
{
	if (p->value[0] != '/')
		value_error(p, NULL, "is not an absolute path; a path starts "
		    "with /");
	else if (p->key->max != 0 && strlen(p->value) > p->key->max)
		value_error(p, NULL, "is too long for a socket's path; "
		    "allowed are %u bytes", p->key->max);
	else
		replace_string(field, p->value);
}

void
set_account(struct parse *p, void *field)
{
	const char *s = p->value;
	size_t len = strlen(s);

	if (len > ACCOUNT_MAX || !(isalpha((unsigned char)*s) || *s == '_') ||
	    strspn(s, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789_.-") != len)
		value_error(p, NULL, "is not an account's name; allowed are "
		    "1 to %d of a-z, A-Z, 0-9, _, . and -, the first a letter "
		    "or _", ACCOUNT_MAX);
	else
		replace_string(field, s);
}

void
set_digits(struct parse *p, void *field)
{
	size_t len = strlen(p->value);

	if (len > p->key->max || strspn(p->value, "0123456789") != len)
		value_error(p, NULL, "is not a number; allowed are 1 to %u "
		    "digits", p->key->max);
	else
		replace_string(field, p->value);
}
