"""What the processes say of themselves: lines on the error stream, one an event, with its facts as key=value."""

from __future__ import annotations

import sys

import structlog


def configure_logs() -> None:
    """Plain lines with level and machine time; tracebacks without local values, which may be customers' data."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(
                colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback
            ),
        ],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
