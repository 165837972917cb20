/*
 * Asks for traces: see trace_cmd.h.  An unprivileged client; a list of hosts
 * is read with the rights of who calls it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "format.h"
#include "trace_cmd.h"
#include "util.h"
#include "wire_ctl.h"
#include "wire_trace.h"

#define TRACE_WAIT	30	/* seconds; the daemon gives up after 20 */
#define PORT_DEFAULT	443
#define HOSTS_MAX	10000	/* of a file */
#define HOSTS_WINDOW	2	/* of them at once, with KINDS each */

/* what a host in a file is asked for */
enum kind {
	KIND_POLICY,
	KIND_IPV6,
	KIND_IPV4,
	KINDS
};

struct hosts {
	struct imsg_ctl_trace	*list;
	size_t			 n;
};

/* "" or ":PORT"; NULL, or what is wrong */
static const char *
parse_port(const char *text, uint32_t *port)
{
	const char	*error = NULL;

	*port = PORT_DEFAULT;
	if (*text == ':')
		*port = (uint32_t)strtonum(text + 1, 1, 65535, &error);
	else if (*text != '\0')
		error = text;
	return (error != NULL ? "the port is not 1 to 65535" : NULL);
}

/* HOST, HOST:PORT, [HOST]:PORT or an IPv6 address; NULL, or what is wrong */
static const char *
parse_target(const char *text, struct imsg_ctl_trace *req)
{
	const char	*end, *port;
	size_t		 len;

	memset(req, 0, sizeof(*req));
	if (*text == '[') {
		if ((end = strchr(++text, ']')) == NULL)
			return ("there is no ] behind the address");
		port = end + 1;
	} else {
		end = text + strcspn(text, ":");
		if (*end == ':' && strchr(end + 1, ':') != NULL)
			end = text + strlen(text);	/* IPv6 */
		port = end;
	}
	len = (size_t)(end - text);
	if (len == 0 || len >= sizeof(req->host))
		return ("the host is empty or too long");
	memcpy(req->host, text, len);
	return (parse_port(port, &req->port));
}

/* an answer without a document is a refusal */
static void
receive(const struct imsg_ctl_trace *req, struct answer *a)
{
	client_receive(TRACE_WAIT, a);
	if (a->len == 0)
		client_fail(a->code, "%s: %s", req->host, a->text);
}

struct summary {
	unsigned int	 won[2];	/* IPv6, IPv4 */
	unsigned int	 n;		/* of ms */
	uint32_t	*ms;
};

static void
summary_add(struct summary *s, const struct answer *a)
{
	json_t		*root = document_parse(a);
	const char	*family = format_text(document_get(root,
			    "winner.family"));

	if (a->code == EXIT_OK) {
		s->won[strcmp(family, "ipv6") != 0]++;
		s->ms[s->n++] = (uint32_t)json_integer_value(document_get(root,
		    "ms"));
	}
	json_decref(root);
}

static int
compare(const void *a, const void *b)
{
	uint32_t	 x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x < y ? -1 : x > y);
}

static void
summary_print(struct summary *s, unsigned int count)
{
	printf("%u traces: IPv6 won %u, IPv4 %u, %u did not connect\n", count,
	    s->won[0], s->won[1], count - s->n);
	if (s->n == 0)
		return;
	qsort(s->ms, s->n, sizeof(*s->ms), compare);
	printf("min/median/max: %u/%u/%u ms\n", s->ms[0], s->ms[s->n / 2],
	    s->ms[s->n - 1]);
}

int
trace_host(const char *target, unsigned int count,
    const struct output *output, int json)
{
	struct summary		 s = { .n = 0 };
	struct imsg_ctl_trace	 req;
	struct answer		 a;
	const char		*why;
	unsigned int		 i;
	int			 code = EXIT_OK;

	if ((why = parse_target(target, &req)) != NULL)
		client_fail(EXIT_USAGE, "%s: %s", target, why);
	s.ms = xcalloc(count, sizeof(*s.ms));
	for (i = 0; i < count; i++) {
		client_send(IMSG_CTL_TRACE, &req, sizeof(req));
		receive(&req, &a);
		if (i > 0 && !json)
			printf("\n");
		output->trace(&a);
		fflush(stdout);
		if (a.code != EXIT_OK)
			code = (int)a.code;
		summary_add(&s, &a);
		answer_free(&a);
	}
	if (count > 1 && !json) {
		printf("\n");
		summary_print(&s, count);
	}
	free(s.ms);
	return (code);
}

