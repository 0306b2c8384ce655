"""All SQL of the slice: identities, the evidence that links them, the edit log, the brand's own kinds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any, Protocol

import msgspec
import numpy as np
import numpy.typing as npt
from sqlalchemy import (
    BigInteger,
    BindParameter,
    Boolean,
    Column,
    Index,
    Integer,
    Select,
    String,
    Table,
    Text,
    bindparam,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)

from yutang.domains.customers.contracts import Edit, EditKind, Form, KindSpec, Verdict
from yutang.kernel.event import Identity
from yutang.storage.database import UnitOfWork
from yutang.storage.schema import metadata

ROWS_READ_MAX = 65_536  # fetched at once
IDENTITIES_READ_MAX = 131_072  # packed at once: some megabytes
ROWS_WRITTEN_MAX = 5_000  # of one statement
FEW_FOUND_MAX = 5_000  # identities of one beginning that are put in order here

identities = Table(
    "identities",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(128), nullable=False),
    Column("scope", String(128), nullable=False),
    Column("value", String(512), nullable=False),
    Column("hash", BigInteger, nullable=False),  # hash64 of kind, scope, value
    Column("public_id", String(32), nullable=False),
    Index("ix_identities_value", "value"),
    Index("ix_identities_public_id", "public_id"),
)
evidence = Table(
    "evidence",
    metadata,
    Column("b", BigInteger, primary_key=True, autoincrement=False),  # the weaker end
    Column("a", BigInteger, primary_key=True, autoincrement=False),  # the anchor of the event that showed it
    Column("seq", BigInteger, nullable=False),
    sqlite_with_rowid=False,
)
identity_edits = Table(
    "identity_edits",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("verdict", String(16), nullable=False),
    Column("a", BigInteger, nullable=False),
    Column("b", BigInteger, nullable=False),
    Column("asked_a", BigInteger, nullable=False),
    Column("asked_b", BigInteger, nullable=False),
    Column("actor", String(128), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
    Column("seq", BigInteger, nullable=False),
)
identity_kinds = Table(
    "identity_kinds",
    metadata,
    Column("name", String(128), primary_key=True),
    Column("rank", Integer, nullable=False),
    Column("personal", Boolean, nullable=False),
    Column("weak", Boolean, nullable=False),
    Column("one_each", Boolean, nullable=False),
    Column("cap", Integer, nullable=False),
    Column("scoped", Boolean, nullable=False),
    Column("form", String(16), nullable=False),
    Column("title_zh", String(128), nullable=False),
    Column("title_en", String(128), nullable=False),
    Column("actor", String(128), nullable=False),
    Column("seq", BigInteger, nullable=False),
)

_APART = "\x1f"  # of kind and scope: no kind's name holds it
_texts, _integers = msgspec.json.Decoder(list[str]), msgspec.json.Decoder(list[int])

IdentityRow = tuple[int, str, str, str, int, str]  # id, kind, scope, value, hash, public id


def add_identities(uow: UnitOfWork, rows: Sequence[IdentityRow]) -> None:
    """Keep new identities."""
    names = ("id", "kind", "scope", "value", "hash", "public_id")
    _insert(uow, insert(identities), [dict(zip(names, row, strict=True)) for row in rows])


def add_evidence(uow: UnitOfWork, links: Sequence[tuple[int, int]], seq: int) -> None:
    """Keep links (a, b) that aren't kept yet."""
    _insert(uow, insert(evidence), [{"a": a, "b": b, "seq": seq} for a, b in links])


