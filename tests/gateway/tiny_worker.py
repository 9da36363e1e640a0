"""A worker process that tells its pid; ``python tiny_worker.py HOW FOLDER``."""

import os
import select
import signal
import socket
import sys
from contextlib import suppress

HOW, FOLDER = sys.argv[1:]
LINE = sys.stdin.readline()
DESCRIPTOR, ORDER = LINE.split(" ", 1)


def stay(*_):
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    open(f"{FOLDER}/{os.getpid()}", "w").close()  # noqa: PTH123


if HOW == "stubborn":
    signal.signal(signal.SIGTERM, stay)
if os.path.exists(f"{FOLDER}/broken"):  # noqa: PTH110
    sys.exit(3)
sys.stdout.write("ready\n")
sys.stdout.flush()
sock = socket.socket(fileno=int(DESCRIPTOR))
sock.setblocking(False)
while True:
    select.select([sock], [], [], 0.05)
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})  # who was let in is answered
    with suppress(BlockingIOError):
        connection, _ = sock.accept()
        with connection:
            connection.setblocking(True)
            connection.recv(100)
            connection.sendall(f"{os.getpid()} {os.getpgid(0) == os.getpid()} {ORDER}".encode())
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
