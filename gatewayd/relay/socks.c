/*
 * SOCKS5 messages: see socks.h.  Runs in the relay (_gwrelay, chroot).
 */
#include <arpa/inet.h>
#include <string.h>

#include "name.h"
#include "socks.h"

#define VERSION		5
#define LOGIN_VERSION	1	/* RFC 1929 */
#define ATYP_IPV4	1
#define ATYP_NAME	3
#define ATYP_IPV6	4

void
socks_client(struct socks *s)
{
	memset(s, 0, sizeof(*s));
	s->phase = SOCKS_P_GREETING;
}

void
socks_upstream(struct socks *s)
{
	memset(s, 0, sizeof(*s));
	s->phase = SOCKS_P_METHOD;
}

static enum socks_event
bad(struct socks *s, enum socks_code code, const char *error)
{
	s->phase = SOCKS_P_DONE;
	s->code = code;
	s->error = error;
	return (SOCKS_BAD);
}

/* a name; clients that do not look closely send addresses so, too */
static const char *
dest_name(struct socks_dest *d, const uint8_t *data, size_t len)
{
	char	 name[SOCKS_NAME_SIZE];

	memcpy(name, data, len);
	name[len] = '\0';
	d->family = AF_UNSPEC;
	/* it would cut the name for whoever takes it as a string */
	if (strlen(name) != len)
		return ("there is a NUL in the name");
	if (inet_pton(AF_INET, name, &d->v4) == 1)
		d->family = AF_INET;
	else if (inet_pton(AF_INET6, name, &d->v6) == 1)
		d->family = AF_INET6;
	else {
		memcpy(d->name, name, len + 1);
		return (name_error(name));
	}
	return (NULL);
}

const char *
socks_dest_text(struct socks_dest *d, const char *text)
{
	size_t	 len = strlen(text);

	memset(d, 0, sizeof(*d));
	if (len >= sizeof(d->name))
		return ("the name is longer than 253 characters");
	return (dest_name(d, (const uint8_t *)text, len));
}

int
socks_address(const uint8_t *data, size_t len, struct socks_dest *d,
    size_t *used, enum socks_code *code, const char **error)
{
	size_t	 skip = 1, n;

	if (len == 0)
		return (0);
	if (data[0] == ATYP_IPV4)
		n = sizeof(d->v4);
	else if (data[0] == ATYP_IPV6)
		n = sizeof(d->v6);
	else if (data[0] == ATYP_NAME) {
		if (len < 2)
			return (0);
		skip = 2;
		n = data[1];
	} else {
		*code = SOCKS_NO_ATYP;
		*error = "an unknown type of address";
		return (-1);
	}
	if (len < skip + n + 2)
		return (0);
	*used = skip + n + 2;
	memset(d, 0, sizeof(*d));
	d->port = (in_port_t)(data[skip + n] << 8 | data[skip + n + 1]);
	if (data[0] != ATYP_NAME) {
		d->family = data[0] == ATYP_IPV4 ? AF_INET : AF_INET6;
		memcpy(&d->v6, data + skip, n);
		return (1);
	}
	if ((*error = dest_name(d, data + skip, n)) == NULL)
		return (1);
	*code = SOCKS_FAILURE;
	return (-1);
}

size_t
socks_address_put(const struct socks_dest *d, uint8_t *out)
{
	uint8_t	*p = out;
	size_t	 n;

	switch (d->family) {
	case AF_INET:
		*p++ = ATYP_IPV4;
		n = sizeof(d->v4);
		break;
	case AF_INET6:
		*p++ = ATYP_IPV6;
		n = sizeof(d->v6);
		break;
	default:
		*p++ = ATYP_NAME;
		n = strlen(d->name);
		*p++ = (uint8_t)n;
	}
	memcpy(p, &d->v6, n);
	p[n] = (uint8_t)(d->port >> 8);
	p[n + 1] = (uint8_t)d->port;
	return ((size_t)(p - out) + n + 2);
}

