"""Events sent over HTTP while something happens to the service, and what a pool says of them in the end."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx

from tests.support.commands import caller, fingerprint, run
from tests.support.crashing import NOW
from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion

PEOPLE = 300
BATCH = 10


def event(number: int, dice: random.Random) -> dict[str, Any]:
    """One event; its content follows from its number and the dice."""
    person = dice.randrange(PEOPLE)
    names: dict[str, Any] = {"member_no": str(person)}
    if dice.random() < 0.2:
        names["phone"] = f"+8613800{person // 2:06d}"
    kind = dice.choice(["order_paid", "product_viewed", "search", "followed", "unfollowed"])
    properties = {"amount": dice.randrange(1, 90_000) / 100} if kind == "order_paid" else {}
    at = 1_700_000_000_000 + dice.randrange(200) * 86_400_000
    return {"id": f"e{number}", "type": kind, "at": at, "identities": names, "properties": properties}


class Sender(threading.Thread):
    """Sends batches until told to stop, each until it is acknowledged; now and then one that was, again.

    sent: the events, in order. told: (monotonic ns, ids) of each acknowledgement. refused: answers by their status.
    """

    def __init__(self, url: str, key: str, first: int, rest_s: float, refusals: Sequence[int] = (429, 503)) -> None:
        super().__init__(daemon=True)
        self.sent: list[dict[str, Any]] = []
        self.told: list[tuple[int, list[str]]] = []
        self.refused: dict[int, int] = dict.fromkeys(refusals, 0)
        self.failure: BaseException | None = None
        self.ending = threading.Event()
        self.abandoned = threading.Event()  # nobody will answer any more
        self._rest_s = rest_s
        self._dice = random.Random(first)
        self._next = first
        self._client = httpx.Client(base_url=url, headers={"X-Api-Key": key}, timeout=30)

    @property
    def acknowledged(self) -> int:
        return sum(len(ids) for _, ids in self.told)

    def run(self) -> None:
        try:
            while not self.ending.is_set():
                batch = [event(self._next + place, self._dice) for place in range(BATCH)]
                self._next += BATCH
                self.sent += batch
                self._hand_over(batch)
                time.sleep(self._rest_s)
                if self._dice.random() < 0.05:
                    self._hand_over(batch)
        except BaseException as raised:  # told by the test's own thread
            self.failure = raised
        finally:
            self._client.close()

    def _hand_over(self, batch: Sequence[dict[str, Any]]) -> None:
        while not self.abandoned.is_set():
            try:
                answer = self._client.post("/v1/events", json=batch)
            except httpx.HTTPError:
                time.sleep(0.02)
                continue
            if answer.status_code == 200:
                assert answer.json()["accepted"] == len(batch), answer.text
                self.told.append((time.monotonic_ns(), [one["id"] for one in batch]))
                return
            assert answer.status_code in self.refused, answer.text
            self.refused[answer.status_code] += 1
            time.sleep(0.02)


def new_pool(pool: Path, **settings: Any) -> str:
    """A pool whose clock stands; the text of a key to its feed `load`."""
    with caller(pool, **settings) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    made = run(pool, "key", "create", "load", "--feed", "load", "--json", **settings).stdout
    return str(json.loads(made)["key"])


def settled(pool: Path, **settings: Any) -> dict[str, Any]:
    """What a pool says once everything is processed; the feed apart, whose instants of knowing differ."""
    with caller(pool, **settings) as at:
        for _ in at.wait_processed():
            pass
        assert at._pool is not None
        return dict(fingerprint(at._pool.desk("tester")))


def undisturbed(pool: Path, sent: Sequence[dict[str, Any]], **settings: Any) -> dict[str, Any]:
    """The same events by an import in one go."""
    source = pool.with_suffix(".ndjson")
    source.write_text("".join(json.dumps(one) + "\n" for one in sent))
    with caller(pool, **settings) as at:
        at.call(CLOCK_COMMAND, ClockQuestion("set", at=NOW))
    run(pool, "import", str(source), "--feed", "load", **settings)
    return settled(pool, **settings)
