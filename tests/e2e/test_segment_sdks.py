"""Segment's own SDKs, unchanged, feed a running pool: Python's, Node's, and the browser's in a browser."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from segment.analytics.client import Client
from tests.support.browsing import serving, visit
from tests.support.commands import answer, run
from tests.support.services import Service, free_port, wait_for

SDKS = Path(__file__).parent / "segment"
BROWSER_SDK = SDKS / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
SETTINGS = {"zone": "Asia/Shanghai", "currency": "CNY", "language": "en"}
DRAWN = "5f1c0d3e-8a8b-4a38-9d0e-2f6f0f9a1b2c"
NODE_S_MAX = 60


class Shop:
    """A running pool and the key that its shop's SDKs are configured with."""

    def __init__(self, pool: Path) -> None:
        self.host = f"http://127.0.0.1:{(port := free_port())}"
        run(pool, "clock", "set", "2026-03-01T02:00:00Z", **SETTINGS)
        self.key = self._key(pool, "shop", "--origin", "*")
        self.slow_key = self._key(pool, "slow", "--rate", "20")
        self.service = Service(pool, intake_port=port, **SETTINGS)
        self.pool = pool

    def _key(self, pool: Path, feed: str, *more: str) -> str:
        return str(answer(pool, "key", "create", feed, "--feed", feed, *more, **SETTINGS)["key"])

    def customer(self, identity: str) -> dict[str, Any]:
        """A customer's page."""
        return dict(self.service.get(f"/v1/customers/{identity}").json())

    def traits(self, identity: str) -> dict[str, Any]:
        return {trait["name"]: trait["value"] for trait in self.customer(identity)["traits"]}

    def identities(self, identity: str) -> set[str]:
        return {f"{one['kind']}:{one['value']}" for one in self.customer(identity)["identities"]}

    def events(self, identity: str, kind: str) -> list[dict[str, Any]]:
        """A customer's events of a type, oldest first; none if nobody goes by the identity."""
        found = self.service.get(f"/v1/customers/{identity}/timeline", params={"type": kind, "limit": 500})
        return list(found.json()["events"][::-1]) if found.status_code == 200 else []

    def labels(self, identity: str) -> dict[str, str]:
        found = self.service.get(f"/v1/customers/{identity}/labels").json()
        return {one["label"]: one["value"] for one in found}

    def wait(self, identity: str, kind: str, count: int = 1) -> list[dict[str, Any]]:
        """A customer's events of a type once there are so many."""
        wait_for(lambda: len(self.events(identity, kind)) >= count, f"{count} {kind} of {identity}")
        return self.events(identity, kind)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    made = Shop(tmp_path_factory.mktemp("segment") / "pool")
    yield made
    made.service.close()


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text)


@pytest.fixture(scope="module")
def python(shop: Shop) -> list[Any]:
    """What failed of what a Python server sends."""
    failed: list[Any] = []
    client = Client(shop.key, host=shop.host, gzip=True, on_error=lambda error, _batch: failed.append(error))
    client.page(anonymous_id="py-visitor", name="Landing", properties={"url": "https://shop.example/landing"})
    client.identify(
        "py-user",
        {"name": "李雷", "phone": "138 0013 8000", "birthday": date(1990, 5, 1), "visits": 3, "plan": None},
        anonymous_id="py-visitor",
    )
    client.track("py-user", "Order Completed", {"order_id": 8812, "total": 268.0, "currency": "CNY"})
    client.track("py-user", "Tasting Attended", {"wineName": "Syrah"}, timestamp=datetime.now(UTC) - timedelta(days=2))
    client.track("py-user", "Tasting Attended", {"score": float("nan"), "wineName": "Merlot"}, message_id="own-id")
    client.track("py-user", "Order Completed", {"order_id": 1, "total": "not an amount"})
    client.screen("py-user", name="Member Centre")
    client.group("py-user", "club-7", {"name": "Tea Club"})
    client.alias(DRAWN, "py-user")
    client.track(None, "Products Searched", {"query": "龙井"}, anonymous_id=DRAWN)
    client.flush()
    client.track("py-user", "Tasting Attended", {"wineName": "Merlot"}, message_id="own-id")
    client.shutdown()
    return failed