/* VER, NMETHODS, METHODS */
static enum socks_event
read_greeting(struct socks *s)
{
	if (s->buf[0] != VERSION)
		return (bad(s, SOCKS_SUCCEEDED, "the client does not speak "
		    "SOCKS version 5"));
	if (s->len < 2 || s->len < 2 + s->buf[1])
		return (SOCKS_MORE);
	return (SOCKS_METHODS);
}

/* VER, ULEN, UNAME, PLEN, PASSWD (RFC 1929) */
static enum socks_event
read_login(struct socks *s)
{
	const uint8_t	*b = s->buf;
	size_t		 user, password;

	if (b[0] != LOGIN_VERSION)
		return (bad(s, SOCKS_SUCCEEDED, "an unknown version of the "
		    "user and password message"));
	if (s->len < 2 || s->len < 3 + (user = b[1]) ||
	    s->len < 3 + user + (password = b[2 + user]))
		return (SOCKS_MORE);
	memcpy(s->user, b + 2, user);
	memcpy(s->password, b + 3 + user, password);
	/* with a NUL inside they would compare as what they are not */
	if (user == 0 || memchr(s->user, '\0', user) != NULL ||
	    memchr(s->password, '\0', password) != NULL)
		return (bad(s, SOCKS_SUCCEEDED, "the user's name is empty, or "
		    "has a NUL in it or in the password"));
	return (SOCKS_LOGIN);
}

/* VER, CMD or REP, RSV, and an address */
static enum socks_event
read_address(struct socks *s, enum socks_event event)
{
	enum socks_code	 code;
	const char	*error;
	size_t		 used;

	switch (socks_address(s->buf + 3, s->len - 3, &s->dest, &used, &code,
	    &error)) {
	case 0:
		return (SOCKS_MORE);
	case 1:
		s->phase = SOCKS_P_DONE;
		return (event);
	default:
		return (bad(s, code, error));
	}
}

static enum socks_event
read_request(struct socks *s)
{
	if (s->buf[0] != VERSION)
		return (bad(s, SOCKS_FAILURE, "the request is not of SOCKS "
		    "version 5"));
	if (s->len < 2)
		return (SOCKS_MORE);
	s->command = s->buf[1];
	if (s->command != SOCKS_CONNECT && s->command != SOCKS_UDP)
		return (bad(s, SOCKS_NO_COMMAND, "only CONNECT and UDP "
		    "ASSOCIATE are served"));
	if (s->len < 3)
		return (SOCKS_MORE);
	if (s->buf[2] != 0)
		return (bad(s, SOCKS_FAILURE, "the reserved byte is not 0"));
	return (read_address(s, SOCKS_REQUEST));
}

/* the upstream's VER, METHOD and VER, STATUS */
static enum socks_event
read_pair(struct socks *s, uint8_t version, enum socks_event event)
{
	if (s->buf[0] != version)
		return (bad(s, SOCKS_FAILURE, "the upstream proxy does not "
		    "speak SOCKS version 5"));
	if (s->len < 2)
		return (SOCKS_MORE);
	s->phase = event == SOCKS_METHOD && s->buf[1] == SOCKS_PASSWORD ?
	    SOCKS_P_STATUS : SOCKS_P_REPLY;
	s->method = s->buf[1];
	s->login_ok = s->buf[1] == 0;
	return (event);
}

static enum socks_event
read_reply(struct socks *s)
{
	if (s->buf[0] != VERSION)
		return (bad(s, SOCKS_FAILURE, "the upstream proxy does not "
		    "speak SOCKS version 5"));
	if (s->len < 3)
		return (SOCKS_MORE);
	s->code = (enum socks_code)s->buf[1];
	return (read_address(s, SOCKS_REPLIED));
}

