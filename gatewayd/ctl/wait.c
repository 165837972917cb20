/*
 * gatewayctl tunnel -W: waits until a tunnel is where an order sends it.  An
 * unprivileged client.
 *
 * The daemon tells what an order changes at once before it says that the order
 * is taken; so what was told last by then is the state to begin with.
 */
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "util.h"
#include "wait.h"
#include "wire_ctl.h"

static struct {
	const char	*name;
	enum admin_verb	 verb;
	char		 state[32];
	char		 role[32];
	char		 reason[WIRE_REASON];
} tunnel;

static void
tunnel_is(const json_t *state, const json_t *data)
{
	strlcpy(tunnel.state, format_text(state), sizeof(tunnel.state));
	strlcpy(tunnel.role, format_text(document_get(data, "role")),
	    sizeof(tunnel.role));
	strlcpy(tunnel.reason, format_text(document_get(data, "reason")),
	    sizeof(tunnel.reason));
}

static int
is_ours(const json_t *data)
{
	return (strcmp(format_text(document_get(data, "name")),
	    tunnel.name) == 0);
}

static void
wait_event(const char *line, size_t len)
{
	json_t		*event = document_parse_bytes(line, len), *row;
	const json_t	*data = document_get(event, "data");
	const char	*kind = format_text(document_get(event, "event"));
	size_t		 i;

	if (strcmp(kind, "snapshot") == 0) {
		json_array_foreach(document_get(data, "tunnels"), i, row)
			if (is_ours(row))
				tunnel_is(document_get(row, "state"), row);
	} else if (strcmp(kind, "tunnel") == 0 && is_ours(data))
		tunnel_is(document_get(data, "to"), data);
	json_decref(event);
}

static int
in_state(const char *state)
{
	return (strcmp(tunnel.state, state) == 0);
}

static int
carries_traffic(void)
{
	return (in_state("up") || in_state("degraded") ||
	    in_state("suspect"));
}

static int
arrived(void)
{
	switch (tunnel.verb) {
	case ADMIN_UP:
	case ADMIN_RESTART:
		return (carries_traffic());
	case ADMIN_DOWN:
		return (in_state("disabled"));
	case ADMIN_PREFER:
		return (strcmp(tunnel.role, "active") == 0 &&
		    carries_traffic());
	case ADMIN_UNPREFER:
		break;
	}
	return (1);
}

void
wait_begin(const char *name, enum admin_verb verb)
{
	tunnel.name = name;
	tunnel.verb = verb;
	strlcpy(tunnel.state, "unknown", sizeof(tunnel.state));
	client_follow(EVENTS_LASTING, LL_ERROR, wait_event);
}

const char *
wait_end(unsigned int seconds)
{
	static char	 words[WIRE_REASON];
	uint64_t	 now = monotime_ms();
	uint64_t	 deadline = now + seconds * 1000ULL;

	for (; !arrived(); now = monotime_ms()) {
		if (in_state("error") || in_state("-"))
			client_fail(EXIT_FAILED, "tunnel %s: %s: %s",
			    tunnel.name, in_state("-") ? "gone" : "error",
			    tunnel.reason);
		if (now >= deadline)
			client_fail(EXIT_TIMEOUT, "tunnel %s: %s, %s after %u "
			    "s: %s", tunnel.name, tunnel.state, tunnel.role,
			    seconds, tunnel.reason);
		(void)client_wait((int)(deadline - now));
	}
	snprintf(words, sizeof(words), "tunnel %s: %s, %s", tunnel.name,
	    tunnel.state, tunnel.role);
	return (words);
}
