"""What the manifest says of a file of the lake. Pure; the rows lie in `store`, the bytes in `lake`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from yutang.conditions.vocabulary import Kind
from yutang.timeline.runs import RunFacts


class TypeShare(msgspec.Struct, frozen=True):
    """The rows of one type in a file: `RunFacts`, and the row groups in which they lie, in order."""

    type: str
    rows: int
    system: bool
    kinds: dict[str, Kind]
    spilled: list[str] | None
    arrived_ms_max: int
    groups: list[int]

    def facts(self) -> RunFacts:
        """What a run of these rows knows of itself."""
        spilled = None if self.spilled is None else frozenset(self.spilled)
        return RunFacts(self.type, self.rows, self.system, self.kinds, spilled, self.arrived_ms_max)


class LakeFile(msgspec.Struct, frozen=True):
    """A file of the lake. seq_from, seq_to: the records whose rows it holds. level: how often they were merged.

    footer_crc: CRC-32 of the Parquet footer, which names every page; with it a file is itself.
    """

    name: str
    rows: int
    bytes: int
    seq_from: int
    seq_to: int
    types: list[TypeShare]
    footer_crc: int
    created_ms: int
    level: int

    @property
    def holds(self) -> str:
        """What it held, for whoever misses it."""
        return f"{self.rows} events of the records {self.seq_from} to {self.seq_to}"


def share_of(facts: RunFacts, groups: list[int]) -> TypeShare:
    """The share of a run that was written into some row groups."""
    spilled = None if facts.spilled is None else sorted(facts.spilled)
    kinds: Mapping[str, Any] = facts.kinds
    return TypeShare(facts.type, facts.rows, facts.system, dict(kinds), spilled, facts.arrived_ms_max, groups)
