"""The references under docs/reference that follow from the source: errors, settings, commands, API.

`python -m docs.generate` writes them; tests/tidy fails when one isn't what the source says. Those that are
written by hand or by others (conditions, identities, events, mappings) stand beside them.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterable, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any

import typer

from docs.error_codes import ErrorClass, Raised, survey
from yutang import app
from yutang.http.mount import build_api
from yutang.kernel.words import Route
from yutang.runtime.settings import ENVIRONMENT_OTHERS, ENVIRONMENT_PREFIX, Settings

ROOT = Path(__file__).resolve().parent.parent
REFERENCE = ROOT / "docs" / "reference"
TEXTS_SHOWN_MAX = 4  # of one code: messages and remedies
_TYPES = {str: "text", int: "whole number", bool: "true or false"}
HEAD = "<!-- Written by `make docs` from the source; edit that instead. -->\n"


def errors() -> str:
    """Every error code with its class, statuses, messages and remedies."""
    classes, found = survey(ROOT / "src" / "yutang")
    lines = [
        "# Errors", "",
        "Every error says what was wrong, where, and how to mend it, and has a stable code. Over HTTP it is",
        "`{code, message, where, remedy}` with the status of its class; the command line prints it and ends with the",
        "exit status. Braces stand for what is known only when it happens.", "",
        *_table(("class", "HTTP", "exit", "meaning"), [
            (f"`{one.name}`", str(one.http_status), str(one.exit_code), one.meaning) for one in classes.values()
        ]),
    ]  # fmt: skip
    by_code = sorted(found.raised, key=lambda one: one.code)
    for family, members in groupby(by_code, key=lambda one: one.code.split(".")[0]):
        rows = [_error_row(list(same), classes) for _, same in groupby(members, key=lambda one: one.code)]
        lines += ["", f"## {family}", "", *_table(("code", "class", "what was wrong", "how to mend it"), rows)]
    return _page(lines)


def _error_row(same: list[Raised], classes: Mapping[str, ErrorClass]) -> tuple[str, str, str, str]:
    names = " ".join(f"`{name}`" for name in dict.fromkeys(one.cls for one in same if one.cls in classes))
    return (
        f"`{same[0].code}`",
        names or "in an answer",
        _some(one.message for one in same),
        _some(one.remedy for one in same),
    )


def _some(texts: Iterable[str]) -> str:
    found = list(dict.fromkeys(text for text in texts if text))
    more = [f"… and {len(found) - TEXTS_SHOWN_MAX} more"] if len(found) > TEXTS_SHOWN_MAX else []
    return "<br>".join([_escaped(text) for text in found[:TEXTS_SHOWN_MAX]] + more)


def settings() -> str:
    """Every setting with its default and meaning."""
    rows = [
        (f"`{field.name}`", _TYPES[type(field.default)], f"`{_toml(field.default)}`",
         f"`{ENVIRONMENT_PREFIX}{field.name.upper()}`", str(field.metadata["meaning"]))
        for field in dataclasses.fields(Settings)
    ]  # fmt: skip
    others = ", ".join(f"`{name}`" for name in sorted(ENVIRONMENT_OTHERS))
    return _page([
        "# Settings", "",
        "From `yutang.toml` in the pool's folder, then the environment, then flags; the later wins. An unknown key is",
        "an error that names the closest one. `yutang config` prints what is in force and where each value came from.",
        "", *_table(("setting", "type", "default", "variable", "meaning"), rows), "",
        f"Variables with the prefix that aren't settings: {others}.",
    ])  # fmt: skip


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else f'"{value}"' if isinstance(value, str) else str(value)


def commands() -> str:
    """Every command of the command line."""
    top = typer.main.get_command(app.application())
    lines = ["# Commands", "", "Each takes `--help`. Exit statuses are those of the [errors](errors.md).", ""]
    lines += ["## Options of every command", "", *_parameters(top)]
    for path, command in _leaves(top, ()):
        told = inspect.cleandoc(command.help or "")
        lines += ["", f"## {' '.join(path)}", "", told, "", f"    yutang {' '.join((*path, *_usage(command)))}", ""]
        lines += _parameters(command)
    return _page(lines)


def _leaves(group: Any, path: tuple[str, ...]) -> Iterable[tuple[tuple[str, ...], Any]]:
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from _leaves(command, (*path, name))
        elif not command.hidden:
            yield (*path, name), command


def _usage(command: Any) -> Iterable[str]:
    """What follows a command's name: `[OPTIONS] FILE…`."""
    if any(one.param_type_name == "option" and "--help" not in one.opts for one in command.params):
        yield "[OPTIONS]"
    for one in command.params:
        if one.param_type_name == "argument":
            name = one.name.upper() + ("…" if one.nargs != 1 else "")
            yield name if one.required else f"[{name}]"


