"""What the processes say of themselves: lines on the error stream, an event each, its facts as key=value or JSON."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from yutang.kernel.errors import YutangError

_JSON = "json"
_said: dict[str, str] = {"format": "text"}  # how this process speaks, for `report_end`


class _Unfailing:
    """A stream whose failures nobody hears of: a log that can't be written, as on a full disk, stops no work."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, words: str) -> int:
        with suppress(OSError):
            self._stream.write(words)
        return len(words)

    def flush(self) -> None:
        with suppress(OSError):
            self._stream.flush()


def configure_logs(log_format: str = "text", log_level: str = "info", process: str = "") -> None:
    """Lines with level, machine time and process; tracebacks without local values, which may be customers' data.

    log_format: `text` or `json` (an object a line: event, level, timestamp, process, and the facts). log_level: the
    least that is said. May be called again once the settings are known.
    """
    _said["format"] = log_format
    processors: list[Any] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if process:
        processors.append(_naming(process))
    if log_format == _JSON:
        processors += [
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
        ]
    else:
        processors.append(
            structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)
        )
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[log_level.upper()]),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _Unfailing(sys.stderr))),
        cache_logger_on_first_use=False,  # module loggers outlive a change of form
    )


def _naming(process: str) -> Any:
    def name(_logger: Any, _method: str, facts: Any) -> Any:
        facts["process"] = process
        return facts

    return name


def report_end(error: YutangError, process: str) -> None:
    """Say on the error stream why a process can't go on."""
    if _said["format"] == _JSON:
        structlog.get_logger().error("process can't go on", process=process, **{**error.as_dict(), "code": error.code})
    else:
        sys.stderr.write(f"{process}: {error}\n")
        sys.stderr.flush()
