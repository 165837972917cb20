/*
 * Whom to ask over IPv6.  Runs in the doctor (_gwrelay, Landlock) and in
 * gatewayctl.
 */
#include <string.h>

#include "target.h"

static int
usable(const struct gw_target *target, const struct gw_tunnel *t)
{
	return (!target->gateway || (t != NULL && t->has_gateway));
}

unsigned int
target_count(const struct doctor *d, const struct gw_tunnel *t)
{
	unsigned int	 i, n = 0;

	for (i = 0; i < d->conf->health.ntargets; i++)
		n += usable(&d->conf->health.targets[i], t) ? 1 : 0;
	return (n);
}

static int
target(const struct doctor *d, const struct gw_tunnel *t,
    const struct in6_addr *own, unsigned int i, struct sockaddr_in6 *to,
    struct sockaddr_in6 *src)
{
	const struct gw_target	*target = d->conf->health.targets;
	const struct gw_target	*end = target + d->conf->health.ntargets;

	for (; target < end; target++)
		if (usable(target, t) && i-- == 0)
			break;
	if (target == end)
		return (-1);
	memset(to, 0, sizeof(*to));
	to->sin6_family = AF_INET6;
	*src = *to;
	to->sin6_addr = target->gateway ? t->gateway : target->addr;
	src->sin6_addr = *own;
	return (0);
}

int
target_tunnel(const struct doctor *d, const struct gw_tunnel *t,
    unsigned int i, struct sockaddr_in6 *to, struct sockaddr_in6 *src)
{
	if (!t->has_address)
		return (-1);
	return (target(d, t, &t->address, i, to, src));
}

int
target_native(const struct doctor *d, const struct in6_addr *own,
    unsigned int i, struct sockaddr_in6 *to, struct sockaddr_in6 *src)
{
	return (target(d, NULL, own, i, to, src));
}
