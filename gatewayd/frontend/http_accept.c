/*
 * Content negotiation: see http_accept.h.  Pure; runs in the frontend
 * (_gatewayd, chroot).
 */
#include <string.h>
#include <strings.h>

#include "http_accept.h"

#define QUALITY_ONE	1000

struct span {
	const char	*s;
	size_t		 len;
};

static int
is_blank(char c)
{
	return (c == ' ' || c == '\t');
}

static struct span
trimmed(struct span s)
{
	while (s.len > 0 && is_blank(s.s[0])) {
		s.s++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.s[s.len - 1]))
		s.len--;
	return (s);
}

/* takes off what stands in front of the separator, which may be quoted */
static struct span
take(struct span *rest, char separator)
{
	struct span part = *rest;
	size_t i;
	int quoted = 0;

	for (i = 0; i < rest->len; i++) {
		if (rest->s[i] == '"')
			quoted = !quoted;
		else if (quoted && rest->s[i] == '\\')
			i++;
		else if (!quoted && rest->s[i] == separator)
			break;
	}
	if (i > rest->len)
		i = rest->len;
	part.len = i;
	if (i < rest->len)
		i++;
	rest->s += i;
	rest->len -= i;
	return (trimmed(part));
}

static int
is_word(struct span s, const char *word)
{
	return (s.len == strlen(word) && strncasecmp(s.s, word, s.len) == 0);
}

/* "0.5", "1", "1.000" in thousandths; -1 if it is none */
static int
quality(struct span s)
{
	size_t i;
	int q, weight = 100;

	if (s.len == 0 || s.len > 5 || (s.s[0] != '0' && s.s[0] != '1') ||
	    (s.len > 1 && s.s[1] != '.'))
		return (-1);
	q = (s.s[0] - '0') * QUALITY_ONE;
	for (i = 2; i < s.len; i++, weight /= 10) {
		if (s.s[i] < '0' || s.s[i] > '9')
			return (-1);
		q += (s.s[i] - '0') * weight;
	}
	return (q <= QUALITY_ONE ? q : -1);
}

/* the precedence of "text/plain", 0 if it is another type */
static int
match_type(const struct accept_type *t, struct span range)
{
	struct span type = take(&range, '/'), subtype = trimmed(range);

	if (is_word(type, "*") && is_word(subtype, "*"))
		return (ACCEPT_ANY);
	if (!is_word(type, t->type))
		return (0);
	if (is_word(subtype, "*"))
		return (ACCEPT_TYPE);
	return (is_word(subtype, t->subtype) ? ACCEPT_SUBTYPE : 0);
}

static struct span
unquoted(struct span s)
{
	if (s.len >= 2 && s.s[0] == '"' && s.s[s.len - 1] == '"') {
		s.s++;
		s.len -= 2;
	}
	return (s);
}

/* one range with its parameters: its precedence and quality; 0 if it does not
 * match */
static int
match_range(const struct accept_type *t, struct span range, int *q)
{
	struct span param, name;
	int precedence = match_type(t, take(&range, ';'));

	*q = QUALITY_ONE;
	while (range.len > 0 && precedence > 0) {
		param = take(&range, ';');
		name = take(&param, '=');
		if (is_word(name, "q")) {
			if ((*q = quality(trimmed(param))) == -1)
				return (0);
		} else if (is_word(name, "version")) {
			if (!is_word(unquoted(trimmed(param)), t->version))
				return (0);
			if (precedence == ACCEPT_SUBTYPE)
				precedence = ACCEPT_VERSION;
		}
	}
	return (precedence);
}

void
accept_add(struct accept_type *t, const char *value, size_t len)
{
	struct span rest = { value, len };
	int precedence, q;

	while (rest.len > 0) {
		precedence = match_range(t, take(&rest, ','), &q);
		if (precedence <= t->precedence)
			continue;
		t->precedence = precedence;
		t->quality = q;
	}
}
