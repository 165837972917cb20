/*
 * What a WireGuard device has, what it is to have, and the difference.  Pure
 * computation; runs in the parent.  Holds keys, which are wiped.
 */
#include <sys/socket.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "wg.h"

#define WG_ALIVE_S	135	/* a handshake is made every 120 s */

/* room for one more; what moves leaves no key behind */
static void *
grow(void *p, size_t n, size_t *size, size_t each)
{
	size_t	 more;

	if (n < *size)
		return (p);
	more = *size == 0 ? 8 : 2 * *size;
	if ((p = recallocarray(p, *size, more, each)) == NULL)
		fatal("recallocarray of %zu", more);
	*size = more;
	return (p);
}

struct wg_devpeer *
wg_dev_peer(struct wg_dev *d)
{
	d->peers = grow(d->peers, d->npeers, &d->peers_size,
	    sizeof(*d->peers));
	return (&d->peers[d->npeers++]);
}

struct wg_range *
wg_dev_range(struct wg_dev *d)
{
	d->ranges = grow(d->ranges, d->nranges, &d->ranges_size,
	    sizeof(*d->ranges));
	return (&d->ranges[d->nranges++]);
}

static int
compare_allowed(const struct wg_allowed *a, const struct wg_allowed *b)
{
	if (a->family != b->family)
		return (a->family < b->family ? -1 : 1);
	if (a->len != b->len)
		return (a->len < b->len ? -1 : 1);
	return (memcmp(&a->addr, &b->addr, a->family == AF_INET ?
	    sizeof(struct in_addr) : sizeof(a->addr)));
}

static int
compare_places(size_t a, size_t b)
{
	return (a < b ? -1 : a > b);
}

/* equal ranges side by side, the last peer's first */
static int
by_range(const void *va, const void *vb)
{
	const struct wg_range	*a = va, *b = vb;
	int			 r;

	if ((r = compare_allowed(&a->allowed, &b->allowed)) != 0)
		return (r);
	return (compare_places(b->peer, a->peer));
}

static int
by_peer(const void *va, const void *vb)
{
	const struct wg_range	*a = va, *b = vb;
	int			 r;

	if ((r = compare_places(a->peer, b->peer)) != 0)
		return (r);
	return (compare_allowed(&a->allowed, &b->allowed));
}

static int
by_key(const void *va, const void *vb)
{
	const struct wg_devpeer	*const *a = va, *const *b = vb;

	return (memcmp((*a)->public_key, (*b)->public_key, WG_KEY_LEN));
}

void
wg_dev_sort(struct wg_dev *d)
{
	struct wg_devpeer	*p;
	size_t			 i, n = 0;

	if (d->nranges == 0)
		return;
	qsort(d->ranges, d->nranges, sizeof(*d->ranges), by_range);
	for (i = 1; i < d->nranges; i++)
		if (compare_allowed(&d->ranges[i].allowed,
		    &d->ranges[n].allowed) != 0)
			d->ranges[++n] = d->ranges[i];
	d->nranges = n + 1;
	qsort(d->ranges, d->nranges, sizeof(*d->ranges), by_peer);
	for (i = d->nranges; i-- > 0;) {
		p = &d->peers[d->ranges[i].peer];
		p->first = i;
		p->nranges++;
	}
}

/* as the kernel keeps it (RFC 7748, section 5) */
static void
clamp_key(uint8_t key[WG_KEY_LEN])
{
	key[0] &= 248;
	key[WG_KEY_LEN - 1] = (key[WG_KEY_LEN - 1] & 127) | 64;
}

static void
want_peer(struct wg_dev *d, const struct wg_peer *p, struct in_addr endpoint)
{
	struct wg_devpeer	*new = wg_dev_peer(d);
	struct wg_range		*range;
	size_t			 i;

	memcpy(new->public_key, p->public_key, WG_KEY_LEN);
	if (p->has_preshared)
		memcpy(new->preshared_key, p->preshared_key, WG_KEY_LEN);
	new->keepalive_s = p->keepalive_s;
	new->change = WG_NEW | WG_PRESHARED | WG_KEEPALIVE | WG_RANGES;
	if (endpoint.s_addr != INADDR_ANY) {
		new->endpoint.sin_family = AF_INET;
		new->endpoint.sin_addr = endpoint;
		new->endpoint.sin_port = htons(p->port);
		new->change |= WG_ENDPOINT;
	}
	for (i = 0; i < p->nallowed; i++) {
		range = wg_dev_range(d);
		range->peer = d->npeers - 1;
		range->allowed = p->allowed[i];
	}
}

void
wg_dev_want(struct wg_dev *d, const struct wg_conf *conf,
    const struct in_addr *endpoints)
{
	const struct wg_peer	*p;

	memset(d, 0, sizeof(*d));
	memcpy(d->private_key, conf->private_key, WG_KEY_LEN);
	clamp_key(d->private_key);
	d->listen_port = conf->listen_port;
	d->fwmark = conf->fwmark;
	d->set_key = d->set_fwmark = d->replace = 1;
	d->set_port = conf->listen_port != 0;
	TAILQ_FOREACH(p, &conf->peers, entry)
		want_peer(d, p, *endpoints++);
	wg_dev_sort(d);
}

