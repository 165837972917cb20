/*
 * hosts(5): see hosts.h.  Runs in the resolver (_gwrelay, Landlock).
 *
 * c-ares reads all of the file for each name: 30 ms for one that blocks 150,000
 * names, in which nobody else is served.  So the file is kept, and c-ares is
 * asked only for what occurs in it.
 */
#include <sys/socket.h>
#include <sys/stat.h>

#include <ares.h>
#include <ctype.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "answer.h"
#include "hosts.h"

#define HOSTS_KEPT	(16 << 20)	/* bytes; of a longer one none */

static struct {
	ares_channel	 channel;	/* asks no server; NULL: none */
	char		*text;		/* in lower case; NULL: not kept */
	size_t		 len;
} hosts;

void
hosts_init(void)
{
	struct ares_options	 o;
	char			 lookups[] = "f";

	memset(&o, 0, sizeof(o));
	o.lookups = lookups;
	if (ares_init_options(&hosts.channel, &o, ARES_OPT_LOOKUPS) !=
	    ARES_SUCCESS)
		hosts.channel = NULL;
}

/* size bytes of the file, or as many as there are */
static void
keep(int fd, size_t size)
{
	size_t	 i;
	ssize_t	 n;

	hosts.len = 0;
	if ((hosts.text = malloc(size + 1)) == NULL)
		return;
	while ((n = read(fd, hosts.text + hosts.len, size - hosts.len)) > 0)
		hosts.len += (size_t)n;
	if (n == -1) {
		free(hosts.text);
		hosts.text = NULL;
	}
	for (i = 0; n == 0 && i < hosts.len; i++)
		hosts.text[i] = (char)tolower((unsigned char)hosts.text[i]);
}

void
hosts_read(void)
{
	struct stat	 st;
	int		 fd;

	free(hosts.text);
	hosts.text = NULL;
	if ((fd = open(HOSTS, O_RDONLY | O_CLOEXEC)) == -1)
		return;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_size <= HOSTS_KEPT)
		keep(fd, (size_t)st.st_size);
	close(fd);
}

/* c-ares knows localhost by itself */
static int
may_have(const char *name)
{
	return (hosts.text == NULL || strcmp(name, "localhost") == 0 ||
	    memmem(hosts.text, hosts.len, name, strlen(name)) != NULL);
}

struct lookup {
	int			 family;
	struct cache_answer	*answer;
	int			 found;
};

static void
answered(void *arg, int status, int timeouts, struct ares_addrinfo *ai)
{
	struct lookup	*l = arg;

	if (status == ARES_SUCCESS) {
		answer_from_hosts(l->answer, l->family, ai);
		l->found = 1;
	}
	ares_freeaddrinfo(ai);
}

/* without a name server c-ares answers before it returns */
int
hosts_lookup(const struct cache_key *key, struct cache_answer *answer)
{
	static const struct ares_addrinfo_hints	 hints = {
		ARES_AI_NOSORT, AF_UNSPEC, SOCK_STREAM, 0
	};
	struct lookup	 l = { key->family, answer, 0 };
	char		 name[GW_HOST_SIZE];
	size_t		 len = strlcpy(name, key->name, sizeof(name));

	if (name[len - 1] == '.')
		name[len - 1] = '\0';
	if (hosts.channel != NULL && may_have(name))
		ares_getaddrinfo(hosts.channel, name, NULL, &hints, answered,
		    &l);
	return (l.found);
}
