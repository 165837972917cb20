/*
 * State files: whole or not at all, whatever happens to them, and the
 * addresses that are kept in one.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <arpa/inet.h>
#include <dirent.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <sha2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "state.h"
#include "unit.h"
#include "wire.h"

#define NOBODY	65534

static char dir[] = "/tmp/gw-state-test.XXXXXX";
static struct state_file file = { "file", 0 };
static char big[WIRE_STATE_MAX + 1];

static time_t delay;		/* seconds, as the last timer was set */
static int ntimers;

int	 __real_event_add(struct event *, const struct timeval *);
int	 __wrap_event_add(struct event *, const struct timeval *);

/* every timer ends soon */
int
__wrap_event_add(struct event *ev, const struct timeval *tv)
{
	static const struct timeval soon = { 0, 1000 };

	delay = tv->tv_sec;
	ntimers++;
	return (__real_event_add(ev, &soon));
}

/* reads NAME of the directory as it is; its length, -1 if it is missing */
static ssize_t
get(const char *name, char *buf, size_t size)
{
	ssize_t n;
	int fd;

	if ((fd = open(name, O_RDONLY)) == -1)
		return (-1);
	n = read(fd, buf, size);
	close(fd);
	return (n);
}

static void
put(const char *name, const void *data, size_t len)
{
	int fd;

	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1 || write(fd, data, len) != (ssize_t)len || close(fd) == -1)
		err(1, "%s", name);
}

static int
exists(const char *name)
{
	struct stat st;

	return (lstat(name, &st) == 0);
}

/* nonzero if the file holds this */
static int
holds(const void *data, size_t len)
{
	size_t got;
	void *buf;
	int same;

	if ((buf = state_load(&file, &got)) == NULL)
		return (0);
	same = got == len && memcmp(buf, data, len) == 0;
	free(buf);
	return (same);
}

static void
save(const void *data, size_t len)
{
	if (state_save(&file, data, len) == -1)
		err(1, "state_save of %zu bytes", len);
}

/* the file is there, closed to others, and nothing else */
static void
check_dir(void)
{
	struct dirent *entry;
	struct stat st;
	int n = 0;
	DIR *d;

	if (stat("file", &st) == -1 || (st.st_mode & 07777) != 0600)
		errx(1, "mode %o", st.st_mode);
	if ((d = opendir(".")) == NULL)
		err(1, "opendir");
	while ((entry = readdir(d)) != NULL)
		if (entry->d_name[0] != '.' && n++ > 0)
			errx(1, "%s is left", entry->d_name);
	closedir(d);
}

static void
test_whole(void)
{
	static const size_t lens[] = { 0, 1, 85, 4096, WIRE_STATE_MAX };
	size_t i, len;

	umask(0);
	if (state_load(&file, &len) != NULL || exists("file.bad"))
		errx(1, "something comes of nothing");
	for (i = 0; i < sizeof(big); i++)
		big[i] = (char)(i * 7 + i / 251);
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		save(big, lens[i]);
		if (!holds(big, lens[i]))
			errx(1, "%zu bytes changed", lens[i]);
		check_dir();
	}
	/* what a crash left behind is in nobody's way */
	put("file.new", "half", 4);
	save("one", 3);
	if (!holds("one", 3))
		errx(1, "the second one");
	check_dir();
}

/* not taken, and set aside as it is */
static void
refused(const char *what, const void *data, size_t len)
{
	static char kept[4096];
	size_t got;

	put("file", data, len);
	if (state_load(&file, &got) != NULL)
		errx(1, "%s: taken", what);
	if (exists("file"))
		errx(1, "%s: still there", what);
	if (get("file.bad", kept, sizeof(kept)) != (ssize_t)len ||
	    memcmp(kept, data, len) != 0)
		errx(1, "%s: not set aside", what);
	unlink("file.bad");
}

