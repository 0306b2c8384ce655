"""A small world for tests of the whole log: people of several identities, events of many types, definitions.

Few of everything, on few instants: coincidences, merges and changes of value are the rule.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import strategies as st

from tests.support.pools import identities
from yutang.domains.audience.contracts import LabelDraft, LabelKind, RungDraft
from yutang.kernel.event import Event
from yutang.kernel.instants import DAY_MS, HOUR_MS, MINUTE_MS, instant_from_text

ZONE = "Europe/Berlin"  # clocks change on 2021-03-28
START = instant_from_text("2021-03-20T09:30:00Z")

PEOPLE = (
    ("unionid:a",), ("unionid:b",), ("unionid:c",), ("member_no:1",), ("member_no:2",), ("device:x",), ("device:y",),
    ("phone:+8613800000001",),
    ("unionid:a", "member_no:1"), ("unionid:b", "device:x"), ("unionid:c", "device:x"),
    ("member_no:2", "phone:+8613800000001"), ("unionid:a", "phone:+8613800000001"),
    ("unionid:b", "phone:+8613800000001"), ("member_no:1", "device:y"), ("openid:wx:o", "device:y"),
)  # fmt: skip
IDENTITIES = tuple(dict.fromkeys(name for names in PEOPLE for name in names))

_DAY = instant_from_text("2021-04-03")
KINDS: tuple[tuple[str, dict[str, tuple[object, ...]]], ...] = (
    ("page_viewed", {}),
    ("page_viewed", {}),
    ("order_paid", {"amount": (0, 4_000, 60_000, 300_000)}),
    ("order_paid", {"amount": (9_900,)}),
    ("order_refunded", {"amount": (4_000,)}),
    ("search", {"target": ("category", "brand", "")}),
    ("review", {"rating": (1, 5), "sentiment": ("negative", "positive")}),
    ("share", {}),
    ("coupon_redeemed", {}),
    ("followed", {"account": ("m", "n")}),
    ("unfollowed", {"account": ("m", "n")}),
    ("message_in", {}),
    ("message_out", {}),
    ("tasting", {"wine": ("red", "white")}),  # of no catalogue
    ("trait_set", {"trait": ("skin",), "text": ("oily", "dry")}),
    ("trait_set", {"trait": ("birthday",), "date": (_DAY - 11_000 * DAY_MS, instant_from_text("1992-03-25"))}),
    ("trait_set", {"trait": ("due",), "instant": (_DAY, _DAY + 5 * HOUR_MS)}),
    ("tag_added", {"tag": ("vip",), "group": ("", "g")}),
    ("tag_removed", {"tag": ("vip",), "group": ("", "g")}),
    ("record_set", {"kind": ("child",), "record": ("1", "2"), "trait": ("birthday",),
                    "date": (instant_from_text("2020-10-01"), _DAY - 200 * DAY_MS)}),
    ("record_ended", {"kind": ("child",), "record": ("1",)}),
    ("consent_given", {"medium": ("sms",), "purpose": ("promotion",)}),
    ("consent_withdrawn", {"medium": ("sms",), "purpose": ("promotion",)}),
)  # fmt: skip
STATES = ("trait_set", "tag_added", "tag_removed", "record_set", "record_ended", "consent_given", "consent_withdrawn")

# How long before (or, negative, after) its arrival an event happened.
DELAYS_MS = (
    0, 0, 0, MINUTE_MS, HOUR_MS, HOUR_MS + 1, 9 * HOUR_MS, DAY_MS, 3 * DAY_MS, 14 * DAY_MS, 29 * DAY_MS, 31 * DAY_MS,
    100 * DAY_MS, 400 * DAY_MS, -HOUR_MS, -DAY_MS, -6 * DAY_MS,
)  # fmt: skip

# name → (zones, texts): what a label may be defined as.
LABELS: dict[str, tuple[str, ...]] = {
    "visits": ("count(#visit, 36h) >= 2", "count(#visit, 10d) >= 1", "count(*, 5d) >= 3"),
    "held": ("hold(happened(page_viewed, 12h), 2d)", "hold(count(#interest, 90m) >= 1, 1d)"),
    "chain": (
        "sequence(page_viewed then order_paid within 2d without followed, 30d)",
        "sequence(search then page_viewed then order_paid in 20d)",
    ),
    "unanswered": ("not_followed(message_in by message_out within 1h, 30d)",),
    "days": ("each(page_viewed, 2 days)", "periods(#visit, 2 weeks) >= 1", "happened(order_paid, this month)",
             "sum(order_paid.amount, last 1 months) >= 100", "happened(page_viewed, this week)"),
    "born": ("anniversary(trait.birthday) < 2d", "age(trait.birthday) >= 29", 'trait.skin = "oily"',
             "unknown(trait.birthday) or anniversary(trait.birthday) > 300d"),
    "child": ("any child(age(record.birthday, months) >= 6)", "count child() >= 2"),
    "given": ('tag("vip")', 'consent("sms", "promotion")', 'related("follow", "m")', 'share("x", 50%)'),
    "spent": ("sum(order_paid.amount, 20d) >= 600", "net(order_paid.amount, 30d) > 50",
              "since_last(order_paid) > 3d and avg(order_paid.amount) < 500"),
    "shifted": ('in(aipl, "I") for 3d', 'entered(lifecycle, "new", 5d)', 'left(aipl, "A", 2d)',
                "in(visits) and not in(days)", 'in(aipl) at 2021-03-25T00:00:00Z', "in(held) or in(visits) for 1d"),
}  # fmt: skip
ZONES = ("", "", "Asia/Shanghai", "America/Sao_Paulo")


@dataclass(frozen=True)
class Sent:
    """An event to come: what, of whom, how late, with which properties (by place)."""

    kind: int
    who: int
    delay: int
    choice: int

    def event(self, now: int, number: int) -> Event:
        name, values = KINDS[self.kind]
        properties = {key: among[self.choice % len(among)] for key, among in values.items()}
        at = now - DELAYS_MS[self.delay]
        names = PEOPLE[self.who]
        return Event(f"e{number}", name, at, identities(*names), properties, system=name in STATES)


def sents() -> st.SearchStrategy[Sent]:
    """Events."""
    return st.builds(
        Sent,
        st.integers(0, len(KINDS) - 1),
        st.integers(0, len(PEOPLE) - 1),
        st.integers(0, len(DELAYS_MS) - 1),
        st.integers(0, 3),
    )


@st.composite
def drafts(draw: st.DrawFn) -> LabelDraft:
    """Definitions, of one rung to three: the values of a label come and go."""
    name = draw(st.sampled_from(sorted(LABELS)))
    texts = draw(st.lists(st.sampled_from(LABELS[name]), min_size=1, max_size=3, unique=True))
    values = draw(st.permutations(("in", "b", "c")))
    rungs = tuple(RungDraft(value, text) for value, text in zip(values, texts, strict=False))
    return LabelDraft(name, LabelKind.SEGMENT, rungs, zone=draw(st.sampled_from(ZONES)))
