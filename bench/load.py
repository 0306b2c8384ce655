"""Load for an intake: a process of its own that sends batches over many connections and notes when each is answered.

Light enough to run beside what it measures: sockets without an HTTP library, bodies made beforehand into which fresh
ids are patched. With a rate, requests are due at fixed instants and timed from when they were due, so an intake that
falls behind can't hide it; without one, each connection sends as soon as it was answered.

    python -m bench.load --url http://127.0.0.1:8091/v1/events --key yk_… --seconds 10 --batch 100
"""

from __future__ import annotations

import argparse
import json
import selectors
import socket
import subprocess
import sys
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib import import_module
from random import Random
from urllib.parse import urlsplit

BODIES_COUNT = 32  # made beforehand, sent by turns
MARK = b"@@@@@@@@@@"  # what a request's number is written over, in every id
RECEIVE_BYTES = 65_536
WAIT_S_MAX = 30.0  # for the last answers
MakeBody = Callable[[int], bytes]  # the body of a request, by its number


@dataclass(frozen=True)
class Load:
    """What came of it. errors: by status, "lost" for connections that broke. p50_ms, p99_ms, max_ms: of answers."""

    acked_events: int
    seconds: float
    p50_ms: float
    p99_ms: float
    max_ms: float
    errors: dict[str, int]

    @property
    def per_second(self) -> float:
        """Acknowledged events a second."""
        return self.acked_events / self.seconds


def shop_events(batch: int, seed: int = 1, people: int = 200_000, bodies: int = BODIES_COUNT) -> MakeBody:
    """Bodies of a shop's events of now (some 150 bytes each), of which no two requests share an id.

    people: they go by the names of a made world's (`bench.world`); no more of them come than there are events in the
    bodies, which are sent by turns.
    """
    dice = Random(seed)
    now_ms = int(time.time() * 1_000)

    def event(place: int) -> dict[str, object]:
        kind = dice.choice(["product_viewed", "product_viewed", "page_viewed", "search", "order_paid"])
        properties: dict[str, object] = {
            "product_viewed": {"product": f"p{dice.randrange(1_000)}", "category": "lipstick"},
            "page_viewed": {"page": f"/a/{dice.randrange(50)}", "seconds": dice.randrange(90)},
            "search": {"query": "red", "target": "category"},
            "order_paid": {"order_id": f"o{dice.randrange(10**9)}", "amount": dice.randrange(1, 90_000) / 100},
        }[kind]  # type: ignore[assignment]
        return {
            "id": f"{MARK.decode()}{place:04d}", "type": kind, "at": now_ms - dice.randrange(60_000),
            "identities": {"member_no": f"M{dice.randrange(people):07d}"}, "properties": properties, "channel": "web",
        }  # fmt: skip

    made = [json.dumps([event(place) for place in range(batch)], separators=(",", ":")).encode() for _ in range(bodies)]
    prefix = b"%03d" % (seed % 1_000)
    return lambda number: made[number % bodies].replace(MARK, prefix + b"%07d" % number)


