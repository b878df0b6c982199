"""A server that says the same again and again: ``python benchmarks/canned.py FOLDER`` prints its port.

A request for ``/v1/branches/brn_one`` is answered with FOLDER's ``v1-branches-brn_one.json``. It does next to nothing,
so that what a client costs can be seen.
"""

from __future__ import annotations

import socket
import sys
import threading
from pathlib import Path


def _answers(folder: Path) -> dict[bytes, bytes]:
    answers = {}
    for file in folder.glob("*.json"):
        body = file.read_bytes()
        head = (
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nX-Request-Id: rqs_canned00\r\n"
            'RateLimit: "anonymous";r=59;t=1\r\nCache-Control: public, max-age=60\r\nETag: "canned"\r\n'
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        answers[b"/" + file.stem.replace("-", "/").encode()] = head.encode() + body
    return answers


def _serve(connection: socket.socket, answers: dict[bytes, bytes]) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    pending = b""
    while received := connection.recv(65_536):
        pending += received
        while b"\r\n\r\n" in pending:
            head, _, pending = pending.partition(b"\r\n\r\n")
            target = head.split(b" ", 2)[1].partition(b"?")[0]
            connection.sendall(answers[target])


def main() -> None:
    """Serve until killed."""
    answers = _answers(Path(sys.argv[1]))
    with socket.create_server(("127.0.0.1", 0)) as server:
        print(server.getsockname()[1], flush=True)
        while True:
            connection, _ = server.accept()
            threading.Thread(target=_serve, args=(connection, answers), daemon=True).start()


if __name__ == "__main__":
    main()
