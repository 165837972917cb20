/*
 * Who may log in to the SOCKS server, and numbers for those who have no uid.
 * No I/O.  Runs in the relay (_gwrelay, chroot), which knows passwords by
 * their salted hashes alone.
 *
 * Limits count by uid.  A user of password_file is counted by a number of his
 * own above all uids, which stays with the name over reloads; a client from
 * elsewhere, until it has logged in, by one that its address leads to.
 */
#ifndef GW_USERS_H
#define GW_USERS_H

#include <sys/socket.h>
#include <sys/types.h>
#include <stddef.h>
#include <stdint.h>

#include "salted.h"
#include "wire_relay.h"

#define USERS_UID	((uid_t)1 << 31)	/* the first user's */
#define USERS_STRANGER	((uid_t)3 << 30)	/* the first stranger's */

struct user {
	uint8_t		 key[SALTED_SIZE];	/* of the name */
	uid_t		 uid;
	struct salted	 password;
};

struct users {
	struct user	*list;
	size_t		 n;
};

/* one of a new configuration, which takes the place of the present one, or is
 * forgotten */
void	 users_add(struct users *next, const struct imsg_relay_user *);
void	 users_commit(struct users *next, struct users *now);
void	 users_clear(struct users *);
/*
 * Nonzero if that is the user's password, and his number.  Neither what is
 * wrong nor how much of it can be told by the time this takes.
 */
int	 users_check(const struct users *, const char *name,
	    const char *password, uid_t *);
/* a stranger's number: the same for an IPv4 address, and for an IPv6 /64 */
uid_t	 users_stranger(const struct sockaddr_storage *);

#endif
