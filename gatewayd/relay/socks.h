/*
 * SOCKS5 messages (RFC 1928, RFC 1929): what a client says, what an upstream
 * server answers, and the header of relayed datagrams.  No I/O, no clock, no
 * allocation.  Runs in the relay (_gwrelay, chroot).
 *
 * Every reader takes bytes as they come, one at a time if need be, uses none
 * behind its message, and lets no length be larger than its field can say.
 */
#ifndef GW_SOCKS_H
#define GW_SOCKS_H

#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>

#define SOCKS_NAME_SIZE	256		/* 255 bytes and NUL */
#define SOCKS_MESSAGE	513		/* the longest: user and password */
#define SOCKS_REPLY	22		/* the longest of ours, with IPv6 */
#define SOCKS_ADDRESS	(1 + 1 + 255 + 2) /* ATYP, a name, a port */

enum socks_command {
	SOCKS_CONNECT = 1,
	SOCKS_BIND = 2,
	SOCKS_UDP = 3
};

/* REP, RFC 1928 section 6 */
enum socks_code {
	SOCKS_SUCCEEDED = 0,
	SOCKS_FAILURE = 1,
	SOCKS_DENIED = 2,
	SOCKS_NET_UNREACHABLE = 3,
	SOCKS_HOST_UNREACHABLE = 4,
	SOCKS_REFUSED = 5,
	SOCKS_NO_COMMAND = 7,
	SOCKS_NO_ATYP = 8
};

enum socks_method {
	SOCKS_NO_AUTH = 0,
	SOCKS_PASSWORD = 2,
	SOCKS_NO_METHOD = 0xff
};

/* an address, or a name that is still to be resolved */
struct socks_dest {
	sa_family_t		 family;	/* AF_UNSPEC: name */
	in_port_t		 port;		/* host byte order */
	union {
		struct in_addr	 v4;
		struct in6_addr	 v6;
		char		 name[SOCKS_NAME_SIZE];
	};
};

/* reads an address or a name, without port; NULL, or what is wrong with it */
const char *socks_dest_text(struct socks_dest *, const char *text);

enum socks_event {
	SOCKS_MORE,		/* the message is not complete */
	SOCKS_METHODS,		/* client: socks_choose() is next */
	SOCKS_LOGIN,		/* client: user, password; socks_login() */
	SOCKS_REQUEST,		/* client: command and dest */
	SOCKS_METHOD,		/* upstream: method */
	SOCKS_STATUS,		/* upstream: login_ok */
	SOCKS_REPLIED,		/* upstream: code and dest, its BND.ADDR */
	SOCKS_BAD		/* end it; code is what to reply first, or
				 * SOCKS_SUCCEEDED: nothing */
};

enum socks_phase {
	SOCKS_P_GREETING,
	SOCKS_P_LOGIN,
	SOCKS_P_REQUEST,
	SOCKS_P_METHOD,
	SOCKS_P_STATUS,
	SOCKS_P_REPLY,
	SOCKS_P_DONE
};

struct socks {
	enum socks_phase	 phase;
	const char		*error;		/* SOCKS_BAD: why, in words */
	enum socks_code		 code;
	uint8_t			 command;	/* enum socks_command */
	uint8_t			 method;
	uint8_t			 login_ok;
	uint16_t		 len;		/* of buf */
	uint8_t			 buf[SOCKS_MESSAGE];
	struct socks_dest	 dest;
	char			 user[SOCKS_NAME_SIZE];
	char			 password[SOCKS_NAME_SIZE];
};

/* begins with a client's greeting, or with an upstream's choice of a method */
void	 socks_client(struct socks *);
void	 socks_upstream(struct socks *);

/*
 * Reads on in data.  *used says how many bytes it took: those of the message
 * that is complete now, and none behind it.  After SOCKS_BAD nothing may
 * follow.
 */
enum socks_event socks_read(struct socks *, const uint8_t *data, size_t len,
	    size_t *used);

/*
 * After SOCKS_METHODS: writes the choice.  want: SOCKS_NO_AUTH or
 * SOCKS_PASSWORD; 0, or -1 if the client does not offer that: "no method" was
 * written and the connection ends.
 */
int	 socks_choose(struct socks *, enum socks_method want, uint8_t out[2]);
/* after SOCKS_LOGIN, which wipes the password; if not ok it ends */
void	 socks_login(struct socks *, int ok, uint8_t out[2]);
/* a reply to a request, bound: BND.ADDR or NULL; its length */
size_t	 socks_reply(enum socks_code, const struct socks_dest *bound,
	    uint8_t out[SOCKS_REPLY]);

/*
 * ATYP, address and port at data: 1 and the bytes it takes, 0 if more are
 * needed, or -1: *code and *error say what is wrong.
 */
int	 socks_address(const uint8_t *data, size_t len, struct socks_dest *,
	    size_t *used, enum socks_code *code, const char **error);
/* the same written, SOCKS_ADDRESS bytes at most; the length */
size_t	 socks_address_put(const struct socks_dest *, uint8_t *out);

/*
 * The header of a relayed datagram (section 7): its length, or -1 if the
 * datagram has to be dropped (error says why: malformed, or a fragment).
 */
int	 socks_udp(const uint8_t *data, size_t len, struct socks_dest *,
	    const char **error);

/* an upstream's login and request, as a client sends them; their length */
size_t	 socks_put_login(const char *user, const char *password,
	    uint8_t out[SOCKS_MESSAGE]);
size_t	 socks_put_request(enum socks_command, const struct socks_dest *,
	    uint8_t out[3 + SOCKS_ADDRESS]);

#endif
