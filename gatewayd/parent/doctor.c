/*
 * What the parent (root, three capabilities) does for the doctor: it hands
 * over the configuration, as text in memory without a secret, and has it look
 * at this machine once after the start.
 */
#include <sys/mman.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"
#include "parent.h"

/*
 * Seconds after the start.  Tunnels are up a second or two after it; a name
 * server may take five, and an uplink some more after a boot.  Whatever is
 * still wrong then deserves a line in the log.
 */
#define DOCTOR_AFTER	10

#define SEALS	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* a descriptor to read it from, -1 with errno */
static int
conf_memory(const struct gw_conf *conf)
{
	FILE	*f;
	int	 fd, copy;

	fd = memfd_create("v6-gatewayd.conf", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (fd == -1)
		return (-1);
	if ((copy = fcntl(fd, F_DUPFD_CLOEXEC, 0)) == -1 ||
	    (f = fdopen(copy, "w")) == NULL)
		fatal("conf_memory");
	if (conf_print(conf, f) == -1 || fclose(f) == EOF ||
	    fcntl(fd, F_ADD_SEALS, SEALS) == -1)
		fatal("conf_memory");
	return (fd);
}

void
doctor_conf(const struct gw_conf *conf)
{
	int	 fd;

	if ((fd = conf_memory(conf)) == -1)
		log_warn("memfd_create: the doctor does without the "
		    "configuration");
	else
		peer_send(env.peers[PROC_DOCTOR], IMSG_DOCTOR_CONF, 0, fd,
		    NULL, 0);
}

static void
doctor_start(int fd, short events, void *arg)
{
	if (!env.stopping)
		peer_send0(env.peers[PROC_DOCTOR], IMSG_DOCTOR_START, 0);
}

void
doctor_ready(void)
{
	static const struct timeval	 tv = { DOCTOR_AFTER, 0 };

	if (event_base_once(env.base, -1, EV_TIMEOUT, doctor_start, NULL,
	    &tv) == -1)
		log_warnx("doctor: no timer");
}
