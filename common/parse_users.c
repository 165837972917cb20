/*
 * The password_file of [exposure.socks5]: lines of user:password, empty ones,
 * and comments that begin with #.  Runs where a configuration is read, with
 * the right of whoever reads it; the text is wiped at once, and the model has
 * salted hashes.
 */
#include <errno.h>
#include <stdlib.h>

#include "file.h"
#include "parse.h"
#include "util.h"

static int
users_have(const struct gw_exposure *e, const char *name)
{
	const struct gw_user *user;

	TAILQ_FOREACH(user, &e->users, entry)
		if (strcmp(user->name, name) == 0)
			return (1);
	return (0);
}

/* what is wrong with a line, without its text, which may be a password */
static const char *
line_error(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (memchr(line, '\0', len) != NULL)
		return ("has a NUL in it");
	if (colon == NULL)
		return ("has no colon");
	if (colon == line)
		return ("has no user before the colon");
	if (colon == line + len - 1)
		return ("has no password behind the colon");
	if (colon - line > GW_USER_MAX || line + len - colon - 1 > GW_USER_MAX)
		return ("is too long; a user and a password have 255 bytes "
		    "at most");
	return (NULL);
}

static void
read_line(struct parse *p, const char *line, size_t len,
    const struct place *place)
{
	struct gw_exposure *e = &p->conf->exposure;
	const char *why = line_error(line, len);
	struct gw_user *user;
	size_t n;

	if (why != NULL) {
		parse_error(p, place, "the line %s; allowed is user:password",
		    why);
		return;
	}
	user = xcalloc(1, sizeof(*user));
	n = (size_t)((const char *)memchr(line, ':', len) - line);
	memcpy(user->name, line, n);
	if (users_have(e, user->name)) {
		parse_error(p, place, "the user \"%.60s\" is there already; "
		    "each has one line", user->name);
		free(user);
		return;
	}
	salted_make(&user->password, line + n + 1, len - n - 1);
	TAILQ_INSERT_TAIL(&e->users, user, entry);
	e->nusers++;
}

static void
read_lines(struct parse *p, const char *text, size_t len)
{
	struct place place = { p->conf->exposure.password_file, { 0, 1 } };
	const char *end = text + len, *nl;
	size_t n;

	for (; text < end; text = nl + 1) {
		if ((nl = memchr(text, '\n', (size_t)(end - text))) == NULL)
			nl = end;
		place.at.line++;
		n = (size_t)(nl - text);
		if (n > 0 && text[n - 1] == '\r')
			n--;
		if (n == 0 || *text == '#')
			continue;
		if (p->conf->exposure.nusers == GW_USERS_MAX) {
			parse_error(p, &place, "one user too many; allowed are "
			    "%d", GW_USERS_MAX);
			return;
		}
		read_line(p, text, n, &place);
	}
}

void
check_users(struct parse *p, const struct section *section)
{
	const struct place *place;
	const struct gw_exposure *e = &p->conf->exposure;
	unsigned int nerrors = p->nerrors;
	const char *why;
	struct stat st;
	size_t len;
	char *text;

	if (section == NULL ||
	    (place = key_valid(section, "password_file")) == NULL)
		return;
	if ((text = file_read(e->password_file, FILE_MIB, &st, &len,
	    &why)) == NULL) {
		read_failed(p, place, "password_file", e->password_file, why,
		    "file of user:password lines");
		return;
	}
	read_lines(p, text, len);
	freezero(text, len);
	if (e->nusers == 0 && p->nerrors == nerrors)
		parse_error(p, place, "password_file: \"%s\" names no user; "
		    "needed are lines of user:password", e->password_file);
}
