/*
 * The sockets of port mappings: they follow the tunnels, and drain.
 */
#include <arpa/inet.h>
#include <string.h>
#include <unistd.h>

#include "ports_sim.h"

static void
test_drain(void)
{
	struct path	*old;

	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	old = last_path();
	old->sessions = 2;
	timers();
	CHECK(status(IPPROTO_TCP, 7000)->sessions == 2);
	CHECK(del(IPPROTO_TCP, 7000) == 0);
	CHECK(old->draining && old->open && sent.gone == 0);
	CHECK(sent.status[TAILQ_FIRST(&ports)->id].state == PORT_DRAINING);
	/* it is nobody's any more */
	CHECK(del(IPPROTO_TCP, 7000) == ENOENT);
	CHECK(add(publish(IPPROTO_TCP, 7000, 2)) == 0);
	CHECK(last_path() != old && open_paths() == 2);
	path_end(old);
	CHECK(sent.gone == 1 && open_paths() == 1);
	/* without sessions it goes at once */
	CHECK(del(IPPROTO_TCP, 7000) == 0 && sent.gone == 2);
	CHECK(open_paths() == 0 && TAILQ_EMPTY(&ports));
	/* datagrams drain by the socket that a new mapping needs */
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0);
	last_path()->sessions = 1;
	CHECK(del(IPPROTO_UDP, 7000) == 0 && open_paths() == 1);
	CHECK(add(publish(IPPROTO_UDP, 7000, 1)) == 0 && open_paths() == 1);
}

static void
test_follow(void)
{
	struct path	*old;

	start();
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	old = last_path();
	old->sessions = 1;
	/* it only fails: the socket stays */
	way(1, "one", "2001:db8:1::2", 0, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->reason, "No tunnel is up.") ==
	    0);
	CHECK(!old->draining && sent.listens == 1);
	/* the other one takes over: its socket first, then the old one goes */
	way(2, "two", "2001:db8:2::2", 1, 1);
	CHECK(sent.listens == 2 && sent.listen.tunnel == 2);
	CHECK(!old->draining);
	listened();
	CHECK(old->draining && old->open && last_path()->way == way_id(2));
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7000)->tunnel == 2);
	path_end(old);
	CHECK(!old->open && open_paths() == 1);
	/* another address */
	way(2, "two", "2001:db8:2::3", 1, 1);
	CHECK(sent.listens == 3);
	listened();
	CHECK(open_paths() == 1);
	/* the tunnel is removed */
	way_gone(2);
	ports_ways();
	CHECK(open_paths() == 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
}

/* what changes while the parent is asked */
static void
test_races(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	message(IMSG_PORT_ADD, 77, -1, &m, sizeof(m));
	way(1, "one", "2001:db8:1::2", 1, 0);
	way(2, "two", "2001:db8:2::2", 1, 1);
	CHECK(sent.listens == 1);
	listened();
	CHECK(sent.result.error == 0);
	CHECK(sent.listens == 2 && sent.listen.tunnel == 2);
	listened();
	CHECK(open_paths() == 1 && last_path()->way == way_id(2));
	/* it is deleted meanwhile */
	way(2, "two", "2001:db8:2::2", 1, 0);
	way(1, "one", "2001:db8:1::2", 1, 1);
	CHECK(sent.listens == 3);
	CHECK(del(IPPROTO_TCP, 7000) == 0);
	CHECK(sent.gone == 0);
	listened();
	CHECK(sent.gone == 1 && open_paths() == 0 && TAILQ_EMPTY(&ports));
	/* the parent knows of a new address before we do */
	CHECK(add(m) == 0);
	way(1, "one", "2001:db8:1::3", 1, 1);
	inet_pton(AF_INET6, "2001:db8:1::4", &bound);
	message(IMSG_LISTENED, sent.id, dup(STDERR_FILENO), NULL, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_FAILED);
	CHECK(sent.listens == 5);
	way(1, "one", "2001:db8:1::4", 1, 1);
	CHECK(sent.listens == 6);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(open_paths() == 1);
	/* an answer that nobody waits for is not kept */
	message(IMSG_LISTENED, 999999, dup(STDERR_FILENO), NULL, 0);
}

static void
test_pinned(void)
{
	struct imsg_port	 m = publish(IPPROTO_TCP, 7000, 1);

	start();
	strlcpy(m.tunnel, "two", sizeof(m.tunnel));
	CHECK(add(m) == 0 && sent.listen.tunnel == 2);
	way(2, "two", "2001:db8:2::2", 0, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	CHECK(strcmp(status(IPPROTO_TCP, 7000)->reason,
	    "Tunnel two is not up.") == 0);
	CHECK(sent.listens == 1);
	way(2, "two", "2001:db8:2::2", 1, 0);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(sent.listens == 1);
}

static void
test_waiting(void)
{
	start();
	way(1, "one", "2001:db8:1::2", 0, 0);
	CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
	CHECK(sent.listens == 0 && sent.saves == 1);
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_WAITING);
	/* what is on this machine does not wait for a tunnel */
	CHECK(add(forward(IPPROTO_TCP, 7001, "host.example", 1)) == 0);
	CHECK(sent.listens == 1 && sent.listen.kind == GW_PORT_FORWARD &&
	    sent.listen.tunnel == 0);
	CHECK(status(IPPROTO_TCP, 7001)->state == PORT_WAITING);
	way(1, "one", "2001:db8:1::2", 1, 1);
	listened();
	CHECK(status(IPPROTO_TCP, 7000)->state == PORT_ACTIVE);
	CHECK(status(IPPROTO_TCP, 7001)->state == PORT_ACTIVE);
	CHECK(sent.listens == 2);
}

/* deleted again and again while their connections stay: the table is finite */
static void
test_bounded(void)
{
	struct port	*p;
	int		 i, n = 0;

	start();
	for (i = 0; i < 1030; i++) {
		if (npaths == MAPPINGS)
			break;
		CHECK(add(publish(IPPROTO_TCP, 7000, 1)) == 0);
		last_path()->sessions = 1;
		CHECK(del(IPPROTO_TCP, 7000) == 0);
		/* numbers rise, the test's table does not */
		if (TAILQ_LAST(&ports, ports)->id >= MAPPINGS - 2)
			break;
	}
	TAILQ_FOREACH(p, &ports, entry)
		n++;
	CHECK(n <= 4 * GW_PORTS_MAX);
	while ((p = TAILQ_FIRST(&ports)) != NULL)
		port_free(p);
	CHECK(open_paths() == 0);
}

int
main(void)
{
	sim_start();
	test_drain();
	test_follow();
	test_races();
	test_pinned();
	test_waiting();
	test_bounded();
	return (0);
}
