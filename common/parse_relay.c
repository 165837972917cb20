/*
 * Values of [exposure] and [exposure.socks5] that have a form of their own.  No
 * I/O; runs wherever a configuration is read.
 */
#include <arpa/inet.h>
#include <stdlib.h>

#include "addr.h"
#include "name.h"
#include "parse.h"
#include "pattern.h"
#include "util.h"

#define RULE_WORDS	4	/* PATTERN FAMILY via X */

void
set_modes(struct parse *p, void *field)
{
	const char *const *words = p->key->words;
	uint32_t i, modes = 0;
	struct list list;

	list_start(p, &list);
	while (list_next(p, &list)) {
		for (i = 0; words[i] != NULL; i++)
			if (strcmp(words[i], p->value) == 0)
				break;
		if (words[i] != NULL)
			modes |= 1U << i;
		else
			value_error(p, nearest(p->value, words), "is unknown; "
			    "allowed are kernel, proxy, socks5, or a list of "
			    "them");
	}
	if (list.count == 0)
		value_error(p, NULL, "names no mode; allowed are kernel, "
		    "proxy, socks5, or a list of them");
	*(uint32_t *)field = modes;
}

void
set_socks_bind(struct parse *p, void *field)
{
	struct sockaddr_storage ss;

	if (sockaddr_parse(p->value, &ss) == 0)
		replace_string(field, p->value);
	else
		value_error(p, NULL, "is not an address to listen on; allowed "
		    "are ADDRESS:PORT, [ADDRESS]:PORT and unix:PATH");
}

/* NAME:PORT */
static int
name_port_valid(const char *text)
{
	char name[GW_HOST_SIZE];
	uint16_t port;

	return (name_port(text, name, sizeof(name), &port) == 0 &&
	    name_error(name) == NULL);
}

void
set_upstream(struct parse *p, void *field)
{
	struct sockaddr_storage ss;

	if (strncmp(p->value, "unix:", 5) == 0)
		value_error(p, NULL, "is out of the relay's reach, whose root "
		    "folder is empty; allowed are ADDRESS:PORT, "
		    "[ADDRESS]:PORT and NAME:PORT");
	else if (sockaddr_parse(p->value, &ss) == 0 ||
	    name_port_valid(p->value))
		replace_string(field, p->value);
	else
		value_error(p, NULL, "is not a SOCKS5 server; allowed are "
		    "ADDRESS:PORT, [ADDRESS]:PORT and NAME:PORT");
}

void
set_destinations(struct parse *p, void *field)
{
	struct gw_pattern pattern;
	struct list list;
	size_t total = 0;

	list_start(p, &list);
	while (list_next(p, &list)) {
		/* ", " may be longer than what separates them here */
		total += strlen(p->value) + 2;
		if (total > VALUE_MAX) {
			value_error(p, NULL, "makes the list too long; "
			    "allowed are %d bytes", VALUE_MAX);
			return;
		}
		if (pattern_parse(p->value, &pattern) == 0)
			strings_add(field, p->value);
		else
			value_error(p, NULL, "is not a destination; allowed "
			    "are " PATTERN_FORMS);
	}
}

/* which tunnel "via" names is checked when all are known */
void
set_rule(struct parse *p, void *field)
{
	static const char *const families[] = {
		"any", "auto", "ipv6", "ipv4", "prefer-ipv4", NULL
	};
	struct gw_pattern pattern;
	char text[INI_LINE_MAX + 1], norm[INI_LINE_MAX + 1];
	char *words[RULE_WORDS], *last, *word;
	int i, n = 0;

	strlcpy(text, p->value, sizeof(text));
	for (word = strtok_r(text, " \t", &last); word != NULL;
	    word = strtok_r(NULL, " \t", &last)) {
		if (n < RULE_WORDS)
			words[n] = word;
		n++;
	}
	if ((n != 2 && n != 4) || (n == 4 && strcmp(words[2], "via") != 0)) {
		value_error(p, NULL, "is not a rule; allowed is PATTERN "
		    "FAMILY [via TUNNEL|upstream]");
		return;
	}
	if (pattern_parse(words[0], &pattern) == -1) {
		value_error(p, NULL, "has a bad pattern; allowed are "
		    PATTERN_FORMS);
		return;
	}
	for (i = 0; families[i] != NULL; i++)
		if (strcmp(families[i], words[1]) == 0)
			break;
	if (families[i] == NULL) {
		value_error(p, nearest(words[1], families), "has an unknown "
		    "family; allowed are any, auto, ipv6, ipv4 and "
		    "prefer-ipv4");
		return;
	}
	if (p->nrules == RULES_MAX) {
		value_error(p, NULL, "is one rule too many; allowed are %d",
		    RULES_MAX);
		return;
	}
	snprintf(norm, sizeof(norm), "%s %s%s%s", words[0], words[1],
	    n == 4 ? " via " : "", n == 4 ? words[3] : "");
	strings_add(field, norm);
	p->rules[p->nrules++] = p->at;
}
