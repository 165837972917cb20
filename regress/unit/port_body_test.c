/*
 * frontend/port_body and common/portmap: what a mapping may be, and what is
 * said where it is wrong.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "port_body.h"
#include "portmap.h"

#define NAME63	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define TEXT127	NAME63 NAME63 "a"
#define PUB	"\"internal_port\":7654"
#define FWD	"\"listen_port\":40001,\"remote\":\"[2001:db8::9]:7654\""

/* the protocol of each is udp, but for TCP in front */
static const struct {
	const char	*body;
	const char	*word;		/* of what is wrong; NULL: nothing */
} bodies[] = {
	{ "{\"internal_port\":7654,\"external_port\":7654,"
	    "\"description\":\"I2P-UDP\"}", NULL },
	{ "{" PUB "}", NULL },
	{ " {\n" PUB "\t}\r\n", NULL },
	{ "{\"internal_port\":1}", NULL },
	{ "{\"internal_port\":65535}", NULL },
	{ "{\"internal_port\":0}", "internal_port: it is a number from 1" },
	{ "{\"internal_port\":65536}", "internal_port: it is a number" },
	{ "{\"internal_port\":-1}", "internal_port: it is a number" },
	{ "{\"internal_port\":9223372036854775807}", "internal_port" },
	{ "{\"internal_port\":9223372036854775808}", "too big integer" },
	{ "{\"internal_port\":7654.0}", "internal_port: it is a number" },
	{ "{\"internal_port\":1e3}", "internal_port: it is a number" },
	{ "{\"internal_port\":\"7654\"}", "internal_port: it is a number" },
	{ "{\"internal_port\":true}", "internal_port: it is a number" },
	{ "{\"internal_port\":null}", "internal_port: it is a number" },
	{ "{\"internal_port\":[7654]}", "internal_port: it is a number" },
	{ "{\"internal_port\":{}}", "internal_port: it is a number" },
	{ "{" PUB ",\"external_port\":1024}", NULL },
	{ "{" PUB ",\"external_port\":65535}", NULL },
	{ "{" PUB ",\"external_port\":1023}", "[port.NAME]" },
	{ "{" PUB ",\"external_port\":0}", "external_port: it is a number" },
	{ "{" PUB ",\"external_port\":66560}", "from 1024 to 65535" },
	{ "{" PUB ",\"external_port\":\"\"}", "external_port: it is" },
	{ "{" PUB ",\"description\":\"\"}", NULL },
	{ "{" PUB ",\"description\":\"" TEXT127 "\"}", NULL },
	{ "{" PUB ",\"description\":\"" TEXT127 "a\"}", "description: it is a "
	    "text of at most 127 bytes" },
	{ "{" PUB ",\"description\":\"\\u00fcml\\u00e4ut \xc3\xbc\"}", NULL },
	{ "{" PUB ",\"description\":\"a\\nb\"}", "description has control" },
	{ "{" PUB ",\"description\":\"\\u001b[31m\"}", "description has" },
	{ "{" PUB ",\"description\":\"\\u007f\"}", "description has" },
	{ "{" PUB ",\"description\":\"a\\u0000b\"}", "\\u0000 is not allowed" },
	{ "{" PUB ",\"description\":7}", "description: it is a text" },
	{ "{" PUB ",\"description\":\"\xff\"}", "unable to decode byte" },
	{ "{" PUB ",\"description\":\"\xed\xa0\x80\"}", "unable to decode" },
	{ "{" PUB ",\"tunnel\":\"he\"}", NULL },
	{ "{" PUB ",\"tunnel\":\"\"}", "tunnel: it is the name of a tunnel" },
	{ "{" PUB ",\"tunnel\":null}", "tunnel: it is the name of a tunnel" },
	{ "{" PUB ",\"tunnel\":\"" NAME63 "\"}", "tunnel: it is the name" },
	{ "TCP{" PUB ",\"proxy_protocol\":\"v2\"}", NULL },
	{ "{" PUB ",\"proxy_protocol\":\"v2\"}", NULL },
	{ "TCP{" PUB ",\"proxy_protocol\":\"v1\"}", "it is \"v2\"" },
	{ "TCP{" PUB ",\"proxy_protocol\":2}", "it is \"v2\"" },
	{ "TCP{" PUB ",\"proxy_protocol\":true}", "it is \"v2\"" },
	{ "TCP{" FWD ",\"proxy_protocol\":\"v2\"}", "proxy_protocol does not "
	    "go with remote" },
	{ "{" FWD "}", NULL },
	{ "{" FWD ",\"description\":\"I2P\",\"tunnel\":\"he\"}", NULL },
	{ "{\"remote\":\"[2001:db8::9]:7654\"}", NULL },
	{ "{\"remote\":\"Peer.example:7654\"}", NULL },
	{ "{\"remote\":\"peer.example.:7654\"}", NULL },
	{ "{\"listen_port\":80,\"remote\":\"[2001:db8::9]:7654\"}",
	    "listen_port: it is a number from 1024" },
	{ "{\"listen_port\":40001}", "remote is missing" },
	{ "{" FWD "," PUB "}", "internal_port does not go with remote; what "
	    "does: listen_port, remote, description, tunnel" },
	{ "{" PUB ",\"listen_port\":40001}", "listen_port does not go with "
	    "internal_port" },
	{ "{\"remote\":\"192.0.2.9:7654\"}", "remote: it is IPv4, which "
	    "needs no tunnel; allowed are [ADDRESS]:PORT (IPv6) and NAME:"
	    "PORT" },
	{ "{\"remote\":\"[::1]:7654\"}", "remote: it is" },
	{ "{\"remote\":\"[::]:7654\"}", "remote: it is" },
	{ "{\"remote\":\"[fe80::1]:7654\"}", "remote: it is a link" },
	{ "{\"remote\":\"[ff02::1]:7654\"}", "remote: it is a multi" },
	{ "{\"remote\":\"[::ffff:192.0.2.9]:7654\"}", "it is an IPv4-mapped" },
	{ "{\"remote\":\"[fe80::1%eth0]:7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"[2001:db8::9]:0\"}", "it is not a host and its port" },
	{ "{\"remote\":\"[2001:db8::9]:65536\"}", "remote: it is not a host" },
	{ "{\"remote\":\"[2001:db8::9]\"}", "remote: it is not a host" },
	{ "{\"remote\":\"2001:db8::9:7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"[2001:db8::9]: 7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"peer.example\"}", "remote: it is not a host" },
	{ "{\"remote\":\"peer.example:\"}", "remote: it is not a host" },
	{ "{\"remote\":\"peer.example:+1\"}", "remote: it is not a host" },
	{ "{\"remote\":\":7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"pe er.example:7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"192.0.2.300:7654\"}", "remote: it is not a host" },
	{ "{\"remote\":\"" NAME63 "a.example:7654\"}", "it is not a host" },
	{ "{\"remote\":\"unix:/tmp/socket\"}", "remote: it is not a host" },
	{ "{\"remote\":7654}", "remote: it is no text" },
	{ "{\"remote\":null}", "remote: it is no text" },
	{ "{}", "internal_port is missing" },
	{ "{\"description\":\"x\"}", "internal_port is missing" },
	{ "{\"internl_port\":1}", "unknown member \"internl_port\": did you "
	    "mean \"internal_port\"? there are: internal_port, external_port,"
	    " listen_port, remote, description, tunnel, proxy_protocol" },
	{ "{" PUB ",\"Internal_port\":1}", "unknown member \"Internal_port\"" },
	{ "{" PUB ",\"\":1}", "unknown member \"\"" },
	{ "{" PUB "," PUB "}", "duplicate object key near '\"internal_port\"'" },
	{ "", "expected near end of file" },
	{ "[]", "content must be an object" },
	{ "[{" PUB "}]", "content must be an object" },
	{ "null", "line 1, column 4" },
	{ "{" PUB "} {}", "end of file expected" },
	{ "{" PUB ",}", "line 1" },
	{ "{'internal_port':7654}", "line 1" },
	{ "\xef\xbb\xbf{" PUB "}", "line 1" },
};

