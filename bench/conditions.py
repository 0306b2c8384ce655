"""Two hundred different conditions, seeded, that use every operator of the language.

Each comes with its form for peers (`bench.peers.tests`) if SQL's aggregates can say it, else None. Thresholds are such
as a brand would choose: some conditions hold for half of the customers, some for hardly any.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from bench import world as made
from bench.peers.tests import Aggregate, AtLeast, Compare, Not, Test, Where
from yutang.kernel.instants import DAY_MS, HOUR_MS, instant_text

COUNT = 200
COMBINED = 60  # of them put together out of others
SAID_SHARE = 0.8  # of those put together, of conditions that peers can say too
ZONE_MS = 8 * HOUR_MS  # of Shanghai
SPANS = (1, 3, 7, 14, 30, 60, 90, 180, 365)  # days
VISIT = (made.PAGE, made.PRODUCT, made.SESSION, made.ORDER)  # types that bear the mark
FRIEND_ADDED, FRIEND_REMOVED = 12, 13  # codes in the peers' files
TRAIT, TAG_ADDED, TAG_REMOVED, GIVEN, WITHDRAWN = range(5)
NEVER_BEFORE = -1
COMPARED = (">=", "<", "=", ">", "<=", "!=")
LIKELY = (made.PAGE, made.PRODUCT, made.SESSION, made.SEARCH, made.AD, made.CART, made.ORDER)


@dataclass(frozen=True)
class Condition:
    """A condition in the language, and what peers are asked instead. operator: what it was made to use."""

    text: str
    peers: Test | None
    operator: str


def conditions(now_ms: int, count: int = COUNT, seed: int = made.SEED) -> list[Condition]:
    """So many different ones, to be asked at an instant."""
    maker = _Maker(Random(seed), now_ms)
    found: dict[str, Condition] = {}
    single = count * (COUNT - COMBINED) // COUNT
    kinds = maker.kinds()
    while len(found) < single:
        for kind in kinds:
            one = kind()
            if len(found) < single:
                found.setdefault(one.text, one)
    while len(found) < count:
        one = maker.combined(list(found.values())[:single])
        found.setdefault(one.text, one)
    return list(found.values())


class _Maker:
    def __init__(self, dice: Random, now_ms: int) -> None:
        self.dice = dice
        self.now = now_ms
        self._turns: Counter[str] = Counter()

    def _turn(self, name: str, count: int) -> int:
        """Which of some variants is next: each in its turn, so that none is left out by chance."""
        self._turns[name] += 1
        return self._turns[name] % count

    def kinds(self) -> Sequence[Callable[[], Condition]]:
        """Every operator, the frequent ones more than once."""
        return (
            self.count, self.total, self.happened, self.never, self.count, self.since, self.average, self.extreme,
            self.distinct, self.ends, self.fixed, self.calendar, self.filtered, self.periods, self.each, self.sequence,
            self.returned, self.not_followed, self.trait, self.age, self.tag, self.consent, self.related, self.label,
            self.moved, self.record, self.share, self.held, self.anniversary, self.net, self.reachable, self.texts,
            self.born, self.everybody,
        )  # fmt: skip

    def _type(self, among: Sequence[int] = LIKELY) -> tuple[int, str]:
        code = self.dice.choice(among)
        return code, made.TYPES[code]

    def _days(self) -> int:
        return self.dice.choice(SPANS)

    def _rolling(self, kind: str, types: tuple[int, ...], days: int, **more: object) -> Aggregate:
        return Aggregate(kind, types, self.now - days * DAY_MS, self.now, **more)  # type: ignore[arg-type]

    def _ever(self, kind: str, types: tuple[int, ...], **more: object) -> Aggregate:
        return Aggregate(kind, types, NEVER_BEFORE, self.now, **more)  # type: ignore[arg-type]

    # ── counts ──────────────────────────────────────────────────────────────────────────────────

    def count(self) -> Condition:
        (code, name), days, op = self._type(), self._days(), COMPARED[self._turn("count", len(COMPARED))]
        least = self.dice.randint(1, max(2, days // 10))
        test = Compare(self._rolling("count", (code,), days), "<>" if op == "!=" else op, least)  # type: ignore[arg-type]
        return Condition(f"count({name}, {days}d) {op} {least}", test, "count")

    def happened(self) -> Condition:
        (code, name), days = self._type(range(12)), self._days()
        test = Compare(self._rolling("count", (code,), days), ">=", 1)
        return Condition(f"happened({name}, {days}d)", test, "happened")

    def never(self) -> Condition:
        (code, name), days = self._type(range(12)), self._days()
        test = Compare(self._rolling("count", (code,), days), "=", 0)
        return Condition(f"never({name}, {days}d)", test, "never")

    def fixed(self) -> Condition:
        code, name = self._type()
        start = self.now - self.dice.randint(60, 300) * DAY_MS
        end, least = start + self.dice.randint(7, 60) * DAY_MS, self.dice.randint(1, 3)
        text = f"count({name}, from {instant_text(start)} to {instant_text(end)}) >= {least}"
        return Condition(text, Compare(Aggregate("count", (code,), start - 1, end - 1), ">=", least), "fixed window")

    def calendar(self) -> Condition:
        """Whole weeks: months of peers would need a calendar."""
        (code, name), weeks, least = self._type(), self.dice.randint(1, 8), self.dice.randint(1, 4)
        end = self._week()
        test = Compare(Aggregate("count", (code,), end - weeks * 7 * DAY_MS - 1, end - 1), ">=", least)
        if self.dice.random() < 0.5:
            return Condition(f"count({name}, last {weeks} weeks) >= {least}", test, "last window")
        unit = self.dice.choice(("month", "week", "year"))
        this = Compare(Aggregate("count", (code,), end - 1, self.now), ">=", least) if unit == "week" else None
        return Condition(f"count({name}, this {unit}) >= {least}", this, "this window")

    def _week(self) -> int:
        """When the week of now began: days count from a Thursday."""
        day = (self.now + ZONE_MS) // DAY_MS
        return (day - (day + 3) % 7) * DAY_MS - ZONE_MS

    def filtered(self) -> Condition:
        days, least = self._days(), self.dice.randint(1, 3)
        choice = self.dice.randrange(4)
        if choice == 0:
            category = self.dice.randrange(12)
            text, code = f'product_viewed where category = "category-{category}"', made.PRODUCT
            where = Where("category", "in", (category,))
        elif choice == 1:
            rating = self.dice.randint(2, 4)
            text, code, where = f"review where rating <= {rating}", made.REVIEW, Where("score", "<=", (rating,))
        elif choice == 2:
            amount = self.dice.randint(50, 400)
            text, code = f"order_paid where amount >= {amount}", made.ORDER
            where = Where("amount", ">=", (amount * 100,))
        else:
            places = sorted(self.dice.sample(range(3), 2))
            names = ", ".join(f'"{made.CHANNELS[place]}"' for place in places)
            code, name = self._type()
            text, where = f"{name} where channel in ({names})", Where("channel", "in", tuple(places))
        test = Compare(self._rolling("count", (code,), days, where=(where,)), ">=", least)
        return Condition(f"count({text}, {days}d) >= {least}", test, "filter")

    def periods(self) -> Condition:
        weeks, least = self.dice.randint(3, 12), self.dice.randint(1, 3)
        return Condition(f"periods(#visit, {weeks} weeks) >= {least}", self._weeks(weeks, least), "periods")

    def each(self) -> Condition:
        weeks = self.dice.randint(2, 5)
        return Condition(f"each(#visit, {weeks} weeks)", self._weeks(weeks, weeks), "each")

    def _weeks(self, weeks: int, least: int) -> Test:
        width, end = 7 * DAY_MS, self._week()
        after, until = end - weeks * width - 1, end - 1
        return Compare(Aggregate("weeks", VISIT, after, until, width=width), ">=", least)

    # ── values ──────────────────────────────────────────────────────────────────────────────────

    def total(self) -> Condition:
        (code, name), days = self._type((made.ORDER, made.CART)), self.dice.choice((0, 30, 90, 180, 365))
        more, op = self.dice.randint(1, 30) * 50, self.dice.choice((">", ">=", "<"))
        some = self._rolling("sum", (code,), days, column="amount") if days else self._ever(
            "sum", (code,), column="amount"
        )  # fmt: skip
        window = f", {days}d" if days else ""
        return Condition(f"sum({name}.amount{window}) {op} {more}", Compare(some, op, more * 100), "sum")  # type: ignore[arg-type]

    def net(self) -> Condition:
        more, days = self.dice.randint(1, 20) * 50, self._days()
        some = self._rolling("sum", (made.ORDER,), days, column="amount")  # nobody is refunded
        return Condition(f"net(order_paid.amount, {days}d) > {more}", Compare(some, ">", more * 100), "net")

    def average(self) -> Condition:
        days, more = self.dice.choice((30, 90, 365)), self.dice.randint(2, 30) * 10
        some = self._rolling("sum", (made.ORDER,), days, column="amount")
        number = self._rolling("count", (made.ORDER,), days)
        known = Compare(number, ">=", 1)
        above = Compare(some, ">=", more * 100, number)
        return Condition(f"avg(order_paid.amount, {days}d) >= {more}", AtLeast(2, (known, above)), "avg")

    def extreme(self) -> Condition:
        kind, days = self.dice.choice(("min", "max")), self._days()
        if self.dice.random() < 0.5:
            rating = self.dice.randint(2, 5)
            some = self._rolling(kind, (made.REVIEW,), days, column="score")
            return Condition(f"{kind}(review.rating, {days}d) >= {rating}", Compare(some, ">=", rating), kind)
        more = self.dice.randint(1, 20) * 30
        some = self._rolling(kind, (made.ORDER,), days, column="amount")
        return Condition(f"{kind}(order_paid.amount, {days}d) > {more}", Compare(some, ">", more * 100), kind)

    def distinct(self) -> Condition:
        prop, days, least = self.dice.choice(("product", "category")), self._days(), self.dice.randint(2, 6)
        some = self._rolling("distinct", (made.PRODUCT,), days, column=prop)
        text = f"distinct(product_viewed.{prop}, {days}d) >= {least}"
        return Condition(text, Compare(some, ">=", least), "distinct")

    def ends(self) -> Condition:
        kind, more = self.dice.choice(("first", "last")), self.dice.randint(1, 20) * 20
        some = self._ever(kind, (made.ORDER,), column="amount")
        return Condition(f"{kind}(order_paid.amount) >= {more}", Compare(some, ">=", more * 100), kind)

    def since(self) -> Condition:
        (code, name), days, kind = self._type(), self._days(), self.dice.choice(("first", "last"))
        some = self._ever("min" if kind == "first" else "max", (code,))
        if self.dice.random() < 0.5:
            test = Compare(some, ">", self.now - days * DAY_MS)
            return Condition(f"since_{kind}({name}) < {days}d", test, "since")
        test = Compare(some, "<=", self.now - days * DAY_MS)
        return Condition(f"since_{kind}({name}) >= {days}d", test, "since")

    # ── order ───────────────────────────────────────────────────────────────────────────────────

    def sequence(self) -> Condition:
        steps = self.dice.choice((
            (made.PRODUCT, made.CART), (made.CART, made.ORDER), (made.SEARCH, made.PRODUCT, made.CART),
            (made.PRODUCT, made.CART, made.ORDER), (made.AD, made.SESSION, made.ORDER), (made.ORDER, made.REVIEW),
        ))  # fmt: skip
        days, window = self.dice.choice((1, 3, 7)), self.dice.choice((30, 60, 90))
        names = [made.TYPES[step] for step in steps]
        if self.dice.random() < 0.4:
            chain = f" then {names[1]} within {days}d without message_in"
            return Condition(f"sequence({names[0]}{chain}, {window}d)", None, "sequence without")
        funnel = self._rolling("funnel", steps, window, width=days * DAY_MS)
        text = f"sequence({' then '.join(names)} in {days}d, {window}d)"
        return Condition(text, Compare(funnel, ">=", len(steps)), "sequence")

    def returned(self) -> Condition:
        gap, days = self.dice.choice((14, 30, 60, 90)), self._days()
        return Condition(f"returned(#visit after {gap}d, {days}d)", None, "returned")

    def not_followed(self) -> Condition:
        hours, days = self.dice.choice((1, 2, 24)), self._days()
        text = f"not_followed(cart_added by order_paid within {hours}h, {days}d)"
        return Condition(text, None, "not followed")

    def held(self) -> Condition:
        (_, name), days = self._type(), self.dice.choice((2, 3, 7))
        return Condition(f"hold(count({name}, 7d) >= {self.dice.randint(1, 3)}, {days}d)", None, "hold")

    # ── what stands ─────────────────────────────────────────────────────────────────────────────

    def _state(self, kinds: tuple[int, ...], key: int, column: str) -> Aggregate:
        where = (Where("key", "in", (key,)),)
        return Aggregate("last", kinds, NEVER_BEFORE, self.now, where, column, table="states")

    def trait(self) -> Condition:
        place = self.dice.randrange(len(made.CITIES))
        city = self._state((TRAIT,), 0, "text")
        choice = self._turn("trait", 4)
        if choice == 0:
            return Condition(f'trait.city = "{made.CITIES[place]}"', Compare(city, "=", place), "trait")
        if choice == 1:
            other = (place + 1) % len(made.CITIES)
            both = AtLeast(1, (Compare(city, "=", place), Compare(city, "=", other)))
            return Condition(f'trait.city in ("{made.CITIES[place]}", "{made.CITIES[other]}")', both, "in")
        if choice == 2:
            return Condition(
                "unknown(trait.gender)", Not(Compare(self._state((TRAIT,), 1, "text"), ">=", 0)), "unknown"
            )
        return Condition(f'trait.city starts_with "{made.CITIES[place][0]}"', Compare(city, "=", place), "starts with")

    def texts(self) -> Condition:
        """Parts of a text: peers have codes for them."""
        word, days = self.dice.choice(("-1", "-7", "2", "30")), self._days()
        choice = self._turn("texts", 3)
        if choice == 0:
            return Condition(f'happened(page_viewed where page ends_with "{word}", {days}d)', None, "ends with")
        if choice == 1:
            return Condition(f'happened(search where query contains "{word}", {days}d)', None, "contains")
        text = f"count(page_viewed where seconds between 10 and {20 + days}, {days}d) >= 1"
        return Condition(text, None, "between")

    def born(self) -> Condition:
        year = self.dice.randint(1970, 2004)
        first = (date(year, 1, 1) - date(1970, 1, 1)).days * DAY_MS
        test = Compare(self._state((TRAIT,), 2, "date"), ">=", first)
        return Condition(f"trait.birthday >= {year}-01-01", test, "date")

    def everybody(self) -> Condition:
        (code, name), days = self._type(), self._days()
        test = Not(Compare(self._rolling("count", (code,), days), ">=", 1))
        return Condition(f"everyone and not happened({name}, {days}d)", test, "everyone")

    def age(self) -> Condition:
        years = self.dice.randint(20, 55)
        day = (self.now + ZONE_MS) // DAY_MS
        months = years * 12
        latest = _years_before(day, years) * DAY_MS
        born = self._state((TRAIT,), 2, "date")
        unit = self.dice.choice((("", years), (", months", months)))
        return Condition(f"age(trait.birthday{unit[0]}) >= {unit[1]}", Compare(born, "<=", latest), "age")

    def anniversary(self) -> Condition:
        if self.dice.random() < 0.5:
            return Condition(f"anniversary(trait.birthday) <= {self.dice.randint(1, 30)}d", None, "anniversary")
        return Condition(f"due_in(trait.birthday) <= -{self.dice.randint(7_000, 20_000)}d", None, "due")

    def tag(self) -> Condition:
        place = self.dice.randrange(len(made.TAGS))
        stands = Compare(self._state((TAG_ADDED, TAG_REMOVED), place, "type"), "=", TAG_ADDED)
        return Condition(f'tag("{made.TAGS[place]}")', stands, "tag")

    def consent(self) -> Condition:
        stands: Test = Compare(self._state((GIVEN, WITHDRAWN), 0, "type"), "=", GIVEN)
        (code, name), days = self._type(), self._days()
        also = Compare(self._rolling("count", (code,), days), ">=", 1)
        text = f'consent("sms", "promotion") and happened({name}, {days}d)'
        return Condition(text, AtLeast(2, (stands, also)), "consent")

    def reachable(self) -> Condition:
        (_, name), days = self._type(), self._days()
        return Condition(f'reachable("sms") or count({name}, {days}d) >= 1', None, "reachable")

    def related(self) -> Condition:
        if self.dice.random() < 0.5:
            return Condition(f'held_by("guide-{self.dice.randrange(40)}")', None, "related")
        kinds = (FRIEND_ADDED, FRIEND_REMOVED)  # nobody has two guides here
        last = Aggregate("last", kinds, NEVER_BEFORE, self.now, (), "type")
        return Condition('related("friend")', Compare(last, "=", FRIEND_ADDED), "related")

    def label(self) -> Condition:
        stage, days = self.dice.choice(("A", "I", "P", "L")), self.dice.choice((7, 30, 60))
        choice = self._turn("label", 3)
        if choice == 0:
            return Condition(f'in(aipl, "{stage}") for {days}d', None, "in label for")
        if choice == 1:
            then = instant_text(self.now - days * DAY_MS)
            return Condition(f'in(aipl, "{stage}") at {then}', None, "in label at")
        return Condition(
            f'in(lifecycle, "{self.dice.choice(("new", "active", "dormant", "churned"))}")', None, "in label"
        )

    def moved(self) -> Condition:
        way, stage = self.dice.choice(("entered", "left")), self.dice.choice(("A", "I", "P", "L"))
        return Condition(f'{way}(aipl, "{stage}", {self.dice.choice((3, 7, 30))}d)', None, way)

    def record(self) -> Condition:
        months, choice = self.dice.randint(6, 72), self._turn("record", 3)
        if choice == 0:
            return Condition(f"any child(age(record.birthday, months) < {months})", None, "any record")
        if choice == 1:
            return Condition(f"all child(age(record.birthday, months) >= {months})", None, "all records")
        return Condition(f"count child(age(record.birthday, months) < {months}) >= 1", None, "count records")

    def share(self) -> Condition:
        percent = self.dice.randint(5, 60)
        return Condition(f'share("bench-{self.dice.randrange(1_000)}", {percent}%)', None, "share")

    # ── together ────────────────────────────────────────────────────────────────────────────────

    def combined(self, among: Sequence[Condition]) -> Condition:
        """Two to four conditions by `and`, `or`, `not`, `at least`."""
        plain = [one for one in among if one.peers is not None] if self.dice.random() < SAID_SHARE else among
        parts = self.dice.sample(plain, self.dice.randint(2, 4))
        tests = [one.peers for one in parts if one.peers is not None]
        whole = len(tests) == len(parts)
        texts = [f"({one.text})" for one in parts]
        choice = self.dice.randrange(4)
        if choice == 0:
            test: Test = AtLeast(len(tests), tuple(tests))
            return Condition(" and ".join(texts), test if whole else None, "and")
        if choice == 1:
            return Condition(" or ".join(texts), AtLeast(1, tuple(tests)) if whole else None, "or")
        if choice == 2 and len(parts) > 2:
            text = f"at least 2 of ({', '.join(one.text for one in parts)})"
            return Condition(text, AtLeast(2, tuple(tests)) if whole else None, "at least")
        text = f"{texts[0]} and not {texts[1]}"
        both = whole and AtLeast(2, (tests[0], Not(tests[1])))
        return Condition(text, both or None, "not")


def _years_before(day: int, years: int) -> int:
    """The day so many calendar years before, 29 February taken as 28."""
    then = date(1970, 1, 1) + timedelta(days=day)
    clamped = then.replace(year=then.year - years, day=28 if (then.month, then.day) == (2, 29) else then.day)
    return (clamped - date(1970, 1, 1)).days
