/*
 * Patterns of destinations: see pattern.h.  No I/O, no privilege.
 */
#include <arpa/inet.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "name.h"
#include "pattern.h"

/* a number of digits only, at most max; -1: it is none */
static long
parse_digits(const char *text, long max)
{
	unsigned long	 n;
	char		*end;

	if (!isdigit((unsigned char)*text))
		return (-1);
	n = strtoul(text, &end, 10);
	return (*end != '\0' || n > (unsigned long)max ? -1 : (long)n);
}

/* "192.0.2.0/24" or "2001:db8::/32"; without a length it is one address */
static int
parse_prefix(const char *text, struct gw_pattern *p)
{
	char	 buf[INET6_ADDRSTRLEN];
	size_t	 len = strcspn(text, "/");
	long	 bits;

	if (len >= sizeof(buf))
		return (-1);
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, &p->addr) == 1)
		p->family = AF_INET;
	else if (inet_pton(AF_INET6, buf, &p->addr) == 1)
		p->family = AF_INET6;
	else
		return (-1);
	bits = p->family == AF_INET ? 32 : 128;
	if (text[len] == '/' &&
	    (bits = parse_digits(text + len + 1, bits)) == -1)
		return (-1);
	p->len = (uint8_t)bits;
	return (0);
}

static int
parse_name(const char *text, struct gw_pattern *p)
{
	size_t	 i;

	if (strcmp(text, "*") == 0) {
		p->below = 1;
		return (0);
	}
	if (strncmp(text, "*.", 2) == 0 || *text == '.') {
		p->below = 1;
		text += *text == '.' ? 1 : 2;
	}
	if (name_error(text) != NULL || strlen(text) >= sizeof(p->name))
		return (-1);
	for (i = 0; text[i] != '\0'; i++)
		p->name[i] = (char)tolower((unsigned char)text[i]);
	/* the root's dot is no part of it */
	if (p->name[i - 1] == '.')
		p->name[i - 1] = '\0';
	return (0);
}

/* "[2001:db8::/32]", without the port that was behind it */
static int
parse_brackets(char *buf, struct gw_pattern *p)
{
	size_t	 len = strlen(buf);

	if (buf[len - 1] != ']')
		return (-1);
	buf[len - 1] = '\0';
	return (parse_prefix(buf + 1, p) == -1 || p->family != AF_INET6 ?
	    -1 : 0);
}

int
pattern_parse(const char *text, struct gw_pattern *p)
{
	char	 buf[PATTERN_NAME_SIZE + 8], *colon;
	long	 port;

	memset(p, 0, sizeof(*p));
	if (parse_prefix(text, p) == 0)
		return (0);
	if (strlcpy(buf, text, sizeof(buf)) >= sizeof(buf))
		return (-1);
	if ((colon = strrchr(buf, ':')) != NULL) {
		if ((port = parse_digits(colon + 1, 65535)) < 1)
			return (-1);
		p->port = (in_port_t)port;
		*colon = '\0';
		if (buf[0] == '[')
			return (parse_brackets(buf, p));
	}
	if (strchr(buf, ':') != NULL)
		return (-1);
	return (parse_prefix(buf, p) == 0 ? 0 : parse_name(buf, p));
}
