"""Import jobs on the pool's side: begun once, gone on with, refused when finished, run again when asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from yutang.domains.intake.api.jobs import begin_import, finish_import, list_imports
from yutang.domains.intake.contracts import BeginImport, FinishImport, ImportState, ListImports
from yutang.kernel.errors import ConflictError, NotFoundError
from yutang.storage.database import open_sqlite
from yutang.storage.schema import metadata

ASK = BeginImport("k1", "orders.csv", "orders.yaml", "shop", history=True, again=False)


@pytest.fixture
def desk(tmp_path: Path) -> Any:
    database = open_sqlite(tmp_path / "yutang.db")
    with database.unit() as uow:
        metadata.create_all(uow.connection)
    return SimpleNamespace(database=database, reading=database.reading, now_ms=1_000, actor="ada")


class TestBegin:
    def test_a_new_one_is_run_one(self, desk: Any) -> None:
        job = begin_import(desk, ASK)
        assert (job.job, job.run, job.state, job.actor, job.started_at) == (
            "k1-1",
            1,
            ImportState.RUNNING,
            "ada",
            1_000,
        )

    def test_an_unfinished_one_goes_on(self, desk: Any) -> None:
        assert begin_import(desk, ASK) == begin_import(desk, replace(ASK, again=True))

    def test_going_on_otherwise_than_begun_is_refused(self, desk: Any) -> None:
        begin_import(desk, ASK)
        with pytest.raises(ConflictError) as caught:
            begin_import(desk, replace(ASK, history=False))
        assert (caught.value.code, caught.value.remedy) == ("import.history_differs", "go on with it")

    def test_a_finished_one_is_refused_unless_again(self, desk: Any) -> None:
        finish_import(desk, FinishImport(begin_import(desk, ASK).job, 10, 9, 1))
        with pytest.raises(ConflictError) as caught:
            begin_import(desk, ASK)
        assert str(caught.value) == (
            "orders.csv: it was imported at 1970-01-01T00:00:01Z by ada: 9 events "
            "→ nothing is missing; to hand it over once more, add --again [import.finished_already]"
        )
        assert begin_import(desk, replace(ASK, again=True)).job == "k1-2"


def test_jobs_are_listed_with_their_totals(desk: Any) -> None:
    job = begin_import(desk, ASK)
    desk.now_ms = 2_000
    begin_import(desk, replace(ASK, key="k2"))
    finish_import(desk, FinishImport(job.job, 10, 9, 1))
    assert [(j.job, j.state.value, j.rows, j.events, j.rejected) for j in list_imports(desk, ListImports()).jobs] == [
        ("k2-1", "running", 0, 0, 0),
        ("k1-1", "finished", 10, 9, 1),
    ]


def test_finishing_what_never_began_is_refused(desk: Any) -> None:
    with pytest.raises(NotFoundError):
        finish_import(desk, FinishImport("k9-1", 0, 0, 0))
