/*
 * gatewayctl -w: shows something again whenever something happens, and what no
 * event tells of from time to time.  An unprivileged client.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "table.h"
#include "util.h"
#include "watch.h"
#include "wire_ctl.h"

#define SETTLE_MS	100	/* what belongs together happens together */
#define REDRAW		"\033[H\033[J"	/* from the first line on */

static volatile sig_atomic_t	 resized;
static unsigned int		 nevents;

static void
window_resized(int sig)
{
	resized = 1;
}

static void
count_event(const char *line, size_t len)
{
	nevents++;
}

/* what it prints, to be freed */
static char *
output_of(int (*run)(const struct command *), const struct command *cmd,
    int *code)
{
	FILE	*out = stdout;
	char	*text = NULL;
	size_t	 len;

	if ((stdout = open_memstream(&text, &len)) == NULL) {
		stdout = out;
		client_fail(EXIT_FAILED, "open_memstream failed");
	}
	*code = run(cmd);
	fclose(stdout);
	stdout = out;
	return (text);
}

static void
print_block(const char *text, const char *last, int json)
{
	if (!json && !terminal_dumb())
		fputs(REDRAW, stdout);
	else if (last != NULL && strcmp(text, last) == 0)
		return;
	else if (!json && last != NULL)
		fputs("\n", stdout);
	fputs(text, stdout);
}

/* no event tells of what the relay and others count */
static int
is_counted(const struct command *cmd)
{
	return (cmd->action == ACT_SHOW_RELAY ||
	    cmd->action == ACT_SHOW_METRICS);
}

/* until it is time to show it again; 0: nobody reads it any more */
static int
wait_for_change(const struct command *cmd, unsigned int seen,
    uint64_t earliest)
{
	uint64_t	 now;

	while (nevents == seen && !resized && !is_counted(cmd))
		if (!client_wait(-1))
			return (0);
	now = monotime_ms();
	if (earliest < now + SETTLE_MS)
		earliest = now + SETTLE_MS;
	for (; !resized && now < earliest; now = monotime_ms())
		if (!client_wait((int)(earliest - now)))
			return (0);
	resized = 0;
	return (1);
}

int
watch(int (*run)(const struct command *), const struct command *cmd,
    unsigned int seconds, int json)
{
	struct sigaction sa;
	uint64_t	 shown_at;
	char		*text, *last = NULL;
	unsigned int	 seen;
	int		 code;

	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = window_resized;
	sigaction(SIGWINCH, &sa, NULL);
	client_follow(EVENTS_LASTING | EVENTS(EVENT_PROBE), LL_ERROR,
	    count_event);
	/* the snapshot, which comes before anything else, is no event */
	seen = 1;
	do {
		text = output_of(run, cmd, &code);
		print_block(text, last, json);
		free(last);
		last = text;
		shown_at = monotime_ms();
		if (fflush(stdout) != 0 ||
		    !wait_for_change(cmd, seen, shown_at + seconds * 1000ULL))
			break;
		seen = nevents;
	} while (1);
	free(last);
	return (code);
}
