/*
 * users.c: who is let in, and numbers that stay.
 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include <err.h>
#include <stdio.h>
#include <string.h>

#include "users.h"

static struct users	 users;

static void
add(struct users *next, const char *name, const char *password)
{
	struct imsg_relay_user	 m;

	memset(&m, 0, sizeof(m));
	strlcpy(m.name, name, sizeof(m.name));
	salted_make(&m.password, password, strlen(password));
	users_add(next, &m);
}

static uid_t
uid_of(const char *name, const char *password)
{
	uid_t	 uid = 0;

	if (users_check(&users, name, password, &uid) != (uid != 0))
		errx(1, "%s: a number without a user", name);
	return (uid);
}

static void
test_check(void)
{
	struct users	 next = { NULL, 0 };
	char		 name[16];
	int		 i;

	if (uid_of("bob", "") != 0)
		errx(1, "there is nobody");
	add(&next, "bob", "secret");
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		add(&next, name, name);
	}
	users_commit(&next, &users);
	if (next.n != 0 || users.n != 1001)
		errx(1, "commit");
	for (i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "user%d", i);
		if (uid_of(name, name) < USERS_UID ||
		    uid_of(name, name) >= USERS_STRANGER)
			errx(1, "%s", name);
	}
	if (uid_of("bob", "secret") == 0 || uid_of("bob", "Secret") != 0 ||
	    uid_of("Bob", "secret") != 0 || uid_of("bob", "") != 0 ||
	    uid_of("", "secret") != 0 || uid_of("user1", "user2") != 0)
		errx(1, "bob");
}

/* a new password, another order, others: the same number */
static void
test_reload(void)
{
	struct users	 next = { NULL, 0 };
	uid_t		 bob = uid_of("bob", "secret");

	add(&next, "zoe", "z");
	add(&next, "bob", "new");
	users_commit(&next, &users);
	if (uid_of("bob", "new") != bob || uid_of("bob", "secret") != 0 ||
	    uid_of("user1", "user1") != 0 || uid_of("zoe", "z") <= bob)
		errx(1, "reload");
	add(&next, "bob", "forgotten");
	users_clear(&next);
	if (uid_of("bob", "new") != bob)
		errx(1, "a configuration that is not taken");
	users_clear(&users);
}

static uid_t
stranger(const char *text)
{
	struct sockaddr_storage	 ss;
	struct sockaddr_in6	*sin6 = (struct sockaddr_in6 *)&ss;
	struct sockaddr_in	*sin = (struct sockaddr_in *)&ss;

	memset(&ss, 0, sizeof(ss));
	ss.ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
	sin->sin_port = (in_port_t)strlen(text);	/* is of no account */
	if (inet_pton(ss.ss_family, text, ss.ss_family == AF_INET ?
	    (void *)&sin->sin_addr : (void *)&sin6->sin6_addr) != 1)
		errx(1, "%s", text);
	return (users_stranger(&ss));
}

static void
test_strangers(void)
{
	uid_t	 uid = stranger("192.0.2.1");

	if (uid < USERS_STRANGER || uid == UINT32_MAX)
		errx(1, "%u", uid);
	if (uid == stranger("192.0.2.2") ||
	    uid != stranger("::ffff:192.0.2.1") ||
	    stranger("2001:db8::1") != stranger("2001:db8::2:0:0:1") ||
	    stranger("2001:db8::1") == stranger("2001:db8:0:1::1"))
		errx(1, "strangers");
}

int
main(void)
{
	test_check();
	test_reload();
	test_strangers();
	return (0);
}
