/*
 * The kernel driver of WireGuard without a kernel: what is written is caught
 * and read back, since both directions have the same attributes; and what a
 * difference between a device and a configuration comes to.
 */
#include <sys/socket.h>
#include <arpa/inet.h>

#include <err.h>
#include <errno.h>
#include <linux/genetlink.h>
#include <linux/wireguard.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <stdlib.h>
#include <string.h>

#include "nlsock.h"
#include "unit.h"
#include "util.h"
#include "wg.h"

#define FAMILY		33
#define NOW		1700000000
#define NESTED(nla)	((nla)->nla_type & NLA_F_NESTED)

int	__wrap_nlsock_open(struct nlsock *, int, int);
int	__wrap_nlsock_request(struct nlsock *, struct nl_msg *, nlsock_fn,
	    void *);

/* what the kernel would have after all messages so far */
static struct wg_dev	 kernel;
static unsigned int	 messages, replaces, restarts, removed;
static size_t		 largest;
static int		 fail_after;	/* messages; 0: never */
static uint8_t		 open_peer[WG_KEY_LEN];

int
__wrap_nlsock_open(struct nlsock *s, int protocol, int secret)
{
	CHECK(protocol == NETLINK_GENERIC && secret);
	return (0);
}

static void
answer_family(nlsock_fn fn, void *arg)
{
	struct nl_msg	*m = nlsock_msg_new(128, GENL_ID_CTRL, 0);
	struct nlattr	*nla;
	uint16_t	 id = FAMILY;

	nlsock_header(m, sizeof(struct genlmsghdr));
	nlsock_put(m, CTRL_ATTR_FAMILY_ID, &id, sizeof(id));
	nla = genlmsg_attrdata(genlmsg_hdr(nlmsg_hdr(m)), 0);
	CHECK(nla_get_u16(nla) == FAMILY);
	fn(nlmsg_hdr(m), arg);
	nlmsg_free(m);
}

/* flags stand at the first part of a peer only */
static void
check_peer(struct nlattr *peer)
{
	struct nlattr	*tb[WGPEER_A_MAX + 1];
	const void	*key;
	uint32_t	 flags;

	CHECK(NESTED(peer));
	CHECK(nla_parse_nested(tb, WGPEER_A_MAX, peer, NULL) == 0);
	CHECK(tb[WGPEER_A_PUBLIC_KEY] != NULL);
	if (tb[WGPEER_A_ALLOWEDIPS] != NULL)
		CHECK(NESTED(tb[WGPEER_A_ALLOWEDIPS]));
	key = nla_data(tb[WGPEER_A_PUBLIC_KEY]);
	if (memcmp(key, open_peer, WG_KEY_LEN) == 0) {
		CHECK(tb[WGPEER_A_FLAGS] == NULL);
		CHECK(tb[WGPEER_A_PRESHARED_KEY] == NULL);
		restarts++;
	} else {
		CHECK(tb[WGPEER_A_FLAGS] != NULL);
		flags = nla_get_u32(tb[WGPEER_A_FLAGS]);
		CHECK(tb[WGPEER_A_ALLOWEDIPS] == NULL ||
		    (flags & WGPEER_F_REPLACE_ALLOWEDIPS));
		removed += (flags & WGPEER_F_REMOVE_ME) != 0;
	}
	memcpy(open_peer, key, WG_KEY_LEN);
}

static void
check_message(struct nlmsghdr *h)
{
	struct nlattr	*tb[WGDEVICE_A_MAX + 1], *peer;
	int		 left;

	CHECK(h->nlmsg_type == FAMILY);
	CHECK(genlmsg_hdr(h)->cmd == WG_CMD_SET_DEVICE);
	CHECK(genlmsg_parse(h, 0, tb, WGDEVICE_A_MAX, NULL) == 0);
	CHECK(tb[WGDEVICE_A_IFINDEX] != NULL);
	if (messages > 0)
		CHECK(tb[WGDEVICE_A_FLAGS] == NULL &&
		    tb[WGDEVICE_A_PRIVATE_KEY] == NULL);
	else if (tb[WGDEVICE_A_FLAGS] != NULL)
		replaces++;
	if (tb[WGDEVICE_A_PEERS] == NULL)
		return;
	CHECK(NESTED(tb[WGDEVICE_A_PEERS]));
	nla_for_each_nested(peer, tb[WGDEVICE_A_PEERS], left)
		check_peer(peer);
}

int
__wrap_nlsock_request(struct nlsock *s, struct nl_msg *msg, nlsock_fn fn,
    void *arg)
{
	struct nlmsghdr	*h = nlmsg_hdr(msg);

	if (h->nlmsg_type == GENL_ID_CTRL)
		answer_family(fn, arg);
	else {
		check_message(h);
		wg_parse(h, &kernel);
		messages++;
		if (h->nlmsg_len > largest)
			largest = h->nlmsg_len;
	}
	nlmsg_free(msg);
	if (fail_after != 0 && messages == (unsigned int)fail_after) {
		errno = ENOMEM;
		return (-1);
	}
	return (0);
}