static void
test_damage(void)
{
	char whole[512], copy[sizeof(whole)];
	ssize_t len, i;
	int bit;

	save("[endpoints]\na.example = 198.51.100.1\n", 37);
	if ((len = get("file", whole, sizeof(whole) - 1)) <= 37)
		errx(1, "%zd bytes", len);
	for (i = 0; i < len; i++)
		for (bit = 0; bit < 8; bit++) {
			memcpy(copy, whole, (size_t)len);
			copy[i] ^= (char)(1 << bit);
			refused("a bit", copy, (size_t)len);
		}
	for (i = 0; i < len; i++)
		refused("the beginning", whole, (size_t)i);
	memcpy(copy, whole, (size_t)len);
	copy[len] = '\0';
	refused("a byte more", copy, (size_t)len + 1);
	refused("the middle", whole + 1, (size_t)len - 1);
	memset(copy, 0, sizeof(copy));
	refused("zeros", copy, sizeof(copy));
	put("file", whole, (size_t)len);
	if (!holds(whole + len - 37, 37))
		errx(1, "the file without damage");
}

/* what is no file, or far too much of one */
static void
test_strange(void)
{
	char head[128], hex[SHA256_DIGEST_STRING_LENGTH];
	size_t len;
	int fd;

	unlink("file");
	if (mkfifo("file", 0600) == -1 || state_load(&file, &len) != NULL ||
	    exists("file") || !exists("file.bad"))
		errx(1, "a FIFO");
	unlink("file.bad");
	if (mkdir("file", 0700) == -1 || state_load(&file, &len) != NULL ||
	    exists("file") || rmdir("file.bad") == -1)
		errx(1, "a directory");
	fd = open("file", O_WRONLY | O_CREAT, 0600);
	if (fd == -1 || ftruncate(fd, 1LL << 40) == -1 ||
	    state_load(&file, &len) != NULL || !exists("file.bad"))
		errx(1, "a terabyte");
	close(fd);
	/* with the right checksum, and more than anybody may keep */
	snprintf(head, sizeof(head), "v6-gatewayd state 1 %s\n",
	    SHA256Data((const uint8_t *)big, sizeof(big), hex));
	put("file", head, strlen(head));
	fd = open("file", O_WRONLY | O_APPEND);
	if (fd == -1 || write(fd, big, sizeof(big)) != sizeof(big))
		err(1, "write");
	close(fd);
	if (state_load(&file, &len) != NULL || exists("file"))
		errx(1, "a byte too much");
	unlink("file.bad");
}

/* runs test in a child with its own log, and returns that */
static const char *
in_child(void (*test)(void))
{
	static char log[4096];
	ssize_t n;
	int fds[2], status;
	pid_t pid;

	/* no file, whose size may be limited */
	if (pipe(fds) == -1)
		err(1, "pipe");
	if ((pid = fork()) == 0) {
		dup2(fds[1], STDERR_FILENO);
		log_set_level(LL_INFO);
		test();
		_exit(0);
	}
	close(fds[1]);
	if (waitpid(pid, &status, 0) == -1)
		err(1, "waitpid");
	n = read(fds[0], log, sizeof(log) - 1);
	close(fds[0]);
	log[n > 0 ? n : 0] = '\0';
	if (status != 0)
		errx(1, "status %x: %s", status, log);
	return (log);
}

static int
count(const char *log, const char *what)
{
	int n = 0;

	while ((log = strstr(log, what)) != NULL) {
		log++;
		n++;
	}
	return (n);
}

/* root writes everywhere */
static void
child_read_only(void)
{
	if (geteuid() == 0 && (setgid(NOBODY) == -1 || setuid(NOBODY) == -1))
		err(1, "setuid");
	save("old", 3);
	chmod(".", 0500);
	if (state_save(&file, "new", 3) != -1 ||
	    state_save(&file, "new", 3) != -1)
		errx(1, "written to a directory that cannot be");
	if (!holds("old", 3))
		errx(1, "the old file is gone");
	chmod(".", 0700);
	save("new", 3);
	if (!holds("new", 3))
		errx(1, "not written again");
	chmod(".", 0500);
	if (state_save(&file, "last", 4) != -1)
		errx(1, "written to a directory that cannot be");
	chmod(".", 0700);
}

