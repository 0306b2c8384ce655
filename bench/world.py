"""A made-up year of a shop's customers, seeded: the arrays out of which pools and peers' files are made.

What makes it like real ones: activity is lognormal, so a few customers do most; customers join all through the year;
events come in sessions, minutes apart, by the rhythm of days and weeks; whoever views adds to the cart, buys and
reviews, each with propensities of their own, and what was put into a cart may be paid for in a later session;
products are by Zipf. Twelve event types carry properties; state events (traits, tags, consent, children) and relations
come on top of the number that was asked for.

Instants of a customer's events are distinct, so that no answer depends on how a system orders ties. A kernel walks
each customer twice, with the same dice of its own: once to count, once to fill. Cost: some 60 ns an event and 21 bytes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numba
import numpy as np
import numpy.typing as npt

from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS

Array = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

SEED = 20_260_101
END_MS = 1_782_835_200_000  # 2026-07-01 in Shanghai: the pool's zone, which has no daylight saving
BEGIN_WEEKDAY = 1  # a Tuesday, 365 days before
LAST_SESSION_MS = 2 * HOUR_MS  # before the end, so that it ends in time
DAYS = 365
EVENTS_EACH = 50  # on average, which makes a million customers of fifty million events
TYPES = (
    "page_viewed", "product_viewed", "session_started", "search", "ad_exposed", "cart_added",
    "message_in", "order_paid", "like", "coupon_received", "share", "review",
)  # fmt: skip
PAGE, PRODUCT, SESSION, SEARCH, AD, CART, MESSAGE, ORDER, LIKE, COUPON, SHARE, REVIEW = range(len(TYPES))

PRODUCTS, CATEGORIES, STORES, PAGES, CAMPAIGNS, QUERIES, GUIDES = 20_000, 40, 300, 2_000, 60, 5_000, 500
CHANNELS = ("web", "app", "store")
SOURCES = ("wechat", "douyin", "search", "friends", "offline")
CITIES = ("上海", "北京", "杭州", "广州", "成都", "武汉", "西安", "沈阳", "昆明", "兰州")
TAGS = ("油皮", "敏感肌", "宝妈", "大客户", "价格敏感")
CONSENT_MEDIUM = "sms"
THREADS = 2
SESSION_EVENTS_MAX = 60
SLACK = 1.01  # so much more is walked than asked for, and cut off again, for an exact number


@dataclass(frozen=True)
class World:
    """How much is made. events: of the twelve types. joined_share: of the customers, those with two identities."""

    events: int
    customers: int = 0
    joined_share: float = 0.0
    end_ms: int = END_MS
    seed: int = SEED

    def __post_init__(self) -> None:
        if not self.customers:
            object.__setattr__(self, "customers", max(1, self.events // EVENTS_EACH))

    @property
    def begin_ms(self) -> int:
        """The first instant at which something may happen."""
        return self.end_ms - DAYS * DAY_MS

    @property
    def joined(self) -> int:
        """How many customers have a second identity; they are the first ones."""
        return int(self.customers * self.joined_share)


@dataclass(frozen=True)
class Happened:
    """Events in the order of (customer, at). offsets: int64[customers + 1]; the others have a value an event.

    kind: place in TYPES. product: place among PRODUCTS, -1 where an event has none. amount: minor units. score: 1–5,
    lines of an order or pieces in a cart.
    """

    offsets: Ints
    at: Ints
    kind: Array
    product: Array
    amount: Array
    score: Array
    channel: Array
    source: Array

    @property
    def count(self) -> int:
        """The number of events."""
        return len(self.at)

    def customer(self) -> Array:
        """int32[events]: whose each is."""
        owners: Array = np.repeat(np.arange(len(self.offsets) - 1, dtype=np.int32), np.diff(self.offsets))
        return owners


# ── one customer, as compiled code ──────────────────────────────────────────────────────────────────
# Numbers inside are whatever the compiler makes of them. What the walk remembers of a customer:
NEXT, ROOM, TIME, CHANNEL, SOURCE, LOOKING_AT, PENDING, QUANTITY, UNREVIEWED = range(9)


@numba.njit(cache=True, nogil=True, inline="always")
def _next(dice: Any) -> Any:
    """Uniform in [0, 1): splitmix64, whose state is a counter, so that each customer has a stream of its own."""
    dice[0] += np.uint64(0x9E3779B97F4A7C15)
    z = dice[0]
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.float64((z ^ (z >> np.uint64(31))) >> np.uint64(11)) / 9007199254740992.0


@numba.njit(cache=True, nogil=True)
def _normal(dice: Any) -> Any:
    return np.sqrt(-2.0 * np.log(1.0 - _next(dice))) * np.cos(2.0 * np.pi * _next(dice))


@numba.njit(cache=True, nogil=True)
def _after(dice: Any, mean_ms: Any) -> Any:
    """A second at least until the next thing, on average so long more."""
    return 1_000 + np.int64(-np.log(1.0 - _next(dice)) * mean_ms)


@numba.njit(cache=True, nogil=True)
def _starts(dice: Any, sessions: Any, begin: Any, hours: Any) -> Any:
    """When a customer's sessions begin, ascending: after joining, more at the weekend and in the evening."""
    latest = begin + DAYS * DAY_MS - LAST_SESSION_MS
    joined = 0.0 if _next(dice) < 0.35 else 0.98 * _next(dice) ** 0.8
    starts = np.empty(sessions, np.int64)
    for i in range(sessions):
        day: Any = np.int64(DAYS * (joined + (1.0 - joined) * _next(dice)))
        weekday = (day + BEGIN_WEEKDAY) % 7
        if weekday < 4 and _next(dice) < 0.3:
            day += 5 - weekday + np.int64(2 * _next(dice))
        hour = hours[np.int64(_next(dice) * len(hours))]
        start = begin + min(day, DAYS - 1) * DAY_MS + hour + np.int64(_next(dice) * HOUR_MS)
        starts[i] = min(start, 2 * latest - start)
    starts.sort()
    return starts


