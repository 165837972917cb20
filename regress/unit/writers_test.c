/*
 * Who is in control_group: named by it, by their own group, twice, the
 * daemon's own, and more than there is room for.
 */
#include <assert.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf.h"
#include "log.h"
#include "parent.h"
#include "wire_conf.h"

struct group	*__wrap_getgrnam(const char *);
struct passwd	*__wrap_getpwnam(const char *);
struct passwd	*__wrap_getpwent(void);
void		 __wrap_setpwent(void);
void		 __wrap_endpwent(void);

#define GID	500

static struct passwd users[WIRE_UIDS * 2] = {
	{ .pw_name = "root", .pw_uid = 0, .pw_gid = 0 },
	{ .pw_name = "_gatewayd", .pw_uid = 101, .pw_gid = 101 },
	{ .pw_name = "_gwrelay", .pw_uid = 102, .pw_gid = 102 },
	{ .pw_name = "ann", .pw_uid = 1000, .pw_gid = 1000 },
	{ .pw_name = "ben", .pw_uid = 1001, .pw_gid = GID },
	{ .pw_name = "cid", .pw_uid = 1002, .pw_gid = 1002 },
};
static size_t	 nusers = 6, next_user;
static char	*members[] = { "ann", "ben", "gone", "_gwrelay", NULL };
static struct group group = { .gr_name = "ops", .gr_gid = GID,
	.gr_mem = members };
static int	 errors, warnings;

struct group *
__wrap_getgrnam(const char *name)
{
	return (strcmp(name, group.gr_name) == 0 ? &group : NULL);
}

struct passwd *
__wrap_getpwnam(const char *name)
{
	size_t	 i;

	for (i = 0; i < nusers; i++)
		if (strcmp(users[i].pw_name, name) == 0)
			return (&users[i]);
	return (NULL);
}

void
__wrap_setpwent(void)
{
	next_user = 0;
}

struct passwd *
__wrap_getpwent(void)
{
	return (next_user < nusers ? &users[next_user++] : NULL);
}

void
__wrap_endpwent(void)
{
}

static void __attribute__((format(printf, 2, 3)))
tell(enum log_level level, const char *fmt, ...)
{
	if (level == LL_ERROR)
		errors++;
	else
		warnings++;
}

int
main(void)
{
	char			 name[] = "ops", other[] = "nope";
	char			 user[] = "_gatewayd", relay[] = "_gwrelay";
	struct gw_conf		 conf;
	struct imsg_uids	 uids;
	uint32_t		 gid;

	memset(&conf, 0, sizeof(conf));
	conf.user = user;
	conf.relay_user = relay;
	assert(writers_resolve(&conf, &gid, &uids, tell) == 0);
	assert(gid == UINT32_MAX && uids.count == 0);

	conf.control_group = other;
	assert(writers_resolve(&conf, &gid, &uids, tell) == -1 && errors == 1);

	conf.control_group = name;
	assert(writers_resolve(&conf, &gid, &uids, tell) == 0);
	assert(gid == GID && uids.count == 2);
	assert(uids.uids[0] == 1000 && uids.uids[1] == 1001);

	/* a group that the daemon itself is in */
	group.gr_gid = 102;
	assert(writers_resolve(&conf, &gid, &uids, tell) == -1 && errors == 2);
	group.gr_gid = GID;

	for (; nusers < sizeof(users) / sizeof(users[0]); nusers++) {
		users[nusers].pw_name = name;
		users[nusers].pw_uid = (uid_t)(2000 + nusers);
		users[nusers].pw_gid = GID;
	}
	assert(warnings == 0);
	assert(writers_resolve(&conf, &gid, &uids, tell) == 0);
	assert(uids.count == WIRE_UIDS && warnings == 1 && errors == 2);
	return (0);
}
