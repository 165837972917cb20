/*
 * Going into the background.  Runs in the parent, before it drops its
 * privileges.
 *
 * Who started the daemon waits until it is ready, or has failed, and is told
 * by the exit status: an init script needs no sleep.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

static int	 ready_fd = -1;

static void __attribute__((noreturn))
wait_ready(int fd)
{
	char	 c;

	if (read(fd, &c, 1) == 1)
		_exit(0);
	fprintf(stderr, "gatewayd: the daemon did not start; its log says "
	    "why (log_to), and so does 'gatewayd -f'\n");
	_exit(1);
}

void
daemon_fork(void)
{
	int	 null, ready[2];

	if ((null = open("/dev/null", O_RDWR | O_CLOEXEC)) == -1 ||
	    pipe2(ready, O_CLOEXEC) == -1)
		fatal("daemon");
	switch (fork()) {
	case -1:
		fatal("fork");
	case 0:
		break;
	default:
		close(ready[1]);
		wait_ready(ready[0]);
	}
	close(ready[0]);
	ready_fd = ready[1];
	/* stderr becomes the log's; standard streams may be null already */
	if (setsid() == -1 || chdir("/") == -1 ||
	    dup2(null, STDIN_FILENO) == -1 || dup2(null, STDOUT_FILENO) == -1)
		fatal("daemon");
	if (null > STDERR_FILENO)
		close(null);
}

void
daemon_ready(void)
{
	if (ready_fd == -1)
		return;
	if (write(ready_fd, "", 1) == -1)
		log_debug("nobody waits for the daemon any more");
	close(ready_fd);
	ready_fd = -1;
}
