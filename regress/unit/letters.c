/*
 * Tunnels named by letters: see letters.h.
 */
#include <err.h>

#include "letters.h"
#include "status.h"
#include "util.h"

void
letters_configure(const char *letters)
{
	struct fe_tunnels	 next;
	struct fe_tunnel	*t;

	fe_tunnels_init(&next);
	for (; *letters != '\0'; letters++) {
		t = xcalloc(1, sizeof(*t));
		t->conf.id = (uint32_t)*letters;
		t->conf.name[0] = t->conf.iface[0] = *letters;
		if (fe_tunnels_add(&next, t) == -1)
			errx(1, "%s: a letter twice", letters);
	}
	fe_tunnels_commit(&next);
}
