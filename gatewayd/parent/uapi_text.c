/*
 * Requests and answers of userspace WireGuard's configuration protocol, as
 * text (https://www.wireguard.com/xplatform/).  Pure computation in the
 * parent; requests hold keys, and answers come from a process without rights.
 */
#include <sys/socket.h>
#include <arpa/inet.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"
#include "log.h"
#include "uapi_text.h"
#include "util.h"

#define ERRNO_MAX	4095	/* the kernel's own bound */

/* more than the lines of a device, of a peer and of one of its networks take:
 * allocated once, since realloc(3) would leave keys behind */
#define DEVICE_SIZE	256
#define PEER_SIZE	384
#define ALLOWED_SIZE	64

struct text {
	char	*buf;
	size_t	 size;
	size_t	 len;
};

static void __attribute__((format(printf, 2, 3)))
put(struct text *t, const char *fmt, ...)
{
	va_list	 ap;
	int	 n;

	va_start(ap, fmt);
	n = vsnprintf(t->buf + t->len, t->size - t->len, fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= t->size - t->len)
		fatalx("a UAPI request outgrows its buffer");
	t->len += (size_t)n;
}

static void
put_key(struct text *t, const char *name, const uint8_t *key)
{
	int	 i;

	put(t, "%s=", name);
	for (i = 0; i < WG_KEY_LEN; i++)
		put(t, "%02x", key[i]);
	put(t, "\n");
}

static void
put_endpoint(struct text *t, const struct wg_peer *p, struct in_addr addr)
{
	put(t, "endpoint=%s:%u\n", addr4_text(addr), p->port);
}

static void
put_allowed(struct text *t, const struct wg_allowed *a)
{
	char	 addr[INET6_ADDRSTRLEN];

	inet_ntop(a->family, &a->addr, addr, sizeof(addr));
	put(t, "allowed_ip=%s/%u\n", addr, a->len);
}

static void
put_peer(struct text *t, const struct wg_peer *p, struct in_addr endpoint)
{
	size_t	 i;

	put_key(t, "public_key", p->public_key);
	if (p->has_preshared)
		put_key(t, "preshared_key", p->preshared_key);
	if (endpoint.s_addr != INADDR_ANY)
		put_endpoint(t, p, endpoint);
	put(t, "persistent_keepalive_interval=%u\nreplace_allowed_ips=true\n",
	    p->keepalive_s);
	for (i = 0; i < p->nallowed; i++)
		put_allowed(t, &p->allowed[i]);
}

static void
put_update(struct text *t, const struct wg_peer *p, struct in_addr endpoint)
{
	if (endpoint.s_addr == INADDR_ANY)
		return;
	put_key(t, "public_key", p->public_key);
	put(t, "update_only=true\n");
	put_endpoint(t, p, endpoint);
}

char *
uapi_text_set(const struct wg_conf *conf, const struct in_addr *endpoints,
    int whole, size_t *len)
{
	const struct wg_peer	*p;
	struct text		 t = { NULL, DEVICE_SIZE, 0 };

	TAILQ_FOREACH(p, &conf->peers, entry)
		t.size += PEER_SIZE + p->nallowed * ALLOWED_SIZE;
	t.buf = xmalloc(t.size);
	put(&t, "set=1\n");
	if (whole) {
		put_key(&t, "private_key", conf->private_key);
		put(&t, "listen_port=%u\nfwmark=%u\nreplace_peers=true\n",
		    conf->listen_port, conf->fwmark);
	}
	TAILQ_FOREACH(p, &conf->peers, entry) {
		if (whole)
			put_peer(&t, p, *endpoints++);
		else
			put_update(&t, p, *endpoints++);
	}
	put(&t, "\n");
	*len = t.len;
	return (t.buf);
}

void
uapi_answer_init(struct uapi_answer *a, int get)
{
	memset(a, 0, sizeof(*a));
	a->get = get;
}

/* decimal digits and nothing else; 0, or -1 */
static int
number(const char *s, uint64_t max, uint64_t *value)
{
	uint64_t	 v = 0, digit;

	if (*s == '\0')
		return (-1);
	for (; *s != '\0'; s++) {
		if (*s < '0' || *s > '9')
			return (-1);
		digit = (uint64_t)(*s - '0');
		if (digit > max || v > (max - digit) / 10)
			return (-1);
		v = v * 10 + digit;
	}
	*value = v;
	return (0);
}

static int
add(uint64_t *sum, const char *value)
{
	uint64_t	 v;

	if (number(value, INT64_MAX - *sum, &v) == -1)
		return (-1);
	*sum += v;
	return (0);
}

/* one "key=value" before errno; what is of no use here is not looked at */
static int
answer_pair(struct uapi_answer *a, const char *key, const char *value)
{
	uint64_t	 v;

	if (strcmp(key, "rx_bytes") == 0)
		return (add(&a->status.rx_bytes, value));
	if (strcmp(key, "tx_bytes") == 0)
		return (add(&a->status.tx_bytes, value));
	if (strcmp(key, "last_handshake_time_sec") == 0) {
		if (number(value, INT64_MAX, &v) == -1)
			return (-1);
		if (v > a->status.handshake)
			a->status.handshake = v;
	}
	return (0);
}

static int
answer_line(struct uapi_answer *a)
{
	char		*value;
	uint64_t	 v;

	if (a->len == 0) {
		a->done = 1;
		return (a->last ? 0 : -1);
	}
	a->line[a->len] = '\0';
	if (a->last || strlen(a->line) != a->len ||
	    (value = strchr(a->line, '=')) == NULL)
		return (-1);
	*value++ = '\0';
	if (strcmp(a->line, "errno") != 0)
		return (a->get ? answer_pair(a, a->line, value) : -1);
	/* wireguard-go writes the negative value, as kernels return it */
	if (number(value + (*value == '-'), ERRNO_MAX, &v) == -1)
		return (-1);
	a->error = (int)v;
	a->last = 1;
	return (0);
}

int
uapi_answer_read(struct uapi_answer *a, const char *data, size_t len)
{
	size_t	 i;

	for (i = 0; i < len; i++) {
		if (a->done || ++a->total > UAPI_ANSWER_MAX)
			return (-1);
		if (data[i] == '\n') {
			if (answer_line(a) == -1)
				return (-1);
			a->len = 0;
		} else if (a->len == sizeof(a->line) - 1)
			return (-1);
		else
			a->line[a->len++] = data[i];
	}
	return (a->done);
}
