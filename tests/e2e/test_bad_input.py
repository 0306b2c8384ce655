"""Bad input through the command line: clear errors, good rows kept, bad ones with their reasons, never a traceback.

Commands are typed in this process: anything raised that isn't an error of the tree fails the test.
"""

from __future__ import annotations

import datetime as dt
import gzip
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.support import commands
from tests.support.typing_lines import Keyboard, Typed

BUDGET = float(os.environ.get("YUTANG_TEST_BUDGET", "1"))
PHONE_SHARERS = 1_000_000 if BUDGET >= 5 else 200_000
IMPORT_S_MAX, SHARERS_BYTES_MAX = 180, 2_000_000_000
HEAD = "who,at,amount,order\n"
GOOD = "M9,2026-01-01 10:00:00,12.50,good\n"
MAPPING = """\
feed: shop
identities: {member_no: who}
events:
  - type: order_paid
    at: at
    properties: {amount: amount, order_id: order}
"""
# What SQL, shells, pages, templates, file systems, spreadsheets, terminals and our own markup would obey.
INJECTIONS = (
    "'; DROP TABLE identities; --", '" OR ""="', "$(touch pwned)", "`touch pwned`", "; touch pwned",
    "<script>x()</script>", "{{7*7}}${7*7}#{7*7}", "../../../etc/passwd", "=cmd|' /C calc'!A0",
    "+1+1", "@SUM(1)", "%s%n{0}", "[bold red]x[/bold red]", "[/]", "\\[", "😀", "a\\nb", "null", "NaN", "true",
    "-- --help",
)  # fmt: skip
UNSHOWABLE = ("\x1b[31mred", "\x00", "a\u202eb", "\x7f", "\x9b1m", "\ud800")


@pytest.fixture
def typed(tmp_path: Path) -> Keyboard:
    keyboard = Keyboard(tmp_path / "pool")
    assert keyboard("clock", "set", "2026-03-01").status == 0
    return keyboard