def run_load(
    url: str, key: str, rate_per_s: float | None, seconds: float, batch: int = 100, connections: int = 32,
    make_body: str = "bench.load:shop_events", seed: int = 1,
) -> Load:  # fmt: skip
    """Send events for some seconds from a process of its own. rate_per_s: of events, None: as fast as answers come.

    make_body: `module:function` that gives, for (batch, seed), the body of a request by its number.
    """
    command = [
        sys.executable, "-m", "bench.load", "--url", url, "--key", key, "--seconds", str(seconds),
        "--batch", str(batch), "--connections", str(connections), "--make-body", make_body, "--seed", str(seed),
        *(["--rate", str(rate_per_s)] if rate_per_s else []),
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Load(**json.loads(done.stdout))


class _Connection:
    def __init__(self, number: int, address: tuple[str, int]) -> None:
        self.number = number
        self._address = address
        self.received = b""
        self.due_s = 0.0
        self.socket = self.connect()

    def connect(self) -> socket.socket:
        """A new connection."""
        self.socket = socket.create_connection(self._address, 10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""
        return self.socket

    def answered(self) -> int:
        """The status of an answer that is there in full, 0 if it isn't yet, -1 if the connection broke."""
        try:
            part = self.socket.recv(RECEIVE_BYTES)
        except OSError:
            return -1
        if not part:
            return -1
        self.received += part
        head, found, body = self.received.partition(b"\r\n\r\n")
        if not found:
            return 0
        lowered = head.lower()
        at = lowered.index(b"content-length:") + 15
        if len(body) < int(lowered[at:].split(b"\r\n", 1)[0]):
            return 0
        self.received = b""
        return int(head[9:12])


class _Sender:
    """Sends and times; see the module."""

    def __init__(self, url: str, key: str, batch: int, connections: int, make_body: MakeBody) -> None:
        parts = urlsplit(url)
        address = (parts.hostname or "127.0.0.1", parts.port or 80)
        self._head = (
            f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nX-Api-Key: {key}\r\n"
            "Content-Type: application/json\r\nContent-Length: "
        ).encode()
        self._batch = batch
        self._make_body = make_body
        self._selector = selectors.DefaultSelector()
        # By turns, so that none rests for longer than a server waits.
        self._idle = deque(_Connection(number, address) for number in range(connections))
        for connection in self._idle:
            self._selector.register(connection.socket, selectors.EVENT_READ, connection)
        self._busy = 0
        self._sent = 0
        self.acked = 0
        self.times_s: list[float] = []
        self.errors: Counter[str] = Counter()

    def run(self, seconds: float, rate_per_s: float | None) -> float:
        """Send for so long; how long it took until the last answer."""
        begun = time.perf_counter()
        end = begun + seconds
        pause_s = self._batch / rate_per_s if rate_per_s else 0.0
        due = begun
        while (now := time.perf_counter()) < end:
            while self._idle and now < end and (not pause_s or due <= now):
                self._send(self._idle.popleft(), due if pause_s else now)
                due += pause_s
                now = time.perf_counter()
            rest = max(0.0, due - now) if pause_s and self._idle else end - now
            self._receive(min(rest, 0.05))
        last = time.perf_counter() + WAIT_S_MAX
        while self._busy and time.perf_counter() < last:
            self._receive(0.05)
        self.errors["unanswered"] += self._busy
        return time.perf_counter() - begun

    def _send(self, connection: _Connection, due_s: float) -> None:
        body = self._make_body(self._sent)
        self._sent += 1
        connection.due_s = due_s
        self._busy += 1
        try:
            connection.socket.sendall(self._head + b"%d\r\n\r\n" % len(body) + body)
        except OSError:
            self._lost(connection)

    def _receive(self, wait_s: float) -> None:
        for chosen, _ in self._selector.select(wait_s):
            connection: _Connection = chosen.data
            status = connection.answered()
            if status < 0 and connection in self._idle:  # closed while it rested: nothing is lost
                self._renew(connection)
            elif status < 0:
                self._lost(connection)
            elif status:
                self._busy -= 1
                self._idle.append(connection)
                self.times_s.append(time.perf_counter() - connection.due_s)
                if status == 200:
                    self.acked += self._batch
                else:
                    self.errors[str(status)] += 1

    def _lost(self, connection: _Connection) -> None:
        self.errors["lost"] += 1
        self._busy -= 1
        self._renew(connection)
        self._idle.append(connection)

    def _renew(self, connection: _Connection) -> None:
        self._selector.unregister(connection.socket)
        connection.socket.close()
        self._selector.register(connection.connect(), selectors.EVENT_READ, connection)


def main() -> None:
    """The process: prints a `Load` as JSON."""
    parser = argparse.ArgumentParser()
    for name in ("--url", "--key"):
        parser.add_argument(name, required=True)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rate", type=float)
    parser.add_argument("--batch", type=int, default=100)
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--make-body", default="bench.load:shop_events")
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    module, _, function = chosen.make_body.partition(":")
    make_body = getattr(import_module(module), function)(chosen.batch, chosen.seed)
    sender = _Sender(chosen.url, chosen.key, chosen.batch, chosen.connections, make_body)
    seconds = sender.run(chosen.seconds, chosen.rate)
    times = sorted(sender.times_s) or [0.0]
    load = Load(
        sender.acked, seconds, times[len(times) // 2] * 1_000, times[len(times) * 99 // 100] * 1_000,
        times[-1] * 1_000, {name: count for name, count in sender.errors.items() if count},
    )  # fmt: skip
    print(json.dumps(asdict(load)))


if __name__ == "__main__":
    main()
