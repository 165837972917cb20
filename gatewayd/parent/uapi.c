/*
 * Userspace WireGuard's UAPI socket, and exchanges over it in the event loop.
 *
 * Runs in the parent (root, three capabilities).  Who answers is a process
 * without rights: what it says is bounded in size and time and read by
 * uapi_text.c.  Buffers that may hold keys are wiped.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"
#include "uapi.h"
#include "uapi_text.h"
#include "util.h"

#define UAPI_TIMEOUT_S	5

struct uapi {
	int			 fd;
	struct event		*read_ev;
	struct event		*write_ev;
	struct event		*timer;
	char			*request;
	size_t			 len;
	size_t			 sent;
	struct uapi_answer	 answer;
	int			 error;	/* when the timer fires */
	uapi_fn			 fn;
	void			*arg;
};

void
uapi_init(void)
{
	/* whatever the umask is */
	if (mkdir(GW_UAPI_DIR, 0755) == 0 ? chmod(GW_UAPI_DIR, 0755) == -1 :
	    errno != EEXIST)
		log_warn("%s: userspace WireGuard will not work", GW_UAPI_DIR);
}

static void
uapi_path(const char *iface, char *path, size_t size)
{
	snprintf(path, size, "%s/%s.sock", GW_UAPI_DIR, iface);
}

/* nobody else may put a socket there, and wireguard-go has to see ours */
static int
uapi_dir(char *reason, size_t size)
{
	struct stat	 st;

	if (stat(GW_UAPI_DIR, &st) == -1) {
		snprintf(reason, size, "%s: %s.", GW_UAPI_DIR,
		    strerror(errno));
		return (-1);
	}
	if (!S_ISDIR(st.st_mode) || st.st_uid != 0 ||
	    (st.st_mode & 07777) != 0755) {
		snprintf(reason, size, "%s must be a directory of root with "
		    "mode 0755: run chown root %s; chmod 755 %s.", GW_UAPI_DIR,
		    GW_UAPI_DIR, GW_UAPI_DIR);
		return (-1);
	}
	return (0);
}

int
uapi_open(const char *iface, char *reason, size_t size)
{
	char	 path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];
	int	 fd;

	if (uapi_dir(reason, size) == -1)
		return (-1);
	uapi_path(iface, path, sizeof(path));
	if ((fd = listen_unix(path, SOCK_STREAM, 0644)) != -1)
		return (fd);
	if (errno == EADDRINUSE)
		snprintf(reason, size, "Another program serves WireGuard on "
		    "%s (%s): stop it, or choose another iface.", iface, path);
	else
		snprintf(reason, size, "Cannot listen on %s: %s.", path,
		    strerror(errno));
	return (-1);
}

void
uapi_remove(const char *iface)
{
	char	 path[sizeof(((struct sockaddr_un *)NULL)->sun_path)];

	uapi_path(iface, path, sizeof(path));
	if (unlink(path) == -1 && errno != ENOENT)
		log_warn("%s", path);
}

static void
uapi_wipe_request(struct uapi *u)
{
	if (u->request == NULL)
		return;
	explicit_bzero(u->request, u->len);
	free(u->request);
	u->request = NULL;
}

void
uapi_cancel(struct uapi *u)
{
	if (u->read_ev != NULL)
		event_free(u->read_ev);
	if (u->write_ev != NULL)
		event_free(u->write_ev);
	event_free(u->timer);
	if (u->fd != -1)
		close(u->fd);
	uapi_wipe_request(u);
	/* the last line read may be a key */
	explicit_bzero(u, sizeof(*u));
	free(u);
}

static void
uapi_finish(struct uapi *u, int error)
{
	struct uapi_status	 status;
	uapi_fn			 fn = u->fn;
	void			*arg = u->arg;

	memset(&status, 0, sizeof(status));
	if (error == 0)
		status = u->answer.status;
	uapi_cancel(u);
	fn(arg, error, &status);
}

static void
uapi_timeout(int fd, short events, void *arg)
{
	struct uapi	*u = arg;

	uapi_finish(u, u->error);
}

static void
uapi_read(int fd, short events, void *arg)
{
	struct uapi	*u = arg;
	char		 buf[4096];
	ssize_t		 n;
	int		 r;

	if ((n = read(fd, buf, sizeof(buf))) == -1) {
		if (errno != EAGAIN && errno != EINTR)
			uapi_finish(u, errno);
		return;
	}
	if (n == 0) {
		uapi_finish(u, ECONNRESET);
		return;
	}
	r = uapi_answer_read(&u->answer, buf, (size_t)n);
	explicit_bzero(buf, sizeof(buf));
	if (r == -1)
		uapi_finish(u, EPROTO);
	else if (r == 1)
		uapi_finish(u, u->answer.error);
}