@pytest.fixture(scope="module")
def node(shop: Shop) -> Mapping[str, Any]:
    """What a Node server's batches were answered."""
    command = [str(shutil.which("node")), str(SDKS / "send.mjs"), shop.host, shop.key]
    done = subprocess.run(command, capture_output=True, text=True, timeout=NODE_S_MAX, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done
    return dict(json.loads(done.stdout))


@pytest.fixture(scope="module", params=["", "batching"])
def told(shop: Shop, request: pytest.FixtureRequest) -> Mapping[str, Any]:
    """What a page says that sends message by message, or in batches."""
    user = f"browser-{request.param or 'single'}"
    files = {f"/sdk/{file.name}": file for file in BROWSER_SDK.glob("*.js")}
    assert files, "the SDKs aren't installed: npm ci --prefix tests/e2e/segment"
    with serving({"/page.html": SDKS / "page.html", **files}) as site:
        path = f"/page.html?key={shop.key}&host={shop.host}&user={user}&utm_source=weibo&utm_campaign=spring"
        told = visit(site, path + (f"&batching={request.param}" if request.param else ""))
        return {**told, "user": f"account:{user}", "asked": site.asked}


class TestPython:
    """`segment-analytics-python`: batches with the write key as basic auth, compressed."""

    def test_nothing_fails_and_the_visit_comes_along(self, shop: Shop, python: list[Any]) -> None:
        assert python == []
        pages = shop.wait("account:py-user", "page_viewed", 2)
        assert {page["properties"]["page"] for page in pages} == {"Landing", "Member Centre"}
        assert shop.wait("account:py-user", "search")[0]["properties"]["query"] == "龙井"
        assert shop.identities("account:py-user") == {
            "account:py-user", "anonymous_id:py-visitor", f"anonymous_id:{DRAWN}", "phone_unverified:+8613800138000",
        }  # fmt: skip

    def test_traits_are_on_the_page(self, shop: Shop, python: list[Any]) -> None:
        shop.wait("account:py-user", "search")
        assert shop.traits("account:py-user") == {
            "name": "李雷", "birthday": "1990-05-01", "visits": 3, "group_id": "club-7", "group_name": "Tea Club",
        }  # fmt: skip
        assert answer(shop.pool, "customer", "show", "account:py-user")["traits"]

    def test_an_order_changes_labels_and_a_bad_one_takes_nothing_along(self, shop: Shop, python: list[Any]) -> None:
        (order,) = shop.wait("account:py-user", "order_paid")
        assert order["properties"] == {"order_id": "8812", "amount": {"minor": 26_800, "currency": "CNY"}}
        assert shop.labels("account:py-user")["aipl"] == "P"

    def test_when_it_happened_is_by_the_pools_clock(self, shop: Shop, python: list[Any]) -> None:
        (old, new) = shop.wait("account:py-user", "tasting_attended", 2)
        now = instant("2026-03-01T02:00:00Z")
        assert timedelta() <= now - timedelta(days=2) - instant(old["at"]) < timedelta(minutes=1)
        assert timedelta() <= now - instant(new["at"]) < timedelta(minutes=1)
        assert new["id"] == "own-id"

    def test_a_key_that_isnt_known_is_told_so_and_not_tried_again(self, shop: Shop) -> None:
        failed: list[Any] = []
        client = Client("yk_nobody_x", host=shop.host, on_error=lambda error, _batch: failed.append(error))
        client.track("py-stranger", "Order Completed", {"total": 1})
        client.shutdown()
        assert [error.status for error in failed] == [401]
        assert shop.service.get("/v1/customers/account:py-stranger").status_code == 404

    def test_over_its_rate_a_key_waits_and_nothing_is_lost(self, shop: Shop) -> None:
        failed: list[Any] = []
        client = Client(
            shop.slow_key, host=shop.host, upload_size=25, on_error=lambda error, _batch: failed.append(error)
        )
        for turn in range(100):
            client.track("py-eager", "Tasting Attended", {"turn": turn})
        client.shutdown()
        assert failed == []
        turns = [event["properties"]["turn"] for event in shop.wait("account:py-eager", "tasting_attended", 100)]
        assert sorted(turns) == list(range(100))
        counted = [line for line in shop.service.get("/metrics").text.splitlines() if 'path="/v1/batch"' in line]
        assert any('status="429"' in line for line in counted), counted


class TestNode:
    """`@segment/analytics-node`."""

    def test_batches_are_taken(self, shop: Shop, node: Mapping[str, Any]) -> None:
        assert node["answers"] == [200, 200]
        assert len(shop.wait("account:node-user", "tasting_attended", 30)) == 30

    def test_the_customer_is_one(self, shop: Shop, node: Mapping[str, Any]) -> None:
        shop.wait("account:node-user", "tasting_attended", 30)
        assert shop.identities("account:node-user") == {
            "account:node-user", "anonymous_id:node-visitor", f"anonymous_id:{DRAWN[:-1]}d",
            "email_unverified:han@example.com",
        }  # fmt: skip
        assert shop.traits("account:node-user") == {
            "name": "韩梅梅", "birthday": "1991-07-02", "city": "杭州", "address_postal_code": "310000",
            "group_id": "club-7", "group_name": "Tea Club",
        }  # fmt: skip

    def test_an_order_has_its_lines_and_its_source(self, shop: Shop, node: Mapping[str, Any]) -> None:
        (order,) = shop.wait("account:node-user", "order_paid")
        assert order["properties"] == {
            "order_id": "8812", "amount": {"minor": 12_050, "currency": "CNY"}, "items": 1, "campaign": "spring",
        }  # fmt: skip
        assert order["source"] == "xiaohongshu"
        (line,) = shop.wait("account:node-user", "item_purchased")
        assert line["properties"]["amount"] == {"minor": 12_050, "currency": "CNY"}
        assert shop.labels("account:node-user")["aipl"] == "P"


class TestBrowser:
    """`@segment/analytics-next` in Chromium, on a page of another origin: settings, preflights, text/plain."""

    def test_it_needs_nothing_but_the_package_and_its_settings(self, told: Mapping[str, Any]) -> None:
        assert told["said"] == []
        assert set(told["asked"]) <= {"/page.html", "/sdk/index.js", "/favicon.ico"}

    def test_the_visit_before_signing_in_is_the_customers(self, shop: Shop, told: Mapping[str, Any]) -> None:
        (page,) = shop.wait(told["user"], "page_viewed")
        assert (page["properties"]["page"], page["properties"]["title"]) == ("Home", "A shop")
        assert (page["channel"], page["source"], page["properties"]["campaign"]) == ("web", "weibo", "spring")
        (product,) = shop.wait(told["user"], "product_viewed")
        assert product["properties"]["price"] == {"minor": 6_025, "currency": "CNY"}
        assert f"anonymous_id:{told['outcome']['visitor']}" in shop.identities(told["user"])

    def test_traits_order_and_labels(self, shop: Shop, told: Mapping[str, Any]) -> None:
        (order,) = shop.wait(told["user"], "order_paid")
        assert order["properties"]["amount"] == {"minor": 30, "currency": "CNY"}
        wait_for(lambda: "group_id" in shop.traits(told["user"]), "the group's trait")
        traits = shop.traits(told["user"])
        assert (traits["nickname"], traits["vip"], traits["group_name"]) == ("阿梅", True, "Tea Club")
        assert traits["language"]
        assert f"email_unverified:{told['user'].removeprefix('account:')}@example.com" in shop.identities(told["user"])
        assert shop.labels(told["user"])["aipl"] == "P"
