"""The only module that knows everything: which slices there are, the order of their passes, the doors' contents.

Order of passes: catalogue (what may be said) → customers (who it is) → timeline (what happened) → audience
(what follows). Each sees what the ones before it made of a record.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import typer

from yutang.cli import backup, clock, config, doctor, quarantine, serve
from yutang.cli.caller import PoolCaller
from yutang.cli.main import build, run
from yutang.domains.audience import jobs as audience_jobs
from yutang.domains.audience import routes as audience_routes
from yutang.domains.audience.api.measuring import label_samples
from yutang.domains.audience.api.retaining import windows_needed
from yutang.domains.audience.commands import every as audience
from yutang.domains.audience.passes import AudiencePass
from yutang.domains.catalogue import commands as catalogue
from yutang.domains.catalogue import routes as catalogue_routes
from yutang.domains.catalogue.api import retain_daily
from yutang.domains.catalogue.passes import CataloguePass
from yutang.domains.customers import routes as customers_routes
from yutang.domains.customers.commands import calls as customers_calls
from yutang.domains.customers.commands import erasing as customers_erasing
from yutang.domains.customers.commands import lines as customers_lines
from yutang.domains.customers.passes import CustomersPass
from yutang.domains.insight.commands import every as insight
from yutang.domains.insight.routes import every as insight_routes
from yutang.domains.intake import routes as intake_routes
from yutang.domains.intake.api.basis import basis_now
from yutang.domains.intake.commands import hooks as intake_hooks
from yutang.domains.intake.commands import importing as intake
from yutang.domains.staff import commands as staff
from yutang.domains.staff import routes as staff_routes
from yutang.kernel.clock import SystemClock
from yutang.kernel.faults import Faults
from yutang.kernel.words import Command, Line, Route
from yutang.runtime.daily import Chore
from yutang.runtime.dying import faults_named
from yutang.runtime.ending import leave
from yutang.runtime.erasing.erasing_pass import ErasingPass
from yutang.runtime.folder import Folder
from yutang.runtime.log.contracts import Pass
from yutang.runtime.log.loop import Lake
from yutang.runtime.measures import Measure
from yutang.runtime.pool import Blueprint
from yutang.runtime.settings import InForce, Settings, load_settings
from yutang.runtime.telemetry import configure_logs
from yutang.runtime.timeline_pass import TimelinePass

ROUTES: tuple[Route, ...] = (
    *customers_routes.ROUTES,
    *audience_routes.ROUTES,
    *insight_routes.ROUTES,
    *catalogue_routes.ROUTES,
    *staff_routes.ROUTES,
    *intake_routes.ROUTES,
)
COMMANDS: tuple[Command[Any, Any], ...] = (
    *clock.COMMANDS,
    *quarantine.COMMANDS,
    *backup.COMMANDS,
    *catalogue.COMMANDS,
    *customers_calls.COMMANDS,
    *customers_erasing.COMMANDS,
    *intake.COMMANDS,
    *intake_hooks.COMMANDS,
    *audience.COMMANDS,
    catalogue.set_retention_command(windows_needed),
    *insight.COMMANDS,
    *staff.COMMANDS,
)
MEASURES: tuple[Measure, ...] = (label_samples,)
CHORES: tuple[Chore, ...] = (retain_daily, audience_jobs.keep_histories)
LINES: tuple[Line, ...] = (
    *insight.LINES,
    *audience.LINES,
    *customers_lines.LINES,
    *customers_erasing.LINES,
    *intake.LINES,
    *intake_hooks.LINES,
    *catalogue.LINES,
    *staff.LINES,
    *clock.LINES,
    *quarantine.LINES,
    *serve.LINES,
    *doctor.lines(staff.CHECKS),
    *backup.LINES,
    *config.LINES,
)


def passes(folder: Folder, settings: Settings, faults: Faults) -> tuple[Sequence[Pass], Lake]:
    """The passes in their order, and the one that owns the lake."""
    timeline = TimelinePass(folder, settings.flush_rows, SystemClock(), faults, settings.cache_gb)
    catalogue_pass = CataloguePass(settings.zone, settings.currency)
    people, audience_pass = CustomersPass(folder), AudiencePass(folder, faults)
    return (catalogue_pass, people, timeline, audience_pass, ErasingPass(folder, faults)), timeline


# Where both want a processor, intake has it first: an acknowledgement is waited for, and what it takes isn't lost.
BEHIND_INTAKE = 10

BLUEPRINT = Blueprint(passes, {command.name: command for command in COMMANDS})


def open_caller(folder: Folder, settings: Settings, in_force: tuple[InForce, ...], actor: str | None) -> PoolCaller:
    """A caller on this machine's clock."""
    return PoolCaller(folder, settings, in_force, BLUEPRINT, SystemClock(), faults_named(), time.sleep, actor)


def application() -> typer.Typer:
    """The command line."""
    return build(LINES, open_caller)


def main() -> None:
    """The `yutang` command."""
    configure_logs()
    sys.exit(run(application()))


def _engine(data: Path) -> int:
    """The engine process of a service, started by its supervisor."""
    os.nice(BEHIND_INTAKE)
    from yutang.domains.intake.routes import DOORS
    from yutang.http.engine import run_engine

    folder = Folder(data)
    settings, _ = load_settings(folder.config, os.environ, {})
    configure_logs(settings.log_format, settings.log_level, "engine")
    return run_engine(
        folder, settings, SystemClock(), faults_named(), time.sleep,
        routes=ROUTES, doors=DOORS, blueprint=BLUEPRINT, basis=basis_now, measures=MEASURES,
        chores=CHORES, attendants=(audience_jobs.building_labels,),
    )  # fmt: skip


if __name__ == "__main__":
    leave(_engine(Path(sys.argv[1])))