@numba.njit(cache=True, nogil=True, inline="always")
def _put(out: Any, state: Any, kind: Any, product: Any, amount: Any, score: Any) -> Any:
    """Note an event, if there is room for it."""
    place = state[NEXT]
    if place < state[ROOM]:
        out[0][place], out[1][place], out[2][place] = state[TIME], kind, product
        out[3][place], out[4][place], out[5][place], out[6][place] = amount, score, state[CHANNEL], state[SOURCE]
    state[NEXT] = place + 1


@numba.njit(cache=True, nogil=True)
def _arrive(dice: Any, out: Any, state: Any, tell: Any, loved: Any) -> Any:
    """What a session begins with: the session itself, a review of what was bought, a coupon."""
    if state[CHANNEL] < 2:
        _put(out, state, SESSION, -1, 0, 0)
    if state[UNREVIEWED] >= 0 and _next(dice) < tell:
        state[TIME] += _after(dice, 60_000)
        rating = 5 if _next(dice) < loved else 1 + np.int64(4 * _next(dice))
        _put(out, state, REVIEW, state[UNREVIEWED], 0, rating)
        state[UNREVIEWED] = -1
    if _next(dice) < 0.08:
        state[TIME] += 2_000
        _put(out, state, COUPON, -1, 500 * (1 + np.int64(10 * _next(dice))), 0)


@numba.njit(cache=True, nogil=True)
def _browse(dice: Any, out: Any, state: Any, zipf: Any, prices: Any, add: Any, talk: Any) -> Any:
    """The next thing that a customer does in a session."""
    state[TIME] += _after(dice, 45_000)
    what = _next(dice)
    if what < 0.37:
        _put(out, state, PAGE, np.int64(PAGES * _next(dice) ** 3), 0, 0)
    elif what < 0.72:
        if _next(dice) < 0.6:
            state[LOOKING_AT] = zipf[np.int64(_next(dice) * len(zipf))]
        product = state[LOOKING_AT]
        _put(out, state, PRODUCT, product, prices[product], 0)
        if _next(dice) < add:
            state[TIME] += _after(dice, 20_000)
            state[PENDING], state[QUANTITY] = product, 1 + np.int64(3 * _next(dice) ** 3)
            _put(out, state, CART, product, prices[product] * state[QUANTITY], state[QUANTITY])
    elif what < 0.83:
        _put(out, state, SEARCH, np.int64(QUERIES * _next(dice) ** 2), 0, 0)
    elif what < 0.92:
        _put(out, state, AD, np.int64(CAMPAIGNS * _next(dice)), 0, 0)
    elif what < 0.92 + talk:
        _put(out, state, MESSAGE, -1, 0, 1 + np.int64(3 * _next(dice)))
    elif what < 0.97 + 0.3 * talk:
        _put(out, state, LIKE, state[LOOKING_AT], 0, 0)
    elif what < 0.985:
        _put(out, state, SHARE, state[LOOKING_AT], 0, 0)


