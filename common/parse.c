/*
 * Reads a configuration: files and includes, sections and keys, and every
 * error with its place.  Runs in the parent (start and reload) and in
 * gatewayctl check, with whatever right its user has to read the files.
 */
#include <stdarg.h>
#include <stdlib.h>

#include "file.h"
#include "log.h"
#include "parse.h"
#include "util.h"

#define REPORTS_MAX	1000	/* of each kind */
#define SHOWN_MAX	60	/* bytes of a value in a message */

static void	 read_include(struct parse *);

/* a piece of hostile text for a message: short, cut between characters */
static const char *
shown(char buf[SHOWN_MAX + 4], const char *text)
{
	size_t len = strlen(text);

	if (len <= SHOWN_MAX)
		return (text);
	for (len = SHOWN_MAX; len > 0 && (text[len] & 0xc0) == 0x80; len--)
		;
	memcpy(buf, text, len);
	memcpy(buf + len, "...", 4);
	return (buf);
}

const char *
hint_text(char buf[HINT_SIZE], const char *near)
{
	if (near == NULL)
		return ("");
	snprintf(buf, HINT_SIZE, "; did you mean \"%s\"?", near);
	return (buf);
}

const char *
known_text(char buf[KNOWN_SIZE], const char *const *words, const char *word)
{
	char hint[HINT_SIZE];
	size_t i;

	strlcpy(buf, "known are ", KNOWN_SIZE);
	for (i = 0; words[i] != NULL; i++) {
		if (i > 0)
			strlcat(buf, ", ", KNOWN_SIZE);
		strlcat(buf, words[i], KNOWN_SIZE);
	}
	strlcat(buf, hint_text(hint, nearest(word, words)), KNOWN_SIZE);
	return (buf);
}

void
parse_report(struct parse *p, enum log_level level, const struct place *place,
    const char *text)
{
	unsigned int *n = level == LL_ERROR ? &p->nerrors : &p->nnotes;
	char *line;

	/* a file full of rubbish must not fill the log */
	if (++*n > REPORTS_MAX) {
		if (*n > REPORTS_MAX + 1)
			return;
		text = level == LL_ERROR ?
		    "too many errors; the others are not shown" :
		    "too many notes; the others are not shown";
	}
	if (asprintf(&line, "%s:%u:%u: %s%s", place->file, place->at.line,
	    place->at.col, level == LL_ERROR ? "" : "note: ", text) == -1)
		fatal("asprintf");
	p->report(p->arg, level, line);
	free(line);
}

static void __attribute__((format(printf, 4, 0)))
vreport(struct parse *p, enum log_level level, const struct place *place,
    const char *fmt, va_list ap)
{
	char *text;

	if (vasprintf(&text, fmt, ap) == -1)
		fatal("vasprintf");
	parse_report(p, level, place, text);
	free(text);
}

void
parse_error(struct parse *p, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(p, LL_ERROR, place, fmt, ap);
	va_end(ap);
}

void
parse_note(struct parse *p, const struct place *place, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vreport(p, LL_INFO, place, fmt, ap);
	va_end(ap);
}

void
value_error(struct parse *p, const char *near, const char *fmt, ...)
{
	char buf[SHOWN_MAX + 4], hint[HINT_SIZE], *text;
	va_list ap;

	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) == -1)
		fatal("vasprintf");
	va_end(ap);
	parse_error(p, &p->at, "%s: \"%s\" %s%s", p->key->name,
	    shown(buf, p->value), text, hint_text(hint, near));
	free(text);
}

static const struct place *
key_place(const struct section *section, const char *name, uint32_t mask)
{
	const struct key *key;
	size_t i;

	for (i = 0; (key = &section->type->keys[i])->name != NULL; i++)
		if (strcmp(key->name, name) == 0)
			return (mask & 1U << i ? &section->keys[i] : NULL);
	fatalx("no key %s in [%s]", name, section->type->name);
}

const struct place *
key_given(const struct section *section, const char *name)
{
	return (key_place(section, name, section->given));
}

