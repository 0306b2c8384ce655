"""The file of rows that an import couldn't take: one JSON object a line, with row, reason, remedy and the cells.

Written anew by each process that works on a job, from the job's first row, so that it is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import msgspec

from yutang.domains.intake.api.parts import Part
from yutang.domains.intake.contracts import Problem

REJECT_CELL_CHARS_MAX = 1_000  # of a cell as a reject shows it
REJECT_CELLS_COUNT_MAX = 256


class Rejects:
    """Opened with the first bad row; without one there is no file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.codes: dict[str, int] = {}
        self._file: IO[bytes] | None = None

    def __enter__(self) -> Rejects:
        self.path.unlink(missing_ok=True)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, part: Part, problems: Sequence[Problem]) -> None:
        """Keep the bad rows of a part."""
        if not problems:
            return
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self.path.open("wb")
        row: dict[str, object]
        places = {number: place for place, number in enumerate(part.rows)}
        for problem in sorted(problems, key=lambda p: p.index):
            self.count += 1
            self.codes[problem.code] = self.codes.get(problem.code, 0) + 1
            place = places.get(problem.index)
            row = {"": part.broken.get(problem.index, "")} if place is None else part.row_data(place)
            self._file.write(_line(problem, row))
        self._file.flush()


def _line(problem: Problem, row: dict[str, object]) -> bytes:
    shown = {
        "row": problem.index + 1,
        "code": problem.code,
        "path": problem.path,
        "message": problem.message,
        "remedy": problem.remedy,
        "data": {_text(k): _cell(v) for k, v in list(row.items())[:REJECT_CELLS_COUNT_MAX]},
    }
    return msgspec.json.encode(shown) + b"\n"


def _cell(value: object) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, float | int) and abs(value) < 2**53:
        return value
    if isinstance(value, list | dict):
        value = repr(value)
    return _text(value if isinstance(value, str) else str(value))


def _text(value: str) -> str:
    cut = value if len(value) <= REJECT_CELL_CHARS_MAX else value[:REJECT_CELL_CHARS_MAX] + "…"
    return cut.encode("utf-8", "backslashreplace").decode()
