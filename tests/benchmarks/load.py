"""Load on a server: requests over connections that are kept, one after the other on each of them.

A process of its own, of bare sockets, so that what is measured is the server: it reads an order per
line and writes what it found out per line. The orders are those of :func:`run`, as JSON.
"""

from __future__ import annotations

import json
import select
import socket
import sys
import time

ID = "%09d"
FIRST_ID = 100_000_000  # so that all have as many digits and none begins with a zero


class Connection:
    """One connection, with at most one request on its way."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer = bytearray()
        self.sent_at = 0.0
        self.id = b""

    def send(self, request, number):
        before, after = request
        self.id = b"%d" % number
        self.answer.clear()
        self.sent_at = time.perf_counter()
        self.socket.sendall(before + self.id + after)

    def receive(self):
        """Take what there is; return whether that is the whole answer."""
        piece = self.socket.recv(65536)
        if not piece:
            raise ConnectionError(f"hung up on: {bytes(self.answer)!r}")
        self.answer += piece
        head, _, body = self.answer.partition(b"\r\n\r\n")
        head = head.lower()
        at = head.find(b"content-length:")
        if at < 0:
            return body.endswith(b"0\r\n\r\n")
        return len(body) >= int(head[at + 15 :].partition(b"\r\n")[0])

    def check(self, expected):
        if not self.answer.startswith(b"HTTP/1.1 200") or not (
            expected in self.answer and self.id in self.answer
        ):
            raise ValueError(f"not an answer to {self.id!r}: {bytes(self.answer)!r}")


def run(port, connections, requests, expected, seconds=None, calls=None):
    """Send requests until the time is over, or so many were answered.

    Args:
        port: Of the server, on this machine.
        connections: How many at a time.
        requests: Whole requests, in turns; where the id goes they say ``%09d``.
        expected: What every answer has in it.
        seconds: How long.
        calls: Instead, how many.
    """
    made = [tuple(part.encode() for part in each.split(ID)) for each in requests]
    wanted, latencies, sent = expected.encode(), [], 0
    opened = {one.socket.fileno(): one for one in (Connection(port) for _ in range(connections))}
    poll = select.epoll()
    busy, started = time.process_time(), time.perf_counter()
    until = started + (seconds or 1e9)
    for number, one in opened.items():
        poll.register(number, select.EPOLLIN)
        one.send(made[sent % len(made)], FIRST_ID + sent)
        sent += 1
    waiting = len(opened)
    while waiting:
        for number, _ in poll.poll():
            one = opened[number]
            if not one.receive():
                continue
            now = time.perf_counter()
            latencies.append(now - one.sent_at)
            one.check(wanted)
            if now < until and (calls is None or sent < calls):
                one.send(made[sent % len(made)], FIRST_ID + sent)
                sent += 1
            else:
                waiting -= 1
    took = time.perf_counter() - started
    for one in opened.values():
        one.socket.close()
    latencies.sort()
    return {
        "calls": len(latencies),
        "seconds": took,
        "p50_ms": latencies[len(latencies) // 2] * 1000,
        "p99_ms": latencies[len(latencies) * 99 // 100] * 1000,
        "busy": (time.process_time() - busy) / took,
    }


def main():
    for line in sys.stdin:
        print(json.dumps(run(**json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
