/*
 * common/util: clocks, allocation, and the nearest word.
 */
#include <err.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "util.h"

static const char *const words[] = {
	"kernel", "proxy", "socks5", "log_level", "log_format", "mtu", NULL
};

static void
check_nearest(const char *word, const char *want)
{
	const char *got = nearest(word, words);

	if (want == NULL ? got != NULL : got == NULL || strcmp(got, want) != 0)
		errx(1, "nearest(%s): %s, not %s", word,
		    got == NULL ? "none" : got, want == NULL ? "none" : want);
}

static void
test_nearest(void)
{
	char word[200];

	check_nearest("kernel", "kernel");
	check_nearest("kernl", "kernel");		/* one left out */
	check_nearest("kkernel", "kernel");		/* one too many */
	check_nearest("kermel", "kernel");		/* one replaced */
	check_nearest("kenrel", "kernel");		/* two swapped */
	check_nearest("ekrnle", "kernel");		/* two swaps */
	check_nearest("KERNEL", "kernel");
	check_nearest("ekrnlx", NULL);			/* three edits */
	check_nearest("sock5", "socks5");
	check_nearest("sock", NULL);			/* two of four */
	check_nearest("log_fromat", "log_format");
	check_nearest("mut", "mtu");
	check_nearest("mu", NULL);			/* half its length */
	check_nearest("", NULL);
	memset(word, 'k', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	check_nearest(word, NULL);
	word[64] = '\0';
	check_nearest(word, NULL);
}

static void
test_alloc(void)
{
	unsigned char *p;
	char *s;
	int i;

	p = xcalloc(16, 16);
	for (i = 0; i < 256; i++)
		if (p[i] != 0)
			errx(1, "xcalloc: byte %d is not 0", i);
	free(p);
	free(xmalloc(0));
	free(xcalloc(0, 0));
	s = xstrdup("text");
	if (strcmp(s, "text") != 0)
		errx(1, "xstrdup: %s", s);
	free(s);
	if (xstrdup0(NULL) != NULL)
		errx(1, "xstrdup0(NULL)");
	s = xstrdup0("");
	if (s == NULL || *s != '\0')
		errx(1, "xstrdup0(\"\")");
	free(s);
}

static void
test_clocks(void)
{
	struct timespec delay = { 0, 20 * 1000 * 1000 };
	uint64_t before, passed;

	before = monotime_ms();
	nanosleep(&delay, NULL);
	passed = monotime_ms() - before;
	/* the upper bound only tells milliseconds from other units */
	if (passed < 20 || passed > 10000)
		errx(1, "monotime_ms: 20 ms took %llu",
		    (unsigned long long)passed);
	if (unix_time() - (uint64_t)time(NULL) + 2 > 4)
		errx(1, "unix_time: not near time(2)");
}

int
main(void)
{
	test_nearest();
	test_alloc();
	test_clocks();
	return (0);
}