static void
uapi_write(int fd, short events, void *arg)
{
	struct uapi	*u = arg;
	ssize_t		 n;

	n = send(fd, u->request + u->sent, u->len - u->sent, MSG_NOSIGNAL);
	/* what it does not want to hear it has answered before it closed */
	if (n == -1 && errno == EPIPE)
		n = (ssize_t)(u->len - u->sent);
	if (n == -1) {
		if (errno != EAGAIN && errno != EINTR)
			uapi_finish(u, errno);
		return;
	}
	if ((u->sent += (size_t)n) < u->len)
		return;
	event_del(u->write_ev);
	uapi_wipe_request(u);
}

/* 0, or errno */
static int
uapi_connect(struct uapi *u, struct event_base *base, const char *iface)
{
	struct sockaddr_un	 sun;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	uapi_path(iface, sun.sun_path, sizeof(sun.sun_path));
	u->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (u->fd == -1 ||
	    connect(u->fd, (struct sockaddr *)&sun, sizeof(sun)) == -1)
		return (errno);
	u->read_ev = event_new(base, u->fd, EV_READ | EV_PERSIST, uapi_read,
	    u);
	u->write_ev = event_new(base, u->fd, EV_WRITE | EV_PERSIST,
	    uapi_write, u);
	if (u->read_ev == NULL || event_add(u->read_ev, NULL) == -1 ||
	    u->write_ev == NULL || event_add(u->write_ev, NULL) == -1)
		fatalx("event_add");
	return (0);
}

/* takes over the request */
static struct uapi *
uapi_start(struct event_base *base, const char *iface, char *request,
    size_t len, int get, uapi_fn fn, void *arg)
{
	struct uapi	*u = xcalloc(1, sizeof(*u));
	struct timeval	 tv = { 0, 0 };

	u->request = request;
	u->len = len;
	u->fn = fn;
	u->arg = arg;
	uapi_answer_init(&u->answer, get);
	if ((u->error = uapi_connect(u, base, iface)) == 0) {
		u->error = ETIMEDOUT;
		tv.tv_sec = UAPI_TIMEOUT_S;
	}
	if ((u->timer = evtimer_new(base, uapi_timeout, u)) == NULL ||
	    evtimer_add(u->timer, &tv) == -1)
		fatalx("evtimer_add");
	return (u);
}

struct uapi *
uapi_set(struct event_base *base, const char *iface,
    const struct wg_conf *conf, const struct in_addr *endpoints, uapi_fn fn,
    void *arg)
{
	char	*request;
	size_t	 len;

	request = uapi_text_set(conf, endpoints, 1, &len);
	return (uapi_start(base, iface, request, len, 0, fn, arg));
}

struct uapi *
uapi_set_endpoints(struct event_base *base, const char *iface,
    const struct wg_conf *conf, const struct in_addr *endpoints, uapi_fn fn,
    void *arg)
{
	char	*request;
	size_t	 len;

	request = uapi_text_set(conf, endpoints, 0, &len);
	return (uapi_start(base, iface, request, len, 0, fn, arg));
}

struct uapi *
uapi_get(struct event_base *base, const char *iface, uapi_fn fn, void *arg)
{
	static const char	 get[] = "get=1\n\n";

	return (uapi_start(base, iface, xstrdup(get), sizeof(get) - 1, 1, fn,
	    arg));
}

void
uapi_exit_text(const struct imsg_launch_exited *m, char *reason, size_t size)
{
	int	 status = (int)m->status;

	if (m->end == LAUNCH_MISSING)
		snprintf(reason, size, "There is no wireguard-go: install it "
		    "(apt install wireguard-go) and restart the daemon, or "
		    "load the kernel's module (modprobe wireguard).");
	else if (m->end == LAUNCH_FAILED)
		snprintf(reason, size, "Cannot start wireguard-go: %s.",
		    strerror(status));
	else if (WIFSIGNALED(status))
		snprintf(reason, size, "wireguard-go was killed by signal %d "
		    "(%s).", WTERMSIG(status), strsignal(WTERMSIG(status)));
	else
		snprintf(reason, size, "wireguard-go ended with status %d; "
		    "the log says why.", WEXITSTATUS(status));
}
