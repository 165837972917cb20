/*
 * The kernel driver of WireGuard tunnels: interfaces of kind wireguard, and
 * their keys and peers by generic netlink (linux/wireguard.h).  Runs in the
 * parent (CAP_NET_ADMIN).  Whatever fails is -1 with errno, and
 * nlsock_error() says it in words.
 */
#ifndef GW_WG_H
#define GW_WG_H

#include <netinet/in.h>
#include <netlink/msg.h>
#include <stddef.h>
#include <stdint.h>

#include "iface.h"
#include "wgconf.h"

/* an item of AllowedIPs, and whose it is */
struct wg_range {
	size_t			 peer;		/* its place */
	struct wg_allowed	 allowed;
};

/* what of a peer is to be changed */
#define WG_NEW		0x01	/* it is not there yet */
#define WG_PRESHARED	0x02
#define WG_ENDPOINT	0x04
#define WG_KEEPALIVE	0x08
#define WG_RANGES	0x10
#define WG_REMOVE	0x20

struct wg_devpeer {
	uint8_t			 public_key[WG_KEY_LEN];
	uint8_t			 preshared_key[WG_KEY_LEN]; /* 0: none */
	struct sockaddr_in	 endpoint;	/* family 0: none, or IPv6 */
	int			 move;		/* wherever it answers now */
	uint16_t		 keepalive_s;
	uint64_t		 handshake;	/* Unix seconds, 0: none */
	size_t			 first;		/* of its ranges */
	size_t			 nranges;
	unsigned int		 change;	/* WG_* */
};

/* all there is of a device; holds keys */
struct wg_dev {
	uint8_t			 private_key[WG_KEY_LEN];
	uint16_t		 listen_port;	/* 0: any */
	uint32_t		 fwmark;
	int			 set_key;	/* these are to be changed */
	int			 set_port;
	int			 set_fwmark;	/* also: forget our addresses */
	int			 replace;	/* all peers that are there */
	struct wg_devpeer	*peers;
	size_t			 npeers;
	size_t			 peers_size;
	struct wg_range		*ranges;	/* by peer after sorting */
	size_t			 nranges;
	size_t			 ranges_size;
};

/* the genetlink socket: 0, or -1 with errno */
int	 wg_open(void);
void	 wg_close(void);

/* as sit_create(): EOPNOTSUPP if the kernel has no WireGuard */
int	 wg_create(const struct iface_want *);
/* reads the device; the caller frees it, also after a failure */
int	 wg_get(int ifindex, struct wg_dev *);
/* the last handshake of any peer, in Unix seconds, 0: none */
int	 wg_handshake(int ifindex, uint64_t *);
/* carries out what is marked in the device; in several messages if one is
 * not enough */
int	 wg_set(int ifindex, const struct wg_dev *);

/* wg_parse.c: one message of an answer, added to what others said; no I/O */
/* arg: struct wg_dev, to be sorted after the last one */
void	 wg_parse(const struct nlmsghdr *, void *arg);
/* arg: uint64_t, the last handshake */
void	 wg_parse_last(const struct nlmsghdr *, void *arg);

/* wg_dev.c: no I/O */
/* adds a peer or a range, zeroed; fatal if there is no memory */
struct wg_devpeer *wg_dev_peer(struct wg_dev *);
struct wg_range	*wg_dev_range(struct wg_dev *);
/* sorts the ranges; of one that several peers have, the last one's counts */
void	 wg_dev_sort(struct wg_dev *);
/*
 * What the configuration asks for, everything marked as new.  endpoints: one
 * for each peer, in the order of the list, INADDR_ANY: none.
 */
void	 wg_dev_want(struct wg_dev *, const struct wg_conf *,
	    const struct in_addr *endpoints);
/*
 * Marks in want what differs from have, and adds the peers that have to go.
 * An endpoint that a living session has found by itself stays, unless the
 * peer is marked to move.  now: Unix seconds.  Returns what differs besides
 * endpoints in words, or NULL.
 */
const char *wg_dev_compare(struct wg_dev *want, const struct wg_dev *have,
	    uint64_t now);
/* nonzero if anything is marked */
int	 wg_dev_marked(const struct wg_dev *);
/* wipes and frees what it holds */
void	 wg_dev_free(struct wg_dev *);

#endif
