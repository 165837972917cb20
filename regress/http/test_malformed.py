"""What is not HTTP/1.1, or could be read in two ways, is refused."""

import pytest

HOST = b"Host: 127.0.0.1:PORT\r\n"
GET = b"GET /health HTTP/1.1\r\n"
END = b"\r\n"
OK = GET + HOST


def request(line, *fields):
    return line + b"\r\n" + HOST + b"".join(f + b"\r\n" for f in fields) + END


def field(line):
    return OK + line + END


# name, bytes, status
CORPUS = [
    # the request line
    ("two words", request(b"GET /health"), 400),
    ("one word", request(b"GET"), 400),
    ("empty", END + END + END, 400),
    ("two empty lines in front", END + END + OK + END, 400),
    ("four words", request(b"GET /health HTTP/1.1 x"), 400),
    ("two spaces", request(b"GET  /health HTTP/1.1"), 400),
    ("two spaces behind", request(b"GET /health  HTTP/1.1"), 400),
    ("space at the end", request(b"GET /health HTTP/1.1 "), 400),
    ("space in front", request(b" GET /health HTTP/1.1"), 400),
    ("tab instead", request(b"GET\t/health\tHTTP/1.1"), 400),
    ("tab in the target", request(b"GET /hea\tlth HTTP/1.1"), 400),
    ("space in the target", request(b"GET /hea lth HTTP/1.1"), 400),
    ("method with a colon", request(b"GE:T /health HTTP/1.1"), 400),
    ("method in brackets", request(b"G(E)T /health HTTP/1.1"), 400),
    ("method with NUL", request(b"GE\0T /health HTTP/1.1"), 400),
    ("method of 33", request(b"G" * 33 + b" /health HTTP/1.1"), 400),
    ("endless method", b"G" * 4096, 400),
    ("TLS", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
    ("binary", bytes(range(256)), 400),
    ("UTF-8 mark", b"\xef\xbb\xbf" + OK + END, 400),
    ("SSH", b"SSH-2.0-OpenSSH_9.2\r\n", 400),
    ("HTTP/2 preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    # versions
    ("HTTP/0.9", b"GET /health\r\n", 400),
    ("HTTP/1.2", request(b"GET /health HTTP/1.2"), 505),
    ("HTTP/1.9", request(b"GET /health HTTP/1.9"), 505),
    ("HTTP/2.0", request(b"GET /health HTTP/2.0"), 505),
    ("HTTP/0.1", request(b"GET /health HTTP/0.1"), 505),
    ("HTTP/1", request(b"GET /health HTTP/1"), 400),
    ("HTTP/1.", request(b"GET /health HTTP/1."), 400),
    ("HTTP/1.10", request(b"GET /health HTTP/1.10"), 400),
    ("HTTP/11.1", request(b"GET /health HTTP/11.1"), 400),
    ("HTTP/01.1", request(b"GET /health HTTP/01.1"), 400),
    ("HTTP/+1.1", request(b"GET /health HTTP/+1.1"), 400),
    ("http/1.1", request(b"GET /health http/1.1"), 400),
    ("HTTPS/1.1", request(b"GET /health HTTPS/1.1"), 400),
    ("HTTP 1.1", request(b"GET /health HTTP 1.1"), 400),
    ("HTTP/1,1", request(b"GET /health HTTP/1,1"), 400),
    # line ends
    ("bare LF", b"GET /health HTTP/1.1\nHost: 127.0.0.1:PORT\n\n", 400),
    ("bare LF behind a field", GET + HOST[:-2] + b"\n\r\n", 400),
    ("bare LF as the end", OK + b"\n", 400),
    ("bare LF in front", b"\n" + OK + END, 400),
    ("bare CR in the line", request(b"GET /health\rHTTP/1.1"), 400),
    ("bare CR in a value", field(b"X: a\rb\r\n"), 400),
    ("CR CR LF", GET[:-2] + b"\r\r\n" + HOST + END, 400),
    # targets
    ("no slash", request(b"GET health HTTP/1.1"), 400),
    ("asterisk", request(b"GET * HTTP/1.1"), 400),
    ("asterisk and more", request(b"OPTIONS *x HTTP/1.1"), 400),
    ("authority", request(b"CONNECT 127.0.0.1:PORT HTTP/1.1"), 400),
    ("fragment", request(b"GET /health#x HTTP/1.1"), 400),
    ("backslash", request(b"GET \\health HTTP/1.1"), 400),
    ("backslash behind", request(b"GET /health\\ HTTP/1.1"), 400),
    ("quote", request(b'GET /health" HTTP/1.1'), 400),
    ("angle bracket", request(b"GET /<health> HTTP/1.1"), 400),
    ("brace", request(b"GET /{health} HTTP/1.1"), 400),
    ("caret", request(b"GET /health^ HTTP/1.1"), 400),
    ("pipe in the query", request(b"GET /health?a|b HTTP/1.1"), 400),
    ("NUL in the target", request(b"GET /health\0 HTTP/1.1"), 400),
    ("DEL in the target", request(b"GET /health\x7f HTTP/1.1"), 400),
    ("8 bit in the target", request(b"GET /h\xe9alth HTTP/1.1"), 400),
    ("percent alone", request(b"GET /health% HTTP/1.1"), 400),
    ("percent and one digit", request(b"GET /health%2 HTTP/1.1"), 400),
    ("percent no hex", request(b"GET /health%zz HTTP/1.1"), 400),
    ("percent sign", request(b"GET /health%+1 HTTP/1.1"), 400),
    ("percent NUL", request(b"GET /health%00 HTTP/1.1"), 400),
    ("percent LF", request(b"GET /health%0a HTTP/1.1"), 400),
    ("percent DEL", request(b"GET /health%7F HTTP/1.1"), 400),
    ("percent NUL in the query", request(b"GET /health?a=%00 HTTP/1.1"), 400),
    ("another scheme", request(b"GET ftp://127.0.0.1:PORT/ HTTP/1.1"), 400),
    ("https", request(b"GET https://127.0.0.1:PORT/ HTTP/1.1"), 400),
    ("http without host", request(b"GET http:///health HTTP/1.1"), 400),
    ("http and one slash", request(b"GET http:/health HTTP/1.1"), 400),
    ("userinfo", request(b"GET http://a@127.0.0.1:PORT/ HTTP/1.1"), 400),
    ("target of 2049", request(b"GET /" + b"a" * 2048 + b" HTTP/1.1"), 414),
    ("endless target", b"GET /" + b"a" * 8192, 414),
    # fields
    ("no colon", field(b"X\r\n"), 400),
    ("empty name", field(b": x\r\n"), 400),
    ("space before the colon", field(b"X : x\r\n"), 400),
    ("tab before the colon", field(b"X\t: x\r\n"), 400),
    ("folded", field(b"X: a\r\n b\r\n"), 400),
    ("folded with a tab", field(b"X: a\r\n\tb\r\n"), 400),
    ("folded first", GET + b" " + HOST + END, 400),
    ("NUL in a name", field(b"X\0Y: x\r\n"), 400),
    ("NUL in a value", field(b"X: a\0b\r\n"), 400),
    ("NUL in Host", GET + b"Host: 127.0.0.1:PORT\0x\r\n\r\n", 400),
    ("bell in a value", field(b"X: a\x07\r\n"), 400),
    ("DEL in a value", field(b"X: a\x7f\r\n"), 400),
    ("8 bit in a name", field(b"X\xe9: a\r\n"), 400),
    ("parenthesis in a name", field(b"X(Y): a\r\n"), 400),
    ("65 fields", OK + b"X: y\r\n" * 64 + END, 431),
    ("fields over 8 KiB", OK + b"X: " + b"y" * 8192 + b"\r\n\r\n", 431),
    ("many long fields", OK + (b"X: " + b"y" * 500 + b"\r\n") * 20, 431),
    ("endless field", OK + b"X: " + b"y" * 20000, 431),
    # Host
    ("no Host", GET + END, 400),
    ("no Host, HTTP/1.0", b"GET /health HTTP/1.0\r\n\r\n", 400),
    ("two Hosts", OK + HOST + END, 400),
    ("two Hosts, one foreign", OK + b"Host: example.com\r\n\r\n", 400),
    ("Host with a space", GET + b"Host: a b\r\n\r\n", 400),
    ("Host with a path", GET + b"Host: 127.0.0.1:PORT/\r\n\r\n", 400),
    ("Host with userinfo", GET + b"Host: a@127.0.0.1:PORT\r\n\r\n", 400),
    ("empty Host", GET + b"Host:\r\n\r\n", 421),
    # framing of a body
    ("two lengths", field(b"Content-Length: 1\r\n" * 2) + b"a", 400),
    ("different lengths",
     field(b"Content-Length: 1\r\nContent-Length: 2\r\n") + b"aa", 400),
    ("list of lengths", field(b"Content-Length: 1, 1\r\n") + b"a", 400),
    ("length +4", field(b"Content-Length: +4\r\n") + b"abcd", 400),
    ("length -1", field(b"Content-Length: -1\r\n"), 400),
    ("length 0x4", field(b"Content-Length: 0x4\r\n") + b"abcd", 400),
    ("length 4.0", field(b"Content-Length: 4.0\r\n") + b"abcd", 400),
    ("length 1 2", field(b"Content-Length: 1 2\r\n") + b"a", 400),
    ("empty length", field(b"Content-Length:\r\n"), 400),
    ("length beyond 64 bits",
     field(b"Content-Length: 18446744073709551617\r\n") + b"a", 400),
    ("length over 64 KiB", field(b"Content-Length: 65537\r\n"), 413),
    ("length of a terabyte", field(b"Content-Length: 1099511627776\r\n"), 413),
    ("chunked", field(b"Transfer-Encoding: chunked\r\n") +
     b"0\r\n\r\n", 411),
    ("Chunked", field(b"Transfer-Encoding: Chunked\r\n"), 411),
    ("length and chunked", field(b"Content-Length: 5\r\n"
     b"Transfer-Encoding: chunked\r\n") + b"0\r\n\r\n", 400),
    ("chunked and length", field(b"Transfer-Encoding: chunked\r\n"
     b"Content-Length: 5\r\n") + b"0\r\n\r\n", 400),
    ("xchunked", field(b"Transfer-Encoding: xchunked\r\n"), 501),
    ("identity", field(b"Transfer-Encoding: identity\r\n"), 501),
    ("gzip, chunked", field(b"Transfer-Encoding: gzip, chunked\r\n"), 501),
    ("chunked, identity",
     field(b"Transfer-Encoding: chunked, identity\r\n"), 501),
    ("two codings", field(b"Transfer-Encoding: chunked\r\n" * 2), 400),
    ("empty coding", field(b"Transfer-Encoding:\r\n"), 501),
    ("coding in HTTP/1.0", b"GET /health HTTP/1.0\r\n" + HOST +
     b"Transfer-Encoding: chunked\r\n\r\n", 400),
    ("another expectation", field(b"Expect: 200-ok\r\n"), 417),
    ("two Authorizations", field(b"Authorization: Bearer a\r\n" * 2), 400),
]


@pytest.mark.parametrize("raw,status", [c[1:] for c in CORPUS],
                         ids=[c[0] for c in CORPUS])
def test_refused(server, raw, status):
    raw = raw.replace(b"PORT", str(server.port).encode())
    with server.client() as c:
        # a second request behind it must never be answered
        c.send(raw + b"\r\n" + OK.replace(b"PORT", b"%d" % server.port) + END)
        reply = c.reply()
        assert reply.status == status
        assert reply.version == "HTTP/1.1"
        assert reply.fields["Content-Type"] == "application/problem+json"
        assert reply.fields["Connection"] == "close"
        assert reply.fields["Cache-Control"] == "no-store"
        problem = reply.json()
        assert list(problem) == ["type", "title", "status", "detail",
                                 "instance"]
        assert problem["status"] == status
        assert problem["detail"]
        assert c.closed()
    assert server.answers()


@pytest.mark.parametrize("raw,status", [c[1:] for c in CORPUS],
                         ids=[c[0] for c in CORPUS])
def test_refused_byte_by_byte(server, raw, status):
    """However it is cut into pieces, the verdict is the same."""
    raw = raw.replace(b"PORT", str(server.port).encode())
    with server.client() as c:
        try:
            for i in range(0, len(raw), 1 if len(raw) < 200 else 97):
                c.send(raw[i:i + (1 if len(raw) < 200 else 97)])
            if raw in (b"GET /health\r\n", END):
                c.send(END)
        except (BrokenPipeError, ConnectionResetError):
            pass                # it was refused before its end
        assert c.reply().status == status


def test_corpus_size():
    assert len(CORPUS) >= 80
