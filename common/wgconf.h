/*
 * wg-quick files (wg-quick(8), wg(8)): what a [tunnel.NAME] of type wireguard
 * names with conf.  Read by conf_parse() in the parent; holds secrets, which
 * never leave that process but to the kernel or to the UAPI socket.
 */
#ifndef GW_WGCONF_H
#define GW_WGCONF_H

#include <sys/queue.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#include "ini.h"
#include "log.h"

#define WG_KEY_LEN	32
#define WG_HOST_SIZE	256	/* a DNS name and NUL */
#define WG_PEERS_MAX	4096
#define WG_ALLOWED_MAX	65536	/* items of AllowedIPs, of all peers */

/* one item of AllowedIPs: a filter, never a route */
struct wg_allowed {
	uint16_t	 family;	/* AF_INET, AF_INET6 */
	uint8_t		 len;
	uint8_t		 pad;
	struct in6_addr	 addr;		/* IPv4 in the first four bytes; no
					 * bits set behind len */
};

struct wg_peer {
	TAILQ_ENTRY(wg_peer)	 entry;
	uint8_t			 public_key[WG_KEY_LEN];
	uint8_t			 preshared_key[WG_KEY_LEN];
	int			 has_preshared;
	char			 host[WG_HOST_SIZE]; /* "": no Endpoint */
	struct in_addr		 addr;		/* INADDR_ANY: ask the DNS */
	uint16_t		 port;		/* host byte order */
	uint16_t		 keepalive_s;	/* 0: none */
	struct wg_allowed	*allowed;
	size_t			 nallowed;
};
TAILQ_HEAD(wg_peers, wg_peer);

struct wg_conf {
	uint8_t			 private_key[WG_KEY_LEN];
	uint16_t		 listen_port;	/* 0: any */
	uint32_t		 fwmark;	/* 0: none */
	uint32_t		 mtu;		/* 0: not given */
	int			 has_address;	/* the first IPv6 Address */
	struct in6_addr		 address;
	uint8_t			 prefix_len;
	struct wg_peers		 peers;
	uint32_t		 npeers;
};

/*
 * LL_ERROR: "what is wrong; what is allowed".  LL_INFO: a note, something
 * that is read but not done.  Never a part of a key.
 */
typedef void (*wgconf_report_fn)(void *arg, enum log_level, struct ini_at,
		    const char *text);

/*
 * Reads len bytes of text.  It writes to them and to one byte behind them; the
 * caller wipes them.  With need_address, no IPv6 Address is an error.  Reports
 * every error there is, then returns NULL; otherwise a model that the caller
 * frees with wgconf_free().  No I/O.
 */
struct wg_conf	*wgconf_parse(char *text, size_t len, int need_address,
		    wgconf_report_fn, void *arg);
/* wipes and frees; NULL is allowed */
void		 wgconf_free(struct wg_conf *);
/* nonzero if both say the same, keys included, in the same order; two NULLs
 * are equal */
int		 wgconf_equal(const struct wg_conf *, const struct wg_conf *);

#endif