static void
read_line(struct hosts *h, const char *path, unsigned int number, char *line)
{
	struct imsg_ctl_trace	 req;
	const char		*why;

	line[strcspn(line, "#\r\n")] = '\0';
	line += strspn(line, " \t");
	if (*line == '\0')
		return;
	line[strcspn(line, " \t")] = '\0';
	if ((why = parse_target(line, &req)) != NULL)
		client_fail(EXIT_USAGE, "%s:%u: %s", path, number, why);
	if (h->n == HOSTS_MAX)
		client_fail(EXIT_USAGE, "%s:%u: more than %d hosts", path,
		    number, HOSTS_MAX);
	if ((h->list = reallocarray(h->list, h->n + 1,
	    sizeof(*h->list))) == NULL)
		client_fail(EXIT_FAILED, "no memory");
	h->list[h->n++] = req;
}

static void
read_hosts(struct hosts *h, const char *path)
{
	unsigned int	 number = 0;
	size_t		 size = 0;
	char		*line = NULL;
	FILE		*f;

	if ((f = fopen(path, "re")) == NULL)
		client_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
	while (getline(&line, &size, f) != -1)
		read_line(h, path, ++number, line);
	if (ferror(f))
		client_fail(EXIT_FAILED, "%s: %s", path, strerror(errno));
	free(line);
	fclose(f);
	if (h->n == 0)
		client_fail(EXIT_USAGE, "%s: there is no host in it", path);
}

static void
send_host(struct imsg_ctl_trace *req)
{
	static const uint32_t	 families[KINDS] = {
		[KIND_POLICY] = TRACE_POLICY,
		[KIND_IPV6] = TRACE_IPV6,
		[KIND_IPV4] = TRACE_IPV4
	};
	int			 i;

	for (i = 0; i < KINDS; i++) {
		req->families = families[i];
		client_send(IMSG_CTL_TRACE, req, sizeof(*req));
	}
}

/* why there is no connection, as short as it may be */
static const char *
short_reason(const json_t *root)
{
	const json_t	*tried = document_get(root, "attempts");
	const json_t	*first = json_array_get(tried, 0);

	if (strcmp(format_text(document_get(root, "result")),
	    "timeout") == 0)
		return ("time-out");
	if (json_is_string(document_get(first, "error")))
		return (format_text(document_get(first, "error")));
	return (format_text(document_get(root, "reason")));
}

static void
family_cell(const json_t *root, char *cell, size_t size)
{
	if (json_is_object(document_get(root, "winner")))
		snprintf(cell, size, "yes, %s", format_ms(document_get(root,
		    "ms")));
	else
		snprintf(cell, size, "no: %s", short_reason(root));
}

/* a row of the table; counts what was reached how */
static void
host_row(struct table *table, const struct imsg_ctl_trace *req,
    const struct answer answers[KINDS], unsigned int reached[KINDS])
{
	int		 six = strchr(req->host, ':') != NULL;
	json_t		*root[KINDS];
	const json_t	*winner;
	const char	*cells[4];
	char		 host[GW_HOST_SIZE + 16], cell[KINDS][256];
	int		 i;

	for (i = 0; i < KINDS; i++) {
		root[i] = document_parse(&answers[i]);
		family_cell(root[i], cell[i], sizeof(cell[i]));
		reached[i] += answers[i].code == EXIT_OK;
	}
	snprintf(host, sizeof(host), "%s%s%s:%u", six ? "[" : "", req->host,
	    six ? "]" : "", req->port);
	winner = document_get(root[KIND_POLICY], "winner.family");
	cells[0] = host;
	cells[1] = cell[KIND_IPV6];
	cells[2] = cell[KIND_IPV4];
	cells[3] = format_text(winner);
	table_row(table, cells, 1, answers[KIND_IPV6].code == EXIT_OK ?
	    COLOUR_GREEN : COLOUR_RED);
	for (i = 0; i < KINDS; i++)
		json_decref(root[i]);
}

int
trace_file(const char *path, const struct output *output, int json)
{
	static const struct column	 columns[] = {
		{ "HOST", 0 }, { "IPV6", 0 }, { "IPV4", 2 }, { "WINNER", 1 }
	};
	struct hosts		 h = { NULL, 0 };
	struct answer		 answers[KINDS];
	struct table		*table = table_new(columns, 4);
	unsigned int		 reached[KINDS] = { 0 };
	size_t			 i, sent = 0;
	int			 k;

	read_hosts(&h, path);
	for (i = 0; i < h.n; i++) {
		for (; sent < h.n && sent - i < HOSTS_WINDOW; sent++)
			send_host(&h.list[sent]);
		for (k = 0; k < KINDS; k++) {
			receive(&h.list[i], &answers[k]);
			if (json)
				output->trace(&answers[k]);
		}
		host_row(table, &h.list[i], answers, reached);
		for (k = 0; k < KINDS; k++)
			answer_free(&answers[k]);
	}
	if (!json) {
		table_print(table);
		printf("\n%zu hosts: %u by IPv6, %u by IPv4\n", h.n,
		    reached[KIND_IPV6], reached[KIND_IPV4]);
	}
	free(h.list);
	return (reached[KIND_POLICY] == h.n ? EXIT_OK : EXIT_FAILED);
}