static int
ranges_equal(const struct wg_dev *a, const struct wg_devpeer *pa,
    const struct wg_dev *b, const struct wg_devpeer *pb)
{
	size_t	 i;

	if (pa->nranges != pb->nranges)
		return (0);
	for (i = 0; i < pa->nranges; i++)
		if (compare_allowed(&a->ranges[pa->first + i].allowed,
		    &b->ranges[pb->first + i].allowed) != 0)
			return (0);
	return (1);
}

/* nonzero if the endpoint has to be put right */
static int
endpoint_wrong(const struct wg_devpeer *want, const struct wg_devpeer *have,
    uint64_t now)
{
	const struct sockaddr_in	*a = &want->endpoint;
	const struct sockaddr_in	*b = &have->endpoint;

	if (a->sin_family == 0 || (a->sin_family == b->sin_family &&
	    a->sin_addr.s_addr == b->sin_addr.s_addr &&
	    a->sin_port == b->sin_port))
		return (0);
	return (want->move || have->handshake + WG_ALIVE_S < now);
}

static const char *
compare_peer(struct wg_dev *want, struct wg_devpeer *p,
    const struct wg_dev *have, const struct wg_devpeer *old, uint64_t now)
{
	const char	*what = NULL;

	p->change = 0;
	if (endpoint_wrong(p, old, now))
		p->change |= WG_ENDPOINT;
	if (p->keepalive_s != old->keepalive_s) {
		p->change |= WG_KEEPALIVE;
		what = "the keepalive interval of a peer differed";
	}
	if (memcmp(p->preshared_key, old->preshared_key, WG_KEY_LEN) != 0) {
		p->change |= WG_PRESHARED;
		what = "the preshared key of a peer differed";
	}
	if (!ranges_equal(want, p, have, old)) {
		p->change |= WG_RANGES;
		what = "the allowed IPs of a peer differed";
	}
	return (what);
}

static const char *
compare_device(struct wg_dev *want, const struct wg_dev *have)
{
	const char	*what = NULL;

	want->replace = 0;
	want->set_fwmark = want->fwmark != have->fwmark;
	if (want->set_fwmark)
		what = "its fwmark differed";
	want->set_port = want->listen_port != 0 &&
	    want->listen_port != have->listen_port;
	if (want->set_port)
		what = "its listening port differed";
	want->set_key = memcmp(want->private_key, have->private_key,
	    WG_KEY_LEN) != 0;
	if (want->set_key)
		what = "its private key differed";
	return (what);
}

/* pointers to the peers, by key */
static const struct wg_devpeer **
peers_by_key(const struct wg_dev *d)
{
	const struct wg_devpeer	**v;
	size_t			  i;

	if ((v = calloc(d->npeers + 1, sizeof(*v))) == NULL)
		fatal("calloc of %zu", d->npeers);
	for (i = 0; i < d->npeers; i++)
		v[i] = &d->peers[i];
	qsort(v, d->npeers, sizeof(*v), by_key);
	return (v);
}

const char *
wg_dev_compare(struct wg_dev *want, const struct wg_dev *have, uint64_t now)
{
	const struct wg_devpeer	**theirs = peers_by_key(have), **found, *key;
	struct wg_devpeer	 *gone;
	const char		 *what = compare_device(want, have), *w;
	size_t			  i, n = want->npeers;
	char			 *claimed;

	if ((claimed = calloc(have->npeers + 1, 1)) == NULL)
		fatal("calloc of %zu", have->npeers);
	for (i = 0; i < n; i++) {
		key = &want->peers[i];
		found = bsearch(&key, theirs, have->npeers, sizeof(*theirs),
		    by_key);
		if (found == NULL) {
			what = "a peer was missing";
			continue;
		}
		claimed[*found - have->peers] = 1;
		w = compare_peer(want, &want->peers[i], have, *found, now);
		if (w != NULL)
			what = w;
	}
	for (i = 0; i < have->npeers; i++) {
		if (claimed[i])
			continue;
		gone = wg_dev_peer(want);
		memcpy(gone->public_key, have->peers[i].public_key,
		    WG_KEY_LEN);
		gone->change = WG_REMOVE;
		what = "it had a peer too many";
	}
	free(claimed);
	free(theirs);
	return (what);
}

int
wg_dev_marked(const struct wg_dev *d)
{
	size_t	 i;

	for (i = 0; i < d->npeers; i++)
		if (d->peers[i].change != 0)
			return (1);
	return (d->set_key || d->set_port || d->set_fwmark || d->replace);
}

void
wg_dev_free(struct wg_dev *d)
{
	freezero(d->peers, d->peers_size * sizeof(*d->peers));
	freezero(d->ranges, d->ranges_size * sizeof(*d->ranges));
	explicit_bzero(d, sizeof(*d));
}
