/*
 * Small things every process needs: clocks, allocation that cannot fail, and
 * the guess behind "did you mean".  Needs no privilege; runs in any process.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "util.h"

#define NEAREST_MAX	2	/* edits */
#define WORD_MAX	64	/* longer words are never typing errors */

uint64_t
monotime_us(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) == -1)
		fatal("clock_gettime");
	return ((uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000);
}

uint64_t
monotime_ms(void)
{
	return (monotime_us() / 1000);
}

uint64_t
unix_time(void)
{
	return ((uint64_t)time(NULL));
}

struct timeval
time_left(uint64_t then)
{
	uint64_t	 now = monotime_ms();
	uint64_t	 left = then > now ? then - now : 0;
	struct timeval	 tv;

	tv.tv_sec = (time_t)(left / 1000);
	tv.tv_usec = (suseconds_t)(left % 1000 * 1000);
	return (tv);
}

int
close_failed(int fd)
{
	int	 saved = errno;

	close(fd);
	errno = saved;
	return (-1);
}

void
open_stdio(void)
{
	int	 fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd != -1 && fd <= STDERR_FILENO);
	if (fd != -1)
		close(fd);
}

void *
xmalloc(size_t size)
{
	void *p;

	/* malloc(0) may return NULL, which is no failure */
	if ((p = malloc(size == 0 ? 1 : size)) == NULL)
		fatal("malloc of %zu bytes", size);
	return (p);
}

void *
xcalloc(size_t n, size_t size)
{
	void *p;

	if ((p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size)) == NULL)
		fatal("calloc of %zu times %zu bytes", n, size);
	return (p);
}

char *
xstrdup(const char *s)
{
	char *p;

	if ((p = strdup(s)) == NULL)
		fatal("strdup");
	return (p);
}

char *
xstrdup0(const char *s)
{
	return (s == NULL ? NULL : xstrdup(s));
}

void
xappend(char **text, size_t *len, const void *data, size_t n)
{
	char *more = realloc(*text, *len + n + 1);

	if (more == NULL)
		fatal("realloc");
	memcpy(more + *len, data, n);
	*len += n;
	more[*len] = '\0';
	*text = more;
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	if (b < a)
		a = b;
	return (c < a ? c : a);
}

static int
same(char a, char b)
{
	return (tolower((unsigned char)a) == tolower((unsigned char)b));
}

/*
 * Damerau-Levenshtein distance (optimal string alignment: a swap of two
 * neighbours counts once) without regard to case; both words have at most
 * WORD_MAX characters.
 */
static size_t
distance(const char *a, size_t alen, const char *b, size_t blen)
{
	size_t rows[3][WORD_MAX + 1], *prev2, *prev, *cur, i, j;

	for (j = 0; j <= blen; j++)
		rows[0][j] = j;
	for (i = 1; i <= alen; i++) {
		cur = rows[i % 3];
		prev = rows[(i + 2) % 3];
		prev2 = rows[(i + 1) % 3];
		cur[0] = i;
		for (j = 1; j <= blen; j++) {
			cur[j] = min3(prev[j] + 1, cur[j - 1] + 1,
			    prev[j - 1] + !same(a[i - 1], b[j - 1]));
			if (i > 1 && j > 1 && same(a[i - 1], b[j - 2]) &&
			    same(a[i - 2], b[j - 1]) &&
			    prev2[j - 2] + 1 < cur[j])
				cur[j] = prev2[j - 2] + 1;
		}
	}
	return (rows[alen % 3][blen]);
}

const char *
nearest(const char *word, const char *const *candidates)
{
	const char *best = NULL;
	size_t best_dist, dist, wlen, clen;

	wlen = strlen(word);
	if (wlen > WORD_MAX)
		return (NULL);
	best_dist = NEAREST_MAX + 1;
	for (; *candidates != NULL; candidates++) {
		clen = strlen(*candidates);
		if (clen > WORD_MAX)
			continue;
		dist = distance(word, wlen, *candidates, clen);
		if (dist < best_dist && dist * 2 < wlen) {
			best = *candidates;
			best_dist = dist;
		}
	}
	return (best);
}
