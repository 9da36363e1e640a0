"""Requests as bytes, and what becomes of them: what a lax parser and a strict one read apart."""

HOST = b"Host: a"
CHUNKED = b"Transfer-Encoding: chunked"
LENGTH = b"Content-Length: 5"
END = b"0\r\n\r\n"


def get(*headers, line=b"GET / HTTP/1.1"):
    return b"\r\n".join([line, HOST, *headers]) + b"\r\n\r\n"


def post(*headers, body=b"hello", line=b"POST / HTTP/1.1"):
    return b"\r\n".join([line, HOST, *headers]) + b"\r\n\r\n" + body


def raw(*lines):
    return b"\r\n".join(lines) + b"\r\n\r\n"


REFUSED_HEADS = {
    "two lengths that agree": post(LENGTH, LENGTH),
    "two lengths that differ": post(LENGTH, b"Content-Length: 6"),
    "a list of lengths": post(b"Content-Length: 5, 5"),
    "a list of lengths that differ": post(b"Content-Length: 5, 6"),
    "a negative length": post(b"Content-Length: -5"),
    "a length with a sign": post(b"Content-Length: +5"),
    "a length in hex": post(b"Content-Length: 0x5"),
    "an empty length": post(b"Content-Length: "),
    "a huge length": post(b"Content-Length: 99999999999999999999999"),
    "a length with a space inside": post(b"Content-Length: 5 5"),
    "a folded length": post(b"Content-Length:\r\n 5"),
    "length before coding": post(LENGTH, CHUNKED, body=END),
    "coding before length": post(CHUNKED, LENGTH, body=END),
    "identity": post(b"Transfer-Encoding: identity", body=b""),
    "gzip, chunked": post(b"Transfer-Encoding: gzip, chunked", body=END),
    "chunked, chunked": post(b"Transfer-Encoding: chunked, chunked", body=END),
    "chunked, identity": post(b"Transfer-Encoding: chunked, identity", body=END),
    "two codings": post(CHUNKED, CHUNKED, body=END),
    "xchunked": post(b"Transfer-Encoding: xchunked", body=END),
    "chunked behind a vertical tab": post(b"Transfer-Encoding: \x0bchunked", body=END),
    "quoted chunked": post(b'Transfer-Encoding: "chunked"', body=END),
    "a coding with a space behind its name": post(b"Transfer-Encoding : chunked", body=END),
    "chunked in HTTP/1.0": post(CHUNKED, body=END, line=b"POST / HTTP/1.0"),
    "nul in a value": get(b"X: a\0b"),
    "nul in a name": get(b"X\0: a"),
    "nul in the target": get(line=b"GET /\0 HTTP/1.1"),
    "a control character in a value": get(b"X: a\x01b"),
    "delete in a value": get(b"X: a\x7fb"),
    "a carriage return in a value": get(b"X: a\rb"),
    "a carriage return as the end of a line": get(b"X: a\rY: b"),
    "line feeds alone": b"GET / HTTP/1.1\nHost: a\n\n",
    "one line feed alone": b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
    "a folded value": get(b"X: a\r\n b"),
    "a folded first header": raw(b"GET / HTTP/1.1", b" Host: a"),
    "a space before the colon": raw(b"GET / HTTP/1.1", b"Host : a"),
    "a tab before the colon": get(b"X\t: a"),
    "no colon": get(b"X"),
    "an empty name": get(b": a"),
    "an odd name": get(b"X(y): a"),
    "a name that is not ascii": get(b"X\xe4: a"),
    "no host": raw(b"GET / HTTP/1.1"),
    "two hosts": get(b"Host: b"),
    "the same host twice": get(HOST),
    "two hosts in HTTP/1.0": get(HOST, line=b"GET / HTTP/1.0"),
    "HTTP/0.9": raw(b"GET /"),
    "HTTP/1.2": get(line=b"GET / HTTP/1.2"),
    "HTTP/2.0": get(line=b"GET / HTTP/2.0"),
    "HTTP/1.1x": get(line=b"GET / HTTP/1.1x"),
    "http/1.1": get(line=b"GET / http/1.1"),
    "the preface of HTTP/2": raw(b"PRI * HTTP/2.0", b"", b"SM"),
    "a method in small letters": get(line=b"get / HTTP/1.1"),
    "an odd method": get(line=b"GE(T / HTTP/1.1"),
    "an unknown method": get(line=b"FROBNICATE / HTTP/1.1"),
    "tabs in the request line": get(line=b"GET\t/\tHTTP/1.1"),
    "a space in the target": get(line=b"GET /a b HTTP/1.1"),
    "a target that is not ascii": get(line=b"GET /\xe4 HTTP/1.1"),
    "another server's target": get(line=b"GET http://evil/x HTTP/1.1"),
    "a target with a user": get(line=b"GET http://a@evil:99/x HTTP/1.1"),
    "a target without a slash": get(line=b"GET x HTTP/1.1"),
    "a target with a fragment": get(line=b"GET /a#b HTTP/1.1"),
    "an asterisk": get(line=b"OPTIONS * HTTP/1.1"),
    "a tunnel": get(line=b"CONNECT a:80 HTTP/1.1"),
    "TLS": bytes.fromhex("16030100a5010000a1"),
    "junk": b"hello\r\n\r\n",
    "nothing but nuls": b"\0" * 1000,
}
"""Answered 400, and nobody hears of them."""

