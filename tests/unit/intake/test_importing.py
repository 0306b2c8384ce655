"""Files become events, once, whatever happens in between; bad rows are kept with their reasons."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from tests.support.intake_world import DoorBrokeError, MemoryCaller, MemoryDoor, Rejected, catalogue_with, run_import

from yutang.domains.intake.api import importing
from yutang.domains.intake.rules import mapping as mapping_rules
from yutang.kernel.errors import DamagedError, InvalidError, NotFoundError, YutangError
from yutang.kernel.event import Event

ORDERS = """
feed: shop
identities: {member_no: member}
events:
  - type: order_paid
    at: paid_at
    id: "order-{order_no}"
    properties: {order_id: order_no, amount: amount, store: shop}
"""


@pytest.fixture
def caller(tmp_path: Path) -> MemoryCaller:
    return MemoryCaller(Rejected(tmp_path / "rejects"))


def write(tmp_path: Path, name: str, content: str | bytes) -> Path:
    path = tmp_path / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def orders_csv(tmp_path: Path, *lines: str) -> Path:
    return write(tmp_path, "orders.csv", "\n".join(["order_no,member,paid_at,amount,shop", *lines]) + "\n")


def rejects(report_file: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in Path(report_file).read_text().splitlines()]


class TestCsv:
    def test_rows_become_events(self, caller: MemoryCaller, tmp_path: Path) -> None:
        file = orders_csv(tmp_path, "1,M1,2017-03-01 10:00:00,12.50,s1", "2,M2,2017-03-02T10:00:00Z,0.1,")
        report = run_import(caller, file, write(tmp_path, "m.yaml", ORDERS), history=True)
        assert (report.rows, report.events, report.rejected, report.rejects, report.ignored) == (2, 2, 0, "", ())
        first, second = caller.door.events
        assert (first.id, first.at, first.properties) == (
            "order-1", 1_488_362_400_000, {"order_id": "1", "amount": 1250, "store": "s1"},
        )  # fmt: skip
        assert second.properties == {"order_id": "2", "amount": 10}
        assert [(b.feed, b.history) for b in caller.door.blobs] == [("shop", True)]

    def test_bad_rows_are_kept_with_reasons_and_the_rest_is_taken(self, caller: MemoryCaller, tmp_path: Path) -> None:
        file = orders_csv(
            tmp_path,
            "1,M1,2017-03-01 10:00:00,12.50,s1",
            "2,M2,yesterday,1,s1",
            "3,,2017-03-01,1,s1",
            "4,M4,2017-03-01,NaN,s1",
            "5,M5,2017-03-01,1",
            "6,M6,1969-01-01,1,s1",
            "7,M7,2117-01-01,1,s1",
            ",M8,2017-03-01,1,s1",
            "9,M9,2017-03-01,1.005,s1",
            '10,M10,2017-03-01,1,"' + "x" * 9_000 + '"',
            "11,M11,2017-03-01,1,a\x00b",
            "12,M12,2017-03-01,1,s1",
        )
        report = run_import(caller, file, write(tmp_path, "m.yaml", ORDERS))
        assert [e.id for e in caller.door.events] == ["order-1", "order-12"]
        assert [(r["row"], r["code"], r["path"]) for r in rejects(report.rejects)] == [
            (2, "cell.time", "at"),
            (3, "event.no_identities", "identities"),
            (4, "money.malformed", "properties.amount"),
            (5, "row.broken", ""),
            (6, "event.too_early", "at"),
            (7, "value.out_of_range", "at"),
            (8, "row.id", "id"),
            (9, "money.too_precise", "properties.amount"),
            (10, "value.too_long", "properties.store"),
            (11, "value.control_character", "properties.store"),
        ]
        assert report.rejected == 10
        assert report.codes["row.broken"] == 1
        assert [p.index for p in report.problems] == list(range(2, 12))
        assert rejects(report.rejects)[0]["data"] == {
            "order_no": "2", "member": "M2", "paid_at": "yesterday", "amount": "1", "shop": "s1",
        }  # fmt: skip
        assert Path(report.rejects).stat().st_size < 10_000

    @pytest.mark.parametrize(
        ("content", "code"),
        [
            (b"", "file.header"),
            (b"a,a\n1,2\n", "file.header"),
            (b",\n", "file.header"),
        ],
    )
    def test_a_file_without_a_header_is_refused(
        self, caller: MemoryCaller, tmp_path: Path, content: bytes, code: str
    ) -> None:
        with pytest.raises(InvalidError) as caught:
            run_import(caller, write(tmp_path, "x.csv", content), write(tmp_path, "m.yaml", ORDERS))
        assert caught.value.code == code

    def test_other_encodings_and_a_byte_order_mark(self, caller: MemoryCaller, tmp_path: Path) -> None:
        lines = "order_no,member,paid_at,amount,shop\n1,M1,2017-03-01,1,上海\n"
        file = write(tmp_path, "a.csv", lines.encode("gb18030"))
        run_import(caller, file, write(tmp_path, "m.yaml", ORDERS + "encoding: gb18030\n"))
        run_import(
            caller, write(tmp_path, "b.csv", b"\xef\xbb\xbf" + lines.encode()), write(tmp_path, "n.yaml", ORDERS)
        )
        assert [e.properties["store"] for e in caller.door.events] == ["上海", "上海"]

    def test_bytes_that_arent_text_are_refused_row_by_row(self, caller: MemoryCaller, tmp_path: Path) -> None:
        lines = b"order_no,member,paid_at,amount,shop\n1,M1,2017-03-01,1,\xff\xfe\n2,M1,2017-03-01,1,ok\n"
        report = run_import(caller, write(tmp_path, "a.csv", lines), write(tmp_path, "m.yaml", ORDERS))
        assert [e.id for e in caller.door.events] == ["order-2"]
        assert rejects(report.rejects)[0]["code"] == "row.encoding"


class TestIds:
    MAPPING = "feed: f\nidentities: {member_no: m}\nevents: [{type: shop_visited, at: t, properties: {store: s}}]\n"

    def test_equal_rows_stay_distinct_and_come_out_the_same_again(self, caller: MemoryCaller, tmp_path: Path) -> None:
        lines = "m,t,s\n" + "M1,2017-01-01,a\n" * 3
        mapping = write(tmp_path, "m.yaml", self.MAPPING)
        report = run_import(caller, write(tmp_path, "a.csv", lines), mapping)
        ids = [e.id for e in caller.door.events]
        assert len(set(ids)) == 3
        assert report.ids_made == 3
        # A longer file of the same rows: the old rows keep their ids.
        other = MemoryCaller(Rejected(tmp_path / "r2"))
        run_import(other, write(tmp_path, "b.csv", lines + "M1,2017-01-01,a\n"), mapping)
        assert [e.id for e in other.door.events][:3] == ids


class TestGroups:
    MAPPING = """
