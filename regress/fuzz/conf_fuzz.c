/*
 * Any bytes as a configuration file.  What is taken must print, and the
 * printed form must read back and print the same; what is refused must say
 * why, in text that is safe for a log.
 */
#include <sys/mman.h>
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"

int	LLVMFuzzerTestOneInput(const uint8_t *, size_t);

static int	nerrors;

static void
on_error(void *arg, enum log_level level, const char *line)
{
	nerrors += level == LL_ERROR;
	for (; *line != '\0'; line++)
		if ((unsigned char)*line < 0x20 && *line != '\t')
			errx(1, "control character in an error");
}

/* a file without a place: nothing to clean up */
static struct gw_conf *
parse(const void *data, size_t size)
{
	struct gw_conf *conf;
	char path[32];
	int fd;

	if ((fd = memfd_create("conf", MFD_CLOEXEC)) == -1 ||
	    write(fd, data, size) != (ssize_t)size)
		err(1, "memfd");
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	conf = conf_parse(path, 0, on_error, NULL);
	close(fd);
	return (conf);
}

static char *
print(const struct gw_conf *conf, size_t *size)
{
	char *text;
	FILE *f;

	if ((f = open_memstream(&text, size)) == NULL ||
	    conf_print(conf, f) == -1 || fclose(f) != 0)
		err(1, "conf_print");
	return (text);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct gw_conf *conf, *again;
	char *text, *text2;
	size_t len, len2;

	nerrors = 0;
	conf = parse(data, size);
	if ((conf == NULL) != (nerrors > 0))
		errx(1, "%d errors and the opposite result", nerrors);
	if (conf == NULL)
		return (0);
	text = print(conf, &len);
	if ((again = parse(text, len)) == NULL)
		errx(1, "the printed form is refused:\n%s", text);
	text2 = print(again, &len2);
	if (strcmp(text, text2) != 0)
		errx(1, "printed differently:\n%s--\n%s", text, text2);
	free(text);
	free(text2);
	conf_free(conf);
	conf_free(again);
	return (0);
}
