"""The catalogue's door."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources
from typing import TypeVar

import msgspec

from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.catalogue import store
from yutang.domains.catalogue.contracts import (
    CATALOGUE_EDIT,
    DECLARATION_BYTES_MAX,
    Catalogue,
    CatalogueCards,
    Declarations,
    Declared,
    DeclareFile,
    ReadVocabulary,
    Row,
    ShowCatalogue,
)
from yutang.domains.catalogue.rules import cards, declare, documents, seen
from yutang.kernel.errors import LimitError, YutangError
from yutang.kernel.event import Event
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Slot
from yutang.storage.database import UnitOfWork

T = TypeVar("T")

# The catalogue with what is undeclared; VOCABULARY (runtime.slots) is what conditions see of it.
CATALOGUE: Slot[Catalogue] = Slot("catalogue")

_declarations_decoder = msgspec.json.Decoder(Declarations)


def read_document(text: str, shape: type[T], origin: str) -> T:
    """A YAML document as an instance of a dataclass, strictly; see `rules.documents`. Raises InvalidError."""
    return documents.read_document(text, shape, origin)


def read_declarations(text: str, origin: str) -> Declarations:
    """A declaration file. Raises InvalidError with line and path."""
    return documents.read_document(text, Declarations, origin)


@cache
def built_in_vocabulary(zone: str, currency: str) -> Vocabulary:
    """The vocabulary of a new pool, version 0."""
    text = resources.files(__package__).joinpath("builtin.yaml").read_text("utf-8")
    return declare.built_in(read_declarations(text, "builtin.yaml"), zone, currency)


def open_catalogue(uow: UnitOfWork, zone: str, currency: str) -> Catalogue:
    """The catalogue as stored; the built-in one in a new pool."""
    return cards.with_rows(Catalogue(0, built_in_vocabulary(zone, currency)), store.read_rows(uow))


def write_rows(uow: UnitOfWork, rows: Sequence[Row]) -> None:
    """Keep what `changed_rows` found, in the caller's transaction."""
    store.write_rows(uow, rows)


def changed_rows(old: Catalogue, new: Catalogue) -> tuple[Row, ...]:
    """What must be kept to get from one catalogue to the other."""
    return cards.changed_rows(old, new)


def apply_edit(catalogue: Catalogue, body: bytes) -> tuple[Catalogue, tuple[str, ...]]:
    """The catalogue after a record of kind `catalogue_edit`, and the names that changed. Raises YutangError."""
    return declare.apply_declarations(catalogue, _declarations_decoder.decode(body))


def with_seen(catalogue: Catalogue, events: Sequence[Event]) -> Catalogue:
    """The catalogue with what the events mention for the first time; itself if that is nothing."""
    return seen.with_seen(catalogue, events)


def show(desk: Desk, _question: ShowCatalogue | None = None) -> CatalogueCards:
    """The whole catalogue, by name."""
    return cards.cards(desk.epoch[CATALOGUE])


def declare_draft(desk: Desk, declarations: Declarations, *, check: bool = False) -> Declared:
    """Declare, and wait until the log has taken it; check: only say what would change. Raises YutangError."""
    result, names = declare.apply_declarations(desk.epoch[CATALOGUE], declarations)
    if check or not names:
        return Declared(result.version, names)
    body = msgspec.json.encode(declarations)
    if len(body) > DECLARATION_BYTES_MAX:
        raise LimitError(
            "catalogue.too_large", f"the declarations take {len(body)} bytes",
            remedy=f"split them; {DECLARATION_BYTES_MAX} is the most",
        )  # fmt: skip
    verdict = desk.submit(CATALOGUE_EDIT, body)
    return Declared(int(verdict["version"]), tuple(verdict["names"]))


def declare_file(desk: Desk, question: DeclareFile) -> Declared:
    """Declare what a YAML file says; errors name the file, and its line or path."""
    declarations = read_declarations(question.text, question.origin)
    try:
        return declare_draft(desk, declarations, check=question.check)
    except YutangError as error:
        error.where = f"{question.origin} {error.where}".rstrip()
        raise


def read_catalogue(desk: Desk, _question: ReadVocabulary | None = None) -> Catalogue:
    """All that checking events needs to know; labels are left out."""
    return desk.epoch[CATALOGUE]