def _parameters(command: Any) -> list[str]:
    rows = []
    for one in command.params:
        if getattr(one, "hidden", False) or "--help" in one.opts:
            continue
        is_option = one.param_type_name == "option"
        names = ", ".join(f"`{name}`" for name in (*one.opts, *one.secondary_opts)) if is_option else f"`{one.name}`"
        default = "" if one.default in (None, False, "", ()) or callable(one.default) else f"`{one.default}`"
        rows.append((names, getattr(one, "help", None) or "", "required" if one.required else default))
    return _table(("argument or option", "meaning", "default"), rows) if rows else []


def api() -> str:
    """Every route with its permission, and the commands that cross the socket."""
    document = build_api(app.ROUTES, _no_desk).openapi()
    routes = sorted(app.ROUTES, key=lambda route: (route.path, route.method))
    lines = [
        "# HTTP API", "",
        "The service listens on loopback until there is a sign-in; who acts is the header `X-Acting-As`, by default",
        "the user of the machine. The full OpenAPI document, with every shape, is served at `/docs`. Instants are",
        "RFC 3339; money is `{minor, currency}`. Errors are told in [errors](errors.md).", "",
        *_table(("operation", "permission", "gives"), [
            (f"`{one.method} {one.path}`", f"`{one.permission.value}`", _first_line(one.handler)) for one in routes
        ]),
    ]  # fmt: skip
    for route in routes:
        rows = _route_rows(route, document)
        if rows:
            lines += ["", f"## {route.method} {route.path}", "", *_table(("parameter", "in", "type", "meaning"), rows)]
    calls = [
        (f"`{one.name}`", f"`{one.permission.value}`", f"`{one.question.__name__}`", f"`{one.answer.__name__}`")
        for one in sorted(app.COMMANDS, key=lambda one: one.name)
    ]
    lines += [
        "", "## Over the socket", "",
        "What the command line asks of a pool, in its own process or of a running service.", "",
        *_table(("command", "permission", "question", "answer"), calls),
    ]  # fmt: skip
    return _page(lines)


def _no_desk(_actor: str) -> Any:
    raise RuntimeError("no request is answered while documents are written")


def _route_rows(route: Route, document: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    operation = document["paths"][route.path][route.method.lower()]
    found = []
    for one in operation.get("parameters", []):
        if one["name"].lower() != "x-acting-as":
            told = one.get("description") or one["schema"].get("description") or ""
            found.append((f"`{one['name']}`", one["in"], _schema(one["schema"]), _escaped(told)))
    for content in operation.get("requestBody", {}).get("content", {}).values():
        found.append(("body", "body", _schema(content["schema"]), ""))
    return found


def _schema(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        return f"`{schema['$ref'].rsplit('/', maxsplit=1)[-1]}`"
    choices = [_schema(one) for one in schema.get("anyOf", []) if one.get("type") != "null"]
    if choices:
        return " or ".join(choices)
    of = f" of {_schema(schema['items'])}" if schema.get("items") else ""
    default = f", `{_toml(schema['default'])}`" if schema.get("default") not in (None, "") else ""
    return f"{schema.get('type', 'any')}{of}{default}"


def _first_line(function: Callable[..., Any]) -> str:
    return _escaped((inspect.getdoc(function) or "").split("\n\n", maxsplit=1)[0].replace("\n", " "))


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}", *(f"| {' | '.join(row)} |" for row in rows)]


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;").replace("\n", " ")


def _page(lines: Iterable[str]) -> str:
    return HEAD + "\n".join(line.rstrip() for line in lines) + "\n"


PAGES: Mapping[str, Callable[[], str]] = {
    "errors.md": errors, "settings.md": settings, "commands.md": commands, "api.md": api,
}  # fmt: skip


def main() -> None:
    """Write every page."""
    REFERENCE.mkdir(parents=True, exist_ok=True)
    for name, page in PAGES.items():
        (REFERENCE / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
