"""Webhooks on the pool's side: set, tried, listed, removed. The intake process is told of them with its basis.

A hook isn't part of the log: it says how what comes is read, and what came stays as it was read. Secrets lie in
files of the pool's folder `keys/` and never in the database, in a log or in an answer.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace

from yutang.conditions.vocabulary import Vocabulary
from yutang.domains.intake import store
from yutang.domains.intake.api.basis import basis_now
from yutang.domains.intake.api.delivering import judge_delivery, judge_mapping
from yutang.domains.intake.api.hooks import read_secret, secret_path
from yutang.domains.intake.api.importing import shown_event
from yutang.domains.intake.contracts import HookRow, Problem, ShownEvent
from yutang.domains.intake.rules.signatures import read_scheme, secret_problem
from yutang.domains.intake.rules.values import name_value
from yutang.kernel.errors import InvalidError, LimitError, NotFoundError
from yutang.kernel.instants import instant_text
from yutang.kernel.words import Command, Permission
from yutang.runtime.desk import Desk
from yutang.storage.files import write_durably

HOOKS_COUNT_MAX = 256
MAPPING_CHARS_MAX = 256_000
TRIED_BYTES_MAX = 16 * 1_024 * 1_024
EVENTS_SHOWN_MAX = 100
SECRET_MODE = 0o600
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")


@dataclass(frozen=True, slots=True)
class HookView:
    """A hook as people see it. path: where its sender posts to, on the intake's address. changed_at: RFC 3339."""

    name: str
    feed: str
    scheme: str
    path: str
    version: int
    changed_at: str
    changed_by: str
    has_secret: bool
    mapping: str = ""


@dataclass(frozen=True, slots=True)
class HookViews:
    """Hooks, by name, without their mappings."""

    hooks: tuple[HookView, ...]


@dataclass(frozen=True, slots=True)
class SetHook:
    """Question of `intake.set_hook`. feed: "": as the mapping says. secret: None: the one that it has."""

    name: str
    feed: str
    scheme: str
    mapping: str
    secret: str | None = None


@dataclass(frozen=True, slots=True)
class NamedHook:
    """Question of `intake.hook` and `intake.remove_hook`."""

    name: str


@dataclass(frozen=True, slots=True)
class ListHooks:
    """Question of `intake.hooks`."""


@dataclass(frozen=True, slots=True)
class TryHook:
    """Question of `intake.try_hook`. mapping: instead of the hook's own, if given. headers: names in lower case."""

    name: str
    body: bytes
    mapping: str = ""
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class HookTrial:
    """What would come of a body. events: the first of them. made: how many. ignored: records that may go."""

    made: int
    records: int
    ignored: int
    events: tuple[ShownEvent, ...]
    problems: tuple[Problem, ...]


def set_hook(desk: Desk, question: SetHook) -> HookView:
    """Define a hook or change it. Raises InvalidError for what doesn't fit, before anything is changed."""
    if not _NAME.fullmatch(question.name):
        raise InvalidError(
            "hook.name", f"{question.name[:80]!r} can't name a hook", where="name",
            remedy="use a-z, 0-9, - and _, 63 characters at most: it's part of an address",
        )  # fmt: skip
    scheme = read_scheme(question.scheme)
    feed = _judged_mapping(desk, question)
    with desk.database.unit() as uow:
        names = {row.name for row in store.read_hooks(uow)}
        if len(names | {question.name}) > HOOKS_COUNT_MAX:
            raise LimitError("hook.too_many", f"there are {HOOKS_COUNT_MAX} hooks", remedy="remove one")
        secret = read_secret(desk.folder.keys, question.name) if question.name in names else ""
        if question.secret is not None or not scheme.needs_secret:
            secret = question.secret or ""
        if problem := secret_problem(scheme, secret):
            raise InvalidError(
                "hook.secret", problem, where="secret", remedy="give it with --secret-file or --secret-env"
            )
        row = HookRow(
            question.name, feed, " ".join(question.scheme.split()), question.mapping, store.next_hook_version(uow),
            desk.now_ms, desk.actor,
        )  # fmt: skip
        store.write_hook(uow, row)
        _write_secret(desk, question.name, secret)
    return _view(row, secret)