feed: f
identities: {member_no: m}
events:
  - type: order_paid
    one_per: basket
    id: "o-{basket}"
    at: t
    properties: {order_id: basket, amount: {sum: v}, items: {count: true}, store: {first: s}, weight: {sum: w}}
"""

    def frame(self) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "m": [1, 1, 2, 1, 3, 3],
                "t": ["2017-01-01"] * 6,
                "basket": ["a", "b", "c", "a", "d", None],
                "v": [0.1, 1.0, float("nan"), 0.2, None, 5.0],
                "w": [0.1, 0.0, 0.0, 0.2, 1.5, 0.0],
                "s": ["x", "y", "z", "other", "q", "q"],
            }
        )

    def test_rows_that_share_a_key_make_one_event_with_exact_sums(self, caller: MemoryCaller, tmp_path: Path) -> None:
        self.frame().write_parquet(tmp_path / "lines.parquet")
        report = run_import(caller, tmp_path / "lines.parquet", write(tmp_path, "m.yaml", self.MAPPING))
        assert {e.id: e.properties for e in caller.door.events} == {
            "o-a": {"order_id": "a", "amount": 30, "items": 2, "store": "x", "weight": 0.3},
            "o-b": {"order_id": "b", "amount": 100, "items": 1, "store": "y", "weight": 0.0},
            "o-d": {"order_id": "d", "items": 1, "store": "q", "weight": 1.5},
        }
        assert [(r["row"], r["code"]) for r in rejects(report.rejects)] == [(3, "row.group"), (6, "row.no_key")]
        assert "nan" in str(rejects(report.rejects)[0]["message"])

    def test_a_group_may_lie_across_parts(
        self, caller: MemoryCaller, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(importing, "rows_a_part", lambda *_: 2)
        self.frame().write_parquet(tmp_path / "lines.parquet")
        run_import(caller, tmp_path / "lines.parquet", write(tmp_path, "m.yaml", self.MAPPING))
        assert next(e for e in caller.door.events if e.id == "o-a").properties["amount"] == 30


class TestShapes:
    def test_lookups_join_and_what_isnt_found_is_left_out(self, caller: MemoryCaller, tmp_path: Path) -> None:
        write(tmp_path, "shops.csv", "code,city\ns1,上海\n")
        mapping = (
            ORDERS.replace("store: shop", "store: shops.city")
            + "lookups: {shops: {file: shops.csv, on: shop, key: code}}\n"
        )
        file = orders_csv(tmp_path, "1,M1,2017-03-01,1,s1", "2,M1,2017-03-01,1,s2")
        run_import(caller, file, write(tmp_path, "m.yaml", mapping))
        assert [e.properties.get("store") for e in caller.door.events] == ["上海", None]

    def test_a_lookup_with_a_repeated_key_is_refused(self, caller: MemoryCaller, tmp_path: Path) -> None:
        write(tmp_path, "shops.csv", "shop,city\ns1,a\ns1,b\n")
        mapping = ORDERS + "lookups: {shops: {file: shops.csv, on: shop}}\n"
        with pytest.raises(InvalidError) as caught:
            run_import(caller, orders_csv(tmp_path, "1,M1,2017-03-01,1,s1"), write(tmp_path, "m.yaml", mapping))
        assert caught.value.code == "import.lookup_repeated"

    def test_type_channel_and_source_may_come_from_columns(self, caller: MemoryCaller, tmp_path: Path) -> None:
        mapping = """
