/*
 * GET /history: what a tunnel was like.  Runs in the frontend (_gatewayd,
 * chroot).
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "history.h"
#include "log.h"
#include "rest_logs.h"
#include "ring.h"
#include "util.h"

#define AT_ONCE		240	/* slots; a multiple of every range's step */

static const struct range {
	const char	*seconds;
	unsigned int	 points;
	unsigned int	 slots;		/* in each of them */
} ranges[] = {
	{ "300", 60, 1 },
	{ "3600", 720, 1 },
	{ "86400", 720, 24 },
};
#define NRANGES		(sizeof(ranges) / sizeof(ranges[0]))

/* means of the slots of a point, each over those in which it is known */
struct mean {
	uint64_t	 sum;
	unsigned int	 n;
};

struct point {
	struct mean	 rtt;
	struct mean	 loss;
	struct mean	 rx;
	struct mean	 tx;
};

const char *
check_tunnel(const char *value)
{
	size_t	 len = strlen(value);

	if (len == 0 || len >= GW_NAME_SIZE || value[strspn(value,
	    "abcdefghijklmnopqrstuvwxyz0123456789_-")] != '\0')
		return ("tunnel is a tunnel's name, for example he");
	return (NULL);
}

static const struct range *
find_range(const char *seconds)
{
	size_t	 i;

	for (i = 0; i < NRANGES; i++)
		if (strcmp(ranges[i].seconds, seconds) == 0)
			return (&ranges[i]);
	return (NULL);
}

const char *
check_range(const char *value)
{
	if (find_range(value) == NULL)
		return ("range is 300, 3600 or 86400");
	return (NULL);
}

static void
mean_add(struct mean *m, uint32_t value, uint32_t unknown)
{
	if (value == unknown)
		return;
	m->sum += value;
	m->n++;
}

static void
point_add(struct point *p, const struct history_slot *slot)
{
	if (slot->number == 0)
		return;
	mean_add(&p->rtt, slot->rtt, HISTORY_NO_RTT);
	/* the file may hold anything */
	if (slot->loss <= HISTORY_ALL)
		mean_add(&p->loss, slot->loss, HISTORY_NO_LOSS);
	mean_add(&p->rx, slot->rx, HISTORY_NO_RATE);
	mean_add(&p->tx, slot->tx, HISTORY_NO_RATE);
}

/* fills the range's points from that slot on */
static void
read_points(const struct fe_tunnel *t, const struct range *r, uint32_t first,
    struct point *points)
{
	struct history_slot	 slots[AT_ONCE];
	uint32_t		 i, at, n = r->points * r->slots;

	for (at = 0; at < n; at += AT_ONCE) {
		history_get(t, first + at, AT_ONCE, slots);
		for (i = 0; i < AT_ONCE && at + i < n; i++)
			point_add(&points[(at + i) / r->slots], &slots[i]);
	}
}

/* ,"key":[...]: of the mean at that offset of each point, in its unit */
static void
print_means(FILE *f, const char *key, const struct point *points,
    unsigned int n, size_t offset, double unit)
{
	const struct mean	*m;
	unsigned int		 i;

	fprintf(f, ",\"%s\":[", key);
	for (i = 0; i < n; i++) {
		m = (const struct mean *)(const void *)
		    ((const char *)&points[i] + offset);
		if (i > 0)
			fputc(',', f);
		if (m->n == 0)
			fputs("null", f);
		else
			fprintf(f, "%.12g", (double)(m->sum / m->n) * unit);
	}
	fputc(']', f);
}

static char *
json_history(const struct fe_tunnel *t, const struct range *r)
{
	struct point	*points = xcalloc(r->points, sizeof(*points));
	char		*text = NULL;
	FILE		*f;
	uint64_t	 end;
	uint32_t	 first = 0;
	size_t		 len;

	/* up to the last point that is over */
	end = unix_time() / HISTORY_STEP / r->slots;
	if (end > r->points)
		first = (uint32_t)(end - r->points) * r->slots;
	read_points(t, r, first, points);
	if ((f = open_memstream(&text, &len)) == NULL)
		fatal("open_memstream");
	fprintf(f, "{\"tunnel\":\"%s\",\"step\":%u,\"start\":%" PRIu64,
	    t->conf.name, r->slots * HISTORY_STEP,
	    (uint64_t)first * HISTORY_STEP);
	print_means(f, "rtt_ms", points, r->points,
	    offsetof(struct point, rtt), 0.1);
	print_means(f, "loss", points, r->points,
	    offsetof(struct point, loss), 1.0 / HISTORY_ALL);
	print_means(f, "rx_bps", points, r->points,
	    offsetof(struct point, rx), 8);
	print_means(f, "tx_bps", points, r->points,
	    offsetof(struct point, tx), 8);
	fprintf(f, "}\n");
	if (fclose(f) == EOF)
		fatal("open_memstream");
	free(points);
	return (text);
}

/* whose history is wanted if nobody says */
static const struct fe_tunnel *
default_tunnel(void)
{
	const struct fe_tunnel	*t;

	TAILQ_FOREACH(t, &fe_status.tunnels.list, entry)
		if (t->known && t->st.role == ROLE_ACTIVE)
			return (t);
	return (TAILQ_FIRST(&fe_status.tunnels.list));
}

void
get_history(const struct rest_query *q, struct rest_answer *a)
{
	const struct fe_tunnel	*t;
	const char		*name = rest_value(q, 0);
	const char		*range = rest_value(q, 1);

	t = name != NULL ? fe_tunnel_name(name) : default_tunnel();
	if (t == NULL)
		rest_no_tunnel(q, a, name != NULL ? name : "");
	else if (!ring_ready())
		rest_fail(q, a, 503, "the history's file could not be opened: "
		    "the log says why");
	else
		rest_answer_text(a, "application/json", json_history(t,
		    find_range(range != NULL ? range : "300")));
}