@numba.njit(cache=True, nogil=True)
def _leave(dice: Any, out: Any, state: Any, prices: Any, buy: Any) -> Any:
    """Pay for what is in the cart, leave it for another session, or forget it."""
    pending = state[PENDING]
    if pending >= 0 and _next(dice) < buy:
        state[TIME] += _after(dice, 2 * MINUTE_MS)
        amount = np.int64(prices[pending] * state[QUANTITY] * (0.8 + 0.4 * _next(dice)))
        _put(out, state, ORDER, pending, amount, state[QUANTITY])
        state[PENDING], state[UNREVIEWED] = -1, pending
    elif _next(dice) < 0.3:
        state[PENDING] = -1


@numba.njit(cache=True, nogil=True)
def _live(
    dice: Any, sessions_mean: Any, begin: Any, hours: Any, zipf: Any, prices: Any, out: Any, first: Any, room: Any
) -> Any:  # fmt: skip
    """A customer's year: writes into `out` from `first` while below `room`; returns where it would have ended."""
    engaged = np.exp(0.5 * _normal(dice))
    add, buy = min(0.6, 0.13 * np.exp(0.8 * _normal(dice))), min(0.9, 0.5 * np.exp(0.7 * _normal(dice)))
    tell, talk = min(0.9, 0.15 * np.exp(0.9 * _normal(dice))), min(0.4, 0.03 * np.exp(0.8 * _normal(dice)))
    loved, home = 0.3 + 0.6 * _next(dice), np.int64(len(SOURCES) * _next(dice) ** 1.5)
    sessions = max(1, 1 + np.int64(sessions_mean + np.sqrt(sessions_mean) * 0.5 * _normal(dice)))
    state = np.zeros(9, np.int64)
    state[NEXT], state[ROOM], state[PENDING], state[UNREVIEWED] = first, room, -1, -1
    for start in _starts(dice, sessions, begin, hours):
        state[TIME] = max(start, state[TIME] + 1_000)
        state[CHANNEL] = np.int64(3 * _next(dice) ** 1.4)
        state[SOURCE] = home if _next(dice) < 0.7 else np.int64(len(SOURCES) * _next(dice))
        state[LOOKING_AT] = zipf[np.int64(_next(dice) * len(zipf))]
        _arrive(dice, out, state, tell, loved)
        things: Any = 1 + np.int64(-np.log(1.0 - _next(dice)) * 5.0 * engaged)
        for _ in range(min(SESSION_EVENTS_MAX, things)):
            _browse(dice, out, state, zipf, prices, add, talk)
        _leave(dice, out, state, prices, buy)
    return state[NEXT]


@numba.njit(cache=True, nogil=True)
def _walk(
    seed: int, low: int, high: int, activity: Array, begin: int, hours: Array, zipf: Array, prices: Array,
    out: tuple[Array, ...], offsets: Array, counts: Array,
) -> None:  # fmt: skip
    """Customers in [low, high). counts: how many events each would have, written where `offsets` is empty."""
    dice = np.empty(1, np.uint64)
    counting = len(offsets) == 0
    for customer in range(low, high):
        dice[0] = np.uint64(seed) * np.uint64(1_000_003) + np.uint64(customer) * np.uint64(0xD1342543DE82EF95)
        _next(dice)
        first, room = (0, 0) if counting else (offsets[customer], offsets[customer + 1])
        end = _live(dice, activity[customer], begin, hours, zipf, prices, out, first, room)
        if counting:
            counts[customer] = end


def happened(world: World) -> Happened:
    """All events, exactly as many as the world asks for."""
    dice = np.random.default_rng(world.seed)
    activity = dice.lognormal(0.0, 1.25, world.customers)
    hours = _hours()
    zipf = (dice.zipf(1.25, 1 << 16) % PRODUCTS).astype(np.int32)
    prices = np.minimum(dice.lognormal(8.9, 0.8, PRODUCTS), 900_000).astype(np.int64) // 10 * 10 + 900
    none = tuple(np.empty(0, kind) for kind in _KINDS)
    counts = np.empty(world.customers, np.int64)
    empty = np.empty(0, np.int64)

    def walk(out: tuple[Array, ...], offsets: Ints, mean: float) -> None:
        args = (activity * mean, world.begin_ms, hours, zipf, prices, out, offsets, counts)
        _in_threads(world.customers, lambda low, high: _walk(world.seed, low, high, *args))

    mean = world.events / world.customers / 7.5 / activity.mean()  # sessions, of some 7.5 events each
    walk(none, empty, mean)
    while not world.events <= counts.sum() <= world.events * SLACK**2:
        mean *= (world.events * SLACK / counts.sum()) ** 1.1
        walk(none, empty, mean)
    ends = np.cumsum(counts)
    cut = ends * (ends[-1] - world.events) // ends[-1]  # as large a part of everybody's, rounded
    offsets = np.append(0, ends - cut)
    out: tuple[Array, ...] = tuple(np.empty(world.events, kind) for kind in _KINDS)
    walk(out, offsets, mean)
    assert out[0].max() <= world.end_ms
    at, kind, product, amount, score, channel, source = out
    return Happened(offsets, at, kind, product, amount, score, channel, source)