class Desk:
    """A scratch folder with files to import."""

    def __init__(self, typed: Keyboard, folder: Path) -> None:
        self.typed = typed
        self.folder = folder

    def file(self, name: str, content: str | bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    def take(self, name: str, content: str | bytes | None, mapping: str | None = MAPPING, *more: object) -> Typed:
        path = self.folder / name if content is None else self.file(name, content)
        options: list[object] = [] if mapping is None else ["--mapping", self.file("mapping.yaml", mapping)]
        return self.typed("import", path, *options, *more)

    def report(self, name: str, content: str | bytes | None, mapping: str | None = MAPPING) -> dict[str, Any]:
        (found,) = self.take(name, content, mapping, "--json").json
        assert isinstance(found, dict)
        return found

    def rows(self, query: str) -> list[dict[str, Any]]:
        found = self.typed("sql", query, "--json", "--rows", "1000").json
        assert isinstance(found, list)
        return found


@pytest.fixture
def desk(typed: Keyboard, tmp_path: Path) -> Desk:
    return Desk(typed, tmp_path)


def rejected(report: Mapping[str, Any]) -> list[tuple[int, str]]:
    """(row, code) of each line in the rejects file; each has its reason, its remedy and its cells."""
    lines = [json.loads(line) for line in Path(report["rejects"]).read_text("utf-8").splitlines()]
    assert all(line["message"] and line["remedy"] and line["data"] for line in lines)
    return [(line["row"], line["code"]) for line in lines]


def refused(typed: Typed, status: int, code: str, *words: str) -> None:
    """An error with its code, a remedy and what it is about; nothing a terminal would obey."""
    assert typed.status == status, typed.err
    assert f"[{code}]" in typed.err
    assert "→ " in typed.err
    assert all(word in typed.err for word in words), typed.err
    assert "Traceback" not in typed.err
    assert typed.err.replace("\n", "").isprintable()


class TestRows:
    def test_wrong_values_are_refused_one_by_one(self, desk: Desk) -> None:
        wrong: Sequence[tuple[str, str]] = (
            ("M1,yesterday,1,o", "cell.time"), ("M1,,1,o", "event.no_time"), (",2026-01-01,1,o", "event.no_identities"),
            ("M1,2026-01-01,NaN,o", "money.malformed"), ("M1,2026-01-01,inf,o", "money.malformed"),
            ("M1,2026-01-01,1e400,o", "money.malformed"), ("M1,2026-01-01,1.005,o", "money.too_precise"),
            ("M1,2026-01-01,twelve,o", "money.malformed"), ("M1,2026-01-01," + "9" * 40 + ",o", "money.malformed"),
            ("M1,1969-12-31,1,o", "event.too_early"), ("M1,0001-01-01,1,o", "value.out_of_range"),
            ("M1,2026-03-09,1,o", "event.in_future"), ("M1,2999-01-01,1,o", "value.out_of_range"),
            ("M1,9999-12-31T23:59:59Z,1,o", "value.out_of_range"), ("M\x00,2026-01-01,1,o", "identity.control"),
            ("M1,2026-01-01,1,a\x1bb", "value.control_character"),
        )  # fmt: skip
        report = desk.report("a.csv", HEAD + "".join(f"{row}\n" for row, _ in wrong) + GOOD)
        assert rejected(report) == [(number, code) for number, (_, code) in enumerate(wrong, start=1)]
        assert (report["rows"], report["events"], report["rejected"]) == (len(wrong) + 1, 1, len(wrong))
        assert desk.rows("SELECT order_id FROM order_paid") == [{"order_id": "good"}]

    def test_ragged_rows_and_open_quotes_spoil_only_themselves(self, desk: Desk) -> None:
        text = HEAD + f'M1,2026-01-01\n\n{GOOD}M2,2026-01-01,1,o,more\n"M3,2026-01-01,1,o\n' + GOOD * 2
        report = desk.report("a.csv", text)
        assert rejected(report) == [(1, "row.broken"), (4, "row.broken"), (5, "row.broken")]
        assert report["events"] == 3

    def test_bytes_that_are_no_text_spoil_only_rows_that_are_read(self, desk: Desk) -> None:
        rows = HEAD.strip() + ",note\nMüller,2026-01-01,1,o,x\nM1,2026-01-01,1,o,ß\n"
        report = desk.report("a.csv", rows.encode("latin-1"))
        assert rejected(report) == [(1, "row.encoding")]
        assert report["events"] == 1
        report = desk.report("b.csv", rows.encode("latin-1"), MAPPING + "encoding: latin-1\n")
        assert report["events"] == 2

    @pytest.mark.parametrize(
        "content",
        [
            ("\ufeff" + HEAD + GOOD).encode(),
            (HEAD + GOOD).replace("\n", "\r\n").encode(),
            (HEAD + GOOD).replace("\n", "\r").encode(),
            (HEAD + GOOD.strip()).encode(),
        ],
        ids=["byte order mark", "CRLF", "CR", "no line end"],
    )
    def test_spellings_of_the_same_file_are_read(self, desk: Desk, content: bytes) -> None:
        report = desk.report("a.csv", content)
        assert (report["events"], report["rejected"]) == (1, 0)

    def test_a_text_of_10_mb_is_refused_and_the_next_row_taken(self, desk: Desk) -> None:
        for size, code in ((10_000_000, "value.too_long"), (20_000_000, "row.broken")):
            report = desk.report("a.csv", HEAD + f"M1,2026-01-01,1,{'o' * size}\n" + GOOD)
            assert rejected(report) == [(1, code)]
            assert report["events"] == 1
            assert Path(report["rejects"]).stat().st_size < 10_000 or size > 10_000_000


class TestLines:
    """NDJSON in the API's form."""

    @staticmethod
    def event(**changes: object) -> dict[str, Any]:
        return {"type": "order_paid", "at": "2026-01-01T00:00:00Z", "identities": {"member_no": "M1"}, **changes}

    def take(self, desk: Desk, lines: Sequence[object]) -> dict[str, Any]:
        texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        return desk.report("a.ndjson", "\n".join(texts) + "\n", None)

    def test_numbers_that_nothing_can_carry_are_refused(self, desk: Desk) -> None:
        huge = 2**70
        nothing = (
            '{"type":"order_paid","at":"2026-01-01T00:00:00Z","identities":{"member_no":"M1"},"properties":{"x":%s}}'
        )
        lines: Sequence[tuple[object, str]] = (
            (self.event(properties={"x": huge}), "value.out_of_range"),
            (self.event(properties={"x": [{"y": huge}]}), "value.out_of_range"),
            (self.event(properties={"x": -(2**63)}), "value.out_of_range"),
            (self.event(properties={"items": huge}), "value.out_of_range"),
            (self.event(properties={"amount": 1e308}), "money.too_large"),
            (self.event(at=huge), "value.out_of_range"),
            (nothing % "NaN", "row.broken"), (nothing % "1e999", "row.broken"), (nothing % '"\\ud800"', "row.broken"),
        )  # fmt: skip
        report = self.take(desk, [line for line, _ in lines] + [self.event(id="good")])
        assert rejected(report) == [(number, code) for number, (_, code) in enumerate(lines, start=1)]
        assert report["events"] == 1

    def test_lines_that_are_no_objects_are_refused(self, desk: Desk) -> None:
        first = "\ufeff" + json.dumps(self.event(id="first"))
        nested = json.dumps(self.event(properties={"x": 0})).replace("0}}", "[" * 99_999 + "]" * 99_999 + "}}")
        bad = ["garbage", "[1]", "null", "5", '{"type":', json.dumps(self.event()) + " x", nested]
        report = self.take(desk, [first, "", "   ", *bad, self.event(id="last")])
        assert rejected(report) == [(4 + place, "row.broken") for place in range(len(bad))]
        assert {row["id"] for row in desk.rows("SELECT id FROM order_paid")} == {"first", "last"}

    def test_too_much_of_anything_is_refused(self, desk: Desk) -> None:
        lines: Sequence[tuple[object, str]] = (
            (self.event(properties={f"p{n}": n for n in range(300)}), "event.too_many_properties"),
            (self.event(identities={f"k{n}": "v" for n in range(40)}), "identity.too_many"),
            (self.event(identities={}), "event.no_identities"),
            (self.event(properties={"x": "y" * 10_000_000}), "value.too_long"),
            (self.event(properties={f"p{n}": "y" * 8_000 for n in range(20)}), "event.too_large"),
            (self.event(unknown=1), "event.unknown_key"),
            (self.event(currency="EUR", properties={"amount": 1}), "event.currency"),
        )  # fmt: skip
        report = self.take(desk, [line for line, _ in lines] + [self.event(id="good")])
        assert rejected(report) == [(number, code) for number, (_, code) in enumerate(lines, start=1)]
        assert report["events"] == 1


class TestFiles:
    def test_what_is_no_file_of_ours_is_refused_with_a_remedy(self, desk: Desk) -> None:
        packed = BytesIO()
        with zipfile.ZipFile(packed, "w") as archive:
            archive.writestr("a.csv", HEAD)
        contents: Sequence[tuple[bytes, int, str, str]] = (
            (b"", 2, "file.header", "line 1"), (b",,\n", 2, "file.header", "line 1"),
            (b"who,who\n1,2\n", 2, "file.header", "who"),
            (gzip.compress(HEAD.encode()), 2, "file.encoding", "unpack it"),
            (packed.getvalue(), 2, "file.encoding", "unpack"), (HEAD.encode("utf-16"), 2, "file.encoding", "utf-16"),
            (",".join(f"c{n}" for n in range(10_000)).encode(), 6, "file.too_wide", "10000 columns"),
            (b"x" * 17_000_000, 2, "file.header", "line 1"),
        )  # fmt: skip
        for number, (content, status, code, word) in enumerate(contents):
            refused(desk.take(f"a{number}.csv", content), status, code, word)
        assert desk.typed("imports", "--json").json == []

    def test_folders_devices_and_nothing_are_told_apart(self, desk: Desk) -> None:
        (desk.folder / "folder.csv").mkdir()
        os.mkfifo(desk.folder / "pipe.csv")
        for name in ("folder.csv", "pipe.csv", "/dev/null"):
            refused(desk.take(name, None), 2, "file.kind", name)
        refused(desk.take("absent.csv", None), 3, "file.absent", "absent.csv")
        refused(desk.take("a.xlsx", b"PK"), 2, "file.kind", ".xlsx")
        refused(desk.take("plain.csv", HEAD, None), 2, "import.no_mapping", "--mapping")

    def test_names_of_files_are_shown_not_obeyed(self, desk: Desk) -> None:
        for place, name in enumerate(("[bold].csv", "[.csv", "$(touch pwned).csv", "\x1b[31m.csv", "…😀.csv", "-.csv")):
            report = desk.take(name, HEAD + f"M{place},2026-01-01,1,o\n")
            assert report.status == 0, report.err
            assert report.out.replace("\n", "").isprintable()
        listed = desk.typed("imports")
        assert listed.status == 0
        assert listed.out.replace("\n", "").isprintable()
        assert not list(desk.folder.rglob("pwned"))

    def test_an_argument_that_is_no_text_is_refused(self, desk: Desk) -> None:
        refused(desk.typed("customer", "find", "\udcff"), 2, "argument.encoding")

    def test_parquet_of_every_type_is_read_or_refused_by_name(self, desk: Desk) -> None:
        table = pa.table({
            "who": pa.array(["M1", "M2"]).dictionary_encode(),
            "at": pa.array([dt.datetime(2026, 1, 1, 10)] * 2, pa.timestamp("us", "Asia/Tokyo")),
            "amount": pa.array([Decimal("1.50"), None], pa.decimal128(38, 10)),
            "order": pa.array(["a", "b"]), "tags": pa.array([["x", "y"], None]), "nothing": pa.nulls(2),
            "day": pa.array([dt.date(2026, 1, 1)] * 2, pa.date32()),
            "half": pa.array([1.5, float("nan")], pa.float64()),
            "huge": pa.array([1, 2**64 - 1], pa.uint64()), "record": pa.array([{"a": 1}] * 2),
            "bytes": pa.array([b"\xff"] * 2), "span": pa.array([1] * 2, pa.duration("s")),
        })  # fmt: skip
        pq.write_table(table, desk.folder / "a.parquet")
        report = desk.report(
            "a.parquet", None, MAPPING.replace("order_id: order", "order_id: order, t: tags, n: nothing, d: day")
        )
        assert (report["events"], report["rejected"]) == (2, 0)
        first = desk.rows("SELECT amount, rest FROM order_paid WHERE order_id = 'a'")[0]
        assert (float(first["amount"]), json.loads(first["rest"])) == (1.5, {"t": ["x", "y"], "d": "2026-01-01"})
        for column, code in (("half", "value.not_finite"), ("huge", "value.out_of_range")):
            report = desk.report("a.parquet", None, MAPPING.replace("order_id: order", f"x: {column}"))
            assert rejected(report) == [(2, code)]
        for column in ("record", "bytes", "span"):
            broken = desk.take("a.parquet", None, MAPPING.replace("order_id: order", f"x: {column}"))
            refused(broken, 2, "mapping.column_type", column, "properties.x")

    def test_damaged_parquet_is_named(self, desk: Desk) -> None:
        pq.write_table(pa.table({"who": ["M1"] * 9_999, "at": ["2026-01-01"] * 9_999, "amount": [1] * 9_999,
                                 "order": [str(n) for n in range(9_999)]}), desk.folder / "a.parquet")  # fmt: skip
        whole = (desk.folder / "a.parquet").read_bytes()
        garbled = bytes(byte ^ 0x55 if 8 <= place < 400 else byte for place, byte in enumerate(whole))
        for name, content in (("b", whole[: len(whole) // 2]), ("c", b""), ("d", b"PAR1junkPAR1"), ("e", garbled)):
            refused(desk.take(f"{name}.parquet", content), 7, "file.damaged", f"{name}.parquet", "fetch it again")

    def test_a_broken_row_of_a_joined_file_is_no_silent_loss(self, desk: Desk) -> None:
        desk.file("names.csv", "who,name\nM9\n")
        broken = desk.take("a.csv", HEAD + GOOD, MAPPING + "lookups: {names: {file: names.csv, on: who}}\n")
        refused(broken, 2, "import.lookup_broken", "row 1 of names.csv")


class TestMappings:
    @pytest.mark.parametrize(
        ("change", "code", "word"),
        [
            (("at: at", "at: att"), "mapping.unknown_column", "did you mean at?"),
            (("feed: shop", "fed: shop"), "document.unknown_key", "did you mean feed?"),
            (("feed: shop", "feed: shop\nzone: Mars/Phobos"), "mapping.zone", "Asia/Shanghai"),
            (("feed: shop", "feed: shop\nzone: Asia/Shangai"), "mapping.zone", "did you mean Asia/Shanghai?"),
            (("feed: shop", "feed: shop\nzone: ../../etc/passwd"), "mapping.zone", "IANA"),
            (("feed: shop", "feed: shop\nencoding: klingon"), "mapping.encoding", "utf-8"),
            (("feed: shop", "feed: shop\nencoding: idna"), "file.encoding", "encoding"),
            (("feed: shop", "feed: shop\nencoding: utf-16"), "file.encoding", "encoding"),
            (("feed: shop", "feed: shop\ndelimiter: '||'"), "mapping.delimiter", "one character"),
            (("feed: shop", "feed: shop\ncurrency: EUR"), "mapping.currency", "convert"),
            (("feed: shop", 'feed: "a\\u202eb"'), "name.characters", "printable"),
            (("at: at", "at: {column: at, format: '%Q'}"), "mapping.format", "%Y/%m/%d"),
            (("at: at", "at: {value: yesterday}"), "instant.malformed", "2017-03-01"),
            (("at: at", "at: {value: 2999-01-01T00:00:00Z}"), "value.out_of_range", "2999-01-01"),
            (("member_no: who", "'bad kind!': who"), "identity.key", "openid:wx123"),
            (("amount: amount", "amount: {sum: amount}"), "mapping.not_grouped", "one_per"),
            (("amount: amount", "amount: {value: .nan}"), "document.value", "12.5"),
            (("events:", "lookups: {p: {file: /etc/passwd, on: who}}\nevents:"), "file.kind", ".csv"),
            (("feed: shop", "feed: !!python/object/apply:os.system ['touch pwned']"), "document.type", "text"),
            (("feed: shop", "feed: &a [*a]"), "document.alias", "write the part out"),
        ],
    )
    def test_a_mistake_is_named_before_any_row_is_read(
        self, desk: Desk, change: tuple[str, str], code: str, word: str
    ) -> None:
        refused(desk.take("a.csv", HEAD + GOOD, MAPPING.replace(*change)), 2, code, word)
        assert desk.typed("imports", "--json").json == []

    @pytest.mark.parametrize("text", ["", "feed: [", "- a", "\x00", "feed: x", "a: " + "[" * 5_000])
    def test_what_is_no_mapping_is_refused(self, desk: Desk, text: str) -> None:
        broken = desk.take("a.csv", HEAD + GOOD, text)
        assert broken.status == 2
        assert "mapping.yaml" in broken.err
        assert "Traceback" not in broken.err


class TestInjections:
    def test_in_every_field_of_an_event_they_are_data(self, desk: Desk) -> None:
        lines = [
            {
                "id": text, "type": text, "at": "2026-01-01T00:00:00Z",
                "identities": {"member_no": text, "device": text}, "channel": text,
                "source": text, "properties": {text: text, "list": [text], "object": {text: text}},
            }
            for text in INJECTIONS
        ]  # fmt: skip
        content = "\n".join(json.dumps(line) for line in lines)
        (report,) = desk.take("a.ndjson", content, None, "--feed", INJECTIONS[0], "--json").json
        assert (report["events"], report["rejected"]) == (len(INJECTIONS), 0)
        found = {row["id"]: row for row in desk.rows("SELECT id, type, channel, source, feed, rest FROM events")}
        for text in INJECTIONS:
            row = found[text]
            assert (row["type"], row["channel"], row["source"], row["feed"]) == (text, text, text, INJECTIONS[0])
            assert json.loads(row["rest"]) == {text: text, "list": [text], "object": {text: text}}
            shown = desk.typed("customer", "timeline", f"member_no:{text}", "--all")
            assert shown.status == 0, shown.err
            assert "list=" in shown.out
        for command in (("report",), ("catalogue", "show"), ("customer", "find", ""), ("label", "list"), ("doctor",)):
            assert desk.typed(*command).status == 0

    def test_by_hand_they_are_data_or_refused(self, desk: Desk) -> None:
        desk.take("a.csv", HEAD + GOOD)
        who = "member_no:M9"
        for text in (*INJECTIONS[:: 1 if BUDGET >= 5 else 5], *UNSHOWABLE[:-1:2]):
            plain, name = text.replace("'", ""), text.replace('"', "")
            for arguments in (
                ("customer", "tag", who, "--group", text, "--reason", text, "--", text),
                ("customer", "set", who, "--", f"{text}={text}"),
                ("customer", "record", who, "--", text, text, f"{text}={text}"),
                ("customer", "consent", who, "--purpose", text, "--", text), ("customer", "find", "--", text),
                ("label", "define", "--title-zh", text, "--title-en", text, "--", "own", "happened(order_paid)"),
                ("label", "changes", "--label", text), ("explain", "--", text, "happened(order_paid)"),
                ("catalogue", "show", "--", text), ("sql", f"SELECT '{plain}' AS \"{name}\""),
            ):  # fmt: skip
                done = desk.typed("--as", text, *arguments)
                assert done.status in (0, 2, 3), (arguments, done.err)
                assert (done.out + done.err).replace("\n", "").isprintable(), arguments
        for command in (
            ("customer", "show", "member_no:M9"),
            ("customer", "labels", "member_no:M9"),
            ("label", "show", "own"),
        ):
            assert desk.typed(*command).status == 0
        assert len(desk.rows("SELECT id FROM order_paid")) == 1
        assert not list(desk.folder.rglob("pwned"))


class TestConditions:
    @pytest.mark.parametrize(
        "condition",
        [
            "", "   ", "happened(order_paid", "count(order_paid, 30d) >= 99999999999999999999999",
            "(" * 5_000 + ")" * 5_000, "not " * 5_000 + "everyone", " and ".join(["everyone"] * 5_000),
            "count(order_paid, 99999999999999999999d) > 1", "x" * 1_000_000, "sum(order_paid.amount, 365d) > 1e308",
            "count(order_paid, 30d) >= NaN", *INJECTIONS[:-5],
            *UNSHOWABLE[:-1], 'happened(order_paid where store = "\x1b[31m")', "happened(order_payed)",
        ],
        ids=lambda text: ascii(text[:24]),
    )  # fmt: skip
    def test_what_is_no_condition_is_refused_at_its_place(self, typed: Keyboard, condition: str) -> None:
        done = typed("ask", "--", condition)
        assert done.status == 2
        assert "character " in done.err
        assert "[condition." in done.err
        assert done.err.replace("\n", "").isprintable()

    def test_instants_and_zones_that_nothing_has_are_refused(self, typed: Keyboard) -> None:
        for text in ("yesterday", "2026-13-45", "2026-01-01T00:00:00", "\x1b[31m", "2" * 500):
            assert typed("ask", "everyone", "--as-of", text).status == 2
        for text in ("1969-12-31", "2200-01-01", "0001-01-01", "9999-12-31T23:59:59Z"):
            refused(typed("ask", "everyone", "--as-of", text), 2, "instant.out_of_range")
        for text in ("2200-01-01", "9999-12-31T23:59:59Z"):
            refused(typed("clock", "set", text), 2, "clock.range")
        for text in ("99999d", "99999999999999d", "1" * 400 + "d"):
            refused(typed("clock", "advance", text), 2, "clock.range")
        for zone in ("Mars/Phobos", "../../etc/passwd", "\x00", ""):
            refused(typed("--zone", zone, "report"), 2, "config.value", "--zone")
        for zone in ("Mars/Phobos", "../../etc/passwd"):
            refused(typed("label", "define", "own", "everyone", "--zone", zone), 2, "zone.unknown", zone)
        assert typed("report").status == 0


class TestManyOnOnePhone:
    def test_it_stays_fast_small_and_answerable(self, tmp_path: Path) -> None:
        """Nobody is merged, nothing waits for ever: the phone is over its cap, and everyone stays themselves."""
        pool = tmp_path / "pool"
        mapping = tmp_path / "m.yaml"
        mapping.write_text(MAPPING.replace("{member_no: who}", "{member_no: who, phone: phone}"))
        with (tmp_path / "a.csv").open("w") as file:
            file.write("who,phone,at,amount,order\n")
            file.writelines(f"M{n},13800138000,2026-01-01,1,o{n}\n" for n in range(PHONE_SHARERS))
        commands.run(pool, "clock", "set", "2026-03-01")
        measured = (
            "import resource, sys; from yutang.app import main\n"
            "try: main()\n"
            "finally: print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)"
        )
        line = ("import", str(tmp_path / "a.csv"), "--mapping", str(mapping))
        done = commands.run_python(measured, pool, *line, timeout_s=IMPORT_S_MAX)
        assert int(done.stderr.splitlines()[-1]) * 1024 < SHARERS_BYTES_MAX
        assert commands.answer(pool, "ask", "count(order_paid) = 1")["count"] == PHONE_SHARERS
        page = commands.answer(pool, "customer", "show", "phone:13800138000")
        assert page["shared"] or page["identities"][0]["over"]
        assert commands.answer(pool, "customer", "reviews")["reviews"][0]["linked"] == PHONE_SHARERS
