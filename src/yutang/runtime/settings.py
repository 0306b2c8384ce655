"""One typed settings object: defaults, then `yutang.toml` of the folder, environment, flags; the later wins.

Invariant: every setting is declared in `Settings`, with its meaning; an unknown key anywhere is an error
that names the closest one. `in_force` tells each value with its origin.
"""

from __future__ import annotations

import difflib
import re
import tomllib
import zoneinfo
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from yutang.kernel.errors import ConfigError

ENVIRONMENT_PREFIX = "YUTANG_"
_WHOLE = re.compile(r"-?[0-9]{1,18}")
# Variables with the prefix that aren't settings: they are read before there is a folder, or by tests.
# `YUTANG_SETTLED`: the environment holds every setting as a service's supervisor has judged it; the file isn't read.
SETTLED = "YUTANG_SETTLED"
ENVIRONMENT_OTHERS = frozenset({"YUTANG_DATA", "YUTANG_TEST_BUDGET", "YUTANG_FAULT", SETTLED})

# Least and greatest of the settings that are numbers.
BOUNDS = {
    "listen_port": (1, 65_535),
    "intake_port": (1, 65_535),
    "waiting_events_max": (1_000, 1_000_000_000),
    "disk_reserve_mb": (0, 1_000_000),
    "payload_days": (1, 3_650),
    "lag_ready_s": (1, 86_400),
    "part_events": (1, 16_384),
    "flush_rows": (1, 5_000_000),
    "bulk_share_percent": (1, 100),
    "sql_memory_mb": (64, 1_000_000),
    "cache_gb": (1, 100_000),
}


# Settings that are one of a few words.
CHOICES = {"log_format": ("text", "json"), "log_level": ("debug", "info", "warning", "error")}


