"""CSV and NDJSON files. What can't be read as a row at all is reported with its part, and the rest goes on.

A quote that is never closed spoils its own line only: the lines that it swallowed are read again as rows.
Invariant: memory is bounded by a part: by its rows, and by its bytes where rows are huge.
"""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from yutang.domains.intake.api.parts import Part
from yutang.domains.intake.contracts import Problem
from yutang.domains.intake.rules.cells import ColumnType
from yutang.domains.intake.rules.mapping import Shape
from yutang.kernel.errors import InvalidError, LimitError

CSV_FIELD_CHARS_MAX = 16 * 1024 * 1024
LINE_BYTES_MAX = 16 * 1024 * 1024
PART_BYTES_MAX = 64 * 1024 * 1024
COLUMNS_COUNT_MAX = 4_096

_MARK = b"\xef\xbb\xbf"
_NOT_TEXT = re.compile("[\ud800-\udfff]")  # bytes that the file's encoding doesn't have
_NOT_IN_HEADERS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")
# What files begin with that aren't what their names say.
_OTHER_KINDS = {
    b"\x1f\x8b": "it is compressed: unpack it with gunzip",
    b"PK": "it is a zip file or a workbook: unpack or export it",
    b"\xff\xfe": "add encoding: utf-16 to the mapping", b"\xfe\xff": "add encoding: utf-16 to the mapping",
    b"PAR1": "name it .parquet",
}  # fmt: skip


class CsvTable:
    """A CSV file with a header. Its unit is bytes; all cells are text."""

    def __init__(self, path: Path, encoding: str, delimiter: str) -> None:
        self._path = path
        self._encoding = "utf-8-sig" if encoding.lower().replace("_", "-") in ("utf-8", "utf8") else encoding
        if len(delimiter) != 1 or not delimiter.isascii() or delimiter in '"\r\n':
            raise InvalidError(
                "mapping.delimiter", f"{delimiter!r} can't part fields", where="delimiter", remedy="use one character"
            )
        self._delimiter = delimiter
        with self._open() as file:
            try:
                header: list[str] = next(self._reader(file), [])
            except csv.Error as error:
                raise InvalidError(
                    "file.header", f"the header can't be read: {error}", where=f"{path}:1",
                    remedy="name columns in line 1",
                ) from None  # fmt: skip
            except UnicodeError as error:
                raise self._not_text(f"{error}") from None
        self._header = [name.strip() for name in header]
        self._judge_header()
        self.shape = Shape(dict.fromkeys(self._header, ColumnType.TEXT))

    def _judge_header(self) -> None:
        where = f"{self._path}:1"
        if bad := _NOT_IN_HEADERS.search("".join(self._header)):
            raise self._not_text(f"the header holds {bad[0]!a}")
        if not any(self._header):
            raise InvalidError("file.header", "the file has no header", where=where, remedy="name columns in line 1")
        repeated = next((n for i, n in enumerate(self._header) if n in self._header[:i]), None)
        if repeated is not None:
            raise InvalidError("file.header", f"the column {repeated!r} occurs twice", where=where, remedy="rename one")
        if len(self._header) > COLUMNS_COUNT_MAX:
            raise LimitError(
                "file.too_wide", f"{len(self._header)} columns are more than {COLUMNS_COUNT_MAX}", where=where,
                remedy="leave out what isn't mapped",
            )  # fmt: skip

    def _not_text(self, why: str) -> InvalidError:
        with self._path.open("rb") as file:
            start = file.read(4)
        told = next((remedy for mark, remedy in _OTHER_KINDS.items() if start.startswith(mark)), "")
        return InvalidError(
            "file.encoding", f"this isn't text in {self._encoding.removesuffix('-sig')}: {why}",
            where=f"{self._path}:1", remedy=told or "name its encoding in the mapping, such as encoding: gb18030",
        )  # fmt: skip

    def _open(self) -> io.TextIOWrapper:
        try:
            return self._path.open(encoding=self._encoding, errors="surrogateescape", newline="")
        except LookupError:
            raise InvalidError(
                "mapping.encoding", f"there is no encoding {self._encoding!r}", where="encoding",
                remedy="use utf-8 or gb18030",
            ) from None  # fmt: skip
        except OSError as error:
            raise unreadable(self._path, error) from None

    def _reader(self, file: Any) -> Any:
        csv.field_size_limit(CSV_FIELD_CHARS_MAX)
        return csv.reader(file, delimiter=self._delimiter)

    @property
    def total(self) -> int:
        return self._path.stat().st_size

    def parts(self, start: int, rows_max: int, columns: frozenset[str]) -> Iterator[Part]:
        with self._open() as file:
            source = _Lines(file)
            reader = self._reader(source)
            buffer: Any = file.buffer
            next(reader, None)
            part = Part([], 0, 0, 0, {})
            more = True
            while more:
                part = Part([], part.next_row, part.next_row, 0, {})
                lines: list[list[str]] = []
                rows: list[int] = []
                try:
                    more = self._read(reader, source, buffer, part, rows, lines, rows_max)
                except UnicodeError as error:
                    raise self._not_text(f"{error}, after row {part.next_row}") from None
                self._refuse_bytes(part, rows, lines, columns)
                part.done = buffer.tell()
                if part.next_row > start:
                    yield self._from(start, part, rows, lines)

    def _read(
        self, reader: Any, source: _Lines, position: Any, part: Part, rows: list[int], lines: list[list[str]],
        rows_max: int,
    ) -> bool:  # fmt: skip
        """Read the rows of a part; False at the file's end."""
        stop = position.tell() + PART_BYTES_MAX
        for row in range(part.next_row, part.next_row + rows_max):
            source.taken.clear()
            try:
                fields = next(reader)
            except StopIteration:
                return False
            except csv.Error as error:
                self._refuse(part, row, f"the row can't be read: {error}", source.first())
                source.give_back()
            else:
                if len(fields) == len(self._header):
                    lines.append(fields)
                    rows.append(row)
                elif source.ended and len(source.taken) > 1:
                    self._refuse(part, row, "a quote is opened and never closed", source.first())
                    source.give_back()
                elif fields:
                    text = self._delimiter.join(fields)
                    self._refuse(part, row, f"{len(fields)} fields instead of {len(self._header)}", text)
            part.next_row = row + 1
            if position.tell() > stop:
                break
        return True

    def _refuse_bytes(self, part: Part, rows: list[int], lines: list[list[str]], columns: frozenset[str]) -> None:
        """Take out the rows whose cells hold bytes that are no text; columns that nobody reads may hold anything."""
        used = [place for place, name in enumerate(self._header) if name in columns]
        bad = [
            i for place in used if not "".join(column := [line[place] for line in lines]).isascii()
            for i, cell in enumerate(column) if _NOT_TEXT.search(cell)
        ]  # fmt: skip
        for i in sorted(set(bad), reverse=True):
            message = f"it holds bytes that aren't text in {self._encoding.removesuffix('-sig')}"
            remedy = "mend the row, or name the file's encoding in the mapping"
            part.problems.append(Problem(rows[i], "row.encoding", "", message, remedy))
            part.broken[rows.pop(i)] = self._delimiter.join(lines.pop(i))

    def _from(self, start: int, part: Part, rows: list[int], lines: list[list[str]]) -> Part:
        kept = next((i for i, row in enumerate(rows) if row >= start), len(rows))
        part.rows = rows[kept:]
        part.rows_from = max(part.rows_from, start)
        part.problems = [p for p in part.problems if p.index >= start]
        cells = zip(*lines[kept:], strict=True) if lines[kept:] else ([] for _ in self._header)
        part.columns = dict(zip(self._header, cells, strict=True))
        return part

    @staticmethod
    def _refuse(part: Part, row: int, message: str, text: str) -> None:
        remedy = "mend quotes and separators in that row"
        part.problems.append(Problem(row, "row.broken", "", message, remedy))
        part.broken[row] = text


