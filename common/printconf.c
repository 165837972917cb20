/*
 * Prints a configuration in the form in which it is read, every key with the
 * value in force.  Runs in the parent, which passes the text to the frontend,
 * and in gatewayctl check.
 */
#include <arpa/inet.h>

#include "addr.h"
#include "parse.h"
#include "portmap.h"

/*
 * The print functions write a value behind "key =" with a space before it,
 * so that a key without a value leaves no blank at the end of the line.
 */

/* quoted only where the scanner would take a part for something else */
static void
print_value(FILE *f, const char *text)
{
	size_t len = strlen(text);

	if (strpbrk(text, "\t\"'#;") == NULL &&
	    (len == 0 || (text[0] != ' ' && text[len - 1] != ' '))) {
		fprintf(f, " %s", text);
		return;
	}
	fputs(" \"", f);
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', f);
		putc(*text, f);
	}
	putc('"', f);
}

void
print_flag(FILE *f, const struct key *key, const void *field)
{
	fputs(*(const int *)field ? " yes" : " no", f);
}

void
print_word(FILE *f, const struct key *key, const void *field)
{
	int value;

	memcpy(&value, field, sizeof(value));	/* any enum */
	fprintf(f, " %s", key->words[value]);
}

void
print_u8(FILE *f, const struct key *key, const void *field)
{
	fprintf(f, " %u", *(const uint8_t *)field);
}

void
print_u16(FILE *f, const struct key *key, const void *field)
{
	fprintf(f, " %u", *(const uint16_t *)field);
}

void
print_u32(FILE *f, const struct key *key, const void *field)
{
	fprintf(f, " %u", *(const uint32_t *)field);
}

void
print_percent(FILE *f, const struct key *key, const void *field)
{
	fprintf(f, " %u%%", *(const uint32_t *)field);
}

void
print_duration(FILE *f, const struct key *key, const void *field)
{
	char buf[DURATION_SIZE];

	fprintf(f, " %s", duration_text(buf, *(const uint32_t *)field));
}

void
print_range(FILE *f, const struct key *key, const void *field)
{
	char min[DURATION_SIZE], max[DURATION_SIZE];
	const uint32_t *ms = field;

	fprintf(f, " %s..%s", duration_text(min, ms[0]),
	    duration_text(max, ms[1]));
}

void
print_text(FILE *f, const struct key *key, const void *field)
{
	const char *text = *(char *const *)field;

	if (text != NULL)
		print_value(f, text);
}

/* a char array in the model rather than a pointer */
void
print_array(FILE *f, const struct key *key, const void *field)
{
	if (*(const char *)field != '\0')
		print_value(f, field);
}

void
print_strings(FILE *f, const struct key *key, const void *field)
{
	const struct gw_strings *strings = field;
	const struct gw_string *string;

	TAILQ_FOREACH(string, strings, entry)
		fprintf(f, "%s %s", string == TAILQ_FIRST(strings) ? "" : ",",
		    string->text);
}

void
print_log_to(FILE *f, const struct key *key, const void *field)
{
	const struct gw_conf *conf = field;

	switch (conf->log_to) {
	case GW_LOG_STDERR:
		fputs(" stderr", f);
		break;
	case GW_LOG_SYSLOG:
		fputs(" syslog", f);
		break;
	case GW_LOG_FILE:
		print_value(f, conf->log_file);
		break;
	}
}

/* without the port, which has a key of its own */
void
print_api_bind(FILE *f, const struct key *key, const void *field)
{
	const struct gw_conf *conf = field;
	const struct sockaddr_in *sin = (const void *)&conf->api_bind;
	const struct sockaddr_in6 *sin6 = (const void *)&conf->api_bind;

	if (conf->api_bind.ss_family == AF_INET)
		fprintf(f, " %s", addr4_text(sin->sin_addr));
	else
		fprintf(f, " %s", addr6_text(&sin6->sin6_addr));
}

void
print_targets(FILE *f, const struct key *key, const void *field)
{
	const struct gw_health *health =
	    &((const struct gw_conf *)field)->health;
	uint32_t i;

	for (i = 0; i < health->ntargets; i++)
		fprintf(f, "%s %s", i == 0 ? "" : ",",
		    health->targets[i].gateway ? "gateway" :
		    addr6_text(&health->targets[i].addr));
}

void
print_margin(FILE *f, const struct key *key, const void *field)
{
	const struct gw_failover *failover =
	    &((const struct gw_conf *)field)->failover;
	char ms[DURATION_SIZE], hold[DURATION_SIZE];

	fprintf(f, " %u%% %s %s", failover->margin_percent,
	    duration_text(ms, failover->margin_ms),
	    duration_text(hold, failover->margin_hold_ms));
}

