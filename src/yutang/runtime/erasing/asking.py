"""What an api asks of erasing: to hand over the record, to prove by search, and to list the tombstones."""

from __future__ import annotations

import gc
from collections.abc import Sequence

import msgspec

from yutang.kernel.errors import DamagedError, InvalidError
from yutang.kernel.event import Identity
from yutang.kernel.instants import instant_text
from yutang.runtime.desk import Desk
from yutang.runtime.erasing import store
from yutang.runtime.erasing.contracts import REASON_CHARS_MAX, EraseRecord, Erasure, Proof
from yutang.runtime.erasing.erasing_pass import scrub
from yutang.runtime.erasing.needles import RAW_BYTES_MIN, needles_of
from yutang.runtime.erasing.search import search
from yutang.runtime.log.contracts import ERASE
from yutang.runtime.slots import TIMELINE

PLACES_NAMED_MAX = 10


def hand_over(desk: Desk, record: EraseRecord, gone: Sequence[Identity]) -> Erasure:
    """Submit an erasure and wait until it is done; remove its traces from the databases."""
    reason = record.reason.strip()
    if not reason or len(reason) > REASON_CHARS_MAX:
        raise InvalidError(
            "erase.reason", f"a reason of 1 to {REASON_CHARS_MAX} characters is needed", where="reason",
            remedy="say why, such as `asked by letter of 3 March`; it stays with the tombstone",
        )  # fmt: skip
    if needles_of(gone).of(reason):
        raise InvalidError(
            "erase.reason_personal", "the reason holds an identity of the customer", where="reason",
            remedy="leave it out: the reason stays when the customer is erased",
        )  # fmt: skip
    texts = [identity.value for identity in gone if len(identity.value.encode()) >= RAW_BYTES_MIN]
    desk.log.payloads.forget(texts)  # first, so that nothing is begun while the inbox can't be reached
    outcome = desk.submit(ERASE, msgspec.msgpack.encode(record))
    desk.log.payloads.forget(texts)  # and what the inbox has still to let go of, without a trace in its file
    scrub(desk.database)
    return next(one for one in tombstones(desk) if one.seq == int(outcome["seq"]))


def tombstones(desk: Desk) -> tuple[Erasure, ...]:
    """All erasures, newest first."""
    with desk.reading() as uow:
        return tuple(
            Erasure(row.seq, row.customer, instant_text(row.at), row.actor, row.reason, row.identities, row.events)
            for row in store.read_erasures(uow)
        )


def prove(desk: Desk, gone: Sequence[Identity], alive: frozenset[str], erased_at: int) -> Proof:
    """Search the folder for the values of identities that are gone. alive: values that an identity has now."""
    gc.collect()  # an epoch that only a circle of objects holds would hold its files too
    sought = [identity for identity in gone if identity.value not in alive]
    skipped = [f"{identity.kind}: another customer has it, or it came again" for identity in gone
               if identity.value in alive]  # fmt: skip
    needles = needles_of(sought)
    skipped += [f"{needles.kinds[value]}: shorter than {RAW_BYTES_MIN} bytes, so sought as a whole value only"
                for value in sorted(needles.wholes)]  # fmt: skip
    files = desk.renewed().epoch[TIMELINE].files
    proof = search(desk.folder, files, needles, tuple(dict.fromkeys(skipped)), erased_at)
    if any(place.where.startswith(desk.folder.database.name) for place in proof.left):
        # What a page keeps between its live cells outlasts a deletion; a file written anew doesn't.
        desk.database.leave_no_trace(rewrite=True)
        proof = search(desk.folder, files, needles, tuple(dict.fromkeys(skipped)), erased_at)
    return proof


def judged(proof: Proof) -> Proof:
    """The proof, if nothing was left. Raises DamagedError with the places otherwise."""
    if proof.left:
        named = ", ".join(f"{place.where} ({place.what})" for place in proof.left[:PLACES_NAMED_MAX])
        raise DamagedError(
            "erase.traces_left", f"the customer is erased, but a search found traces: {named}",
            remedy="if a reader was at work, erase what is found again later; else report the places",
        )  # fmt: skip
    return proof