class _Lines:
    """A file's lines for a CSV reader, which may be given back. taken: since it was last cleared. ended: at the end."""

    def __init__(self, file: Iterator[str]) -> None:
        self.taken: list[str] = []
        self.ended = False
        self._file = file
        self._back: deque[str] = deque()

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._file, None)
        if line is None:
            self.ended = True
            raise StopIteration
        self.taken.append(line)
        return line

    def first(self) -> str:
        """The first of the lines taken."""
        return self.taken[0].rstrip("\r\n") if self.taken else ""

    def give_back(self) -> None:
        """All lines taken but the first come again."""
        self._back.extendleft(reversed(self.taken[1:]))
        self.ended = False


class NdjsonTable:
    """A file with a JSON object a line. Its unit is bytes; a row is a line."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.shape = Shape({}, open=True)

    @property
    def total(self) -> int:
        return self._path.stat().st_size

    def parts(self, start: int, rows_max: int, columns: frozenset[str]) -> Iterator[Part]:
        try:
            file = self._path.open("rb")
        except OSError as error:
            raise unreadable(self._path, error) from None
        decode = msgspec.json.Decoder(dict[str, Any]).decode
        with file:
            row = 0
            while row < start:
                if _line(file) is None:
                    return
                row += 1
            part = Part([], row, row, 0, {})
            more = True
            while more:
                part = Part([], part.next_row, part.next_row, 0, {})
                more = self._read(file, decode, part, rows_max)
                part.done = file.tell()
                if part.rows or part.problems or more:
                    yield part

    def _read(self, file: io.BufferedReader, decode: Any, part: Part, rows_max: int) -> bool:
        """Read the rows of a part; False at the file's end."""
        rows: list[int] = []
        records: list[dict[str, object]] = []
        part.rows, part.records = rows, records
        stop = file.tell() + PART_BYTES_MAX
        for row in range(part.next_row, part.next_row + rows_max):
            line = _line(file)
            if line is None:
                return False
            if len(line) > LINE_BYTES_MAX:
                self._refuse(part, row, f"the line is longer than {LINE_BYTES_MAX} bytes", line)
            elif line.strip():
                try:
                    records.append(decode(line.removeprefix(_MARK) if row == 0 else line))
                    rows.append(row)
                except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                    self._refuse(part, row, f"the line isn't a JSON object: {error}", line)
            part.next_row = row + 1
            if file.tell() > stop:
                break
        return True

    @staticmethod
    def _refuse(part: Part, row: int, message: str, line: bytes) -> None:
        part.problems.append(Problem(row, "row.broken", "", message, "write one JSON object a line"))
        part.broken[row] = line[:LINE_BYTES_MAX].decode("utf-8", "replace")


def _line(file: io.BufferedReader) -> bytes | None:
    """The next line; of one that is too long only its beginning; None at the end."""
    line = file.readline(LINE_BYTES_MAX + 1)
    if not line:
        return None
    rest = line
    while len(rest) > LINE_BYTES_MAX and not rest.endswith(b"\n"):
        rest = file.readline(LINE_BYTES_MAX + 1)
    return line


def unreadable(path: Path, error: OSError) -> InvalidError:
    """What to raise when a file can't be opened."""
    return InvalidError(
        "file.unreadable", f"the file can't be read: {error}", where=str(path), remedy="check its rights"
    )
