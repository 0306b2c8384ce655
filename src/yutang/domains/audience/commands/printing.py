"""What the audience's commands print alike."""

from __future__ import annotations

import json
from typing import Annotated

import msgspec
import typer

AsOf = Annotated[str, typer.Option("--as-of", help="an instant such as 2017-06-30T00:00:00Z; default: pool time")]
KnownAt = Annotated[
    str, typer.Option("--known-at", help="what was known by then: the change feed's word; default: as known now")
]
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]


def print_json(answer: object) -> None:
    """An answer as JSON."""
    typer.echo(json.dumps(msgspec.to_builtins(answer), ensure_ascii=False, indent=2))
