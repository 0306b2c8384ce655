"""The `yutang` command: global options, the slices' lines under their paths, errors with place and remedy."""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Protocol

import typer
from rich.console import Console

from yutang import __version__
from yutang.kernel.errors import InvalidError, UnavailableError, YutangError
from yutang.kernel.speech import plain
from yutang.kernel.words import Line
from yutang.runtime.folder import Folder
from yutang.runtime.settings import InForce, Settings, load_settings


class Opened(Protocol):
    """What the lines of a command line are given as their context: `kernel.words.Caller`, or what the line wants."""

    def close(self) -> None:
        """Give everything back."""


Opener = Callable[[Folder, Settings, tuple[InForce, ...], str | None], Opened]

GROUP_HELP = {
    "clock": "The pool's clock: real, simulated and standing, or simulated and running.",
    "customer": "One customer: identities, profile, timeline, merges.",
    "catalogue": "Event types, traits and records of this brand.",
    "hook": "Webhooks of shops and tools, and what their mappings couldn't read.",
    "keep": "For how long the events of a type are kept.",
    "key": "API keys, by which sites, apps and shops hand over events.",
    "label": "Tags, stages, tiers and segments.",
}


def build(lines: Sequence[Line], opener: Opener) -> typer.Typer:
    """The command line of the given lines."""
    top = typer.Typer(
        no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich",
        help="Yutang (鱼塘): one pool of customers, their timelines, and what is known of them.",
    )  # fmt: skip

    @top.callback(invoke_without_command=True)
    def options(
        ctx: typer.Context,
        data: Annotated[Path | None, typer.Option("--data", help="the pool's folder (YUTANG_DATA)")] = None,
        acting: Annotated[str | None, typer.Option("--as", help="who acts; the user of the machine")] = None,
        language: Annotated[str | None, typer.Option("--language", help="zh or en")] = None,
        zone: Annotated[str | None, typer.Option("--zone", help="IANA time zone of the pool")] = None,
        currency: Annotated[str | None, typer.Option("--currency", help="ISO 4217 currency of the pool")] = None,
        version: Annotated[bool, typer.Option("--version", help="print the version")] = False,
    ) -> None:
        if version:
            typer.echo(__version__)
            raise typer.Exit
        if ctx.resilient_parsing:
            return
        folder = folder_from(data, os.environ.get("YUTANG_DATA"))
        flags = {"language": language, "zone": zone, "currency": currency}
        settings, in_force = load_settings(folder.config, os.environ, flags)
        caller = opener(folder, settings, in_force, acting)
        ctx.obj = caller
        ctx.call_on_close(caller.close)

    groups: dict[str, typer.Typer] = {}
    for line in lines:
        *parents, name = line.path.split()
        target = top
        for parent in parents:
            if parent not in groups:
                groups[parent] = typer.Typer(no_args_is_help=True, help=GROUP_HELP.get(parent, ""))
                top.add_typer(groups[parent], name=parent)
            target = groups[parent]
        target.command(name)(line.function)
    return top


def folder_from(data: Path | None, environment: str | None) -> Folder:
    """The folder that a command means: `--data`, else `YUTANG_DATA`, else `pool/` here."""
    return Folder((data or Path(environment or "pool")).absolute())


def run(application: typer.Typer, arguments: Sequence[str] | None = None) -> int:
    """Run a command line; its exit status. Errors of the tree are shown, not thrown."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # what a file or terminal can't spell is no reason to stop
    try:
        # Without its own way to end a process, the library gives back the status of a `typer.Exit`.
        status = application(args=_judged(sys.argv[1:] if arguments is None else arguments), standalone_mode=False)
    except YutangError as error:
        return _show(error)
    except OSError as error:
        refused = UnavailableError(
            "machine.refused", error.strerror or str(error), where=str(error.filename or ""),
            remedy="make room, or mend the rights, and go on: nothing acknowledged is lost",
        )  # fmt: skip
        return _show(refused)
    except typer.Exit as leaving:
        return int(leaving.exit_code)
    except typer.Abort:
        return 130
    except KeyboardInterrupt:
        return 130
    except Exception as error:
        show: Any = getattr(error, "show", None)
        if show is None:
            raise
        show()
        return 2
    return status if isinstance(status, int) else 0


def _judged(arguments: Sequence[str]) -> Sequence[str]:
    """The arguments as typed. Raises InvalidError for bytes that no text has."""
    for argument in arguments:
        if any("\ud800" <= character <= "\udfff" for character in argument):
            raise InvalidError(
                "argument.encoding", f"{argument[:60]!r} isn't text in UTF-8",
                remedy="rename the file, or type it in a terminal that speaks UTF-8",
            )  # fmt: skip
    return arguments


def _show(error: YutangError) -> int:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    place = f"{error.where}: " if error.where else ""
    console.print("error:", style="bold red", end=" ")
    console.print(plain(f"{place}{error.message}"), markup=False)
    if error.remedy:
        console.print(plain(f"  → {error.remedy}"), markup=False)
    console.print(f"  [{error.code}]", style="dim", markup=False)
    sys.stderr.flush()
    return error.exit_code