feed: log
identities: {member_no: m, phone: p}
events:
  - type: {column: what}
    at: t
    channel: {column: c}
    source: note-17
    when: {what: {differs: noise}}
    properties: {product: x, amount: x}
"""
        file = write(
            tmp_path,
            "log.csv",
            "what,m,p,t,c,x\nproduct_viewed,M1,,2017-01-01,app,p1\nnoise,M1,,2017-01-01,app,1\n"
            "cart_added,,13800138000,2017-01-01,web,5\nnapped,M1,13800138000,2017-01-01,web,5\n,M1,,2017-01-01,a,b\n",
        )
        report = run_import(caller, file, write(tmp_path, "m.yaml", mapping))
        found = {e.type: e for e in caller.door.events}
        assert found["product_viewed"].properties == {"product": "p1", "amount": "p1"}
        assert found["cart_added"].properties == {"product": "5", "amount": 500}
        assert found["cart_added"].identities == (("phone", "", "+8613800138000"),)
        assert len(found["napped"].identities) == 2
        assert {(e.channel, e.source) for e in found.values()} == {("app", "note-17"), ("web", "note-17")}
        assert report.unknown == {"product_viewed.amount": 1, "napped": 1}
        assert report.codes == {"event.no_type": 1}

    def test_traits_and_records_become_state_events(self, caller: MemoryCaller, tmp_path: Path) -> None:
        mapping = """
feed: crm
identities: {member_no: m}
traits:
  - at: {value: 2017-01-01T00:00:00Z}
    set: {city: city, birthday: born, shoe: size, likes: {column: likes, split: ";"}}
records:
  - kind: child
    record: child
    at: {value: 2017-01-01T00:00:00Z}
    when: {child: {filled: true}}
    set: {birthday: child_born}