const struct place *
key_valid(const struct section *section, const char *name)
{
	return (key_place(section, name, section->given & ~section->bad));
}

static struct place
place_at(const struct parse *p, struct ini_at at)
{
	struct place place = { p->file, at };

	return (place);
}

/* [name] is the type, or for one of many "type.x": its x, else NULL */
static const char *
section_match(const struct section_type *type, const char *name)
{
	size_t len = strlen(type->name);

	if (strncmp(name, type->name, len) != 0)
		return (NULL);
	name += len;
	if (type->flags & SECTION_MANY)
		return (*name == '.' ? name + 1 : NULL);
	return (*name == '\0' ? name : NULL);
}

/* the nearest section, also if only the part before the dot is near one */
static void
section_unknown(struct parse *p, const struct place *place, const char *name)
{
	static const char *const words[] = {
		"core", "health", "failover", "tunnel", "exposure",
		"exposure.socks5", "exposure.limits", "exposure.proxy",
		"port", NULL
	};
	char head[SHOWN_MAX + 4], buf[SHOWN_MAX + 4], hint[HINT_SIZE];
	const char *near;

	snprintf(head, sizeof(head), "%.*s", (int)strcspn(name, "."), name);
	if ((near = nearest(name, words)) == NULL)
		near = nearest(head, words);
	if (near != NULL && strcmp(near, section_tunnel->name) == 0)
		near = "tunnel.NAME";
	else if (near != NULL && strcmp(near, section_port->name) == 0)
		near = "port.NAME";
	parse_error(p, place, "unknown section [%s]; known are [core], "
	    "[health], [failover], [tunnel.NAME], [exposure], "
	    "[exposure.socks5], [exposure.limits], [exposure.proxy] and "
	    "[port.NAME]%s",
	    shown(buf, name), hint_text(hint, near));
}

/* names end up in paths of the API and in logs: nothing to quote there */
static int
name_valid(const struct section_type *type, const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= GW_NAME_SIZE)
		return (0);
	return (strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-"
	    /* a port's name is only a label */
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == len &&
	    (type != section_tunnel ||
	    strpbrk(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == NULL));
}

static void
add_tunnel(struct parse *p, struct section *section, const char *name)
{
	struct gw_tunnel *tun = conf_tunnel_new(name);

	tun->id = ++p->conf->ntunnels;
	TAILQ_INSERT_TAIL(&p->conf->tunnels, tun, entry);
	section->base = tun;
}

static void
add_port(struct parse *p, struct section *section, const char *name)
{
	struct gw_port *port = xcalloc(1, sizeof(*port));

	strlcpy(port->name, name, sizeof(port->name));
	p->nports++;
	TAILQ_INSERT_TAIL(&p->conf->ports, port, entry);
	section->base = port;
}

static struct section *
section_find(struct parse *p, const char *name)
{
	struct section *section;

	TAILQ_FOREACH(section, &p->sections, entry)
		if (strcmp(section->name, name) == 0)
			return (section);
	return (NULL);
}

/* base is the configuration; one of many gets its own after this */
static struct section *
section_new(struct parse *p, const struct section_type *type,
    const char *name, const struct place *place)
{
	struct section *section = xcalloc(1, sizeof(*section));

	section->type = type;
	section->name = xstrdup(name);
	section->at = *place;
	section->base = p->conf;
	TAILQ_INSERT_TAIL(&p->sections, section, entry);
	return (section);
}