_KINDS = (np.int64, np.uint8, np.int32, np.int32, np.int8, np.int8, np.int8)  # as `Happened` has them


def _hours() -> Ints:
    """Begins of hours of the day, each as often as it is shopped in: little at night, most in the evening."""
    weights = (3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 11, 11, 13, 12, 10, 10, 10, 11, 13, 17, 21, 22, 16, 8)
    return np.repeat(np.arange(24, dtype=np.int64) * HOUR_MS, weights)


def _in_threads(count: int, work: Callable[[int, int], None], pieces: int = 16) -> None:
    edges = np.linspace(0, count, pieces + 1).astype(np.int64).tolist()
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(work, edges[:-1], edges[1:]))


@dataclass(frozen=True)
class States:
    """State events and relations of one type, in the order of (customer, at). texts: by property, codes and words."""

    type: str
    customer: Ints
    at: Ints
    texts: Mapping[str, tuple[Ints, tuple[str, ...]]]
    date: Ints | None = None


def states(world: World, events: Happened) -> list[States]:
    """What stands about customers who did something: said at their first event, or later on."""
    dice = np.random.default_rng(world.seed + 1)
    everybody = np.flatnonzero(np.diff(events.offsets))
    first_at = events.at[np.minimum(events.offsets[:-1], events.count - 1)]
    rest = np.maximum(world.end_ms - first_at, 2)

    def some(share: float) -> Ints:
        chosen: Ints = everybody[dice.random(len(everybody)) < share]
        return chosen

    def later(who: Ints) -> Ints:
        after: Ints = first_at[who] + 1 + (dice.random(len(who)) ** 2 * (rest[who] - 1)).astype(np.int64)
        return after

    def picked(who: Ints, words: tuple[str, ...], skew: float = 1.7) -> tuple[Ints, tuple[str, ...]]:
        return (len(words) * dice.random(len(who)) ** skew).astype(np.int64), words

    found = [_traits(world, dice, first_at, some)]
    for given, taken, share, properties in (
        ("tag_added", "tag_removed", 0.25, {"tag": TAGS}),
        ("consent_given", "consent_withdrawn", 0.5, {"medium": (CONSENT_MEDIUM,), "purpose": ("promotion",)}),
        ("friend_added", "friend_removed", 0.3, {"guide": tuple(f"guide-{n}" for n in range(GUIDES))}),
    ):
        who = some(share)
        at, texts = later(who), {name: picked(who, words) for name, words in properties.items()}
        found.append(States(given, who, at, texts))
        gone = np.flatnonzero(dice.random(len(who)) < 0.2)
        ended = at[gone] + 1 + (dice.random(len(gone)) * (world.end_ms - at[gone])).astype(np.int64)
        found.append(States(taken, who[gone], ended, {name: (c[gone], words) for name, (c, words) in texts.items()}))
    parents = some(0.15)
    born = (world.end_ms // DAY_MS - (dice.random(len(parents)) * 8 * 365).astype(np.int64)) * DAY_MS
    said = {name: (np.zeros(len(parents), np.int64), (word,)) for name, word in _CHILD.items()}
    found.append(States("record_set", parents, later(parents), said, born))
    return found


_CHILD = {"kind": "child", "record": "c1", "trait": "birthday"}


def _traits(world: World, dice: np.random.Generator, first_at: Ints, some: Callable[[float], Ints]) -> States:
    """city, gender and birthday, said once, a second after one another."""
    parts = []
    for place, (name, share, words) in enumerate(
        (("city", 0.9, CITIES), ("gender", 0.7, ("female", "male")), ("birthday", 0.4, ()))
    ):
        who = some(share)
        text = (len(words) * dice.random(len(who)) ** 1.7).astype(np.int64) if words else np.full(len(who), -1)
        born = (world.end_ms // DAY_MS - 18 * 365 - (dice.random(len(who)) * 45 * 365).astype(np.int64)) * DAY_MS
        date = np.full(len(who), NO_DATE) if words else born
        offset = len(CITIES) if name == "gender" else 0
        parts.append((who, first_at[who] + place * 1_000, np.full(len(who), place), text + offset * (text >= 0), date))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    order = np.lexsort((columns[1], columns[0]))
    who, at, trait, text, date = (column[order] for column in columns)
    texts = {"trait": (trait, ("city", "gender", "birthday")), "text": (text, (*CITIES, "female", "male"))}
    return States("trait_set", who, at, texts, date)


NO_DATE = np.iinfo(np.int64).min
