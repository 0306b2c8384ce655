"""Reading mapping files."""

from __future__ import annotations

from pathlib import Path

from yutang.domains.catalogue import api as catalogue
from yutang.domains.intake.contracts import FileMapping
from yutang.kernel.errors import InvalidError


def read_mapping(text: str, origin: str) -> FileMapping:
    """A mapping file's text. Raises InvalidError with line, path and the likely key."""
    return catalogue.read_document(text, FileMapping, origin)


def load_mapping(path: Path) -> tuple[FileMapping, str]:
    """A mapping file and its text. Raises InvalidError."""
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidError(
            "file.unreadable", f"the mapping can't be read: {error}", where=str(path),
            remedy="name a YAML file in UTF-8",
        ) from None  # fmt: skip
    return read_mapping(text, str(path)), text
