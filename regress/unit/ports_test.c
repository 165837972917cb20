/*
 * The table of port mappings: what may be asked for, by whom, once and again,
 * and what is kept.
 */
#include <errno.h>
#include <string.h>

#include "ports_sim.h"

static void
test_add(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 7654, 7655);

	start();
	CHECK(add(m) == 0);
	CHECK(sent.listen.tunnel == 1 && sent.listen.port == 7654 &&
	    sent.listen.protocol == IPPROTO_UDP &&
	    sent.listen.kind == GW_PORT_PUBLISH);
	CHECK(status(IPPROTO_UDP, 7654)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_UDP, 7654)->tunnel == 1);
	/* another one is not the same */
	m.target_port = 1;
	CHECK(add(m) == EEXIST);
	CHECK(add(forward(IPPROTO_UDP, 7654, "2001:db8::9", 1)) == EEXIST);
	/* the other protocol has numbers of its own */
	CHECK(add(publish(IPPROTO_TCP, 7654, 7655)) == 0);
	CHECK(open_paths() == 2);
	CHECK(sent.saves == 1);		/* the second one waits, */
	timers();
	CHECK(sent.saves == 2);
}

/* the same once more, as a program asks that starts again */
static void
test_again(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 80);

	start();
	strlcpy(m.description, "web", sizeof(m.description));
	CHECK(add(m) == 0);
	timers();
	CHECK(add(m) == EALREADY && sent.result.port.port == 7000);
	/* whatever its number is */
	m.port = 0;
	CHECK(add(m) == EALREADY && sent.result.port.port == 7000);
	CHECK(strcmp(sent.result.port.description, "web") == 0);
	timers();
	CHECK(sent.listens == 1 && sent.saves == 1);
	/* it may be called something else, and that is kept */
	now += 10000;
	strlcpy(m.description, "mail", sizeof(m.description));
	CHECK(add(m) == EALREADY && sent.saves == 2);
	CHECK(strcmp(sent.result.port.description, "mail") == 0);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->port.description, "mail") == 0);
	m.description[0] = '\0';	/* it is not said how */
	CHECK(add(m) == EALREADY && sent.listens == 1);
	CHECK(strcmp(sent.result.port.description, "mail") == 0);
	/* with anything else it is another one */
	m.protocol = IPPROTO_UDP;
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE);
	m.protocol = IPPROTO_TCP;
	m.proxy_protocol = 2;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE);
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 1);
	m.target_port = 81;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 2);
	m = forward(IPPROTO_TCP, 0, "host.example", 80);
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 3);
	m = forward(IPPROTO_TCP, 0, "Host.Example", 80);
	CHECK(add(m) == EALREADY && sent.result.port.port == TCP_BASE + 3);
	m = forward(IPPROTO_TCP, 0, "other.example", 80);
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE + 4);
	/* one that was deleted is nobody's, though it drains */
	last_path()->sessions = 1;
	CHECK(del(IPPROTO_TCP, TCP_BASE + 4) == 0);
	CHECK(add(m) == 0);
}

/* several ask for the same at the same time */
static void
test_together(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 0, 80);
	uint32_t		 i;

	start();
	for (i = 0; i < PORT_REQUESTS; i++)
		message(IMSG_PORT_ADD, 70 + i, -1, &m, sizeof(m));
	CHECK(sent.listens == 1 && sent.results == 0);
	message(IMSG_PORT_ADD, 90, -1, &m, sizeof(m));
	CHECK(sent.request == 90 && sent.result.error == EBUSY);
	m.port = TCP_BASE;
	m.target_port = 81;
	message(IMSG_PORT_ADD, 91, -1, &m, sizeof(m));
	CHECK(sent.request == 91 && sent.result.error == EEXIST);
	listened();
	CHECK(sent.results == 2 + PORT_REQUESTS && sent.saves == 1);
	CHECK(sent.request == 70 + PORT_REQUESTS - 1);
	CHECK(sent.result.error == EALREADY);
	CHECK(sent.result.port.port == TCP_BASE && open_paths() == 1);
}

/* one of the configuration does as well, and is called what that says */
static void
test_again_fixed(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 53, 5353);

	start();
	strlcpy(m.description, "dns", sizeof(m.description));
	conf(m);
	commit_all();
	m.port = 0;
	strlcpy(m.description, "mine", sizeof(m.description));
	CHECK(add(m) == EALREADY && sent.result.port.port == 53);
	CHECK(strcmp(sent.result.port.description, "dns") == 0);
	CHECK(sent.saves == 0);
	commit_all();
}

