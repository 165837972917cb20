/*
 * gatewayctl's end of the control socket.  An unprivileged client: it may
 * block, but never longer than a deadline.
 */
#ifndef GW_CLIENT_H
#define GW_CLIENT_H

#include <stddef.h>
#include <stdint.h>

#include "log.h"
#include "peer.h"
#include "wire_ctl.h"

#define CLIENT_SOCKET	"/run/v6-gatewayd/gatewayd.sock"
#define CLIENT_WAIT	10	/* seconds for an answer */
#define CLIENT_WAIT_RELOAD 30
/* answers that gatewayd keeps for a client that is not reading just now: it
 * takes four times as much as these need */
#define CLIENT_WINDOW	64

/* what came back: the bytes and the result's sentence */
struct answer {
	char		*data;		/* NUL-terminated, not counted in len */
	size_t		 len;
	uint32_t	 code;		/* enum exit_code */
	char		 text[WIRE_REASON];
};

/* flushes stdout, prints "gatewayctl: ..." to stderr and exits with code */
void	 client_fail(enum exit_code, const char *fmt, ...)
	    __attribute__((format(printf, 2, 3), noreturn));

/* connects or fails; path is a socket of the daemon, of that type.  The
 * descriptor is non-blocking */
int	 client_connect(const char *path, int type);
/* the same for its control socket, which the functions below use */
void	 client_open(const char *path);
/* fails because the daemon has closed the connection */
void	 client_left(void) __attribute__((noreturn));
/*
 * Sends one request and collects its answer, which the caller frees with
 * answer_free(); fails if none comes within wait seconds.
 */
void	 client_request(enum imsg_type, const void *data, size_t len,
	    unsigned int wait, struct answer *);
/*
 * The two halves of it, to have up to CLIENT_WINDOW CTL_SHOWs under way: the
 * daemon answers those in their order.
 */
void	 client_send(enum imsg_type, const void *data, size_t len);
void	 client_receive(unsigned int wait, struct answer *);
void	 answer_free(struct answer *);
/*
 * Asks for events of some kinds (EVENTS), and of log records for those of that
 * level and above.  From now on client_receive() and
 * client_wait() give each line that comes, which ends in a newline, to line().
 */
void	 client_follow(uint32_t kinds, enum log_level,
	    void (*line)(const char *line, size_t len));
/*
 * Waits for events, for so many ms or, if that is -1, for as long as it takes.
 * May return sooner.  0 if nobody reads stdout any more; fails if the daemon
 * leaves.
 */
int	 client_wait(int ms);

#endif
