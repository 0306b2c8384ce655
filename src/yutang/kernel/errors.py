"""The tree of errors. One meaning each, a stable code, the place and the remedy.

YutangError
├── InvalidError      the caller's input is wrong                        HTTP 422  exit 2
│   ├── ConditionError    a condition can't be read or doesn't fit
│   ├── ConfigError       a setting is unknown or malformed
│   ├── FormatError       it comes in a form that isn't read             HTTP 415
│   └── SlowError         it didn't come in time                         HTTP 408
├── NotFoundError     what was named doesn't exist                       HTTP 404  exit 3
│   └── MisdirectedError  it belongs to another door                     HTTP 421
├── ConflictError     it exists already, or the state forbids it         HTTP 409  exit 4
│   └── BusyError         someone else holds the folder or the lane
├── ForbiddenError    who acts may not do it                             HTTP 403  exit 5
│   └── UnauthorizedError nobody knows who acts                          HTTP 401
├── LimitError        a named limit was reached                          HTTP 429  exit 6
│   └── TooLargeError     it will never fit                              HTTP 413
├── DamagedError      data on disk is missing or doesn't check out       HTTP 500  exit 7
└── UnavailableError  a part of the service isn't there now              HTTP 503  exit 8
    └── DiskFullError     there is no room to keep it                    HTTP 507
"""

from __future__ import annotations

from typing import ClassVar


class YutangError(Exception):
    """What went wrong, where, and how to mend it.

    code: stable, dotted, lower case (`import.finished_already`). message: what was wrong.
    where: the place (file and row, setting, path in a document, character), "" if there is none.
    remedy: what the reader can do about it, "" if nothing.
    """

    http_status: ClassVar[int] = 500
    exit_code: ClassVar[int] = 1

    def __init__(self, code: str, message: str, *, where: str = "", remedy: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.where = where
        self.remedy = remedy

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" → {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{remedy} [{self.code}]"

    def as_dict(self) -> dict[str, str]:
        """The error as the API and the socket carry it."""
        return {"code": self.code, "message": self.message, "where": self.where, "remedy": self.remedy}


class InvalidError(YutangError):
    """The caller's input is wrong."""

    http_status = 422
    exit_code = 2


class ConditionError(InvalidError):
    """A condition can't be read or doesn't fit the catalogue; `where` points into its text or tree."""


class ConfigError(InvalidError):
    """A setting is unknown, malformed or out of range; `where` is the file, variable or flag."""


class FormatError(InvalidError):
    """It comes in a form (media type, compression) that isn't read."""

    http_status = 415


class SlowError(InvalidError):
    """It didn't come in time."""

    http_status = 408


class NotFoundError(YutangError):
    """What was named doesn't exist."""

    http_status = 404
    exit_code = 3


class MisdirectedError(NotFoundError):
    """It belongs to another door of the same service."""

    http_status = 421


class ConflictError(YutangError):
    """It exists already, or the present state forbids it."""

    http_status = 409
    exit_code = 4


class BusyError(ConflictError):
    """Someone else holds the folder or the lane."""


class ForbiddenError(YutangError):
    """Who acts may not do it."""

    http_status = 403
    exit_code = 5


class UnauthorizedError(ForbiddenError):
    """Nobody knows who acts: no key, or one that isn't known."""

    http_status = 401


class LimitError(YutangError):
    """A named limit was reached. retry_after_s: when it may be tried again, 0 if that isn't known."""

    http_status = 429
    exit_code = 6
    retry_after_s: int = 0


class TooLargeError(LimitError):
    """It will never fit, however often it is tried."""

    http_status = 413


class DamagedError(YutangError):
    """Data on disk is missing or doesn't check out."""

    http_status = 500
    exit_code = 7


class UnavailableError(YutangError):
    """A part of the service isn't there now."""

    http_status = 503
    exit_code = 8


class DiskFullError(UnavailableError):
    """There is no room to keep it; reading goes on."""

    http_status = 507


def _tree(root: type[YutangError]) -> list[type[YutangError]]:
    return [root, *(leaf for child in root.__subclasses__() for leaf in _tree(child))]


def error_from_dict(kind: str, fields: dict[str, str]) -> YutangError:
    """The error that crossed the socket as (class name, `as_dict`), as itself again."""
    for cls in _tree(YutangError):
        if cls.__name__ == kind:
            return cls(fields["code"], fields["message"], where=fields["where"], remedy=fields["remedy"])
    return YutangError(fields["code"], fields["message"], where=fields["where"], remedy=fields["remedy"])
