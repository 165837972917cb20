/*
 * Connects by way of another SOCKS5 server, Tor for example.  Runs in the
 * relay (_gwrelay, chroot).
 *
 * Names are passed on and nobody here asks the DNS for them.  Each
 * user has credentials of his own, which tell nothing and are good until the
 * relay ends, so that the server can keep users apart.  What does not go by
 * the upstream does not go at all.
 */
#ifndef GW_UPSTREAM_H
#define GW_UPSTREAM_H

#include <sys/types.h>

#include "dial.h"

/* of a user at the upstream, with their NULs */
#define UPSTREAM_USER		sizeof("gw-4294967295")
#define UPSTREAM_PASSWORD	33

/*
 * What the configuration's upstream holds: ADDRESS:PORT, [ADDRESS]:PORT or
 * NAME:PORT.  0, or -1 if it is none of them.
 */
int		 upstream_parse(const char *, struct socks_dest *);

/*
 * A dial that goes to relay.upstream and asks it for that destination, on
 * behalf of uid.  As with dial_new(), whose contract this is: nothing is read
 * from the connected socket that belongs to the data behind the answer.
 */
struct dial	*upstream_dial(const struct socks_dest *, uid_t, dial_done *,
		    void *arg);

/* for dial.c: goes on with fd, which is connected to the server, or is -1 */
void		 upstream_start(struct upstream *, int fd);
/* BND.ADDR as the server tells it; all zero if it tells a name */
void		 upstream_bound(const struct upstream *, struct socks_dest *);
void		 upstream_free(struct upstream *);

/* the user's credentials at the upstream */
void		 upstream_credentials(uid_t, char user[UPSTREAM_USER],
		    char password[UPSTREAM_PASSWORD]);

#endif