/* what is in buf: not more than one message */
static enum socks_event
read_message(struct socks *s)
{
	switch (s->phase) {
	case SOCKS_P_GREETING:
		return (read_greeting(s));
	case SOCKS_P_LOGIN:
		return (read_login(s));
	case SOCKS_P_REQUEST:
		return (read_request(s));
	case SOCKS_P_METHOD:
		return (read_pair(s, VERSION, SOCKS_METHOD));
	case SOCKS_P_STATUS:
		return (read_pair(s, LOGIN_VERSION, SOCKS_STATUS));
	case SOCKS_P_REPLY:
		return (read_reply(s));
	default:
		return (SOCKS_BAD);
	}
}

/* a byte at a time: messages are short, and none is read beyond its end */
enum socks_event
socks_read(struct socks *s, const uint8_t *data, size_t len, size_t *used)
{
	enum socks_event	 event = SOCKS_MORE;

	for (*used = 0; *used < len && event == SOCKS_MORE; (*used)++) {
		/* cannot happen: every message ends before */
		if (s->len == sizeof(s->buf))
			return (bad(s, SOCKS_FAILURE, "the message is too "
			    "long"));
		s->buf[s->len++] = data[*used];
		event = read_message(s);
	}
	/* a greeting is looked at once more, by socks_choose() */
	if (event != SOCKS_MORE && event != SOCKS_METHODS)
		s->len = 0;
	return (event);
}

int
socks_choose(struct socks *s, enum socks_method want, uint8_t out[2])
{
	int	 offered = memchr(s->buf + 2, (int)want, s->buf[1]) != NULL;

	s->len = 0;
	out[0] = VERSION;
	out[1] = (uint8_t)(offered ? want : SOCKS_NO_METHOD);
	if (!offered) {
		bad(s, SOCKS_SUCCEEDED, "the client offers no method that is "
		    "allowed here");
		return (-1);
	}
	s->method = (uint8_t)want;
	s->phase = want == SOCKS_PASSWORD ? SOCKS_P_LOGIN : SOCKS_P_REQUEST;
	return (0);
}

void
socks_login(struct socks *s, int ok, uint8_t out[2])
{
	explicit_bzero(s->password, sizeof(s->password));
	explicit_bzero(s->buf, sizeof(s->buf));
	out[0] = LOGIN_VERSION;
	out[1] = ok ? 0 : 1;
	if (ok)
		s->phase = SOCKS_P_REQUEST;
	else
		bad(s, SOCKS_SUCCEEDED, "wrong user or password");
}

size_t
socks_reply(enum socks_code code, const struct socks_dest *bound,
    uint8_t out[SOCKS_REPLY])
{
	static const struct socks_dest	 none = { .family = AF_INET };

	out[0] = VERSION;
	out[1] = (uint8_t)code;
	out[2] = 0;
	return (3 + socks_address_put(bound != NULL ? bound : &none, out + 3));
}

int
socks_udp(const uint8_t *data, size_t len, struct socks_dest *d,
    const char **error)
{
	enum socks_code	 code;
	size_t		 used;

	*error = "a datagram is too short for its header";
	if (len < 4)
		return (-1);
	if (data[0] != 0 || data[1] != 0) {
		*error = "the reserved bytes of a datagram are not 0";
		return (-1);
	}
	if (data[2] != 0) {
		*error = "a fragment, which RFC 1928 lets us drop";
		return (-1);
	}
	return (socks_address(data + 3, len - 3, d, &used, &code, error) == 1 ?
	    (int)(3 + used) : -1);
}

size_t
socks_put_login(const char *user, const char *password,
    uint8_t out[SOCKS_MESSAGE])
{
	size_t	 ulen = strlen(user), plen = strlen(password);

	out[0] = LOGIN_VERSION;
	out[1] = (uint8_t)ulen;
	memcpy(out + 2, user, ulen);
	out[2 + ulen] = (uint8_t)plen;
	memcpy(out + 3 + ulen, password, plen);
	return (3 + ulen + plen);
}

size_t
socks_put_request(enum socks_command command, const struct socks_dest *d,
    uint8_t out[3 + SOCKS_ADDRESS])
{
	out[0] = VERSION;
	out[1] = (uint8_t)command;
	out[2] = 0;
	return (3 + socks_address_put(d, out + 3));
}