static void
forget(void)
{
	wg_dev_free(&kernel);
	messages = replaces = restarts = removed = 0;
	largest = 0;
	memset(open_peer, 0, sizeof(open_peer));
}

/* xorshift: the same in every run */
static uint32_t
dice(uint32_t n)
{
	static uint32_t	 x = 2463534242;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	return (x % n);
}

static void
random_bytes(void *p, size_t n)
{
	uint8_t	*b = p;

	while (n-- > 0)
		*b++ = (uint8_t)dice(256);
}

static struct wg_peer *
add_peer(struct wg_conf *c, uint32_t nallowed)
{
	struct wg_peer		*p = xcalloc(1, sizeof(*p));
	struct wg_allowed	*a;
	uint32_t		 i;

	random_bytes(p->public_key, WG_KEY_LEN);
	p->port = (uint16_t)(1 + dice(65535));
	p->keepalive_s = (uint16_t)dice(100);
	if ((p->has_preshared = dice(2)))
		random_bytes(p->preshared_key, WG_KEY_LEN);
	p->allowed = xcalloc(nallowed + 1, sizeof(*p->allowed));
	p->nallowed = nallowed;
	for (i = 0; i < nallowed; i++) {
		a = &p->allowed[i];
		a->family = dice(2) ? AF_INET : AF_INET6;
		a->len = a->family == AF_INET ? 32 : 128;
		random_bytes(&a->addr, a->family == AF_INET ? 4 : 16);
	}
	TAILQ_INSERT_TAIL(&c->peers, p, entry);
	c->npeers++;
	return (p);
}

static struct wg_conf *
new_conf(void)
{
	struct wg_conf	*c = xcalloc(1, sizeof(*c));

	random_bytes(c->private_key, WG_KEY_LEN);
	c->listen_port = 4711;
	c->fwmark = dice(3);
	TAILQ_INIT(&c->peers);
	return (c);
}

static void
want(struct wg_dev *d, const struct wg_conf *c)
{
	struct in_addr	*endpoints = xcalloc(c->npeers + 1,
			    sizeof(*endpoints));
	uint32_t	 i;

	for (i = 0; i < c->npeers; i++)
		endpoints[i].s_addr = htonl(0xc6336401 + i);
	wg_dev_want(d, c, endpoints);
	free(endpoints);
}

static void
set_all(const struct wg_conf *c)
{
	struct wg_dev	 d;

	forget();
	want(&d, c);
	CHECK(wg_set(7, &d) == 0);
	wg_dev_sort(&kernel);
	wg_dev_free(&d);
}

static const char *
compare(struct wg_dev *d, const struct wg_conf *c)
{
	want(d, c);
	return (wg_dev_compare(d, &kernel, NOW));
}

/* all that is written arrives, in as many messages as it takes */
static void
test_round_trip(void)
{
	static const uint32_t	 sizes[][2] = {
		{ 0, 0 }, { 1, 0 }, { 1, 1 }, { 3, 2 }, { 1, 5000 },
		{ 1500, 4 }, { 70, 300 }, { 4096, 0 }, { 200, 1 }
	};
	struct wg_conf		*c;
	struct wg_dev		 d;
	size_t			 i;
	uint32_t		 n;

	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		c = new_conf();
		for (n = 0; n < sizes[i][0]; n++)
			add_peer(c, sizes[i][1]);
		set_all(c);
		CHECK(kernel.npeers == sizes[i][0]);
		CHECK(replaces == 1 && largest <= 16384);
		CHECK((messages > 1) == (sizes[i][0] * (sizes[i][1] + 2) >
		    400));
		CHECK(compare(&d, c) == NULL && !wg_dev_marked(&d));
		wg_dev_free(&d);
		wgconf_free(c);
	}
	CHECK(restarts == 0);
	c = new_conf();
	add_peer(c, 1000);
	set_all(c);
	CHECK(restarts == messages - 1 && restarts > 1);
	wgconf_free(c);
}

/* the kernel's answer to one message is an error: no more is sent */
static void
test_error(void)
{
	struct wg_conf	*c = new_conf();
	struct wg_dev	 d;

	add_peer(c, 3000);
	forget();
	want(&d, c);
	fail_after = 2;
	CHECK(wg_set(7, &d) == -1 && errno == ENOMEM && messages == 2);
	fail_after = 0;
	wg_dev_free(&d);
	wgconf_free(c);
}

static void
expect(const struct wg_conf *c, size_t peer, unsigned int change,
    const char *what)
{
	struct wg_dev	 d;
	const char	*said = compare(&d, c);
	size_t		 i;

	CHECK((said == NULL) == (what == NULL));
	CHECK(said == NULL || strstr(said, what) != NULL);
	for (i = 0; i < d.npeers; i++)
		CHECK(d.peers[i].change == (i == peer ? change : 0));
	CHECK(!d.replace);
	forget();
	CHECK(wg_set(7, &d) == 0 && messages == 1 && replaces == 0);
	CHECK(removed == (change == WG_REMOVE));
	wg_dev_free(&d);
}

