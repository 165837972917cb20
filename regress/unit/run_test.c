/*
 * launcher/run: how a version of wireguard-go wants its packets.
 */
#include <net/if.h>

#include <err.h>
#include <linux/if_tun.h>

#include "run.h"

#define OLD	IFF_TUN
#define NEW	(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR)

static void
check(const char *version, int flags)
{
	if (run_tun_flags(version) != flags)
		errx(1, "%s: %#x", version, run_tun_flags(version));
}

int
main(void)
{
	check("wireguard-go v0.0.20190517\n", OLD);
	check("wireguard-go v0.0.20220316\n\nUserspace WireGuard daemon", OLD);
	check("wireguard-go v0.0.20230223", OLD);
	check("wireguard-go v0.0.20231211\n", NEW);
	check("wireguard-go v0.0.20250522\n", NEW);
	/* as the sources are from now on */
	check("wireguard-go v0.1.20220316\n", NEW);
	check("wireguard-go v1.0.0\n", NEW);
	check("wireguard-go devel\n", NEW);
	check("boringtun 0.5.2\n", NEW);
	check("", NEW);
	return (0);
}