"""
        pl.DataFrame(
            {
                "m": [1, 2],
                "city": ["上海", None],
                "born": [None, "1990-05-01"],
                "size": [42, 43],
                "likes": ["a;b", ""],
                "child": ["c1", None],
                "child_born": ["2016-01-02", None],
            }
        ).write_parquet(tmp_path / "crm.parquet")
        run_import(caller, tmp_path / "crm.parquet", write(tmp_path, "m.yaml", mapping))
        assert [(e.type, e.identities[0].value, e.properties) for e in caller.door.events] == [
            ("trait_set", "1", {"trait": "city", "text": "上海"}),
            ("trait_set", "2", {"trait": "birthday", "date": 641_520_000_000}),
            ("trait_set", "1", {"trait": "shoe", "number": 42.0}),
            ("trait_set", "2", {"trait": "shoe", "number": 43.0}),
            ("trait_set", "1", {"trait": "likes", "text": "a;b"}),
            ("record_set", "1", {"kind": "child", "record": "c1", "trait": "birthday", "date": 1_451_692_800_000}),
        ]
        assert all(e.system for e in caller.door.events)

    def test_json_lines_with_a_mapping_are_read_by_path(self, caller: MemoryCaller, tmp_path: Path) -> None:
        mapping = ORDERS.replace("member_no: member", "member_no: who.no").replace("store: shop", "own: tags")
        lines = [
            {"order_no": 1, "who": {"no": "M1"}, "paid_at": "2017-01-01T00:00:00Z", "amount": 1.5, "tags": ["a", 1]},
            {"order_no": True, "who": {"no": "M1"}, "paid_at": 1_488_362_400_000, "amount": 1, "tags": None},
            {"order_no": 1.0, "who": 5, "paid_at": "2017-01-01", "amount": 1},
            {"order_no": [1], "who": {"no": "M1"}, "paid_at": "2017-01-01", "amount": 1},
        ]
        file = write(tmp_path, "o.ndjson", "\n".join(map(json.dumps, lines)) + "\n[1]\n{\n\n")
        report = run_import(caller, file, write(tmp_path, "m.yaml", mapping))
        assert [(e.id, e.properties) for e in caller.door.events] == [
            ("order-1", {"order_id": "1", "amount": 150, "own": ["a", 1]}),
            ("order-true", {"order_id": "true", "amount": 100}),
        ]
        assert [(r["row"], r["code"]) for r in rejects(report.rejects)] == [
            (3, "event.no_identities"), (4, "cell.type"), (5, "row.broken"), (6, "row.broken"),
        ]  # fmt: skip


class TestPlainEvents:
    def test_json_lines_are_events_as_the_api_takes_them(self, caller: MemoryCaller, tmp_path: Path) -> None:
        good = {"type": "order_paid", "at": "2017-01-01T00:00:00Z", "identities": {"phone": "13800138000"}}
        lines = [json.dumps(good), "", json.dumps({**good, "at": 5.5}), '{"a": NaN}', "\ufeff{}"]
        report = run_import(caller, write(tmp_path, "e.ndjson", "\n".join(lines)))
        assert [e.type for e in caller.door.events] == ["order_paid"]
        assert caller.door.blobs[0].feed == "files"
        assert (report.rows, report.ids_made) == (5, 1)
        assert [(r["row"], r["code"]) for r in rejects(report.rejects)] == [
            (3, "value.type"), (4, "row.broken"), (5, "row.broken"),
        ]  # fmt: skip

    def test_other_files_need_a_mapping(self, caller: MemoryCaller, tmp_path: Path) -> None:
        with pytest.raises(InvalidError) as caught:
            run_import(caller, orders_csv(tmp_path))
        assert caught.value.code == "import.no_mapping"


class TestBrokenFiles:
    @pytest.mark.parametrize(
        ("name", "error"), [("none.csv", NotFoundError), ("x.xlsx", InvalidError), ("x.parquet", DamagedError)]
    )
    def test_a_file_that_cant_be_read_is_named(
        self, caller: MemoryCaller, tmp_path: Path, name: str, error: type[YutangError]
    ) -> None:
        if name != "none.csv":
            write(tmp_path, name, b"PAR1 nonsense")
        with pytest.raises(error) as caught:
            run_import(caller, tmp_path / name, write(tmp_path, "m.yaml", ORDERS))
        assert name in caught.value.where
        assert caught.value.remedy

    def test_an_error_of_the_mapping_names_the_mapping(self, caller: MemoryCaller, tmp_path: Path) -> None:
        mapping = write(tmp_path, "m.yaml", ORDERS.replace("amount: amount", "amount: amuont"))
        with pytest.raises(InvalidError) as caught:
            run_import(caller, orders_csv(tmp_path), mapping)
        assert caught.value.where == f"{mapping} events[0].properties.amount"
        assert caught.value.remedy == "did you mean amount?"


class TestDryRun:
    def test_it_shows_and_hands_over_nothing(self, caller: MemoryCaller, tmp_path: Path) -> None:
        file = orders_csv(tmp_path, *(f"{i},M{i},2017-03-01,{i},s" for i in range(30)), "31,M,soon,1,s")
        report = run_import(caller, file, write(tmp_path, "m.yaml", ORDERS), dry_run=True)
        assert (caller.door.offered, caller.jobs) == (0, {})
        assert len(report.shown) == 10
        assert (report.shown[1].row, report.shown[1].at, report.shown[1].identities) == (
            2, "2017-03-01T00:00:00Z", ("member_no:M1",),
        )  # fmt: skip
        assert [(p.index, p.code) for p in report.problems] == [(31, "cell.time")]


class TestInterrupted:
    def files(self, tmp_path: Path, kind: str) -> tuple[Path, Path]:
        rows = [(i // 3, f"M{i % 7}", "2017-03-01", i if i % 11 else None, f"s{i}") for i in range(100)]
        frame = pl.DataFrame(rows, schema=["order_no", "member", "paid_at", "amount", "shop"], orient="row")
        file = tmp_path / f"orders.{kind}"
        getattr(frame, f"write_{kind}")(file)
        mapping = """
