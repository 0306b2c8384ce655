"""Erasing beside a running service: the command asks it over its socket, and nothing is left in the folder."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest
from tests.support.commands import answer, run
from tests.support.erasing import files_with
from tests.support.pools import Scratch, event
from tests.support.services import WAIT_S_MAX, Service

WANG, LI = "member_no:wang-number", "member_no:li-number"


@pytest.fixture
def service(tmp_path) -> Iterator[Service]:
    scratch = Scratch(tmp_path / "pool", start="2026-03-01")
    for day in (1, 2, 3):
        at = f"2026-02-0{day} 10:00"
        scratch.send(event("search", at, (WANG, "phone:+8613800001234"), target="brand"), event("search", at, LI))
    scratch.close()  # all of it is in the inbox only
    found = Service(tmp_path / "pool")
    yield found
    found.close()


def test_the_command_asks_the_service(service):
    asked = answer(service.pool, "erase", WANG, "--reason", "asked by letter", "--yes", **service.settings)
    assert (asked["erasure"]["events"], asked["proof"]["left"], asked["proof"]["pending"]) == (3, [], [])
    for value in ("wang-number", "13800001234"):
        assert files_with(service.pool, value) == []
    assert service.get(f"/v1/customers/{WANG}").status_code == 404
    assert len(service.get(f"/v1/customers/{LI}/timeline").json()["events"]) == 3


def test_over_http_it_answers_with_the_tombstone_and_the_proof(service):
    url = f"{service.url}/v1/customers/{WANG}/erase"
    done = httpx.post(url, json={"reason": "asked by letter"}, timeout=WAIT_S_MAX)
    assert done.status_code == 200, done.text
    assert done.json()["erasure"]["identities"] == 2
    assert done.json()["proof"]["left"] == []
    assert [one["events"] for one in service.get("/v1/erasures").json()["erasures"]] == [3]
    assert "asked by letter" in run(service.pool, "erasures", **service.settings).stdout
