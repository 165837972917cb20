/*
 * What unit tests have in common.  The test ends at the first thing that is
 * not as it should be.
 */
#ifndef GW_UNIT_H
#define GW_UNIT_H

#include <err.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

/* what is tested at the moment, for whoever reads of a failure */
extern const char	*check_about;

#define CHECK(e)	do {						\
	if (!(e))							\
		errx(1, "line %d: %s (%s)", __LINE__, #e, check_about);	\
} while (0)

struct in_addr	 addr4(const char *);
struct in6_addr	 addr6(const char *);

/* descriptors of this process, and one for counting them */
int		 open_fds(void);
/*
 * Sends a record with descriptors, as a peer without imsg.c would, and waits
 * for nobody; 0, or -1 and errno.
 */
int		 send_raw(int sock, const void *, size_t len, const int *fds,
		    size_t nfds);

/* below n, the same sequence from each seed, which is not 0 */
extern uint64_t	 rnd_seed;
uint32_t	 rnd(uint32_t n);

#endif