/* [tunnel.x], [port.x]: checks x; NULL after an error */
static struct section *
section_many(struct parse *p, const struct section_type *type,
    const char *name, const char *x, const struct place *place)
{
	struct section *section, *other;
	char buf[SHOWN_MAX + 4];

	if (!name_valid(type, x)) {
		parse_error(p, place, "bad name in [%s]; allowed are 1 to %d "
		    "of a-z, %s0-9, _ and -", shown(buf, name),
		    GW_NAME_SIZE - 1, type == section_tunnel ? "" : "A-Z, ");
		return (NULL);
	}
	if (type == section_tunnel ? p->conf->ntunnels == GW_TUNNELS_MAX :
	    p->nports == GW_PORTS_MAX) {
		parse_error(p, place, "too many [%s.NAME] sections; "
		    "allowed are %d", type->name, type == section_tunnel ?
		    GW_TUNNELS_MAX : GW_PORTS_MAX);
		return (NULL);
	}
	other = section_find(p, name);
	section = section_new(p, type, name, place);
	if (type == section_tunnel)
		add_tunnel(p, section, x);
	else
		add_port(p, section, x);
	if (other != NULL) {
		section->twice = 1;
		parse_error(p, place, "[%s] again; it is already at %s:%u",
		    name, other->at.file, other->at.at.line);
	}
	return (section);
}

/*
 * A section may come again, from an include or further down, and then goes
 * on; only [tunnel.x] and [port.x] are things of their own.
 */
static void
on_section(void *arg, const char *name, struct ini_at at)
{
	const struct section_type *type;
	struct parse *p = arg;
	struct place place = place_at(p, at);
	const char *x = NULL;

	p->section = NULL;
	p->skip = 1;
	if (name == NULL)
		return;
	for (type = section_types; type->name != NULL; type++)
		if ((x = section_match(type, name)) != NULL)
			break;
	if (type->name == NULL)
		section_unknown(p, &place, name);
	else if (type->flags & SECTION_MANY)
		p->section = section_many(p, type, name, x, &place);
	else if ((p->section = section_find(p, name)) == NULL)
		p->section = section_new(p, type, name, &place);
}

static void
key_unknown(struct parse *p, const struct place *place, const char *name)
{
	const struct key *keys = p->section->type->keys;
	char buf[SHOWN_MAX + 4], known[KNOWN_SIZE];
	const char *words[KEYS_MAX + 1];
	size_t i;

	for (i = 0; keys[i].name != NULL; i++)
		words[i] = keys[i].name;
	words[i] = NULL;
	parse_error(p, place, "unknown key \"%s\" in [%s]; %s",
	    shown(buf, name), p->section->name,
	    known_text(known, words, name));
}

/* remembers where the key stands, for errors found later */
static void
set_key(struct parse *p, const struct key *key, const struct ini_pair *pair)
{
	struct section *section = p->section;
	size_t i = (size_t)(key - section->type->keys);
	struct place at = place_at(p, pair->key_at);
	unsigned int nerrors;

	if (section->keys[i].at.line != 0 && !(key->flags & KEY_REPEAT)) {
		parse_error(p, &at, "%s: given twice; it is already at %s:%u",
		    key->name, section->keys[i].file,
		    section->keys[i].at.line);
		return;
	}
	section->keys[i] = at;
	if (pair->value[0] == '\0')
		return;
	section->keys[i].at = pair->value_at;
	section->given |= 1U << i;
	p->key = key;
	p->value = pair->value;
	p->at = section->keys[i];
	nerrors = p->nerrors;
	if (strlen(p->value) > VALUE_MAX)
		value_error(p, NULL, "is too long; allowed are %d bytes",
		    VALUE_MAX);
	else
		key->set(p, (char *)section->base + key->offset);
	if (p->nerrors != nerrors)
		section->bad |= 1U << i;
}

static void
on_pair(void *arg, const struct ini_pair *pair)
{
	static const struct key include = { .name = "include" };
	struct parse *p = arg;
	struct place place = place_at(p, pair->key_at);
	const struct key *key;
	char buf[SHOWN_MAX + 4];

	if (strcmp(pair->key, "include") == 0) {
		p->key = &include;
		p->value = pair->value;
		p->at = place_at(p, pair->value_at);
		if (pair->value[0] != '\0')
			read_include(p);
		return;
	}
	if (p->section == NULL) {
		if (!p->skip)
			parse_error(p, &place, "key \"%s\" outside of a "
			    "section; a [SECTION] comes first",
			    shown(buf, pair->key));
		return;
	}
	for (key = p->section->type->keys; key->name != NULL; key++)
		if (strcmp(key->name, pair->key) == 0)
			break;
	if (key->name == NULL)
		key_unknown(p, &place, pair->key);
	else
		set_key(p, key, pair);
}