static void
test_differences(void)
{
	struct wg_conf	*c = new_conf();
	struct wg_peer	*p, *last;
	uint32_t	 i;

	for (i = 0; i < 20; i++)
		p = add_peer(c, 3);
	p = TAILQ_NEXT(TAILQ_FIRST(&c->peers), entry);
	set_all(c);
	p->keepalive_s++;
	expect(c, 1, WG_KEEPALIVE, "keepalive");
	set_all(c);
	p->has_preshared = 1;
	random_bytes(p->preshared_key, WG_KEY_LEN);
	expect(c, 1, WG_PRESHARED, "preshared");
	set_all(c);
	p->allowed[2].addr.s6_addr[3] ^= 1;
	expect(c, 1, WG_RANGES, "allowed IPs");
	set_all(c);
	p->nallowed--;
	expect(c, 1, WG_RANGES, "allowed IPs");
	set_all(c);
	last = add_peer(c, 1);
	expect(c, 20, WG_NEW | WG_PRESHARED | WG_KEEPALIVE | WG_RANGES |
	    WG_ENDPOINT, "missing");
	set_all(c);
	TAILQ_REMOVE(&c->peers, last, entry);
	c->npeers--;
	expect(c, 20, WG_REMOVE, "too many");
	free(last->allowed);
	free(last);
	wgconf_free(c);
}

static void
test_device(void)
{
	struct wg_conf	*c = new_conf();
	struct wg_dev	 d;

	c->fwmark = 1;
	set_all(c);
	/* bits that no private key has are no difference */
	c->private_key[0] ^= 7;
	CHECK(compare(&d, c) == NULL && !wg_dev_marked(&d));
	wg_dev_free(&d);
	c->private_key[5] ^= 1;
	CHECK(strstr(compare(&d, c), "private key") && d.set_key &&
	    !d.set_port && !d.set_fwmark);
	wg_dev_free(&d);
	set_all(c);
	c->listen_port = 0;		/* any will do */
	CHECK(compare(&d, c) == NULL && !wg_dev_marked(&d));
	wg_dev_free(&d);
	c->listen_port = 4712;
	CHECK(strstr(compare(&d, c), "port") && d.set_port && !d.set_key);
	wg_dev_free(&d);
	c->listen_port = 4711;
	c->fwmark = 0;
	CHECK(strstr(compare(&d, c), "fwmark") && d.set_fwmark);
	wg_dev_free(&d);
	wgconf_free(c);
}

/* of a range that two peers have, the last one's counts, as for wg(8) */
static void
test_same_range(void)
{
	struct wg_conf	*c = new_conf();
	struct wg_peer	*a = add_peer(c, 2), *b = add_peer(c, 1);
	struct wg_dev	 d;

	a->allowed[1] = a->allowed[0];		/* twice in one, too */
	b->allowed[0] = a->allowed[0];
	set_all(c);
	CHECK(kernel.peers[0].nranges == 0 && kernel.peers[1].nranges == 1);
	CHECK(compare(&d, c) == NULL && !wg_dev_marked(&d));
	wg_dev_free(&d);
	wgconf_free(c);
}

/* an endpoint that a living session has found stays, but for a reason */
static void
test_endpoints(void)
{
	static const struct {
		uint64_t	 age;	/* of the handshake */
		int		 move;
		int		 set;
	} cases[] = {
		{ 0, 0, 0 }, { 100, 0, 0 }, { 136, 0, 1 }, { NOW, 0, 1 },
		{ 0, 1, 1 }, { 200, 1, 1 }
	};
	struct wg_conf	*c = new_conf();
	struct in_addr	 none = { INADDR_ANY };
	struct wg_dev	 d;
	size_t		 i;

	add_peer(c, 1);
	set_all(c);
	CHECK(kernel.peers[0].endpoint.sin_addr.s_addr == htonl(0xc6336401));
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		kernel.peers[0].endpoint.sin_port ^= 1;
		kernel.peers[0].handshake = NOW - cases[i].age;
		want(&d, c);
		d.peers[0].move = cases[i].move;
		CHECK(wg_dev_compare(&d, &kernel, NOW) == NULL);
		CHECK((d.peers[0].change == WG_ENDPOINT) == cases[i].set);
		wg_dev_free(&d);
		kernel.peers[0].endpoint.sin_port ^= 1;
		want(&d, c);
		d.peers[0].move = cases[i].move;
		CHECK(wg_dev_compare(&d, &kernel, NOW) == NULL);
		CHECK(d.peers[0].change == 0);
		wg_dev_free(&d);
	}
	/* one whose address is not known is left where it is */
	wg_dev_want(&d, c, &none);
	CHECK(wg_dev_compare(&d, &kernel, NOW) == NULL && !wg_dev_marked(&d));
	wg_dev_free(&d);
	wgconf_free(c);
}

int
main(void)
{
	CHECK(wg_open() == 0);
	test_round_trip();
	test_error();
	test_differences();
	test_device();
	test_same_range();
	test_endpoints();
	forget();
	return (0);
}
