/*
 * Renders the API's documents and problems with jansson, but for those about
 * tunnels.  Runs in the frontend (_gatewayd, chroot).
 *
 * jansson keeps keys in the order they were set, so the order here is the
 * order in the text.
 */
#include <string.h>

#include "ini.h"
#include "json.h"
#include "json_value.h"
#include "log.h"

char *
json_health(void)
{
	return (value_line(value_health()));
}

char *
json_version(void)
{
	return (value_line(json_pack("{s:s,s:s,s:o}",
	    "name", "v6-gatewayd",
	    "version", GW_VERSION,
	    "started", value_number(fe_status.started))));
}

/* arg of the scanner's callbacks */
struct config_state {
	json_t		*config;
	json_t		*section;	/* borrowed from config */
};

static void
config_section(void *arg, const char *name, struct ini_at at)
{
	struct config_state *cs = arg;

	cs->section = NULL;
	if (name == NULL)
		return;
	if ((cs->section = json_object_get(cs->config, name)) != NULL)
		return;
	json_object_set_new(cs->config, name, json_object());
	cs->section = json_object_get(cs->config, name);
}

/* a key that comes again turns into an array of its values */
static void
config_pair(void *arg, const struct ini_pair *pair)
{
	struct config_state *cs = arg;
	json_t *value = value_text(pair->value), *old, *list;

	old = json_object_get(cs->section, pair->key);
	if (old == NULL) {
		json_object_set_new(cs->section, pair->key, value);
		return;
	}
	if (!json_is_array(old)) {
		list = json_array();
		json_array_append(list, old);
		json_object_set_new(cs->section, pair->key, list);
		old = list;
	}
	json_array_append_new(old, value);
}

/* conf_print() wrote it, so this is only a line too long for the scanner */
static void
config_error(void *arg, struct ini_at at, const char *text)
{
	log_warnx("the printed configuration, line %u: %s", at.line, text);
}

char *
json_config(void)
{
	static const struct ini_handler handler = {
		config_section, config_pair, config_error
	};
	const char *text = fe_status.conf_text;
	struct config_state cs = { json_object(), NULL };

	if (text != NULL)
		ini_scan(text, strlen(text), &handler, &cs);
	return (value_line(json_pack("{s:o,s:o,s:o}",
	    "source", value_text(fe_status.conf.source),
	    "loaded_at", value_number(fe_status.conf.loaded_at),
	    "config", cs.config)));
}

char *
json_problem(int status, const char *title, const char *detail,
    const char *instance, json_t *errors)
{
	/* the detail may quote a path or a name that is no UTF-8 */
	return (value_line(json_pack("{s:s,s:s,s:i,s:o,s:o,s:o*}",
	    "type", "about:blank",
	    "title", title,
	    "status", status,
	    "detail", value_text(detail),
	    "instance", value_text(instance),
	    "errors", errors)));
}
