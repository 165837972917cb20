/*
 * Users: see users.h.  Runs in the relay (_gwrelay, chroot).
 *
 * They are found by a keyed hash of the name: how a search for what nobody
 * outside can compute goes on tells nothing about the names.
 */
#include <netinet/in.h>

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "log.h"
#include "users.h"

static void
keyed(const void *data, size_t len, uint8_t key[SALTED_SIZE])
{
	static uint8_t	 secret[SALTED_SIZE];
	static int	 made;

	if (!made)
		arc4random_buf(secret, sizeof(secret));
	made = 1;
	salted_hash(secret, data, len, key);
}

static int
user_cmp(const void *a, const void *b)
{
	const struct user	*x = a, *y = b;

	return (memcmp(x->key, y->key, sizeof(x->key)));
}

static const struct user *
user_find(const struct users *u, const uint8_t key[SALTED_SIZE])
{
	struct user	 wanted;

	if (u->n == 0)
		return (NULL);
	memcpy(wanted.key, key, sizeof(wanted.key));
	return (bsearch(&wanted, u->list, u->n, sizeof(*u->list), user_cmp));
}

void
users_add(struct users *next, const struct imsg_relay_user *m)
{
	struct user	*u;

	if ((next->list = reallocarray(next->list, next->n + 1,
	    sizeof(*next->list))) == NULL)
		fatal("reallocarray");
	u = &next->list[next->n++];
	keyed(m->name, strlen(m->name), u->key);
	u->password = m->password;
	u->uid = 0;
}

void
users_commit(struct users *next, struct users *now)
{
	static uid_t		 last = USERS_UID - 1;
	const struct user	*old;
	size_t			 i;

	for (i = 0; i < next->n; i++) {
		old = user_find(now, next->list[i].key);
		if (old == NULL && ++last == USERS_STRANGER)
			last = USERS_UID;
		next->list[i].uid = old != NULL ? old->uid : last;
	}
	if (next->n > 0)
		qsort(next->list, next->n, sizeof(*next->list), user_cmp);
	users_clear(now);
	*now = *next;
	memset(next, 0, sizeof(*next));
}

void
users_clear(struct users *u)
{
	freezero(u->list, u->n * sizeof(*u->list));
	memset(u, 0, sizeof(*u));
}

int
users_check(const struct users *u, const char *name, const char *password,
    uid_t *uid)
{
	static const struct user	 nobody;
	const struct user		*found;
	uint8_t				 key[SALTED_SIZE];
	int				 equal;

	keyed(name, strlen(name), key);
	found = user_find(u, key);
	/* nobody has no password, but is asked for it as well */
	equal = salted_equal(found != NULL ? &found->password :
	    &nobody.password, password, strlen(password));
	if (found == NULL || !equal)
		return (0);
	*uid = found->uid;
	return (1);
}

uid_t
users_stranger(const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6	*sin6 = (const void *)ss;
	const struct sockaddr_in	*sin = (const void *)ss;
	uint8_t				 key[SALTED_SIZE];
	uint32_t			 n;

	if (ss->ss_family == AF_INET)
		keyed(&sin->sin_addr, sizeof(sin->sin_addr), key);
	else if (IN6_IS_ADDR_V4MAPPED(&sin6->sin6_addr))
		keyed(&sin6->sin6_addr.s6_addr[12], 4, key);
	else
		keyed(&sin6->sin6_addr, 8, key);
	memcpy(&n, key, sizeof(n));
	/* the last number is nobody's */
	n &= USERS_UID / 2 - 1;
	return (USERS_STRANGER + (n == USERS_UID / 2 - 1 ? 0 : n));
}
