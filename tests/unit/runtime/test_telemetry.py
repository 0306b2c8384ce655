"""Lines of the log: key=value or JSON, from a level on, without customers' data in tracebacks."""

from __future__ import annotations

import json

import pytest
import structlog

from yutang.kernel.errors import ConflictError
from yutang.runtime.telemetry import configure_logs, report_end

SECRET = "13800138000"


@pytest.fixture(autouse=True)
def as_before():
    yield
    configure_logs()


def fail(phone: str) -> None:
    raise ValueError(f"no customer of {len(phone)} digits")


def say_all() -> None:
    logger = structlog.get_logger("any")
    logger.debug("small", n=1)
    logger.info("went well", records=3, where="湖")
    try:
        fail(SECRET)
    except ValueError:
        logger.exception("went wrong")


class TestText:
    def test_facts_stand_as_key_and_value(self, capsys):
        configure_logs()
        say_all()
        said = capsys.readouterr().err
        assert "went well" in said
        assert "records=3" in said
        assert "ValueError: no customer of 11 digits" in said
        assert "small" not in said
        assert SECRET not in said

    def test_the_level_says_what_is_left_out(self, capsys):
        configure_logs(log_level="debug")
        say_all()
        assert "small" in capsys.readouterr().err
        configure_logs(log_level="error")
        say_all()
        said = capsys.readouterr().err
        assert "went well" not in said
        assert "went wrong" in said


class TestJson:
    def test_every_line_is_an_object(self, capsys):
        configure_logs("json", "info", "engine")
        say_all()
        report_end(ConflictError("pool.newer", "it is newer", where="pool", remedy="use that version"), "engine")
        raw = capsys.readouterr().err
        lines = [json.loads(line) for line in raw.splitlines()]
        assert [one["event"] for one in lines] == ["went well", "went wrong", "process can't go on"]
        assert {one["process"] for one in lines} == {"engine"}
        assert all(one["timestamp"].endswith("Z") and one["level"] for one in lines)
        assert lines[0]["records"] == 3
        assert lines[0]["where"] == "湖"
        assert "ValueError: no customer of 11 digits" in lines[1]["exception"]
        assert lines[2]["code"] == "pool.newer"
        assert lines[2]["remedy"] == "use that version"
        assert SECRET not in raw
