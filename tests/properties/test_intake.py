"""Whatever is sent, the checker answers; and rows made column by column are what the checker makes of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.intake_world import NOW_MS, checker, raw_event, vocabulary

from yutang.conditions.vocabulary import Kind
from yutang.domains.intake.contracts import Cell, EventMapping, FileMapping, Match, Problem
from yutang.domains.intake.rules.cells import ColumnType
from yutang.domains.intake.rules.checker import KEYS
from yutang.domains.intake.rules.mapping import Shape, resolve
from yutang.domains.intake.rules.rows import RowMaker
from yutang.domains.intake.rules.values import converters
from yutang.kernel.errors import InvalidError
from yutang.kernel.event import Event, EventBlob, decode_blob, encode_blob
from yutang.kernel.limits import EVENT_FUTURE_MS_MAX, EVENT_PROPERTIES_BYTES_MAX

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(alphabet=st.characters()), st.binary(max_size=4),
    st.sampled_from(["2017-03-01T10:00:00Z", "1990-05-01", "12.30", "9" * 400, "\ud800", "\x00", "trait_set", ""]),
)  # fmt: skip
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
type_names = st.sampled_from([*vocabulary().events, "napped"])
names = st.sampled_from(
    ["amount", "items", "order_id", "own", "trait", "value", "text", "number", "kind", "record", "tag", "channel"]
) | st.text(max_size=4)
almost = st.fixed_dictionaries(
    {},
    optional={
        "id": junk,
        "type": type_names | junk,
        "at": st.integers(0, NOW_MS) | junk,
        "identities": st.dictionaries(st.sampled_from(["member_no", "phone", "openid:wx", "own_kind"]), junk) | junk,
        "properties": st.dictionaries(names, junk, max_size=5) | junk,
        "channel": junk,
        "source": junk,
        "currency": junk,
        "more": junk,
    },
)


class TestChecker:
    @settings(max_examples=400)
    @given(almost | junk, st.booleans())
    def test_it_answers_whatever_it_is_given(self, raw: object, strict: bool) -> None:
        judged = checker(strict=strict).check(3, raw)
        if isinstance(judged, Problem):
            assert (judged.index, bool(judged.code), bool(judged.message)) == (3, True, True)
            json.dumps([judged.path, judged.message, judged.remedy]).encode()
            (judged.message + judged.path + judged.remedy).encode()
            return
        assert judged.identities == tuple(sorted(judged.identities)) != ()
        assert 0 <= judged.at <= NOW_MS + EVENT_FUTURE_MS_MAX
        assert len(msgspec.json.encode(judged.properties)) <= EVENT_PROPERTIES_BYTES_MAX
        blob = EventBlob("f", False, 0, [judged])
        assert decode_blob(encode_blob(blob)).events == [judged]

    @settings(max_examples=200)
    @given(almost)
    def test_the_same_event_is_judged_the_same(self, raw: dict[str, object]) -> None:
        assert checker().check(0, raw) == checker().check(0, raw)

    @settings(max_examples=200)
    @given(st.dictionaries(st.sampled_from(["own", "order_id", "other"]), st.text(max_size=8) | st.integers(-9, 9)))
    def test_judging_what_came_out_changes_nothing(self, properties: dict[str, object]) -> None:
        first = checker().check(0, raw_event(type="napped", properties=properties))
        if isinstance(first, Event):
            again = raw_event(
                id=first.id,
                type=first.type,
                at=first.at,
                identities={i.kind: i.value for i in first.identities},
                properties=first.properties,
            )
            assert checker().check(0, again) == first

    def test_all_keys_are_tried_above(self) -> None:
        assert {"id", "type", "at", "identities", "properties", "channel", "source", "currency"} == KEYS


class TestValues:
    @pytest.mark.parametrize("kind", list(Kind))
    @settings(max_examples=150)
    @given(value=junk)
    def test_a_converter_converts_or_refuses(self, kind: Kind, value: object) -> None:
        try:
            converted = converters("CNY")[kind](value)
        except InvalidError as error:
            assert error.message
            assert error.remedy
            return
        expected = {
            Kind.STRING: str, Kind.NUMBER: float, Kind.INTEGER: int, Kind.BOOLEAN: bool, Kind.INSTANT: int,
            Kind.DATE: int, Kind.MONEY: int, Kind.LIST: list,
        }  # fmt: skip
        assert type(converted) is expected[kind]
        if isinstance(converted, int):
            assert -(2**63) < converted < 2**63

    @given(st.integers(-(10**15), 10**15), st.sampled_from(["CNY", "JPY", "KWD"]))
    def test_an_amount_is_the_same_as_number_and_as_text(self, minor: int, currency: str) -> None:
        from yutang.kernel.money import major_text

        convert = converters(currency)[Kind.MONEY]
        text = major_text(minor, currency)
        assert convert(text) == minor
        if abs(minor) < 10**15:
            assert convert(float(text)) == minor


# ── columns against rows ────────────────────────────────────────────────────────────────────────


@dataclass
class Rows:
    rows: range
    columns: dict[str, list[object]]

    def column(self, name: str) -> list[object]:
        return self.columns[name]


texts = st.sampled_from(
    ["", "a", "M1", "12.5", "1e3", "x" * 3_000, "x" * 9_000, "a\x00", "\ud800", "2017-01-01", "nan", "是"]
)
cells_of: dict[ColumnType, st.SearchStrategy[Any]] = {
    ColumnType.TEXT: texts | st.none(),
    ColumnType.NUMBER: st.none()
    | st.sampled_from([0, 1, -1, 2**60, 0.1, 1.005, 2.7800000000000002, -0.0, float("nan"), float("inf"), 1e300]),
    ColumnType.BOOLEAN: st.booleans() | st.none(),
    ColumnType.NAIVE: st.none() | st.integers(-(10**12), 2 * 10**12),
    ColumnType.DATE: st.none() | st.integers(-100, 20_000).map(lambda day: day * 86_400_000),
}
COLUMNS = {f"{kind.name.lower()}{i}": kind for kind in cells_of for i in range(2)}
options = st.sampled_from([{}, {"decimals": 2}, {"split": ","}, {"format": "epoch_s"}])
cells = st.builds(lambda name, opts: Cell(column=name, **opts), st.sampled_from(sorted(COLUMNS)), options)
whens = st.dictionaries(
    st.sampled_from(sorted(COLUMNS)),
    st.sampled_from([Match(filled=True), Match(equals="a"), Match(differs="1"), Match(one_of=("a", "true", "0"))]),
    max_size=1,
)
mappings = st.builds(
    EventMapping,
    type=st.sampled_from(["order_paid", "item_purchased", "napped", "consent_given"]) | cells,
    at=cells | st.just(Cell(value="2017-01-01T00:00:00Z")),
    id=st.sampled_from(["", "o-{text0}", "{number0}/{text1}", "{naive0}-{date0}"]),
    when=whens,
    identities=st.dictionaries(st.sampled_from(["member_no", "phone", "openid:wx"]), cells, min_size=1, max_size=2),
    properties=st.dictionaries(
        st.sampled_from(["amount", "items", "order_id", "own", "quantity", "channel", "purpose"]),
        cells | st.builds(Cell, value=st.sampled_from(["a", 1, 1.5, True])),
        max_size=4,
    ),
    channel=st.just("shop") | cells,
    source=st.just("") | cells,
)


class TestColumns:
    @settings(max_examples=400, deadline=None)
    @given(mappings, st.data(), st.booleans(), st.sampled_from(["UTC", "Asia/Shanghai", "Europe/Berlin"]))
    def test_columns_give_what_rows_give(
        self, mapping: EventMapping, data: st.DataObject, strict: bool, zone: str
    ) -> None:
        count = data.draw(st.integers(0, 6))
        drawn = {
            name: data.draw(st.lists(cells_of[kind], min_size=count, max_size=count)) for name, kind in COLUMNS.items()
        }
        try:
            specs = resolve(FileMapping("f", events=(mapping,)), Shape(COLUMNS), zone, "USD")
            fast, slow = RowMaker(specs, checker(strict=strict)), RowMaker(specs, checker(strict=strict))
        except InvalidError:
            return
        for maker in slow._makers:
            maker._by_columns = False
        by_column, by_row = _made(fast, drawn, count), _made(slow, drawn, count)
        assert by_column == by_row
        assert _counts(fast) == _counts(slow)
        # Cut anywhere, it is the same.
        cut = data.draw(st.integers(0, count))
        parts = RowMaker(specs, checker(strict=strict))
        first, second = _made(parts, drawn, cut), _made(parts, drawn, count, cut)
        assert (first[0] | second[0], first[1] | second[1]) == by_column


def _made(maker: RowMaker, drawn: dict[str, list[object]], stop: int, start: int = 0) -> tuple[dict[int, Any], ...]:
    made = maker.make(Rows(range(start, stop), {name: column[start:stop] for name, column in drawn.items()}))
    return dict(made.events), {problem.index: problem for problem in made.problems}


def _counts(maker: RowMaker) -> tuple[dict[str, int], int]:
    return {name: times for name, times in maker._checker.unknown.items() if times}, maker._checker.ids_made
