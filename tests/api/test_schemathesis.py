"""Whatever the OpenAPI document allows, and much that it doesn't: no answer is the house's fault."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.support.pools import Scratch, event

from yutang.app import ROUTES
from yutang.http.mount import build_api

BUDGET = int(os.environ.get("YUTANG_TEST_BUDGET", "1"))
EXAMPLES_AN_OPERATION = 20 * BUDGET
# Endless by intent: its own tests read it.
STREAMS = {"/v1/live"}
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    """A pool with something to find."""
    pool = Scratch(tmp_path_factory.mktemp("schemathesis") / "pool")
    for number in range(20):
        pool.send(
            event("order_paid", "2026-02-01 10:00", (f"member_no:{number}", f"phone:+86138000000{number:02d}"),
                  amount=100 * number, order=f"o{number}"),
            event("trait_set", "2026-02-02 10:00", f"member_no:{number}", trait="city", text="上海"),
        )  # fmt: skip
    yield pool
    pool.close()


@pytest.fixture(scope="module")
def schema(scratch: Scratch) -> Any:
    api = build_api(ROUTES, scratch.pool.desk)
    return schemathesis.openapi.from_asgi("/openapi.json", api, headers={"Host": "127.0.0.1"})


def _operations() -> list[str]:
    return sorted({f"{route.method} {route.path}" for route in ROUTES if route.path not in STREAMS})


@pytest.mark.parametrize("operation", _operations())
def test_no_answer_is_a_fault_of_the_house(schema: Any, operation: str) -> None:
    """Each operation under generated parameters and bodies: no 5xx, and answers are as the document says."""
    method, path = operation.split(" ")

    @settings(
        max_examples=EXAMPLES_AN_OPERATION, deadline=None, phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck), database=None,
    )  # fmt: skip
    @given(data=st.data())
    def holds(data: st.DataObject) -> None:
        case = data.draw(schema[path][method].as_strategy())
        case.headers = {**(case.headers or {}), "Host": "127.0.0.1"}
        case.call_and_validate(checks=CHECKS)

    holds()