static void
check(const char *body, const char *word)
{
	struct imsg_port	 p = { .protocol = IPPROTO_UDP, .fixed = 1 };
	char			 detail[PORT_BODY_DETAIL] = "";
	int			 rv;

	if (strncmp(body, "TCP", 3) == 0) {
		p.protocol = IPPROTO_TCP;
		body += 3;
	}
	rv = port_body(body, strlen(body), &p, detail);
	if (rv != (word == NULL ? 0 : -1) ||
	    (word != NULL && strstr(detail, word) == NULL))
		errx(1, "%s: %d: %s", body, rv, detail);
	if (rv == 0 && (portmap_error(&p) != NULL || p.fixed != 0))
		errx(1, "%s: %s", body, portmap_error(&p));
}

/* as deep as 64 KiB may be, and as many members */
static void
test_large(void)
{
	static char	 body[65536];
	size_t		 len;

	memset(body, '[', sizeof(body) - 1);
	check(body, "maximum parsing depth");
	strlcpy(body, "{\"internal_port\":", sizeof(body));
	len = strlen(body);
	memset(body + len, '[', sizeof(body) - len - 1);
	check(body, "maximum parsing depth");
	strlcpy(body, "{\"a\":0", sizeof(body));
	while (strlcat(body, ",\"a\":0", sizeof(body)) < sizeof(body))
		;
	check(body, "duplicate object key near '\"a\"'");
}

