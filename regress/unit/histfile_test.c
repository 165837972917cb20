/*
 * The history's file as the parent makes and opens it: new, found again, of
 * another kind, damaged, too large, no file at all, and with no room.
 */
#include <sys/resource.h>
#include <sys/stat.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "histfile.h"
#include "log.h"
#include "state.h"
#include "unit.h"

static char	 dir[] = "/tmp/histfile_test.XXXXXX", head[HISTORY_BLOCK];

static int
exists(const char *name)
{
	return (access(name, F_OK) == 0);
}

static void
write_file(const char *data, size_t len)
{
	FILE	*f = fopen("history", "w");

	CHECK(f != NULL && fwrite(data, 1, len, f) == len && fclose(f) == 0);
}

/* it opens, is whole, for root alone; returns its size */
static off_t
opened(void)
{
	char		 have[HISTORY_BLOCK];
	struct stat	 st;
	int		 fd = state_history_open();

	CHECK(fd != -1 && fstat(fd, &st) == 0);
	CHECK(S_ISREG(st.st_mode) && (st.st_mode & 0777) == 0600);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	CHECK(pread(fd, have, sizeof(have), 0) == sizeof(have));
	CHECK(memcmp(have, head, sizeof(head)) == 0);
	close(fd);
	return (st.st_size);
}

/* what is there is set aside, and a new one begins */
static void
set_aside(void)
{
	CHECK(opened() == HISTORY_BLOCK && exists("history.bad"));
	CHECK(unlink("history.bad") == 0 && unlink("history") == 0);
}

static void
test_found_again(void)
{
	int	 fd;

	CHECK(opened() == HISTORY_BLOCK);
	fd = state_history_open();
	CHECK(pwrite(fd, "x", 1, HISTORY_MAX - 1) == 1);
	close(fd);
	CHECK(opened() == HISTORY_MAX && !exists("history.bad"));
	CHECK(truncate("history", HISTORY_BLOCK + 3) == 0);
	CHECK(opened() == HISTORY_BLOCK + 3 && !exists("history.bad"));
	CHECK(truncate("history", 0) == 0);
	CHECK(opened() == HISTORY_BLOCK && !exists("history.bad"));
	CHECK(unlink("history") == 0);
}

static void
test_foreign(void)
{
	char	 other[HISTORY_BLOCK];

	write_file("my notes\n", 9);
	set_aside();
	write_file(head, sizeof(head) - 1);
	set_aside();
	memcpy(other, head, sizeof(head));
	other[20]++;			/* version 2 */
	write_file(other, sizeof(other));
	set_aside();
	memcpy(other, head, sizeof(head));
	other[HISTORY_BLOCK - 1] = 1;
	write_file(other, sizeof(other));
	set_aside();
	write_file(head, sizeof(head));
	CHECK(truncate("history", HISTORY_MAX + 1) == 0);
	set_aside();
}

static void
test_no_file(void)
{
	struct stat	 st;

	CHECK(mkdir("history", 0700) == 0);
	CHECK(opened() == HISTORY_BLOCK && rmdir("history.bad") == 0);
	CHECK(unlink("history") == 0);
	CHECK(mkfifo("history", 0600) == 0);
	set_aside();
	/* nothing is written to where a link leads */
	write_file("precious", 8);
	CHECK(rename("history", "precious") == 0);
	CHECK(symlink("precious", "history") == 0);
	set_aside();
	CHECK(stat("precious", &st) == 0 && st.st_size == 8);
	CHECK(unlink("precious") == 0);
}

/* no room even for the head: no history, and nothing is set aside */
static void
test_full(void)
{
	struct rlimit	 rl, none;

	signal(SIGXFSZ, SIG_IGN);
	CHECK(getrlimit(RLIMIT_FSIZE, &rl) == 0);
	none = rl;
	none.rlim_cur = 100;
	CHECK(setrlimit(RLIMIT_FSIZE, &none) == 0);
	CHECK(state_history_open() == -1 && !exists("history.bad"));
	CHECK(setrlimit(RLIMIT_FSIZE, &rl) == 0);
	/* what is left of that is no such file */
	set_aside();
}

int
main(void)
{
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "parent");
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		err(1, "%s", dir);
	umask(0);
	state_init(dir);
	history_head(head);
	test_found_again();
	test_foreign();
	test_no_file();
	test_full();
	if (rmdir(dir) == -1)
		err(1, "%s", dir);
	return (0);
}