static void
test_malformed(void)
{
	struct imsg_port	 m;

	start();
	CHECK(add(publish(IPPROTO_SCTP, 7000, 1)) == EINVAL);
	CHECK(add(publish(IPPROTO_TCP, 7000, 0)) == EINVAL);
	CHECK(add(publish(IPPROTO_TCP, 1023, 1)) == EACCES);
	CHECK(add(forward(IPPROTO_TCP, 80, "2001:db8::9", 1)) == EACCES);
	CHECK(add(forward(IPPROTO_TCP, 7000, "", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "a+b.example", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "192.0.2.300", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "192.0.2.7", 1)) == EINVAL);
	CHECK(add(forward(IPPROTO_TCP, 7000, "::1", 1)) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.kind = 2;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.proxy_protocol = 1;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	m.fixed = 1;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	memset(m.description, 'x', sizeof(m.description));
	CHECK(add(m) == EINVAL);
	strlcpy(m.description, "two\nlines", sizeof(m.description));
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	strlcpy(m.host, "2001:db8::9", sizeof(m.host));
	CHECK(add(m) == EINVAL);
	m = forward(IPPROTO_TCP, 7000, "2001:db8::9", 1);
	m.proxy_protocol = 2;
	CHECK(add(m) == EINVAL);
	m = publish(IPPROTO_TCP, 7000, 1);
	strlcpy(m.tunnel, "three", sizeof(m.tunnel));
	CHECK(add(m) == ENODEV);
	CHECK(sent.listens == 0 && TAILQ_EMPTY(&ports));
}

static void
test_loops(void)
{
	start();
	relay.own_ports[0] = 8642;
	relay.own_ports[1] = 1080;
	CHECK(add(publish(IPPROTO_TCP, 7000, 8642)) == ELOOP);
	CHECK(add(publish(IPPROTO_TCP, 7000, 1080)) == ELOOP);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1080)) == 0);
	CHECK(add(forward(IPPROTO_TCP, 7001, "2001:db8::9", 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 7002, 7001)) == ELOOP);
	CHECK(add(publish(IPPROTO_TCP, 7002, 7003)) == 0);
	CHECK(add(forward(IPPROTO_TCP, 7003, "2001:db8::9", 1)) == ELOOP);
	CHECK(ports_own(IPPROTO_TCP, 7001) && !ports_own(IPPROTO_UDP, 7001));
	CHECK(ports_own(IPPROTO_TCP, 1080) && !ports_own(IPPROTO_TCP, 7002));
}

static void
test_choose(void)
{
	struct imsg_port	 m = publish(IPPROTO_UDP, 0, 1);

	start();
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE);
	m.target_port = 2;
	CHECK(add(m) == 0 && sent.result.port.port == UDP_BASE + 1);
	m.target_port = 1;
	m.protocol = IPPROTO_TCP;
	CHECK(add(m) == 0 && sent.result.port.port == TCP_BASE);
	CHECK(del(IPPROTO_UDP, UDP_BASE) == 0);
	m.protocol = IPPROTO_UDP;
	/* another program has that one */
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	CHECK(sent.listen.port == UDP_BASE);
	listen_failed(EADDRINUSE);
	CHECK(sent.request != 77 && sent.listen.port == UDP_BASE + 2);
	listened();
	CHECK(sent.request == 77 && sent.result.error == 0);
	CHECK(sent.result.port.port == UDP_BASE + 2);
}

static void
test_taken(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	/* the same is under way: it waits as well */
	message(IMSG_PORT_ADD, 78, -1, &m, sizeof(m));
	CHECK(sent.results == 0 && sent.listens == 1);
	listen_failed(EADDRINUSE);
	CHECK(sent.results == 2);
	CHECK(sent.request == 78 && sent.result.error == EADDRINUSE);
	CHECK(TAILQ_EMPTY(&ports) && sent.gone == 1 && sent.saves == 0);
	/* one of the configuration stays, and is tried again */
	conf(m);
	commit();
	listen_failed(EADDRINUSE);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_FAILED);
	CHECK(strstr(status(IPPROTO_TCP, 7000)->reason,
	    "7000 is taken on this machine") != NULL);
	timers();
	CHECK(sent.listens == 2);
	now += 5000;
	timers();
	CHECK(sent.listens == 3);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7000)->reason[0] == '\0');
}

static void
test_conf(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 443, 8443);
	struct path		*kept;

	start();
	conf(m);
	commit_all();
	CHECK(status(IPPROTO_TCP, 443)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 443)->port.fixed);
	kept = last_path();
	CHECK(del(IPPROTO_TCP, 443) == EPERM);
	/* nothing of it is kept elsewhere */
	CHECK(sent.saves == 0);
	/* a reload touches what has changed */
	strlcpy(m.description, "new", sizeof(m.description));
	conf(m);
	conf(publish(IPPROTO_UDP, 53, 5353));
	commit_all();
	CHECK(sent.listens == 2 && open_paths() == 2 && kept->open);
	CHECK(strcmp(status(IPPROTO_TCP, 443)->port.description, "new") == 0);
	m.target_port = 8444;
	conf(m);
	commit_all();
	CHECK(!kept->open && open_paths() == 1 && sent.listens == 3);
	CHECK(port_find(IPPROTO_UDP, 53) == NULL);
	/* one that was given up changes nothing */
	conf(publish(IPPROTO_TCP, 444, 1));
	ports_abort();
	conf(m);
	commit_all();
	CHECK(port_find(IPPROTO_TCP, 444) == NULL && sent.listens == 3);
	commit_all();
	CHECK(TAILQ_EMPTY(&ports) && open_paths() == 0);
}

