"""The words by which a slice adds to the service's metrics: samples of gauges, read from an epoch when asked for."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from yutang.runtime.log.contracts import Epoch


@dataclass(frozen=True, slots=True)
class Sample:
    """One value of the gauge `yutang_<name>{labels}`; samples of one name have the same labels."""

    name: str
    help: str
    labels: Mapping[str, str]
    value: float


Measure = Callable[[Epoch], Iterable[Sample]]
