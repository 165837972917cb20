/*
 * Does the kernel have what the tunnels need?  Runs in the doctor (_gwrelay,
 * Landlock) and in gatewayctl.
 */
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "check.h"
#include "sysfile.h"

#define WG_PROGRAM	"/usr/bin/wireguard-go"

static void
kernel_ipv6(struct doctor *d)
{
	char		 line[1024] = "";
	struct finding	*f;
	int		 fd;

	fd = socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd != -1) {
		close(fd);
		doctor_add(d, FINDING_OK, "kernel.ipv6", NULL,
		    "the kernel has IPv6");
		return;
	}
	f = doctor_add(d, FINDING_FAIL, "kernel.ipv6", NULL,
	    "the kernel has no IPv6");
	(void)sysfile_text(line, sizeof(line), "/proc/cmdline");
	finding_evidence(f, "socket(AF_INET6): %s; kernel command line: %s",
	    strerror(errno), line);
	finding_remedy(f, "take ipv6.disable=1 out of GRUB_CMDLINE_LINUX in "
	    "/etc/default/grub, run update-grub and reboot; without it there, "
	    "look for 'options ipv6 disable=1' in /etc/modprobe.d");
}

/* what a module is needed for */
struct need {
	const char		*module;
	const char		*id;
	const char		*what;
	int			 spare;	/* the userspace driver will do */
	const struct gw_tunnel	*t;
};

static void
kernel_module(struct doctor *d, const struct need *n)
{
	enum module_state	 state;
	struct finding		*f;
	const char		*how;

	state = module_state(n->module, &how);
	if (state == MODULE_LOADED || state == MODULE_LOADABLE) {
		f = doctor_add(d, FINDING_OK, n->id, n->t,
		    "%s: module %s is %s", n->what, n->module,
		    state == MODULE_LOADED ? "there" : "loaded when needed");
		finding_evidence(f, "%s", how);
		return;
	}
	if (n->spare)
		f = doctor_add(d, FINDING_WARN, n->id, n->t,
		    "%s: the module %s is %s; without it the slower userspace "
		    "driver is used", n->what, n->module,
		    state == MODULE_UNKNOWN ? "not loaded" : "missing");
	else
		f = doctor_add(d, state == MODULE_UNKNOWN ? FINDING_WARN :
		    FINDING_FAIL, n->id, n->t,
		    "%s needs the kernel module %s, which is %s", n->what,
		    n->module, state == MODULE_UNKNOWN ? "not loaded" :
		    "missing");
	finding_evidence(f, "%s", how);
	finding_remedy(f, "'modprobe %s', in a container on its host; "
	    "Debian has it in the package linux-image-amd64%s", n->module,
	    n->spare ? "" : "; or 'driver = auto' in its section");
}

static void
kernel_tun(struct doctor *d, const struct gw_tunnel *t)
{
	struct finding	*f;

	if (access("/sys/class/misc/tun", F_OK) == 0 &&
	    access("/dev/net/tun", F_OK) == 0) {
		doctor_add(d, FINDING_OK, "kernel.tun", t,
		    "the userspace driver: /dev/net/tun is there");
		return;
	}
	f = doctor_add(d, FINDING_FAIL, "kernel.tun", t,
	    "the userspace driver needs /dev/net/tun");
	finding_evidence(f, "%s is missing",
	    access("/dev/net/tun", F_OK) == 0 ? "/sys/class/misc/tun" :
	    "/dev/net/tun");
	finding_remedy(f, "'modprobe tun'; in a container let its host give "
	    "it the device /dev/net/tun");
}

static void
kernel_program(struct doctor *d, const struct gw_tunnel *t)
{
	struct finding	*f;

	if (access(WG_PROGRAM, X_OK) == 0)
		return;
	f = doctor_add(d, FINDING_FAIL, "kernel.wireguard", t,
	    "WireGuard in user space needs " WG_PROGRAM);
	finding_evidence(f, "%s: %s", WG_PROGRAM, strerror(errno));
	finding_remedy(f, "'apt install wireguard-go', or a kernel with the "
	    "module wireguard");
}

/* once for each kind of tunnel and driver that is in use */
static void
kernel_tunnel(struct doctor *d, const struct gw_tunnel *t)
{
	struct need	 n = { .t = t };
	const char	*how;

	n.module = t->type == GW_WIREGUARD ? "wireguard" : "sit";
	n.id = t->type == GW_WIREGUARD ? "kernel.wireguard" : "kernel.sit";
	n.what = t->type == GW_WIREGUARD ? "WireGuard" : "6in4";
	n.spare = t->driver == GW_DRIVER_AUTO;
	if (t->driver != GW_DRIVER_USERSPACE)
		kernel_module(d, &n);
	if (t->driver == GW_DRIVER_KERNEL)
		return;
	if (t->driver == GW_DRIVER_AUTO &&
	    module_state(n.module, &how) < MODULE_MISSING)
		return;
	kernel_tun(d, t);
	if (t->type == GW_WIREGUARD)
		kernel_program(d, t);
}

void
check_kernel(struct doctor *d)
{
	const struct gw_tunnel	*t;
	uint32_t		 seen = 0, bit;

	kernel_ipv6(d);
	for (t = doctor_tunnel(d, NULL); t != NULL; t = doctor_tunnel(d, t)) {
		bit = 1U << ((unsigned int)t->type * 4 +
		    (unsigned int)t->driver);
		if (t->type == GW_EXTERNAL || (seen & bit))
			continue;
		seen |= bit;
		kernel_tunnel(d, t);
	}
}
