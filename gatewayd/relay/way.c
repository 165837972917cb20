/*
 * Ways: see way.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <stdlib.h>
#include <string.h>

#include "relay_int.h"
#include "util.h"

struct way *
way_id(uint32_t id)
{
	struct way	*w;

	TAILQ_FOREACH(w, &relay.ways, entry)
		if (w->id == id)
			return (w);
	return (NULL);
}

struct way *
way_name(const char *name)
{
	struct way	*w;

	TAILQ_FOREACH(w, &relay.ways, entry)
		if (strcmp(w->name, name) == 0)
			return (w);
	return (NULL);
}

struct way *
way_active(void)
{
	struct way	*w;

	TAILQ_FOREACH(w, &relay.ways, entry)
		if (w->active)
			return (w);
	return (NULL);
}

struct way *
way_for(const struct acl_rule *rule, enum gw_family *family)
{
	struct way	*w;

	*family = rule != NULL && !rule->any ? rule->family : relay.family;
	if (rule != NULL && rule->way == ACL_UPSTREAM) {
		*family = GW_FAMILY_IPV6;
		return (NULL);
	}
	if (rule != NULL && rule->way == ACL_TUNNEL)
		w = way_name(rule->tunnel);
	else
		w = way_active();
	return (w != NULL && w->usable ? w : NULL);
}

struct way *
way_new(uint32_t id)
{
	struct way	*w = way_id(id);

	if (w == NULL) {
		w = xcalloc(1, sizeof(*w));
		w->id = id;
		w->refs = 1;	/* the list's */
		TAILQ_INSERT_TAIL(&relay.ways, w, entry);
	}
	return (w);
}

struct way *
way_get(struct way *w)
{
	if (w != NULL)
		w->refs++;
	return (w);
}

void
way_put(struct way *w)
{
	if (w != NULL && --w->refs == 0)
		free(w);
}

void
way_gone(uint32_t id)
{
	struct way	*w = way_id(id);

	if (w == NULL)
		return;
	w->usable = w->active = 0;
	TAILQ_REMOVE(&relay.ways, w, entry);
	way_put(w);
}