static void
test_remote(void)
{
	static const char *const pairs[][2] = {
		{ "[2001:DB8:0::9]:7654", "[2001:db8::9]:7654" },
		{ "Peer.example:1", "Peer.example:1" },
		{ "[fd00::1]:65535", "[fd00::1]:65535" },
	};
	char			 host[GW_HOST_SIZE], text[PORTMAP_REMOTE_SIZE];
	uint16_t		 port;
	size_t			 i;

	for (i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++)
		if (portmap_remote(pairs[i][0], host, &port) != NULL || strcmp(
		    portmap_remote_text(host, port, text), pairs[i][1]) != 0)
			errx(1, "%s: %s", pairs[i][0], text);
}

/* one that comes over the control socket is believed in nothing */
static void
test_hostile(void)
{
	static const struct imsg_port	 good = { .protocol = IPPROTO_TCP,
	    .kind = GW_PORT_PUBLISH, .target_port = 7654, .port = 7654 };
	struct imsg_port		 p = good;

	if (portmap_error(&p) != NULL)
		errx(1, "%s", portmap_error(&p));
#define WRONG(change)							\
	do {								\
		p = good;						\
		change;							\
		if (portmap_error(&p) == NULL)				\
			errx(1, "%s is let through", #change);		\
	} while (0)
	WRONG(p.protocol = 0);
	WRONG(p.protocol = IPPROTO_ICMPV6);
	WRONG(p.kind = 2);
	WRONG(p.proxy_protocol = 1);
	WRONG(p.port = 1023);
	WRONG(p.target_port = 0);
	WRONG(p.host[0] = 'a');
	WRONG(memset(p.tunnel, 'a', sizeof(p.tunnel)));
	WRONG(memset(p.host, 'a', sizeof(p.host)));
	WRONG(memset(p.description, 'a', sizeof(p.description)));
	WRONG(p.description[0] = '\033');
	WRONG(p.kind = GW_PORT_FORWARD);
	WRONG(p.kind = GW_PORT_FORWARD; strlcpy(p.host, "::1", sizeof(p.host)));
	WRONG(p.kind = GW_PORT_FORWARD; strlcpy(p.host, "192.0.2.9",
	    sizeof(p.host)));
	WRONG(p.kind = GW_PORT_FORWARD; strlcpy(p.host, "a", sizeof(p.host));
	    p.proxy_protocol = 2);
#undef WRONG
}

int
main(void)
{
	size_t	 i;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++)
		check(bodies[i].body, bodies[i].word);
	test_large();
	test_remote();
	test_hostile();
	return (0);
}
