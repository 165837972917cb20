/*
 * The wg-quick file of a [tunnel.NAME] of type wireguard: reads what conf
 * names, and takes from it what the section does not say itself.  Runs where
 * a configuration is read, with the right of whoever reads it; the text, which
 * holds keys, is wiped at once.
 */
#include <errno.h>
#include <stdlib.h>

#include "addr.h"
#include "file.h"
#include "parse.h"

struct wg_file {
	struct parse	*p;
	const char	*name;
};

static void
on_report(void *arg, enum log_level level, struct ini_at at, const char *text)
{
	const struct wg_file *file = arg;
	struct place place = { file->name, at };

	parse_report(file->p, level, &place, text);
}

void
read_failed(struct parse *p, const struct place *place, const char *key,
    const char *file, const char *why, const char *needed)
{
	/* root is refused only what Landlock has not heard of */
	if (errno == EACCES && !p->check_secrets)
		parse_note(p, place, "%s: \"%s\": %s; what it says was not "
		    "checked", key, file, why);
	else
		parse_error(p, place, "%s: \"%s\": %s; needed is a %s that "
		    "can be read%s", key, file, why, needed,
		    errno != EACCES ? "" : "; a folder that was not in use at "
		    "the start needs a restart of the daemon");
}

static void
read_conf(struct parse *p, struct gw_tunnel *tun, int need_address,
    const struct place *place)
{
	struct wg_file file = { p, tun->wg_conf };
	const char *why;
	struct stat st;
	size_t len;
	char *text;

	text = file_read(tun->wg_conf, FILE_MIB, &st, &len, &why);
	if (text == NULL) {
		read_failed(p, place, "conf", tun->wg_conf, why,
		    "wg-quick file");
		return;
	}
	tun->wg = wgconf_parse(text, len, need_address, on_report, &file);
	explicit_bzero(text, len);
	free(text);
}

/* v6_prefix goes first; the file's Address is what is there otherwise */
static void
take_address(struct parse *p, struct section *section, struct gw_tunnel *tun)
{
	const struct place *prefix = key_given(section, "v6_prefix");
	const struct place *len = key_valid(section, "prefix_len");
	const struct wg_conf *wg = tun->wg;

	if (prefix != NULL) {
		if (wg->has_address && tun->has_address &&
		    memcmp(&wg->address, &tun->address,
		    sizeof(tun->address)) != 0)
			parse_note(p, prefix, "v6_prefix: goes before the "
			    "Address %s/%u of \"%s\"",
			    addr6_text(&wg->address), wg->prefix_len,
			    tun->wg_conf);
		return;
	}
	if (len != NULL && tun->prefix_len != wg->prefix_len)
		parse_error(p, len, "prefix_len: %u does not agree with the "
		    "Address %s/%u of \"%s\"; leave it out", tun->prefix_len,
		    addr6_text(&wg->address), wg->prefix_len, tun->wg_conf);
	tun->address = wg->address;
	tun->prefix_len = wg->prefix_len;
	tun->has_address = 1;
}

void
check_wg(struct parse *p, struct section *section)
{
	const struct place *place = key_valid(section, "conf");
	struct gw_tunnel *tun = section->base;

	if (place == NULL)
		return;
	read_conf(p, tun, key_given(section, "v6_prefix") == NULL, place);
	if (tun->wg == NULL)
		return;
	take_address(p, section, tun);
	if (key_given(section, "mtu") == NULL)
		tun->mtu = tun->wg->mtu;
}