feed: shop
identities: {member_no: member}
events:
  - {type: order_paid, one_per: order_no, id: "o-{order_no}", at: paid_at, properties: {amount: {sum: amount}}}
  - {type: item_purchased, at: paid_at, properties: {amount: amount, product: shop}, when: {amount: {filled: true}}}
  - {type: review, at: amount, properties: {text: shop}}
"""
        return file, write(tmp_path, "m.yaml", mapping)

    @pytest.mark.parametrize("kind", ["parquet", "csv", "ndjson"])
    @pytest.mark.parametrize("keeps_last", [True, False])
    def test_started_again_it_goes_on_without_doubles(
        self, tmp_path: Path, kind: str, keeps_last: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        file, mapping = self.files(tmp_path, kind)
        monkeypatch.setattr(importing, "rows_a_part", lambda *_: 9)
        smooth = MemoryCaller(Rejected(tmp_path / "smooth"))
        whole = run_import(smooth, file, mapping)
        assert whole.rejected
        for breaks_after in range(12):
            door = MemoryDoor(breaks_after=breaks_after, keeps_last=keeps_last)
            broken = MemoryCaller(Rejected(tmp_path / "broken"), door)
            with pytest.raises(DoorBrokeError):
                run_import(broken, file, mapping)
            # Parts of another size the second time: an update in between changes nothing either.
            monkeypatch.setattr(importing, "rows_a_part", lambda *_: 13)
            report = run_import(broken, file, mapping)
            monkeypatch.setattr(importing, "rows_a_part", lambda *_: 9)
            assert by_id(door.events) == by_id(smooth.door.events)
            assert len(door.events) == len(smooth.door.events)
            assert (report.rows, report.events, report.rejected) == (whole.rows, whole.events, whole.rejected)
            assert Path(report.rejects).read_text() == Path(whole.rejects).read_text()

    def test_a_finished_one_hands_over_nothing(self, caller: MemoryCaller, tmp_path: Path) -> None:
        file, mapping = self.files(tmp_path, "parquet")
        run_import(caller, file, mapping)
        before = caller.door.offered
        report = run_import(caller, file, mapping)
        assert (caller.door.offered, report.resumed_at) == (before, 100)


def test_a_row_makes_at_most_so_many_events() -> None:
    assert mapping_rules.rows_a_part((), 16_384) == mapping_rules.rows_a_part((), 10**6) == 16_384


def test_strict_is_the_pools_word(tmp_path: Path) -> None:
    caller = MemoryCaller(
        Rejected(tmp_path / "rejects"), strict=True, catalogue=catalogue_with("traits: {shoe: number}")
    )
    mapping = ORDERS.replace("store: shop", "stoer: shop")
    with pytest.raises(InvalidError) as caught:
        run_import(caller, orders_csv(tmp_path, "1,M1,2017-03-01,1,s"), write(tmp_path, "m.yaml", mapping))
    assert caught.value.code == "event.unknown_property"


def by_id(events: list[Event]) -> dict[str, Event]:
    return {event.id: event for event in events}
