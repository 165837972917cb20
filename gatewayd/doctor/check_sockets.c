/*
 * The daemon's directory and sockets: there, served, and with the right
 * modes.  Runs in the doctor (_gwrelay, Landlock) and in gatewayctl; the
 * doctor connects to none of them, being a part of who serves them.
 */
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "control_path.h"

#define START	"'systemctl start v6-gatewayd'; why it ended is in " \
		"'journalctl -u v6-gatewayd'"

void
control_path_name(const struct gw_conf *conf, char *buf, size_t size)
{
	snprintf(buf, size, "%s/gatewayd.sock", conf->run_dir);
}

enum control_state
control_path(const struct gw_conf *conf)
{
	struct sockaddr_un	 sun = { .sun_family = AF_UNIX };
	int			 fd, r, saved;

	control_path_name(conf, sun.sun_path, sizeof(sun.sun_path));
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd == -1)
		return (CONTROL_REFUSED);
	r = connect(fd, (const struct sockaddr *)&sun, sizeof(sun));
	saved = errno;
	close(fd);
	errno = saved;
	/* a full queue is somebody's too */
	if (r == 0 || errno == EAGAIN)
		return (CONTROL_ANSWERS);
	if (errno == ENOENT || errno == ENOTDIR)
		return (CONTROL_MISSING);
	return (errno == ECONNREFUSED ? CONTROL_STALE : CONTROL_REFUSED);
}

static void
run_dir(struct doctor *d)
{
	const char	*path = d->conf->run_dir;
	struct finding	*f;
	struct stat	 st;

	if (stat(path, &st) == -1) {
		if (errno == ENOENT && !d->o.daemon)
			return;		/* it is made at the start */
		f = doctor_add(d, FINDING_FAIL, "socket.run_dir", NULL,
		    "%s cannot be used", path);
		finding_evidence(f, "stat: %s", strerror(errno));
		finding_remedy(f, "'systemctl restart v6-gatewayd' makes it "
		    "anew");
		return;
	}
	if (S_ISDIR(st.st_mode) && st.st_uid == 0 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0)
		return;
	f = doctor_add(d, FINDING_FAIL, "socket.run_dir", NULL,
	    "%s must be a directory of root that nobody else may write to",
	    path);
	finding_evidence(f, "owner %u, mode %04o", st.st_uid,
	    st.st_mode & 07777);
	finding_remedy(f, "'chown root %s; chmod go-w %s'", path, path);
}

static void
control_socket(struct doctor *d)
{
	char			 path[CONTROL_PATH_SIZE];
	enum control_state	 state;
	struct finding		*f;
	const char		*why;

	if (d->o.daemon)
		return;
	control_path_name(d->conf, path, sizeof(path));
	if ((state = control_path(d->conf)) == CONTROL_ANSWERS) {
		f = doctor_add(d, FINDING_OK, "socket.control", NULL,
		    "gatewayd runs");
		finding_evidence(f, "it answers on %s", path);
		return;
	}
	why = strerror(errno);
	f = doctor_add(d, doctor_tunnel(d, NULL) != NULL ? FINDING_FAIL :
	    FINDING_WARN, "socket.control", NULL, state == CONTROL_REFUSED ?
	    "gatewayd cannot be asked" : "gatewayd does not run");
	finding_evidence(f, state == CONTROL_STALE ? "%s is stale: nobody "
	    "serves it (%s)" : "%s: %s", path, why);
	finding_remedy(f, "%s", state == CONTROL_REFUSED ?
	    "'systemctl restart v6-gatewayd' gives the socket its mode, 0666"
	    : START);
}

/* one that the daemon serves; it made it with that mode */
static void
socket_mode(struct doctor *d, const char *id, const char *key,
    const char *path, mode_t mode)
{
	struct finding	*f;
	struct stat	 st;

	if (lstat(path, &st) == -1) {
		f = doctor_add(d, FINDING_WARN, id, NULL,
		    "the socket %s (%s) is gone", path, key);
		finding_evidence(f, "lstat: %s", strerror(errno));
		finding_remedy(f, "'systemctl restart v6-gatewayd' makes it "
		    "anew; something removed it");
		return;
	}
	if (S_ISSOCK(st.st_mode) && (st.st_mode & 0777) == mode) {
		doctor_add(d, FINDING_OK, id, NULL, "the socket %s is there",
		    path);
		return;
	}
	f = doctor_add(d, FINDING_WARN, id, NULL,
	    "%s (%s) is not as gatewayd made it", path, key);
	finding_evidence(f, "%s, mode %04o instead of %04o",
	    S_ISSOCK(st.st_mode) ? "a socket" : "no socket",
	    st.st_mode & 07777, mode);
	finding_remedy(f, "'chmod %04o %s', or 'systemctl restart "
	    "v6-gatewayd'", mode, path);
}

void
check_sockets(struct doctor *d)
{
	char	 path[CONTROL_PATH_SIZE];

	if (d->conf == NULL)
		return;
	run_dir(d);
	control_socket(d);
	if (!d->o.daemon && control_path(d->conf) != CONTROL_ANSWERS)
		return;
	control_path_name(d->conf, path, sizeof(path));
	socket_mode(d, "socket.control", "run_dir", path, 0666);
	socket_mode(d, "socket.api", "api_socket", d->conf->api_socket, 0666);
	socket_mode(d, "socket.mcp", "mcp_socket", d->conf->mcp_socket,
	    d->conf->mcp_group != NULL ? 0660 : 0600);
}
