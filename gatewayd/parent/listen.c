/*
 * The listening sockets: bound by the parent, handed to the frontend and the
 * relay.  Runs in the parent, before it drops its privileges; listen_unix()
 * and listen_socks() afterwards as well.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "addr.h"
#include "log.h"
#include "parent.h"
#include "util.h"
#include "wire.h"

#define BACKLOG		128
#define PREDECESSOR_MS	2000

/* the frontend's; the relay's come with a configuration */
static int	 fds[] = {
	[LISTENER_HTTP] = -1,
	[LISTENER_API] = -1,
	[LISTENER_CONTROL] = -1,
	[LISTENER_MCP] = -1
};
#define NLISTENERS	(sizeof(fds) / sizeof(fds[0]))

static const char *
control_path(const struct gw_conf *conf)
{
	static char	 path[4096];

	snprintf(path, sizeof(path), "%s/gatewayd.sock", conf->run_dir);
	return (path);
}

/* the path in "unix:PATH", NULL if the relay listens elsewhere */
static const char *
socks_path(const struct gw_conf *conf)
{
	const char	*bind = conf->exposure.socks_bind;

	return (strncmp(bind, "unix:", 5) == 0 ? bind + 5 : NULL);
}

/* -1 with errno */
static int
listen_tcp(const struct sockaddr *sa)
{
	socklen_t		 len = sa->sa_family == AF_INET ?
				    sizeof(struct sockaddr_in) :
				    sizeof(struct sockaddr_in6);
	int			 fd, on = 1;

	fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (fd == -1)
		return (-1);
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    (sa->sa_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6,
	    IPV6_V6ONLY, &on, sizeof(on)) == -1) ||
	    bind(fd, sa, len) == -1 || listen(fd, BACKLOG) == -1)
		return (close_failed(fd));
	return (fd);
}

static int
listen_api(const struct sockaddr_storage *ss)
{
	const struct sockaddr	*sa = (const struct sockaddr *)ss;
	int			 fd = listen_tcp(sa);

	if (fd == -1)
		log_warn("cannot listen on %s (api_bind, api_port)%s",
		    sockaddr_text(sa), errno == EADDRINUSE ?
		    "; find the other program with 'ss -ltnp' or change "
		    "api_port" : "");
	return (fd);
}

/*
 * A socket file left by a crash is removed, one that answers is not.  Nor is
 * any other file: connect(2) refuses those just as it does a dead socket.
 */
static int
unlink_stale(const struct sockaddr_un *sun, int type)
{
	struct stat	 st;
	int		 fd, error = 0;

	if (lstat(sun->sun_path, &st) == -1)
		return (errno == ENOENT ? 0 : -1);
	if (!S_ISSOCK(st.st_mode)) {
		errno = EEXIST;
		return (-1);
	}
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (-1);
	/* EAGAIN: its queue is full, so somebody holds it */
	if (connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) == 0 ||
	    errno == EAGAIN)
		error = EADDRINUSE;
	else if (errno == ECONNREFUSED && unlink(sun->sun_path) == -1)
		error = errno;
	close(fd);
	if (error != 0) {
		errno = error;
		return (-1);
	}
	return (0);
}

int
listen_unix(const char *path, int type, mode_t mode)
{
	struct sockaddr_un	 sun;
	mode_t			 mask;
	int			 fd, r;

	memset(&sun, 0, sizeof(sun));
	sun.sun_family = AF_UNIX;
	if (strlcpy(sun.sun_path, path, sizeof(sun.sun_path)) >=
	    sizeof(sun.sun_path)) {
		errno = ENAMETOOLONG;
		return (-1);
	}
	if (unlink_stale(&sun, type) == -1 || (fd = socket(AF_UNIX,
	    type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) == -1)
		return (-1);
	mask = umask(0777 & ~mode);
	r = bind(fd, (struct sockaddr *)&sun, sizeof(sun));
	umask(mask);
	if (r == -1 || listen(fd, BACKLOG) == -1)
		return (close_failed(fd));
	return (fd);
}

/* everybody may connect: each request checks who asks */
static int
listen_all(const char *path, int type)
{
	int	 fd;

	if ((fd = listen_unix(path, type, 0666)) == -1)
		log_warn("cannot listen on %s", path);
	return (fd);
}

/* root's, unless the configuration gives it to somebody else */
static int
listen_mcp(const struct gw_conf *conf)
{
	const struct passwd	*pw = NULL;
	const struct group	*gr = NULL;
	int			 fd;

	errno = 0;
	if ((conf->mcp_user != NULL &&
	    (pw = getpwnam(conf->mcp_user)) == NULL) ||
	    (conf->mcp_group != NULL &&
	    (gr = getgrnam(conf->mcp_group)) == NULL)) {
		log_warn("mcp_user, mcp_group: an account has gone");
		return (-1);
	}
	fd = listen_unix(conf->mcp_socket, SOCK_STREAM,
	    gr != NULL ? 0660 : 0600);
	/* a link put there instead is not followed */
	if (fd != -1 && (pw != NULL || gr != NULL) &&
	    lchown(conf->mcp_socket, pw != NULL ? pw->pw_uid : 0,
	    gr != NULL ? gr->gr_gid : 0) == -1) {
		log_warn("cannot give %s away", conf->mcp_socket);
		close(fd);
		return (-1);
	}
	if (fd == -1)
		log_warn("cannot listen on %s (mcp_socket)%s",
		    conf->mcp_socket, errno == EADDRINUSE ?
		    ": another program serves it" : "");
	return (fd);
}

/*
 * The pid file is ours: who still serves our control socket is left of a
 * daemon that was killed, and ends when it sees that its pipe has.
 */
static void
await_predecessor(const struct gw_conf *conf)
{
	const struct timespec	 pause = { 0, 10000000 };
	uint64_t		 end = monotime_ms() + PREDECESSOR_MS;
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };

	strlcpy(sun.sun_path, control_path(conf), sizeof(sun.sun_path));
	while (unlink_stale(&sun, SOCK_SEQPACKET) == -1 &&
	    errno == EADDRINUSE && monotime_ms() < end)
		nanosleep(&pause, NULL);
}