def _setting(default: Any, meaning: str) -> Any:
    return field(default=default, metadata={"meaning": meaning})


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that can be set. Names end in their unit."""

    zone: str = _setting("Asia/Shanghai", "IANA time zone of the pool: calendar windows, midnights, dates")
    currency: str = _setting("CNY", "ISO 4217 currency of the pool: amounts without one, thresholds, reports")
    country: str = _setting("CN", "ISO 3166 country by which national phone numbers are read")
    language: str = _setting("zh", "language of sentences and reports: zh or en")
    strict: bool = _setting(False, "refuse unknown event types and properties instead of marking them")
    listen_host: str = _setting("127.0.0.1", "address of the API; loopback until there is a sign-in")
    listen_port: int = _setting(8090, "port of the API")
    intake_host: str = _setting("127.0.0.1", "address at which events are taken; every request shows an API key")
    intake_port: int = _setting(8091, "port at which events are taken")
    waiting_events_max: int = _setting(30_000_000, "events that may wait for the engine; over it, 429")
    disk_reserve_mb: int = _setting(256, "room on disk that is left to the engine; below it, 507")
    lag_ready_s: int = _setting(60, "how long an event may wait before /readyz says that the service isn't ready")
    log_format: str = _setting("text", "what lines of the log look like: text or json")
    log_level: str = _setting("info", "the least that is logged: debug, info, warning or error")
    payload_days: int = _setting(14, "how long a webhook's body that didn't map is kept")
    part_events: int = _setting(16_384, "events that an import hands over at a time")
    flush_rows: int = _setting(125_000, "rows in memory at which the tail is written to the lake")
    bulk_share_percent: int = _setting(25, "share of the loop that imports keep while live events wait")
    sql_memory_mb: int = _setting(512, "memory that one SQL question may use")
    cache_gb: int = _setting(24, "room on disk for columns that are kept ready; less is slower, never wrong")


@dataclass(frozen=True, slots=True)
class InForce:
    """One setting as it stands. origin: `default`, the file's path, the variable's name, or the flag."""

    name: str
    value: object
    origin: str
    meaning: str


def load_settings(
    file: Path, environment: Mapping[str, str], flags: Mapping[str, object]
) -> tuple[Settings, tuple[InForce, ...]]:
    """The settings in force and where each came from.

    flags: by setting name, absent or None where not given. Raises ConfigError at the place.
    """
    layers = [
        {} if environment.get(SETTLED) else _from_file(file),
        _from_environment(environment),
        {name: (value, f"--{name.replace('_', '-')}") for name, value in flags.items() if value is not None},
    ]
    chosen: dict[str, tuple[object, str]] = {}
    for layer in layers:
        for name, (value, origin) in layer.items():
            chosen[name] = (_converted(name, value, origin), origin)
    settings = Settings(**{name: value for name, (value, _) in chosen.items()})  # type: ignore[arg-type]
    _judge(settings, {name: origin for name, (_, origin) in chosen.items()})
    return settings, tuple(
        InForce(f.name, getattr(settings, f.name), chosen.get(f.name, (None, "default"))[1], f.metadata["meaning"])
        for f in fields(Settings)
    )


def settled(settings: Settings) -> dict[str, str]:
    """Settings as variables, by which a child of the service reads exactly these, whatever the file says by then."""
    values = {f"{ENVIRONMENT_PREFIX}{f.name.upper()}": str(getattr(settings, f.name)) for f in fields(Settings)}
    return {**values, SETTLED: "1"}


def _from_file(file: Path) -> dict[str, tuple[object, str]]:
    if not file.exists():
        return {}
    try:
        content = tomllib.loads(file.read_text("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RecursionError) as error:
        raise ConfigError(
            "config.malformed", f"this isn't TOML: {error}", where=str(file), remedy='write lines such as zone = "UTC"'
        ) from None
    return {name: (value, str(file)) for name, value in content.items()}


def _from_environment(environment: Mapping[str, str]) -> dict[str, tuple[object, str]]:
    return {
        key.removeprefix(ENVIRONMENT_PREFIX).lower(): (value, key)
        for key, value in environment.items()
        if key.startswith(ENVIRONMENT_PREFIX) and key not in ENVIRONMENT_OTHERS
    }


def _converted(name: str, value: object, origin: str) -> object:
    known = {f.name: f for f in fields(Settings)}
    if name not in known:
        close = difflib.get_close_matches(name, known, n=1, cutoff=0.4)
        remedy = f"did you mean {close[0]}?" if close else "`yutang config` lists the settings"
        raise ConfigError("config.unknown", f"there is no setting {name!r}", where=origin, remedy=remedy)
    wanted = type(known[name].default)
    if wanted is bool and isinstance(value, str) and value.lower() in ("true", "false", "1", "0"):
        return value.lower() in ("true", "1")
    if wanted is int and isinstance(value, str) and _WHOLE.fullmatch(value.strip()):
        return int(value)
    if type(value) is not wanted:
        message = f"{name} must be {_type_words(wanted)}, not {str(value)[:60]!r}"
        raise ConfigError("config.type", message, where=origin, remedy="`yutang config` says what each setting means")
    return value


def _type_words(wanted: type) -> str:
    return {bool: "true or false", int: "a whole number", str: "text"}[wanted]


def _judge(settings: Settings, origins: Mapping[str, str]) -> None:
    def refuse(name: str, message: str, remedy: str) -> None:
        raise ConfigError("config.value", message, where=origins.get(name, name), remedy=remedy)

    if settings.zone not in zoneinfo.available_timezones():
        close = difflib.get_close_matches(settings.zone, sorted(zoneinfo.available_timezones()), n=1)
        refuse("zone", f"there is no time zone {settings.zone!r}", f"did you mean {close[0]}?" if close else
               "use an IANA name such as Asia/Shanghai")  # fmt: skip
    if not (len(settings.currency) == 3 and settings.currency.isascii() and settings.currency.isupper()):
        refuse("currency", f"{settings.currency!r} isn't a currency", "use an ISO 4217 code such as CNY")
    if not (len(settings.country) == 2 and settings.country.isascii() and settings.country.isupper()):
        refuse("country", f"{settings.country!r} isn't a country", "use an ISO 3166 code such as CN")
    if settings.language not in ("zh", "en"):
        refuse("language", f"{settings.language!r} isn't a language of ours", "use zh or en")
    for name, allowed in CHOICES.items():
        if getattr(settings, name) not in allowed:
            refuse(name, f"{getattr(settings, name)!r} isn't one of them", f"use {', '.join(allowed)}")
    if settings.listen_host not in ("127.0.0.1", "::1", "localhost"):
        refuse("listen_host", f"{settings.listen_host} isn't loopback, and there is no sign-in yet", "use 127.0.0.1")
    for name, (low, high) in BOUNDS.items():
        if not low <= getattr(settings, name) <= high:
            refuse(name, f"{name} must lie between {low} and {high}", f"it is {getattr(settings, name)}")
