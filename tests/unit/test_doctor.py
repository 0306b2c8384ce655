"""What the doctor foretells and warns of; damage has its tests in tests/crash, a running service in tests/e2e."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.commands import run
from tests.support.pools import Scratch, event

from yutang.cli import checkup, doctor
from yutang.cli.checkup import CHECKS, WORDS
from yutang.domains.staff import api as keys
from yutang.domains.staff.commands import CHECKS as STAFF_CHECKS
from yutang.domains.staff.contracts import KeyDraft
from yutang.kernel.clock import SystemClock
from yutang.kernel.instants import DAY_MS
from yutang.runtime.backup.taking import take_backup
from yutang.runtime.findings import Finding, Look
from yutang.runtime.settings import Settings


@dataclass
class Later:
    """A machine whose clock is off."""

    by_ms: int = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.by_ms

    def stopwatch_s(self) -> float:
        return SystemClock().stopwatch_s()


@pytest.fixture
def scratch(tmp_path):
    made = Scratch(tmp_path / "pool", flush_rows=4, language="en")
    yield made
    made.close()


def looked(scratch: Scratch, subject: str, by_ms: int = 0, **settings: object) -> list[Finding]:
    wanted = Settings(**{"language": "en", **settings})  # type: ignore[arg-type]
    found = doctor.findings(scratch.folder, wanted, [*CHECKS, *STAFF_CHECKS], Later(by_ms))
    return [one for one in found if one.subject == subject]


def grow(scratch: Scratch, days: int) -> None:
    """A few events a day, as pool time goes on."""
    for day in range(days):
        at = scratch.pool.now_ms()
        scratch.send(*[event("search", at - n, f"member_no:{day}", f"{day}-{n}") for n in range(1, 6)])
        scratch.advance("1d")
    scratch.send(event("search", scratch.pool.now_ms(), "member_no:last"))


class TestTheForecast:
    def test_of_too_little_nothing_is_foretold(self, scratch):
        (found,) = looked(scratch, "forecast")
        assert (found.level, found.message) == ("ok", WORDS["no_forecast"][1])

    def test_of_a_standing_clock_it_speaks_of_pool_days_only(self, scratch):
        grow(scratch, 10)
        (found,) = looked(scratch, "forecast")
        assert "MB a day of pool time over the last 10" in found.message
        assert "the clock stands" in found.message

    def test_a_disk_that_is_soon_full_is_a_warning(self, scratch):
        grow(scratch, 10)
        settings = Settings(language="en", disk_reserve_mb=0)
        look = Look(scratch.folder, settings, scratch.pool.database, SystemClock().now_ms())
        used = checkup.folder_bytes(scratch.folder.root) - scratch.folder.inbox.stat().st_size
        # What ten days took, a good two times over, is soon gone; forty times isn't.
        for times, level in ((2, "warn"), (40, "ok")):
            found = checkup.forecast(look, times * used, used)
            assert found.level == level, found.message
            days = int(found.message.split("room for ")[1].split(" ")[0].replace(",", ""))
            assert days == pytest.approx(10 * times, rel=0.2)


class TestTheClock:
    def test_that_stepped_back_is_told(self, tmp_path):
        scratch = Scratch(tmp_path / "pool")
        from yutang.cli.clock import CLOCK_COMMAND, ClockQuestion

        CLOCK_COMMAND.run(scratch.desk(), ClockQuestion("real"))
        scratch.send(event("search", "2026-02-01", "member_no:1"))
        assert [one.level for one in looked(scratch, "clock")] == ["ok"]
        (found,) = looked(scratch, "clock", by_ms=-2 * DAY_MS)
        assert found.level == "warn"
        assert "stepped back" in found.message
        assert found.remedy
        scratch.close()

    def test_how_pool_time_moves_is_said(self, scratch):
        (found,) = looked(scratch, "clock")
        assert found.message == "simulated and standing, 2026-03-01T00:00:00Z"


class TestBackups:
    def test_none_an_old_one_and_one_that_is_gone(self, scratch, tmp_path):
        assert [one.level for one in looked(scratch, "backup")] == ["warn"]
        target = tmp_path / "backup"
        take_backup(scratch.folder, target, SystemClock(), lambda _s: None, lambda _n: None, lambda _f, _n: None)
        (fresh,) = looked(scratch, "backup")
        assert fresh.level == "ok"
        assert str(target) in fresh.message
        assert [one.level for one in looked(scratch, "backup", by_ms=8 * DAY_MS)] == ["warn"]
        (target / "backup.json").unlink()
        assert "isn't at" in looked(scratch, "backup")[0].message


class TestLimits:
    def test_what_waits_is_held_against_the_limit(self, scratch):
        from yutang.kernel.event import EventBlob, encode_blob

        waiting = [event("search", "2026-02-01", "member_no:1", f"w{n}") for n in range(900)]
        blob = encode_blob(EventBlob("test", False, 1, waiting))
        scratch.pool.inbox.put(blob, lane="live", job="late", rows_from=0, next_row=1, count=len(waiting))
        levels = {most: looked(scratch, "waiting", waiting_events_max=most)[0].level for most in (800, 1_000, 100_000)}
        assert levels == {800: "bad", 1_000: "warn", 100_000: "ok"}


class TestKeys:
    def test_old_ones_are_named(self, scratch):
        assert "no key yet" in looked(scratch, "keys")[0].message
        made = keys.create_key(scratch.desk(), KeyDraft("till", "till"))
        (found,) = looked(scratch, "keys")
        assert found.message == "1 in force, 0 of them being rotated; 0 revoked"
        _, old = looked(scratch, "keys", by_ms=400 * DAY_MS)
        assert (old.level, made.card.id in old.message) == ("warn", True)
        assert old.remedy == f"yutang key rotate {made.card.id}"


class TestWords:
    def test_every_finding_is_said_in_both_languages(self, scratch):
        english = [one.subject for one in doctor.findings(scratch.folder, Settings(language="en"))]
        chinese = list(doctor.findings(scratch.folder, Settings(language="zh")))
        assert [one.subject for one in chinese] == english
        assert all(any("\u4e00" <= letter <= "\u9fff" for letter in one.message) for one in chinese)


def test_a_pool_of_an_older_version_is_left_as_it_is(tmp_path: Path) -> None:
    import sqlite3
    from contextlib import closing

    scratch = Scratch(tmp_path / "pool")
    scratch.close()
    with closing(sqlite3.connect(tmp_path / "pool" / "yutang.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    done = run(tmp_path / "pool", "doctor", language="en")
    assert "any command brings it up to date" in done.stdout
    with closing(sqlite3.connect(tmp_path / "pool" / "yutang.db")) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == ("0001",)
