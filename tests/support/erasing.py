"""Erasing in a scratch pool: after a flush, as the log does it, and what of a folder's bytes is still there."""

from __future__ import annotations

from pathlib import Path

from tests.support.pools import Scratch
from yutang.domains.customers import api
from yutang.kernel.event import Identity
from yutang.runtime.erasing.contracts import Erased, EraseOrder

REASON = "asked by letter"


def erase(scratch: Scratch, customer: str) -> Erased:
    """Erase, and prove it again once nothing of the first question is pinned any more."""
    preview = api.preview_erase(scratch.desk(), customer)
    erased = api.erase(scratch.desk(), customer, EraseOrder(REASON))
    gone = [Identity(one.kind, "", one.value) for one in preview.values]
    return Erased(erased.erasure, erased.kept, api.judged(api.prove(scratch.desk(), erased.erasure.at, gone)))


def files_with(folder: Path, value: str) -> list[str]:
    """The files below a folder whose bytes hold a value, in any case; compressed ones hold it unseen."""
    sought = value.lower().encode()
    return sorted(
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and sought in path.read_bytes().lower()
    )
