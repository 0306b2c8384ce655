"""What a disk would hold after a power loss, from the journal of what processes told it.

A file's bytes are safe once it was synced, a name (made, moved, removed) once its directory was. What wasn't may be
lost, or have reached the disk in part: writes page by page in any order, names of a directory up to some change.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

HEADER = struct.Struct("<QQQIIII")
PAGE_BYTES = 4_096

Pending = tuple[int, bytes | None]  # offset and bytes, or the length to which the file was cut


@dataclass(frozen=True)
class Told:
    """A record of the journal."""

    time_ns: int
    inode: int
    offset: int
    op: str
    first: bytes
    second: bytes


@dataclass
class Node:
    """A file. safe: its bytes as synced. pending: what came after, in order. folder: it is a directory."""

    folder: bool = False
    safe: bytearray = field(default_factory=bytearray)
    pending: list[Pending] = field(default_factory=list)


def read_journals(path: Path) -> list[Told]:
    """All records of the processes that had a journal, by time. A last one that was cut short is left out."""
    found = [told for one in path.parent.glob(f"{path.name}.*") for told in _records(one.read_bytes())]
    return sorted(found, key=lambda told: told.time_ns)


def _records(raw: bytes) -> Iterator[Told]:
    at = 0
    while at + HEADER.size <= len(raw):
        time_ns, inode, offset, first, second, op, _ = HEADER.unpack_from(raw, at)
        at += HEADER.size
        if at + first + second > len(raw):
            return
        yield Told(time_ns, inode, offset, chr(op), raw[at : at + first], raw[at + first : at + first + second])
        at += first + second


class Disk:
    """The folder as it was safely on disk when the journal began, and what it was told since."""

    def __init__(self, folder: Path) -> None:
        self.root = str(folder)
        self._nodes: dict[int, Node] = {}  # by inode, those that a process can still reach
        self._names: dict[str, Node] = {self.root: Node(folder=True)}  # as processes see them
        self._safe: dict[str, Node] = dict(self._names)
        self._changes: dict[str, list[tuple[str | None, str | None, Node]]] = {}  # by directory: gone, come, what
        for path in sorted(folder.rglob("*")):
            node = Node(path.is_dir(), bytearray() if path.is_dir() else bytearray(_bytes_of(path)))
            self._nodes[path.stat().st_ino] = self._names[str(path)] = self._safe[str(path)] = node

    def tell(self, told: Told) -> None:
        """Take one record in."""
        if told.op in "WTF":
            node = self._nodes.get(told.inode)
            if node is not None:
                self._write(node, told)
        elif told.op == "C":
            node = self._nodes[told.inode] = Node()
            self._change(None, told.first.decode(), node)
        elif told.op == "M":
            self._change(None, told.first.decode(), Node(folder=True))
        elif told.op == "U":
            gone = told.first.decode()
            if gone in self._names:
                self._change(gone, None, self._names[gone])
        elif told.op == "R":
            gone = told.first.decode()
            if gone in self._names:
                self._change(gone, told.second.decode(), self._names[gone])
        elif told.op == "G":
            self._sync(told.first.decode())

    def _write(self, node: Node, told: Told) -> None:
        if told.op == "W":
            node.pending.append((told.offset, told.first))
        elif told.op == "T":
            node.pending.append((told.offset, None))
        else:
            for one in node.pending:
                _apply(node.safe, one)
            node.pending.clear()

    def _change(self, gone: str | None, come: str | None, node: Node) -> None:
        if gone is not None:
            self._names.pop(gone, None)
        if come is not None:
            self._names[come] = node
        for folder in {str(Path(name).parent) for name in (gone, come) if name is not None}:
            self._changes.setdefault(folder, []).append((gone, come, node))

    def _sync(self, folder: str) -> None:
        for gone, come, node in self._changes.pop(folder, []):
            _rename(self._safe, gone, come, node, folder)

    def image(self, target: Path, dice: random.Random | None = None) -> None:
        """Write what is left after a power loss now into a folder. dice: some of what wasn't synced is there too."""
        names = dict(self._safe)
        for folder, changes in self._changes.items():
            some = changes[: dice.randint(0, len(changes))] if dice else []
            for gone, come, node in some:
                _rename(names, gone, come, node, folder)
        target.mkdir(parents=True)
        for name, node in sorted(names.items()):
            path = target / Path(name).relative_to(self.root)
            if path == target or not path.parent.is_dir():
                continue  # in a directory whose own name was lost
            if node.folder:
                path.mkdir(exist_ok=True)
            else:
                path.write_bytes(_left(node, dice))


def _bytes_of(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _rename(names: dict[str, Node], gone: str | None, come: str | None, node: Node, folder: str) -> None:
    if gone is not None and str(Path(gone).parent) == folder and names.get(gone) is node:
        del names[gone]
    if come is not None and str(Path(come).parent) == folder:
        names[come] = node


def _apply(content: bytearray, one: Pending) -> None:
    offset, data = one
    if data is None:
        del content[offset:]
        content.extend(bytes(offset - len(content)))
    else:
        content.extend(bytes(max(0, offset - len(content))))
        content[offset : offset + len(data)] = data


def _left(node: Node, dice: random.Random | None) -> bytes:
    """A file's bytes: what was synced, and of what came after by chance some pages, each as it was at some time."""
    content = bytearray(node.safe)
    if dice is None or not node.pending:
        return bytes(content)
    share, count = dice.choice((0.1, 0.5, 0.9, 1.0)), len(node.pending)
    length_known = dice.randint(0, count)
    reached: dict[int, int] = {}  # by page, how many of the changes were in it when it was written
    for place, (offset, data) in enumerate(node.pending):
        if data is None:
            if place < length_known:
                _apply(content, (offset, data))
            continue
        for page in _pages(offset, data):
            number = page[0] // PAGE_BYTES
            if number not in reached:
                reached[number] = dice.randint(0, count) if dice.random() < share else 0
            if place < reached[number]:
                _apply(content, page)
    return bytes(content)


def _pages(offset: int, data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        end = min(len(data), at + PAGE_BYTES - (offset + at) % PAGE_BYTES)
        yield offset + at, data[at:end]
        at = end


def environment(shim: Path, folder: Path, journal: Path) -> Mapping[str, str]:
    """The variables by which a process keeps a journal of what it tells the disk about a folder."""
    return {"LD_PRELOAD": str(shim), "SHIM_ROOT": str(folder.resolve()), "SHIM_JOURNAL": str(journal)}
