"""Saving the customers behind a figure, as a segment.

What is saved is who is in the set now. Each member gets a tag by hand, in a group of its own, and the segment is
defined as that tag. So a saved set has no second way to exist: as of, merge and unmerge, erasing, the feed and what
follows from labels treat it as they treat any tag. Saving again gives and takes only what differs, so it may be
repeated after whatever interrupted it.
"""

from __future__ import annotations

import numpy as np

from yutang.conditions.nodes import HasTag
from yutang.conditions.text import to_text
from yutang.domains.audience.api import definitions
from yutang.domains.audience.api.evaluating import AUDIENCE, POINT_CUSTOMERS_AT_ONCE_MAX, everyone, point, read_for
from yutang.domains.audience.contracts import Label, LabelDraft, LabelKind, RungDraft
from yutang.domains.customers import api as customers
from yutang.domains.customers.contracts import TagOrder
from yutang.domains.insight.api.sets import members
from yutang.domains.insight.contracts.sets import SaveAnswer, SaveQuestion
from yutang.kernel.errors import ConflictError, InvalidError
from yutang.runtime.desk import Desk
from yutang.runtime.slots import PEOPLE, VOCABULARY
from yutang.timeline.evaluate import Evaluation
from yutang.timeline.people import NO_ANCHOR
from yutang.timeline.steps import Flags, Ints
from yutang.timeline.view import View

GROUP = "saved"  # of the tags that saved sets are made of
VALUE = "in"


def save(desk: Desk, question: SaveQuestion) -> SaveAnswer:
    """Keep a set as a segment. Raises InvalidError for the name, ConflictError if it is another label's or if somebody
    else changed the segment meanwhile, and what the set's question raises."""
    name = question.name
    if not definitions.LABEL_NAME.fullmatch(name):
        raise InvalidError(
            "label.name", f"{name!r} can't be the name of a label", where="name",
            remedy="use small letters, digits and _; the title may be in any language",
        )  # fmt: skip
    state = desk.epoch[AUDIENCE]
    label = state.waiting[name].label if name in state.waiting else state.labels.get(name)
    if label is not None and not _is_saved(label):
        raise ConflictError(
            "insight.save_taken", f"{name} is a label with a condition of its own", where="name",
            remedy="save under another name",
        )  # fmt: skip
    wanted, held = members(desk, question.set), _holders(desk, name)
    added, removed = np.setdiff1d(wanted, held, True), np.setdiff1d(held, wanted, True)
    leads = customers.leads(desk.epoch, desk.epoch[PEOPLE], wanted)
    at, order = desk.now_ms, TagOrder(name, GROUP)
    customers.tag_many(desk, leads[np.isin(wanted, added)], order, at)
    gone = customers.leads(desk.epoch, desk.epoch[PEOPLE], removed)
    customers.tag_many(desk, gone, TagOrder(name, GROUP, remove=True), at)
    if label is None or question.title_zh or question.title_en:
        rung = RungDraft(VALUE, to_text(HasTag(name, GROUP), desk.epoch[VOCABULARY]))
        definitions.define(desk, LabelDraft(name, LabelKind.SEGMENT, (rung,), question.title_zh, question.title_en))
    size = _checked(desk.renewed(), name, leads)
    return SaveAnswer(name, size, len(added), len(removed))


def _is_saved(label: Label) -> bool:
    """Whether a label is a set that was saved."""
    return [rung.test for rung in label.rungs] == [HasTag(label.name, GROUP)]


def _holders(desk: Desk, name: str) -> Ints:
    """The heads of those who have a saved set's tag now, ascending."""
    everybody, now = everyone(desk.epoch), desk.now_ms
    context, tag = point(desk.epoch, now), HasTag(name, GROUP)

    def has_it(view: View) -> tuple[Flags]:
        return (Evaluation(view, context).truth(tag).values_at(now) == 1,)

    (tagged,) = everybody.columns(has_it, read_for(desk.epoch, [tag]), POINT_CUSTOMERS_AT_ONCE_MAX)
    return everybody.heads[tagged]


def _checked(desk: Desk, name: str, leads: Ints) -> int:
    """How many hold the tag, who must be those to whom the identities belong by now."""
    owners = desk.epoch[PEOPLE].head_of[leads]
    wanted, held = np.unique(owners[owners != NO_ANCHOR]), _holders(desk, name)
    if not np.array_equal(wanted, held):
        raise ConflictError(
            "insight.save_crossed", f"somebody else changed {name} while it was saved", where="name",
            remedy="save it again",
        )  # fmt: skip
    return len(held)