void
print_local(FILE *f, const struct key *key, const void *field)
{
	const struct gw_tunnel *tun = field;

	switch (tun->local_mode) {
	case GW_LOCAL_AUTO:
		fputs(" auto", f);
		break;
	case GW_LOCAL_ANY:
		fputs(" any", f);
		break;
	case GW_LOCAL_ADDR:
		fprintf(f, " %s", addr4_text(tun->local));
		break;
	}
}

void
print_v6_prefix(FILE *f, const struct key *key, const void *field)
{
	const struct gw_tunnel *tun = field;

	if (tun->has_address)
		fprintf(f, " %s", addr6_text(&tun->address));
}

/*
 * The default too: what is in force.  It reads back as if it were given,
 * which makes no difference to the model.
 */
void
print_gateway(FILE *f, const struct key *key, const void *field)
{
	const struct gw_tunnel *tun = field;

	if (!IN6_IS_ADDR_UNSPECIFIED(&tun->gateway))
		fprintf(f, " %s", addr6_text(&tun->gateway));
}

void
print_routed(FILE *f, const struct key *key, const void *field)
{
	const struct gw_tunnel *tun = field;
	uint32_t i;

	for (i = 0; i < tun->nrouted; i++)
		fprintf(f, "%s %s/%u", i == 0 ? "" : ",",
		    addr6_text(&tun->routed[i].addr), tun->routed[i].len);
}

void
print_mtu(FILE *f, const struct key *key, const void *field)
{
	const struct gw_tunnel *tun = field;

	if (tun->mtu == 0)
		fputs(" auto", f);
	else
		fprintf(f, " %u", tun->mtu);
}

void
print_modes(FILE *f, const struct key *key, const void *field)
{
	uint32_t modes = *(const uint32_t *)field;
	int i, n = 0;

	for (i = 0; key->words[i] != NULL; i++)
		if (modes & 1U << i)
			fprintf(f, "%s %s", n++ == 0 ? "" : ",",
			    key->words[i]);
}

void
print_protocol(FILE *f, const struct key *key, const void *field)
{
	fputs(*(const int *)field == IPPROTO_UDP ? " udp" : " tcp", f);
}

void
print_remote(FILE *f, const struct key *key, const void *field)
{
	const struct gw_port *port = field;
	char text[PORTMAP_REMOTE_SIZE];

	fprintf(f, " %s", portmap_remote_text(port->remote, port->remote_port,
	    text));
}

/* a key that may come more than once: a line for each */
static void
print_repeat(FILE *f, const struct key *key, const void *field)
{
	const struct gw_strings *strings = field;
	const struct gw_string *string;

	if (TAILQ_EMPTY(strings))
		fprintf(f, "%s =\n", key->name);
	TAILQ_FOREACH(string, strings, entry)
		fprintf(f, "%s = %s\n", key->name, string->text);
}

void
print_section(FILE *f, const struct section_type *section, const char *name,
    const void *base, uint32_t type)
{
	const struct key *key;
	const void *field;

	fprintf(f, "[%s%s%s]\n", section->name, name != NULL ? "." : "",
	    name != NULL ? name : "");
	for (key = section->keys; key->name != NULL; key++) {
		if (key->types != 0 && (key->types & type) == 0)
			continue;
		field = (const char *)base + key->offset;
		if (key->flags & KEY_REPEAT) {
			print_repeat(f, key, field);
			continue;
		}
		fprintf(f, "%s =", key->name);
		key->print(f, key, field);
		putc('\n', f);
	}
}

int
conf_print(const struct gw_conf *conf, FILE *f)
{
	const struct section_type *section;
	const struct gw_tunnel *tun;
	const struct gw_port *port;

	for (section = section_types; section->name != NULL; section++) {
		if (section == section_tunnel) {
			TAILQ_FOREACH(tun, &conf->tunnels, entry) {
				putc('\n', f);
				print_section(f, section, tun->name, tun,
				    1U << tun->type);
			}
		} else if (section == section_port) {
			TAILQ_FOREACH(port, &conf->ports, entry) {
				putc('\n', f);
				print_section(f, section, port->name, port,
				    1U << port->kind);
			}
		} else {
			if (section != section_types)
				putc('\n', f);
			print_section(f, section, NULL, conf, 0);
		}
	}
	return (fflush(f) == 0 && !ferror(f) ? 0 : -1);
}
