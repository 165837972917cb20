/*
 * Inside the reader of wg-quick files: what its two halves, lines and values,
 * share.  For common/wgconf*.c only; wgconf.h is the interface.
 */
#ifndef GW_WGCONF_INT_H
#define GW_WGCONF_INT_H

#include "wgconf.h"

#define WGK_MAX		16	/* keys of one section */
#define WGK_REPEAT	0x01	/* may come more than once */
#define WGK_EMPTY	0x02	/* may have no value */

struct wg_reader;

struct wg_key {
	const char	 *name;
	void		(*set)(struct wg_reader *, char *value);
	unsigned int	  flags;	/* WGK_* */
	const char	 *note;		/* why it is ignored; no set() then */
};

/* where a section and its keys stand; line 0: not there */
struct wg_section {
	struct wg_peer	*peer;		/* NULL: [Interface] */
	struct ini_at	 at;
	struct ini_at	 keys[WGK_MAX];
};

/* one run of wgconf_parse() */
struct wg_reader {
	wgconf_report_fn	 report;
	void			*arg;
	int			 failed;
	struct wg_conf		*conf;
	struct wg_section	 interface;
	struct wg_section	*peers;		/* npeers of WG_PEERS_MAX */
	size_t			 npeers;
	size_t			 nallowed;	/* of all peers */
	struct wg_section	*section;	/* NULL: none, or unknown */
	int			 skip;		/* unknown: keep quiet */
	const char		*line;
	uint32_t		 lineno;
	const struct wg_key	*key;		/* being set */
	struct ini_at		 at;		/* of its value, or one item */
};

/* wgconf.c: where a place in the current line is, and what is to be said
 * about one */
struct ini_at	 wg_at(const struct wg_reader *, const char *);
void		 wg_report(struct wg_reader *, enum log_level, struct ini_at,
		    const char *fmt, ...)
		    __attribute__((format(printf, 4, 5)));

/* wgconf_value.c: set() of each key; the value may be written to */
void	 wg_set_private_key(struct wg_reader *, char *);
void	 wg_set_address(struct wg_reader *, char *);
void	 wg_set_mtu(struct wg_reader *, char *);
void	 wg_set_listen_port(struct wg_reader *, char *);
void	 wg_set_fwmark(struct wg_reader *, char *);
void	 wg_set_public_key(struct wg_reader *, char *);
void	 wg_set_preshared_key(struct wg_reader *, char *);
void	 wg_set_endpoint(struct wg_reader *, char *);
void	 wg_set_allowed(struct wg_reader *, char *);
void	 wg_set_keepalive(struct wg_reader *, char *);

/* an error about the key being set: "KEY: WHAT", or with a value that may be
 * shown "KEY: "VALUE" WHAT" */
void	 wg_bad(struct wg_reader *, const char *value, const char *fmt, ...)
	    __attribute__((format(printf, 3, 4)));

#endif
