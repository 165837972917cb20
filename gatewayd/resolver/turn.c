/*
 * Whose turn it is: see turn.h.  Runs in the resolver (_gwrelay, Landlock).
 */
#include <string.h>

#include "turn.h"

void
turn_init(struct turn *t, unsigned int n)
{
	memset(t, 0, sizeof(*t));
	t->n = n < TURN_SERVERS ? n : TURN_SERVERS;
}

/*
 * What was asked before the last turn says nothing of this one.  Behind the
 * last server comes none: the first one's turn is when it answers.
 */
void
turn_answered(struct turn *t, unsigned int first, int timeouts)
{
	if (timeouts == 0 || first != t->first || t->n == 1)
		return;
	if (first + 1 < t->n)
		t->first++;
	t->probe_at = 0;
}

int
turn_probe(struct turn *t, uint64_t now)
{
	if (t->first == 0 || t->probing || now < t->probe_at)
		return (0);
	t->probing = 1;
	t->probe_at = now + TURN_PROBE_MS;
	return (1);
}

int
turn_probed(struct turn *t, int in_time)
{
	int	 news = t->dead == in_time;

	t->probing = 0;
	t->dead = !in_time;
	if (in_time)
		t->first = 0;
	return (news);
}
