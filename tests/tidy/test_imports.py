"""The import contracts hold, cover every slice, and catch each kind of violation.

The last is proved on a skeleton of the same folders, in which each contract is broken once on purpose.
"""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.tidy.source import PACKAGE, ROOT

CONFIG = ROOT / ".importlinter"
ROOMS = ("api", "contracts", "rules", "store", "passes", "routes", "jobs", "commands")
SLICES = ("staff", "catalogue", "customers", "intake", "audience", "insight")
PLAIN = (
    "kernel.words", "conditions.nodes", "storage.database", "timeline.steps", "timeline.kernels.folds",
    "timeline.evaluation.measures", "runtime.desk", "runtime.log.store", "runtime.log.loop", "runtime.inbox.store",
    "http.mount", "cli.main",
)  # fmt: skip
VERDICT = re.compile(r"^(.+) (KEPT|BROKEN)$", re.MULTILINE)

# (the module that breaks it, what it imports), for each contract.
SEEDS: Mapping[str, tuple[str, str]] = {
    "levels": ("timeline.steps", "runtime.desk"),
    "slices": ("domains.catalogue.api", "domains.customers.api"),
    "rooms": ("domains.customers.store", "domains.customers.api"),
    "noshortcut": ("domains.insight.routes", "domains.insight.store"),
    "pure": ("domains.audience.rules", "sqlite3"),
    "contracts": ("domains.customers.contracts", "timeline.steps"),
    "doors": ("http.mount", "domains.insight.api"),
    "private_audience": ("domains.insight.api", "domains.audience.rules"),
    "private_catalogue": ("domains.customers.api", "domains.catalogue.store"),
    "private_customers": ("domains.audience.api", "domains.customers.store"),
    "private_insight": ("app", "domains.insight.store"),
    "private_intake": ("domains.insight.api", "domains.intake.rules"),
    "private_staff": ("domains.intake.api", "domains.staff.store"),
    "private_runtime": ("cli.main", "runtime.log.store"),
    "cycles": ("conditions.nodes", "conditions.text"),
}


def _contracts() -> dict[str, configparser.SectionProxy]:
    parser = configparser.ConfigParser()
    parser.read(CONFIG, "utf-8")
    sections = {name.rsplit(":", maxsplit=1)[1]: name for name in parser.sections() if ":" in name}
    return {key: parser[name] for key, name in sections.items()}


def _lint(folder: Path, *source: str) -> dict[str, bool]:
    """Contract name → kept, for the package that lies in a folder."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(source), "NO_COLOR": "1", "COLUMNS": "200"}
    command = Path(sys.executable).with_name("lint-imports")
    answer = subprocess.run(
        [command, "--no-cache", "--no-logo", "--config", str(CONFIG)],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    verdicts = {name.strip(): verdict == "KEPT" for name, verdict in VERDICT.findall(answer.stdout)}
    assert verdicts, answer.stdout + answer.stderr
    return verdicts


@pytest.fixture
def skeleton(tmp_path: Path) -> Iterator[Path]:
    """A package `yutang` with the folders of the product, and nothing in them."""
    rooms = [f"domains.{one}.{room}" for one in SLICES for room in ROOMS]
    for name in (*PLAIN, *rooms, "conditions.text", "app"):
        path = tmp_path / "yutang" / Path(*name.split(".")).with_suffix(".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        for folder in path.relative_to(tmp_path).parents:
            if folder.name:
                (tmp_path / folder / "__init__.py").touch()
        path.touch()
    (tmp_path / "yutang" / "conditions" / "text.py").write_text("import yutang.conditions.nodes\n", "utf-8")
    yield tmp_path
    shutil.rmtree(tmp_path)


class TestContracts:
    def test_the_product_keeps_them(self) -> None:
        broken = [name for name, kept in _lint(ROOT, str(ROOT / "src")).items() if not kept]
        assert not broken, f"run `.venv/bin/lint-imports`: broken are {broken}"

    def test_there_is_no_list_of_exceptions(self) -> None:
        assert "ignore_imports" not in CONFIG.read_text("utf-8")

    def test_levels_and_slices_are_exhaustive(self) -> None:
        contracts = _contracts()
        assert all(contracts[name]["exhaustive"] == "True" for name in ("levels", "slices", "rooms"))

    def test_every_slice_keeps_its_internals_private(self) -> None:
        rooms = [path for room in ("store", "rules") for path in (PACKAGE / "domains").glob(f"*/{room}*")]
        wanted = {path.parent.name for path in rooms}
        missing = sorted(name for name in wanted if f"private_{name}" not in _contracts())
        assert not missing, f".importlinter protects no internals of {missing}"


class TestTheyCatch:
    def test_nothing_in_an_empty_skeleton(self, skeleton: Path) -> None:
        assert all(_lint(skeleton, str(skeleton)).values())

    def test_each_contract_has_a_seed(self) -> None:
        assert set(SEEDS) == set(_contracts())

    @pytest.mark.parametrize("contract", sorted(SEEDS))
    def test_a_seeded_violation(self, skeleton: Path, contract: str) -> None:
        breaker, imported = SEEDS[contract]
        path = skeleton / "yutang" / Path(*breaker.split(".")).with_suffix(".py")
        path.write_text(f"import {imported if imported == 'sqlite3' else f'yutang.{imported}'}\n", "utf-8")
        assert not _lint(skeleton, str(skeleton))[_contracts()[contract]["name"]]

    @pytest.mark.parametrize("stranger", ["misc", "domains/misc", "domains/insight/misc"])
    def test_a_folder_that_no_contract_knows(self, skeleton: Path, stranger: str) -> None:
        (skeleton / "yutang" / f"{stranger}.py").touch()
        assert not all(_lint(skeleton, str(skeleton)).values())