static void
on_error(void *arg, struct ini_at at, const char *text)
{
	struct parse *p = arg;
	struct place place = place_at(p, at);

	parse_error(p, &place, "%s", text);
}

/* NULL, or why this file must not be taken (again) */
static const char *
source_error(struct parse *p, const struct stat *st)
{
	const struct source *source;

	for (source = p->sources; source < p->sources + p->nsources;
	    source++) {
		if (source->dev != st->st_dev || source->ino != st->st_ino)
			continue;
		return (source->open ? "includes itself" :
		    "was already included");
	}
	if (p->nsources == FILES_MAX)
		return ("is one file too many");
	return (NULL);
}

/* 0, or -1 with the reason in words */
static int
read_file(struct parse *p, const char *name, const char **why)
{
	static const struct ini_handler handler = {
		on_section, on_pair, on_error
	};
	struct source *source;
	struct stat st;
	char *buf;
	size_t len;

	if ((buf = file_read(name, FILE_MIB, &st, &len, why)) == NULL)
		return (-1);
	if ((*why = source_error(p, &st)) != NULL) {
		free(buf);
		return (-1);
	}
	strings_add(&p->conf->files, name);
	source = &p->sources[p->nsources++];
	/* by inode: a file has many names, through links and ".." */
	source->dev = st.st_dev;
	source->ino = st.st_ino;
	source->open = 1;
	p->file = TAILQ_LAST(&p->conf->files, gw_strings)->text;
	p->section = NULL;
	p->skip = 0;
	ini_scan(buf, len, &handler, p);
	source->open = 0;
	free(buf);
	return (0);
}

/* relative to the directory of the file that includes */
static char *
include_path(const struct parse *p)
{
	const char *slash = strrchr(p->file, '/');
	char *path;

	if (p->value[0] == '/' || slash == NULL)
		return (xstrdup(p->value));
	if (asprintf(&path, "%.*s/%s", (int)(slash - p->file), p->file,
	    p->value) == -1)
		fatal("asprintf");
	return (path);
}

static void
read_include(struct parse *p)
{
	struct section *section = p->section;
	const char *file = p->file, *value = p->value, *why;
	const struct key *key = p->key;
	struct place at = p->at;
	int error, skip = p->skip;
	char *path;

	if (p->depth == DEPTH_MAX) {
		value_error(p, NULL, "is nested too deep; allowed are %d "
		    "levels of include", DEPTH_MAX);
		return;
	}
	path = include_path(p);
	p->depth++;
	error = read_file(p, path, &why);
	p->depth--;
	free(path);
	/* the section goes on behind the include */
	p->file = file;
	p->key = key;
	p->value = value;
	p->at = at;
	p->skip = skip;
	p->section = section;
	if (error == -1)
		value_error(p, NULL, "%s; needed is a configuration file that "
		    "can be read, once", why);
}

static void
sections_free(struct parse *p)
{
	struct section *section;

	while ((section = TAILQ_FIRST(&p->sections)) != NULL) {
		TAILQ_REMOVE(&p->sections, section, entry);
		free(section->name);
		free(section);
	}
}

/* checks between keys follow even after errors: all are told in one run */
struct gw_conf *
conf_parse(const char *file, int check_secrets, conf_report_fn report,
    void *arg)
{
	struct parse *p = xcalloc(1, sizeof(*p));
	struct place place = { file, { 1, 1 } };
	struct gw_conf *conf;
	const char *why;

	TAILQ_INIT(&p->sections);
	p->conf = conf_new();
	p->report = report;
	p->arg = arg;
	p->check_secrets = check_secrets;
	if (read_file(p, file, &why) == -1)
		parse_error(p, &place, "%s; needed is a configuration file "
		    "that can be read", why);
	else
		check_all(p);
	conf = p->conf;
	if (p->nerrors > 0) {
		conf_free(conf);
		conf = NULL;
	}
	sections_free(p);
	free(p);
	return (conf);
}
