"""The basis by which the intake process judges: all that it must know of the pool, as one value."""

from __future__ import annotations

from collections.abc import Sequence

from yutang.domains.catalogue import api as catalogue
from yutang.domains.customers import api as customers
from yutang.domains.intake.api.hooks import read_hooks
from yutang.domains.intake.contracts import Hook, IntakeBasis
from yutang.domains.staff import api as staff
from yutang.domains.staff.contracts import ApiKey
from yutang.runtime.desk import Desk
from yutang.runtime.log.contracts import Epoch
from yutang.runtime.settings import Settings


def compose_basis(
    epoch: Epoch, settings: Settings, keys: Sequence[ApiKey], hooks: Sequence[Hook], version: int = 0
) -> IntakeBasis:
    """The basis of an epoch. version: 0 until whoever tells it gives it one."""
    return IntakeBasis(
        version,
        epoch[catalogue.CATALOGUE],
        epoch[customers.CUSTOMERS].kinds,
        settings.zone,
        settings.currency,
        settings.country,
        settings.strict,
        tuple(keys),
        tuple(hooks),
    )


def basis_now(desk: Desk) -> IntakeBasis:
    """The basis of a desk's epoch with the keys and hooks in force now, version 0. Cheap: it is asked all the time."""
    with desk.reading() as uow:
        keys, hooks = staff.keys_in_force(uow), read_hooks(uow, desk.folder.keys)
    return compose_basis(desk.epoch, desk.settings, keys, hooks)