REFUSED_BODIES = {
    "a negative chunk": post(CHUNKED, body=b"-5\r\nhello\r\n0\r\n\r\n"),
    "a chunk in 0x": post(CHUNKED, body=b"0x5\r\nhello\r\n0\r\n\r\n"),
    "a huge chunk": post(CHUNKED, body=b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n"),
    "a space behind a chunk's length": post(CHUNKED, body=b"5 \r\nhello\r\n0\r\n\r\n"),
    "a line feed in a chunk's extension": post(CHUNKED, body=b"5;a\nb\r\nhello\r\n0\r\n\r\n"),
    "chunks with line feeds alone": post(CHUNKED, body=b"5\nhello\n0\n\n"),
    "a chunk without its end": post(CHUNKED, body=b"5\r\nhelloXX0\r\n\r\n"),
}
"""Answered 400; the application hears that the body broke off."""

TOO_LONG = {
    "a long target": get(line=b"GET /" + b"a" * 200_000 + b" HTTP/1.1"),
    "a long header": get(b"X: " + b"a" * 200_000),
    "a long name": get(b"X" * 200_000 + b": a"),
    "many headers": get(*[b"X: a"] * 10_000),
    "an endless header": get(b"X: " + b"a" * 2_000_000)[:-4],
    "an endless target": b"GET /" + b"a" * 2_000_000,
    "endless empty lines": b"\r\n" * 1_000_000,
    "an endless chunk extension": post(CHUNKED, body=b"5;" + b"a" * 2_000_000),
    "many trailers": post(CHUNKED, body=b"5\r\nhello\r\n0\r\n" + b"A: b\r\n" * 50_000 + b"\r\n"),
}
"""Answered 431, where the client still listens."""

READ = {
    "a request without a body": (get(), [("GET", "/", {}, b"")]),
    "a body with its length": (post(LENGTH), [("POST", "/", {"content-length": "5"}, b"hello")]),
    "a body in chunks": (
        post(CHUNKED, body=b"2\r\nhe\r\n3;x=y\r\nllo\r\n" + END),
        [("POST", "/", {"transfer-encoding": "chunked"}, b"hello")],
    ),
    "white space around values": (
        post(b"Content-Length: \t5 ", b"X:  a b \t "),
        [("POST", "/", {"content-length": "5", "x": "a b"}, b"hello")],
    ),
    "white space around a coding": (
        post(b"Transfer-Encoding:\tChunked ", body=END),
        [("POST", "/", {"transfer-encoding": "Chunked"}, b"")],
    ),
    "trailers": (
        post(CHUNKED, body=b"5\r\nhello\r\n0\r\nAuthorization: x\r\nX-Mana-Space: y\r\n\r\n"),
        [("POST", "/", {"transfer-encoding": "chunked"}, b"hello")],
    ),
    "a tab and Latin letters in values": (
        get(b"X: a\tb", b"Y: \xe4"),
        [("GET", "/", {"x": "a\tb", "y": "\xe4"}, b"")],
    ),
    "an empty line first": (b"\r\n" + get(), [("GET", "/", {}, b"")]),
    "a body with GET": (
        get(LENGTH) + b"hello",
        [("GET", "/", {"content-length": "5"}, b"hello")],
    ),
    "one behind the other": (
        post(LENGTH) + get(line=b"GET /2 HTTP/1.1"),
        [("POST", "/", {"content-length": "5"}, b"hello"), ("GET", "/2", {}, b"")],
    ),
    "an offer to speak HTTP/2": (
        post(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", LENGTH),
        [
            (
                "POST",
                "/",
                {
                    "connection": "Upgrade, HTTP2-Settings",
                    "upgrade": "h2c",
                    "content-length": "5",
                },
                b"hello",
            )
        ],
    ),
    "an offer to speak WebSocket": (
        get(b"Connection: Upgrade", b"Upgrade: websocket"),
        [("GET", "/", {"connection": "Upgrade", "upgrade": "websocket"}, b"")],
    ),
}
"""Answered; the application sees exactly this."""
