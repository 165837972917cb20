/*
 * Small things every process needs.
 */
#ifndef GW_UTIL_H
#define GW_UTIL_H

#include <sys/time.h>
#include <stddef.h>
#include <stdint.h>

uint64_t monotime_ms(void);		/* CLOCK_MONOTONIC */
uint64_t monotime_us(void);		/* the same, finer */
uint64_t unix_time(void);		/* seconds */
/* how long it is until then, monotime_ms(); 0 if it is over */
struct timeval time_left(uint64_t then);

/*
 * Puts /dev/null in the place of closed standard descriptors: a socket there
 * would be taken for one, and what is logged would go into it.
 */
void	 open_stdio(void);

/* closes fd; -1, and errno stays as it is */
int	 close_failed(int fd);

/* or fatal: for what our own start and state need */
void	*xmalloc(size_t);
void	*xcalloc(size_t, size_t);
char	*xstrdup(const char *);
/* NULL stays NULL */
char	*xstrdup0(const char *);
/* puts n bytes behind the *len of *text (NULL at first), and a NUL, which does
 * not count; the caller has a bound for them, and frees the text */
void	 xappend(char **text, size_t *len, const void *data, size_t n);

/*
 * The candidate nearest to word (Damerau-Levenshtein distance at most 2 and
 * less than half its length, upper and lower case alike), NULL if none is
 * near.  candidates ends in NULL.
 */
const char *nearest(const char *word, const char *const *candidates);

#endif