/* as on a full disk, a part is written and then no more */
static void
child_full(void)
{
	struct rlimit rl = { 100, 100 };

	signal(SIGXFSZ, SIG_IGN);
	save("old", 3);
	if (setrlimit(RLIMIT_FSIZE, &rl) == -1)
		err(1, "setrlimit");
	if (state_save(&file, big, 4096) != -1 ||
	    state_save(&file, big, 4096) != -1)
		errx(1, "written beyond the limit");
	if (!holds("old", 3))
		errx(1, "the old file is gone");
	check_dir();
	save("new", 3);
}

static void
test_unwritable(void)
{
	const char *log;

	if (geteuid() == 0 && chown(".", NOBODY, NOBODY) == -1)
		err(1, "chown");
	log = in_child(child_read_only);
	if (count(log, "cannot be written") != 2 ||
	    count(log, "is written again") != 1)
		errx(1, "not told once:\n%s", log);
	if (geteuid() == 0 && chown(".", 0, 0) == -1)
		err(1, "chown");
	unlink("file");
	log = in_child(child_full);
	if (count(log, "cannot be written") != 1 ||
	    count(log, "is written again") != 1)
		errx(1, "not told once:\n%s", log);
}

static struct event_base *base;

static void
start(struct gw_conf *conf)
{
	if ((base = event_base_new()) == NULL)
		errx(1, "event_base_new");
	endpoints_init(base);
	endpoints_conf(conf);
}

/* a configuration with one 6in4 tunnel, and one WireGuard peer */
static struct gw_conf *
make_conf(const char *he, const char *peer)
{
	static struct gw_tunnel a, b;
	static struct wg_conf wg;
	static struct wg_peer p;
	static struct gw_conf conf;

	TAILQ_INIT(&conf.tunnels);
	TAILQ_INIT(&wg.peers);
	strlcpy(a.endpoint, he, sizeof(a.endpoint));
	strlcpy(p.host, peer, sizeof(p.host));
	TAILQ_INSERT_TAIL(&wg.peers, &p, entry);
	wg.npeers = 1;
	b.wg = &wg;
	TAILQ_INSERT_TAIL(&conf.tunnels, &a, entry);
	TAILQ_INSERT_TAIL(&conf.tunnels, &b, entry);
	return (&conf);
}

static void
expect(const char *host, const char *want)
{
	if (endpoints_last(host).s_addr != addr4(want).s_addr)
		errx(1, "%s is not %s", host, want);
}

static void
child_learn(void)
{
	start(make_conf("a.example", "b.example."));
	expect("a.example", "0.0.0.0");
	endpoints_learned("a.example", addr4("198.51.100.1"));
	endpoints_learned("B.example.", addr4("198.51.100.2"));
	endpoints_learned("c.example", addr4("198.51.100.3"));
	endpoints_learned("a.example", addr4("127.0.0.1"));
	endpoints_learned("a.example", addr4("198.51.100.4"));
	endpoints_learned("b.example.", addr4("224.0.0.1"));
	expect("A.EXAMPLE", "198.51.100.4");
	expect("b.example.", "198.51.100.2");
	expect("c.example", "198.51.100.3");
	if (exists("endpoints"))
		errx(1, "written at once");
	endpoints_flush();
}

/* nobody has c.example any more, and a reload takes a.example away */
static void
child_remember(void)
{
	start(make_conf("a.example", "b.example."));
	expect("a.example", "198.51.100.4");
	expect("b.example.", "198.51.100.2");
	expect("c.example", "0.0.0.0");
	endpoints_learned("a.example", addr4("198.51.100.4"));
	unlink("endpoints");
	endpoints_flush();
	if (exists("endpoints"))
		errx(1, "written without a change");
	endpoints_conf(make_conf("d.example", "b.example."));
	endpoints_learned("d.example", addr4("198.51.100.5"));
	endpoints_flush();
}

static void
child_forget(void)
{
	start(make_conf("d.example", "b.example."));
	expect("a.example", "0.0.0.0");
	expect("b.example.", "198.51.100.2");
	expect("d.example", "198.51.100.5");
}