int
listen_open(const struct gw_conf *conf)
{
	size_t	 i;

	await_predecessor(conf);
	fds[LISTENER_HTTP] = listen_api(&conf->api_bind);
	fds[LISTENER_API] = listen_all(conf->api_socket, SOCK_STREAM);
	fds[LISTENER_CONTROL] = listen_all(control_path(conf),
	    SOCK_SEQPACKET);
	fds[LISTENER_MCP] = listen_mcp(conf);
	for (i = 0; i < NLISTENERS; i++)
		if (fds[i] == -1)
			return (-1);
	return (0);
}

int
listen_socks(const struct gw_conf *conf)
{
	struct sockaddr_storage	 ss;

	if (sockaddr_parse(conf->exposure.socks_bind, &ss) == -1)
		fatalx("bind: %s", conf->exposure.socks_bind);
	if (ss.ss_family == AF_UNIX)
		return (listen_unix(socks_path(conf), SOCK_STREAM, 0666));
	return (listen_tcp((struct sockaddr *)&ss));
}

void
listen_socks_close(const struct gw_conf *conf)
{
	if ((conf->exposure.modes & GW_EXPOSE_SOCKS5) &&
	    socks_path(conf) != NULL)
		unlink(socks_path(conf));
}

/*
 * Who is asked whose a connection or a socket of this machine is.  The kernel
 * may have to load a module for the first question, which takes its time: so
 * that is asked here.
 */
static int
open_diag(void)
{
	struct {
		struct nlmsghdr		 hdr;
		struct inet_diag_req_v2	 diag;
	} ask;
	char	 answer[4096];
	int	 fd;

	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    NETLINK_SOCK_DIAG);
	if (fd == -1) {
		log_warn("cannot ask the kernel whose a TCP connection is");
		return (-1);
	}
	memset(&ask, 0, sizeof(ask));
	ask.hdr.nlmsg_len = sizeof(ask);
	ask.hdr.nlmsg_type = SOCK_DIAG_BY_FAMILY;
	ask.hdr.nlmsg_flags = NLM_F_REQUEST;
	ask.diag.sdiag_family = AF_INET;
	ask.diag.sdiag_protocol = IPPROTO_TCP;
	if (send(fd, &ask, sizeof(ask), 0) != -1)
		(void)recv(fd, answer, sizeof(answer), 0);
	ask.diag.sdiag_protocol = IPPROTO_UDP;
	if (send(fd, &ask, sizeof(ask), 0) != -1)
		(void)recv(fd, answer, sizeof(answer), 0);
	return (fd);
}

static void
send_diag(struct peer *p)
{
	int	 fd;

	if ((fd = open_diag()) != -1)
		peer_send(p, IMSG_SOCK_DIAG, 0, fd, NULL, 0);
}

void
listen_send(struct peer *frontend, struct peer *relay)
{
	struct imsg_listener	 m;
	uint32_t		 i;

	send_diag(frontend);
	send_diag(relay);
	for (i = 0; i < NLISTENERS; i++) {
		m.kind = i;
		peer_send(frontend, IMSG_LISTENER, 0, fds[i], &m, sizeof(m));
		fds[i] = -1;
	}
}

void
listen_close(const struct gw_conf *conf)
{
	unlink(conf->api_socket);
	unlink(conf->mcp_socket);
	listen_socks_close(conf);
	unlink(control_path(conf));
}