def _judged_mapping(desk: Desk, question: SetHook) -> str:
    """The feed of a hook whose mapping can be used. Raises InvalidError."""
    if len(question.mapping) > MAPPING_CHARS_MAX:
        raise InvalidError(
            "hook.mapping_too_large", f"the mapping has {len(question.mapping)} characters", where="mapping",
            remedy=f"{MAPPING_CHARS_MAX} is the most",
        )  # fmt: skip
    plan = judge_mapping(basis_now(desk), question.mapping, desk.now_ms)
    if question.feed and plan.feed and question.feed != plan.feed:
        raise InvalidError(
            "hook.feed", f"the mapping is for the feed {plan.feed!r}, not {question.feed!r}", where="feed",
            remedy="say it in one place",
        )  # fmt: skip
    feed = question.feed or plan.feed
    if not feed:
        raise InvalidError(
            "hook.feed", "nothing says which feed the events belong to", where="feed", remedy="add --feed NAME"
        )
    try:
        name_value(feed)
    except InvalidError as error:
        error.where = "feed"
        raise
    return feed


def _write_secret(desk: Desk, name: str, secret: str) -> None:
    path = secret_path(desk.folder.keys, name)
    if secret:
        write_durably(path, secret.encode(), SECRET_MODE)
    else:
        path.unlink(missing_ok=True)


def remove_hook(desk: Desk, question: NamedHook) -> HookView:
    """Close a hook; what it has kept stays until it is too old. Raises NotFoundError."""
    with desk.database.unit() as uow:
        row = _found(store.read_hook(uow, question.name), question.name)
        gone = replace(row, removed_at=desk.now_ms, version=store.next_hook_version(uow))
        store.write_hook(uow, gone)
    _write_secret(desk, question.name, "")
    return _view(gone, "")


def list_hooks(desk: Desk, _question: ListHooks) -> HookViews:
    """The hooks in force."""
    with desk.reading() as uow:
        rows = store.read_hooks(uow)
    views = [_view(row, read_secret(desk.folder.keys, row.name)) for row in rows]
    return HookViews(tuple(replace(view, mapping="") for view in views))


def show_hook(desk: Desk, question: NamedHook) -> HookView:
    """One hook with its mapping. Raises NotFoundError."""
    with desk.reading() as uow:
        row = _found(store.read_hook(uow, question.name), question.name)
    return _view(row, read_secret(desk.folder.keys, question.name))


def try_hook(desk: Desk, question: TryHook) -> HookTrial:
    """What would come of a body, changing nothing. Raises NotFoundError, InvalidError."""
    if len(question.body) > TRIED_BYTES_MAX:
        raise InvalidError(
            "hook.body_too_large", f"a body has at most {TRIED_BYTES_MAX} bytes", where="body",
            remedy="try a smaller one",
        )  # fmt: skip
    basis = basis_now(desk)
    mapping = question.mapping or show_hook(desk, NamedHook(question.name)).mapping
    judge_mapping(basis, mapping, desk.now_ms)
    judged = judge_delivery(basis, mapping, question.headers, question.body, desk.now_ms)
    vocabulary: Vocabulary = basis.catalogue.vocabulary
    events = tuple(shown_event(i, event, vocabulary) for i, event in enumerate(judged.events[:EVENTS_SHOWN_MAX]))
    return HookTrial(
        len(judged.events), judged.records, judged.ignored, events, tuple(judged.problems[:EVENTS_SHOWN_MAX])
    )


def _found(row: HookRow | None, name: str) -> HookRow:
    if row is None:
        raise NotFoundError("hook.absent", f"there is no hook {name[:60]!r}", remedy="`yutang hook list` names them")
    return row


def _view(row: HookRow, secret: str) -> HookView:
    return HookView(
        row.name, row.feed, row.scheme, f"/v1/hooks/{row.name}", row.version, instant_text(row.changed_at),
        row.changed_by, bool(secret), row.mapping,
    )  # fmt: skip


SET = Command("intake.set_hook", Permission.KEYS, SetHook, HookView, set_hook)
REMOVE = Command("intake.remove_hook", Permission.KEYS, NamedHook, HookView, remove_hook)
LIST_HOOKS = Command("intake.hooks", Permission.KEYS, ListHooks, HookViews, list_hooks)
SHOW = Command("intake.hook", Permission.KEYS, NamedHook, HookView, show_hook)
TRY = Command("intake.try_hook", Permission.KEYS, TryHook, HookTrial, try_hook)