def missing_evidence(uow: UnitOfWork, links: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    """Those of some links that aren't kept."""
    t = evidence.c
    statement = select(t.a).where(t.a == bindparam("one"), t.b == bindparam("other"))
    return [(a, b) for a, b in links if uow.connection.execute(statement, {"one": a, "other": b}).first() is None]


def _insert(uow: UnitOfWork, statement: Any, rows: list[dict[str, Any]]) -> None:
    for start in range(0, len(rows), ROWS_WRITTEN_MAX):
        uow.connection.execute(statement, rows[start : start + ROWS_WRITTEN_MAX])


Roll = tuple[list[tuple[str, str]], npt.NDArray[np.int64], list[str], npt.NDArray[np.int64]]


def read_identities(uow: UnitOfWork) -> Roll:
    """All identities by number: the kinds and scopes that there are, which of them each has, values, hashes.

    The database packs each column of a stretch of numbers itself, without Python's lock: half the time of rows, which
    a start waits for.
    """
    t = identities.c
    count = int(uow.connection.scalar(select(func.max(t.id) + 1)) or 0)
    # An erased identity's row is empty; its number tells it from others.
    value = case((t.kind == "", cast(t.id, String)), else_=t.value).label("value")
    low: BindParameter[int] = bindparam("low")
    rows = select(t.kind.concat(_APART).concat(t.scope).label("pair"), value, t.hash)
    part = rows.where(t.id >= low, t.id < low + IDENTITIES_READ_MAX).order_by(t.id).subquery().c
    packed = select(*(func.json_group_array(column) for column in (part.pair, part.value, part.hash)))
    numbers = _Numbers()
    places, values, hashes = [np.empty(0, np.int64)], [], [np.empty(0, np.int64)]
    for start in range(0, count, IDENTITIES_READ_MAX):
        pairs, some, hashed = uow.connection.execute(packed, {"low": start}).one()
        places.append(np.array(list(map(numbers.__getitem__, _texts.decode(pairs))), np.int64))
        values += _texts.decode(some)
        hashes.append(np.array(_integers.decode(hashed), np.int64))
    known = [(kind, scope) for kind, _, scope in (pair.partition(_APART) for pair in numbers)]
    return known, np.concatenate(places), values, np.concatenate(hashes)


class _Numbers(dict[str, int]):
    """Text → its number, in the order of first sight."""

    def __missing__(self, text: str) -> int:
        number = self[text] = len(self)
        return number


def read_evidence(uow: UnitOfWork) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """All links as two columns (a, b)."""
    parts = [np.empty((0, 2), np.int64)]
    for chunk in _chunks(uow, select(evidence.c.a, evidence.c.b)):
        parts.append(np.fromiter(chain.from_iterable(chunk), np.int64, 2 * len(chunk)).reshape(-1, 2))
    both = np.concatenate(parts)
    return np.ascontiguousarray(both[:, 0]), np.ascontiguousarray(both[:, 1])


def _chunks(uow: UnitOfWork, statement: Select[Any]) -> Iterator[list[tuple[Any, ...]]]:
    """Rows as the driver gives them: a million of them as `Row` objects would take seconds."""
    cursor = uow.connection.execute(statement).cursor
    assert cursor is not None, "a select has a cursor"
    while chunk := cursor.fetchmany(ROWS_READ_MAX):
        yield list(chunk)


class Identified(Protocol):
    """Identities by number."""

    def __getitem__(self, number: int) -> Identity: ...


def add_edit(uow: UnitOfWork, edit: Edit, numbers: Sequence[int]) -> None:
    """Keep a line of the edit log. numbers: of a, b, asked_a, asked_b."""
    a, b, asked_a, asked_b = numbers
    uow.connection.execute(
        insert(identity_edits).values(
            id=edit.id, kind=edit.kind.value, verdict=edit.verdict.value, a=a, b=b, asked_a=asked_a, asked_b=asked_b,
            actor=edit.actor, at_ms=edit.at_ms, reason=edit.reason, seq=edit.seq,
        )
    )  # fmt: skip


def read_edits(uow: UnitOfWork, known: Identified) -> list[Edit]:
    """The edit log in its order. known: all identities by number."""
    return [
        Edit(
            row.id, EditKind(row.kind), Verdict(row.verdict), known[row.a], known[row.b], known[row.asked_a],
            known[row.asked_b], row.actor, row.at_ms, row.reason, row.seq,
        )
        for row in uow.connection.execute(select(identity_edits).order_by(identity_edits.c.id))
    ]  # fmt: skip


def add_kind(uow: UnitOfWork, spec: KindSpec, actor: str, seq: int) -> None:
    """Keep a kind of the brand's own."""
    uow.connection.execute(
        insert(identity_kinds).values(
            name=spec.name, rank=spec.rank, personal=spec.personal, weak=spec.weak, one_each=spec.unique,
            cap=spec.cap, scoped=spec.scoped, form=spec.form.value, title_zh=spec.title_zh, title_en=spec.title_en,
            actor=actor, seq=seq,
        )
    )  # fmt: skip


def read_kinds(uow: UnitOfWork) -> tuple[KindSpec, ...]:
    """The brand's own kinds."""
    return tuple(
        KindSpec(
            row.name, row.rank, row.personal, row.weak, row.one_each, row.cap, row.scoped, Form(row.form),
            row.title_zh, row.title_en,
        )
        for row in uow.connection.execute(select(identity_kinds).order_by(identity_kinds.c.name))
    )  # fmt: skip


def numbers_by_public_id(uow: UnitOfWork, public_id: str) -> list[int]:
    """The identity that a public id names, if any."""
    t = identities.c
    return list(uow.connection.scalars(select(t.id).where(t.public_id == public_id).limit(2)))


def numbers_by_value(uow: UnitOfWork, value: str, limit: int) -> list[int]:
    """The identities of a value, whatever their kind."""
    t = identities.c
    return list(uow.connection.scalars(select(t.id).where(t.value == value).order_by(t.id).limit(limit)))


def numbers_by_prefix(uow: UnitOfWork, prefix: str, after: int, limit: int) -> list[int]:
    """The identities whose value or public id begins so, by number, beyond `after`."""
    t = identities.c
    statement = select(t.id).where(t.id > after, t.kind != "").order_by(t.id).limit(limit)
    if not prefix:
        return list(uow.connection.scalars(statement))
    begins = [column.between(prefix, prefix + "\U0010ffff") for column in (t.value, t.public_id)]
    # Few are found by the indexes at once; going through all by number is for the many, where a page is soon full.
    few: set[int] = set()
    for one in begins:
        found = list(uow.connection.scalars(select(t.id).where(one).limit(FEW_FOUND_MAX)))
        if len(found) == FEW_FOUND_MAX:
            return list(uow.connection.scalars(statement.where(or_(*begins))))
        few.update(found)
    return sorted(number for number in few if number > after)[:limit]


def linked_count(uow: UnitOfWork, number: int) -> int:
    """How many stronger identities an identity was seen with."""
    t = evidence.c
    return int(uow.connection.scalar(select(func.count()).where(t.b == number)) or 0)


def forget(uow: UnitOfWork, members: Sequence[int], gone: Sequence[int]) -> None:
    """Empty the rows of identities that go, and remove what was seen in the events of some, and all words about them.

    members: whose events go. gone: identities that go. The numbers stay, so that none is ever used again.
    """
    blank = {"kind": "", "scope": "", "value": "", "hash": 0, "public_id": ""}
    one: BindParameter[int] = bindparam("one")
    rows = [{"one": number} for number in gone]
    edit = identity_edits.c
    if rows:
        uow.connection.execute(update(identities).where(identities.c.id == one).values(blank), rows)
        uow.connection.execute(delete(evidence).where(evidence.c.b == one), rows)
        named = or_(edit.a == one, edit.b == one, edit.asked_a == one, edit.asked_b == one)
        uow.connection.execute(delete(identity_edits).where(named), rows)
    uow.connection.execute(delete(evidence).where(evidence.c.a == one), [{"one": number} for number in members])


def values_alive(uow: UnitOfWork, values: Sequence[str]) -> frozenset[str]:
    """Those of some values that an identity has."""
    t = identities.c
    return frozenset(
        value for value in values
        if uow.connection.scalar(select(t.id).where(t.value == value, t.kind != "").limit(1)) is not None
    )  # fmt: skip
