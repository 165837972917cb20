/*
 * Who, besides root, may change things over the control socket and the API:
 * the members of control_group.  Runs in the parent (root, three
 * capabilities), at start and with each new configuration.
 */
#include <grp.h>
#include <pwd.h>
#include <string.h>

#include "log.h"
#include "parent.h"
#include "wire_conf.h"

/* the daemon's own users must not be able to give it orders */
static const struct passwd *
own_user(const struct gw_conf *conf, unsigned int i)
{
	const char	*const users[] = {
		conf->user, conf->relay_user, conf->launcher_user
	};

	return (users[i] != NULL ? getpwnam(users[i]) : NULL);
}
#define OWN_USERS	3

/* nonzero if the group is one that a process of ours runs with */
static int
own_group(const struct gw_conf *conf, gid_t gid)
{
	const struct passwd	*pw;
	unsigned int		 i;

	for (i = 0; i < OWN_USERS; i++)
		if ((pw = own_user(conf, i)) != NULL && pw->pw_gid == gid)
			return (1);
	return (0);
}

static int
own_uid(const struct gw_conf *conf, uid_t uid)
{
	const struct passwd	*pw;
	unsigned int		 i;

	for (i = 0; i < OWN_USERS; i++)
		if ((pw = own_user(conf, i)) != NULL && pw->pw_uid == uid)
			return (1);
	return (0);
}

/* 0, or -1 if there is no room */
static int
add_uid(struct imsg_uids *list, uid_t uid)
{
	uint32_t	 i;

	for (i = 0; i < list->count; i++)
		if (list->uids[i] == uid)
			return (0);
	if (list->count == WIRE_UIDS)
		return (-1);
	list->uids[list->count++] = uid;
	return (0);
}

/* those the group names, and those whose group it is */
static int
members(const struct gw_conf *conf, const struct group *gr,
    struct imsg_uids *list)
{
	const struct passwd	*pw;
	gid_t			 gid = gr->gr_gid;
	char			**name;
	int			 r = 0;

	for (name = gr->gr_mem; *name != NULL && r == 0; name++)
		if ((pw = getpwnam(*name)) != NULL &&
		    !own_uid(conf, pw->pw_uid))
			r = add_uid(list, pw->pw_uid);
	setpwent();
	while (r == 0 && (pw = getpwent()) != NULL)
		if (pw->pw_gid == gid)
			r = add_uid(list, pw->pw_uid);
	endpwent();
	return (r);
}

int
writers_resolve(const struct gw_conf *conf, uint32_t *gid,
    struct imsg_uids *list, void (*tell)(enum log_level, const char *, ...))
{
	const char		*name = conf->control_group;
	const struct group	*gr;

	memset(list, 0, sizeof(*list));
	*gid = UINT32_MAX;
	if (name == NULL)
		return (0);
	if ((gr = getgrnam(name)) == NULL) {
		tell(LL_ERROR, "control_group: there is no group %s; make it "
		    "with 'groupadd --system %s'", name, name);
		return (-1);
	}
	if (own_group(conf, gr->gr_gid)) {
		tell(LL_ERROR, "control_group: %s is the group of a user that "
		    "the daemon itself runs as, which must not give it "
		    "orders; use a group of its own", name);
		return (-1);
	}
	*gid = gr->gr_gid;
	if (members(conf, gr, list) == -1)
		tell(LL_WARN, "control_group: %s has more than %d members; "
		    "some of them cannot change anything over TCP", name,
		    WIRE_UIDS);
	return (0);
}