/* a checksum that is right does not make an address of it */
static void
child_nonsense(void)
{
	static const char *const texts[] = {
		"[endpoints]\na.example = 198.51.100.1\nb..c = 198.51.100.1\n",
		"[endpoints]\na.example = 198.51.100.1\nb.example = 127.0.0.1\n",
		"[endpoints]\na.example = 198.51.100.1\nb.example = x\n",
		"[endpoints]\na.example = 198.51.100.1\nb.example =\n",
		"[endpoints]\na.example = 198.51.100.1\nA.example = 192.0.2.1\n",
		"[endpoints]\na.example = 198.51.100.1\n[other]\n",
		"[endpoints]\na.example = 198.51.100.1\nrubbish\n",
	};
	struct state_file f = { "endpoints", 0 };
	size_t i;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		if (state_save(&f, texts[i], strlen(texts[i])) == -1)
			err(1, "state_save");
		start(make_conf("a.example", "b.example"));
		expect("a.example", "0.0.0.0");
		if (exists("endpoints") || unlink("endpoints.bad") == -1)
			errx(1, "not set aside: %s", texts[i]);
	}
}

/* more names than are kept: the first ones are, and it is written */
static void
child_many(void)
{
	static struct wg_peer peers[5000];
	static struct gw_conf *conf;
	struct wg_conf *wg;
	int i;

	conf = make_conf("a.example", "b.example");
	wg = TAILQ_LAST(&conf->tunnels, gw_tunnels)->wg;
	start(conf);
	for (i = 0; i < 5000; i++) {
		snprintf(peers[i].host, sizeof(peers[i].host), "p%d.example",
		    i);
		TAILQ_INSERT_TAIL(&wg->peers, &peers[i], entry);
		wg->npeers++;
		endpoints_learned(peers[i].host, addr4("198.51.100.1"));
	}
	expect(peers[4095].host, "198.51.100.1");
	expect(peers[4096].host, "0.0.0.0");
	/* names that are gone make room */
	endpoints_conf(make_conf("a.example", "b.example"));
	endpoints_learned("a.example", addr4("198.51.100.2"));
	expect("a.example", "198.51.100.2");
	expect(peers[0].host, "0.0.0.0");
}

/* some seconds after the first change, and again after a failure */
static void
child_timer(void)
{
	start(make_conf("a.example", "b.example"));
	endpoints_learned("a.example", addr4("198.51.100.1"));
	endpoints_learned("a.example", addr4("198.51.100.1"));
	endpoints_learned("b.example", addr4("198.51.100.2"));
	if (ntimers != 1 || delay != 5)
		errx(1, "%d timers, %d s", ntimers, (int)delay);
	event_base_loop(base, EVLOOP_ONCE);
	if (!exists("endpoints"))
		errx(1, "not written in time");
	unlink("endpoints");
	/* a directory is not removed by unlink() */
	if (mkdir("endpoints.new", 0700) == -1)
		err(1, "mkdir");
	endpoints_learned("a.example", addr4("198.51.100.3"));
	event_base_loop(base, EVLOOP_ONCE);
	if (exists("endpoints") || ntimers != 3 || delay != 60)
		errx(1, "%d timers, %d s", ntimers, (int)delay);
	rmdir("endpoints.new");
	event_base_loop(base, EVLOOP_ONCE);
	if (!exists("endpoints") || ntimers != 3)
		errx(1, "not written at last");
}

static void
test_endpoints(void)
{
	unlink("file");
	in_child(child_learn);
	in_child(child_remember);
	in_child(child_forget);
	in_child(child_nonsense);
	in_child(child_many);
	in_child(child_timer);
	unlink("endpoints");
}

int
main(void)
{
	if (mkdtemp(dir) == NULL || chdir(dir) == -1)
		err(1, "%s", dir);
	/* each damaged file has its line */
	log_init(LL_ERROR, LF_TEXT, LT_STDERR, "test");
	state_init(dir);
	test_whole();
	test_damage();
	test_strange();
	test_unwritable();
	test_endpoints();
	if (rmdir(dir) == -1)
		err(1, "%s", dir);
	return (0);
}
