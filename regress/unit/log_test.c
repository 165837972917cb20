/*
 * Log records: one line each, whatever is in the message, valid as logfmt or
 * JSON, and never a byte that drives a terminal or forges a second line.
 */
#include <err.h>
#include <errno.h>
#include <jansson.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "unit.h"

static char	 line[4096];
static int	 out[2];

/* what one record put on stderr; "" if nothing */
static void
record(enum log_level level, const char *tunnel, const char *msg)
{
	ssize_t	 n;
	int	 saved;

	if (pipe(out) == -1 || (saved = dup(STDERR_FILENO)) == -1 ||
	    dup2(out[1], STDERR_FILENO) == -1)
		err(1, "pipe");
	close(out[1]);
	errno = E2BIG;
	log_record(level, tunnel, "%s", msg);
	n = errno;
	if (dup2(saved, STDERR_FILENO) == -1)
		err(1, "dup2");
	close(saved);
	CHECK(n == E2BIG);
	n = read(out[0], line, sizeof(line) - 1);
	line[n > 0 ? n : 0] = '\0';
	close(out[0]);
	if (n <= 0)
		return;
	/* one line, and it fits into a pipe in one piece */
	CHECK(n < 2048 + 1 && line[n - 1] == '\n');
	CHECK(strchr(line, '\n') == line + n - 1);
	line[n - 1] = '\0';
}

static void
check_printable(void)
{
	const char	*s;

	for (s = line; *s != '\0'; s++)
		CHECK(*s >= 0x20 && *s < 0x7f);
}

static void
test_text(void)
{
	log_init(LL_INFO, LF_TEXT, LT_JOURNAL, "engine");
	record(LL_WARN, "he", "up -> down: \"no\" answer");
	CHECK(strcmp(line, "<4>level=warn process=engine tunnel=he "
	    "msg=\"up -> down: \\\"no\\\" answer\"") == 0);
	record(LL_DEBUG, NULL, "not at this level");
	CHECK(line[0] == '\0');
	record(LL_ERROR, NULL, "a\nlevel=info msg=forged\033[2J\\\x80");
	CHECK(strcmp(line, "<3>level=error process=engine msg=\"a\\x0alevel="
	    "info msg=forged\\x1b[2J\\\\\\x80\"") == 0);
	log_init(LL_DEBUG, LF_TEXT, LT_STDERR, "parent");
	record(LL_DEBUG, NULL, "x");
	CHECK(strncmp(line, "time=20", 7) == 0);
	CHECK(strstr(line, "Z level=debug process=parent msg=\"x\"") != NULL);
	log_init(LL_DEBUG, LF_TEXT, LT_PIPE, "parent");
	record(LL_INFO, NULL, "x");
	CHECK(strncmp(line, "<6>time=", 8) == 0);
}

static void
check_json(const char *tunnel, const char *msg)
{
	json_t		*root;
	const char	*text;

	log_init(LL_INFO, LF_JSON, LT_STDERR, "prober");
	record(LL_INFO, tunnel, msg);
	check_printable();
	root = json_loads(line, JSON_REJECT_DUPLICATES, NULL);
	CHECK(root != NULL && json_is_object(root));
	text = json_string_value(json_object_get(root, "process"));
	CHECK(text != NULL && strcmp(text, "prober") == 0);
	CHECK((json_object_get(root, "tunnel") != NULL) == (tunnel != NULL));
	text = json_string_value(json_object_get(root, "msg"));
	CHECK(text != NULL);
	/* a cut message is a beginning of what it was */
	CHECK(strncmp(text, msg, strlen(text)) == 0);
	CHECK(strlen(text) == strlen(msg) || strlen(line) > 1000);
	json_decref(root);
}

/* every length around every limit: no record is cut inside an escape */
static void
test_json(void)
{
	static const char	 fill[] = { 'x', '"', '\\', '\n', '\177' };
	char			 msg[2048];
	size_t			 i, len;

	check_json(NULL, "plain");
	check_json("he", "plain");
	check_json("he", "");
	for (i = 0; i < sizeof(fill); i++) {
		for (len = 1; len < sizeof(msg); len += 1 + len / 400) {
			memset(msg, fill[i], len);
			msg[len] = '\0';
			check_json("he", msg);
			check_json(NULL, msg);
			/* and shifted, so that an escape straddles the end */
			msg[0] = 'y';
			check_json(NULL, msg);
		}
	}
}

static void
test_levels(void)
{
	enum log_level	 level;

	CHECK(log_level_parse("error", &level) == 0 && level == LL_ERROR);
	CHECK(log_level_parse("debug", &level) == 0 && level == LL_DEBUG);
	CHECK(log_level_parse("Error", &level) == -1);
	CHECK(log_level_parse("", &level) == -1);
	CHECK(strcmp(log_level_name(LL_WARN), "warn") == 0);
	log_set_level(LL_ERROR);
	CHECK(log_get_level() == LL_ERROR);
	record(LL_WARN, NULL, "x");
	CHECK(line[0] == '\0');
}

static int	 hooked;
static char	 hook_tunnel[40], hook_msg[1100];

static void
hook(enum log_level level, const char *tunnel, const char *msg)
{
	hooked++;
	CHECK(level == LL_WARN);
	strlcpy(hook_tunnel, tunnel != NULL ? tunnel : "(none)",
	    sizeof(hook_tunnel));
	strlcpy(hook_msg, msg, sizeof(hook_msg));
	if (strcmp(msg, "again") == 0)
		log_warnx("from the hook");
	errno = EPERM;
}

/* the hook gets what is written, as it was said, and never its own */
static void
test_hook(void)
{
	char	 expected[256];

	log_init(LL_INFO, LF_TEXT, LT_JOURNAL, "engine");
	record(LL_WARN, "he", "a \"b\"\n");
	strlcpy(expected, line, sizeof(expected));
	log_set_hook(hook);
	record(LL_WARN, "he", "a \"b\"\n");
	CHECK(hooked == 1 && strcmp(hook_tunnel, "he") == 0);
	CHECK(strcmp(hook_msg, "a \"b\"\n") == 0);
	CHECK(strncmp(line, expected, strlen(expected)) == 0);
	record(LL_DEBUG, NULL, "below the level");
	CHECK(hooked == 1);
	/* logging about logging would never end */
	log_warnx("again");
	CHECK(hooked == 2 && strcmp(hook_msg, "again") == 0);
	log_set_hook(NULL);
	record(LL_WARN, NULL, "x");
	CHECK(hooked == 2);
}

int
main(void)
{
	check_about = line;
	test_hook();
	test_text();
	test_json();
	test_levels();
	return (0);
}
