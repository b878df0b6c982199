"""A partner's servers for measures of webhooks: they answer 204 at once, and tell how fast deliveries came.

    python benchmarks/webhook_receiver.py PORTS

It prints the ports that it listens on, as JSON. A line of its input, ``COUNT SKIPPED``, lets it wait for so many
deliveries from then on; it prints how long they took, without the first SKIPPED ones, and how many came twice.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time

_ANSWER = b"HTTP/1.1 204 No Content\r\n\r\n"
_ID = b"webhook-id: "


class Counting:
    """What came since a round began. Only the loop's thread counts."""

    def __init__(self) -> None:
        self.begin(1 << 62, 0)

    def begin(self, count: int, skipped: int) -> None:
        """Begin a round."""
        self._count, self._skipped = count, skipped
        self._came = 0
        self._seen: set[bytes] = set()
        self._began = 0.0

    def came(self, webhook_id: bytes) -> None:
        """Count a delivery; print what was asked for after the last one."""
        self._came += 1
        self._seen.add(webhook_id)
        if self._came == self._skipped:
            self._began = time.perf_counter()
        if len(self._seen) == self._count:
            seconds = time.perf_counter() - self._began
            told = {"seconds": seconds, "count": self._came - self._skipped, "twice": self._came - len(self._seen)}
            print(json.dumps(told), flush=True)


class Server(asyncio.Protocol):
    """A connection."""

    def __init__(self, counting: Counting) -> None:
        self._counting = counting
        self._unread = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer each request that is whole."""
        self._unread += data
        while (end := self._unread.find(b"\r\n\r\n")) >= 0:
            head = self._unread[:end].lower()
            after = end + 4 + int(_value(head, b"content-length: "))
            if len(self._unread) < after:
                return
            self._unread = self._unread[after:]
            self._transport.write(_ANSWER)
            self._counting.came(_value(head, _ID))


def _value(head: bytes, name: bytes) -> bytes:
    begin = head.index(name) + len(name)
    return head[begin:].partition(b"\r\n")[0]


async def main(ports: int) -> None:
    """Serve until the input ends."""
    loop, counting, ended = asyncio.get_running_loop(), Counting(), asyncio.Event()
    servers = [await loop.create_server(lambda: Server(counting), "127.0.0.1", 0) for _ in range(ports)]
    print(json.dumps([server.sockets[0].getsockname()[1] for server in servers]), flush=True)

    def read() -> None:
        for line in sys.stdin:
            count, skipped = map(int, line.split())
            loop.call_soon_threadsafe(counting.begin, count, skipped)
            loop.call_soon_threadsafe(lambda: print("{}", flush=True))
        loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True).start()
    await ended.wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
