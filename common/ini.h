/*
 * A scanner for INI text in memory.  It knows lines, sections, keys, quotes
 * and comments, and nothing of what they mean.  No I/O, no allocation.
 *
 * To turn a printed configuration into another form, for example JSON, call
 *
 *	static const struct ini_handler handler = { section, pair, error };
 *
 *	if (ini_scan(text, strlen(text), &handler, &state) == 0)
 *		... every section and pair was reported, in order ...
 *
 * section() opens the object that the following pair()s belong to.  A key
 * may come more than once in a section ("rule" does): make an array of it.
 * An empty value means "not set".
 */
#ifndef GW_INI_H
#define GW_INI_H

#include <stddef.h>
#include <stdint.h>

#define INI_LINE_MAX	4096	/* bytes, without the line's end */

struct ini_at {
	uint32_t	line;	/* both from 1; columns count bytes */
	uint32_t	col;
};

/* key = value; the strings are gone when the callback returns */
struct ini_pair {
	const char	*key;
	const char	*value;		/* without quotes and comment */
	struct ini_at	 key_at;
	struct ini_at	 value_at;	/* of its first byte, behind a quote */
};

struct ini_handler {
	/* name: NULL for a header that was wrong, already reported */
	void	(*section)(void *arg, const char *name, struct ini_at);
	void	(*pair)(void *arg, const struct ini_pair *);
	/* text: "what is wrong; what is allowed"; the line is skipped */
	void	(*error)(void *arg, struct ini_at, const char *text);
};

/*
 * Scans len bytes, which need not end in a newline or NUL.  Returns 0, or -1
 * if error() was called.  What it hands out is valid UTF-8 without control
 * characters other than tab.
 */
int	 ini_scan(const char *buf, size_t len, const struct ini_handler *,
	    void *arg);

#endif