/* the configuration has the last word on its numbers */
static void
test_conf_wins(void)
{
	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 7001, 1)) == 0);
	timers();
	now += 10000;
	sent.saves = 0;
	conf(publish(IPPROTO_TCP, 7000, 1));
	conf(publish(IPPROTO_TCP, 7001, 2));
	commit_all();
	CHECK(sent.listens == 3 && open_paths() == 2);
	CHECK(del(IPPROTO_TCP, 7000) == EPERM);
	CHECK(status(IPPROTO_TCP, 7001)->port.target_port == 2);
	timers();
	CHECK(sent.saves >= 1 && sent.saved_len == 16);
	CHECK(add(publish(IPPROTO_TCP, 7001, 2)) == EALREADY);
	CHECK(add(publish(IPPROTO_TCP, 7001, 3)) == EEXIST);
}

static void
load(const void *data, size_t len)
{
	const uint8_t	*s = data;
	size_t		 n;

	for (; len > 0; s += n, len -= n) {
		n = len < 1000 ? len : 1000;
		message(IMSG_PORTS_LOAD, 0, -1, s, n);
	}
	message(IMSG_PORTS_LOAD, 0, -1, NULL, 0);
}

static void
test_persistence(void)
{
	static uint8_t		 blob[WIRE_PORTS_MAX];
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);
	size_t			 len, i;

	start();
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	strlcpy(m.description, "a relay", sizeof(m.description));
	CHECK(add(m) == 0);
	CHECK(add(forward(IPPROTO_UDP, 7001, "host.example", 9)) == 0);
	CHECK(add(publish(IPPROTO_UDP, 7002, 3)) == 0);
	CHECK(del(IPPROTO_UDP, 7002) == 0);
	timers();
	len = sent.saved_len;
	CHECK(len == 16 + 2 * sizeof(m));
	memcpy(blob, sent.saved, len);

	start();
	load(blob, len);
	commit();
	CHECK(sent.bad == 0 && sent.listens == 2);
	CHECK(port_find(IPPROTO_UDP, 7002) == NULL);
	CHECK(memcmp(&status(IPPROTO_TCP, 7000)->port, &m, sizeof(m)) == 0);
	CHECK(strcmp(status(IPPROTO_UDP, 7001)->port.host, "host.example") ==
	    0);
	/* it is read once */
	start();
	commit();
	CHECK(TAILQ_EMPTY(&ports));
	/* the configuration has one of its numbers now */
	load(blob, len);
	conf(publish(IPPROTO_TCP, 7000, 2));
	commit();
	CHECK(status(IPPROTO_TCP, 7000)->port.target_port == 2);
	CHECK(port_find(IPPROTO_UDP, 7001) != NULL);
	/* foreign, cut, longer, another version, another number */
	for (i = 0; i < 16; i++) {
		start();
		blob[i] ^= 0x40;
		load(blob, len);
		commit();
		blob[i] ^= 0x40;
		CHECK(sent.bad == 1 && TAILQ_EMPTY(&ports));
	}
	start();
	load(blob, len - 1);
	commit();
	load(blob, len + 1);
	commit();
	load(blob, 3);
	commit();
	/* a mapping that cannot be: none of them is made */
	blob[len - sizeof(m)] = IPPROTO_ICMP;
	load(blob, len);
	commit();
	CHECK(sent.bad == 4 && TAILQ_EMPTY(&ports));
}

/* what waits for the disk's sake is written before the end */
static void
test_flush(void)
{
	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0 && sent.saves == 1);
	CHECK(add(publish(IPPROTO_TCP, 7001, 1)) == 0 && sent.saves == 1);
	ports_flush();
	CHECK(sent.saves == 2);
	CHECK(sent.saved_len == 16 + 2 * sizeof(struct imsg_port));
	ports_flush();
	timers();
	CHECK(sent.saves == 2);
}

static void
test_cap(void)
{
	uint16_t	 i;

	start();
	for (i = 0; i < GW_PORTS_MAX; i++)
		CHECK(add(publish(IPPROTO_TCP, 0, i + 1)) == 0);
	CHECK(add(publish(IPPROTO_TCP, 0, i + 1)) == ENOSPC);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == ENOSPC);
	CHECK(add(publish(IPPROTO_TCP, 0, 1)) == EALREADY);
	CHECK(del(IPPROTO_TCP, TCP_BASE) == 0);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0);
	timers();
	CHECK(sent.saved_len == 16 + GW_PORTS_MAX * sizeof(struct imsg_port));
}

int
main(void)
{
	sim_start();
	test_add();
	test_again();
	test_together();
	test_again_fixed();
	test_malformed();
	test_loops();
	test_choose();
	test_taken();
	test_conf();
	test_conf_wins();
	test_persistence();
	test_flush();
	test_cap();
	return (0);
}
