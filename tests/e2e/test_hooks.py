"""Webhooks beside a running service: set, kept, killed, mended, replayed, each event once."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.support import commands, console_blocks
from tests.support.hook_world import shopify_order
from tests.support.services import Service, free_port, wait_for

SECRET = "hush"


@pytest.fixture
def service(tmp_path: Path):
    commands.run(tmp_path / "pool", "clock", "show")
    running = Service(tmp_path / "pool", intake_port=free_port())
    yield running
    running.close()


def _post(service: Service, body: object, topic: str = "orders/paid", secret: str = SECRET) -> int:
    raw = json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(secret.encode(), raw, hashlib.sha256).digest()).decode()
    headers = {"X-Shopify-Topic": topic, "X-Shopify-Hmac-Sha256": signature}
    url = f"http://127.0.0.1:{service.settings['intake_port']}/v1/hooks/shop"
    return httpx.post(url, content=raw, headers=headers, timeout=30).status_code


def test_a_delivery_is_kept_killed_mended_and_counted_once(service: Service, tmp_path: Path) -> None:
    mapping, secret = tmp_path / "shopify.yaml", tmp_path / "secret.txt"
    secret.write_text(SECRET)
    example = commands.run(service.pool, "hook", "example", "shopify").stdout
    mapping.write_text(example.replace("orders/paid", "orders/settled"))  # what has to be mended

    def hook(*arguments: str) -> Any:
        done = commands.run(service.pool, "--language", "en", "hook", *arguments)
        return json.loads(done.stdout) if "--json" in arguments else done.stdout

    def set_hook() -> None:
        hook("set", "shop", "--mapping", str(mapping), "--feed", "shop", "--scheme", "shopify", "--secret-file",
             str(secret))  # fmt: skip

    set_hook()
    order = shopify_order(currency="CNY")
    wait_for(lambda: _post(service, order, "orders/create") == 200, "intake was told of the hook")
    assert _post(service, order, secret="another") == 401
    assert _post(service, order) == 202
    service.restarted("intake", service.kill("intake"))  # what was answered is on disk
    assert [one["code"] for one in hook("payloads", "shop", "--json")["payloads"]] == ["payload.no_match"]
    (kept,) = service.get("/v1/hooks/shop/payloads").json()["payloads"]
    shown = service.get(f"/v1/hooks/shop/payloads/{kept['id']}").json()
    assert json.loads(shown["body"]) == order
    assert shown["headers"]["x-shopify-topic"] == "orders/paid"

    mapping.write_text(example)
    set_hook()
    report = httpx.post(f"{service.url}/v1/hooks/shop/replay", json={}, timeout=30).json()
    assert (report["replayed"], report["left"], report["events"]) == (1, 0, 3)
    assert hook("replay", "shop", "--json")["replayed"] == 0
    wait_for(lambda: _post(service, order) == 200, "intake was told of the mended mapping")

    def bought() -> list[str]:
        answer = service.get("/v1/customers/account:shopify:115310627314723954/timeline")
        found = answer.json()["events"] if answer.status_code == 200 else []
        return sorted(one["id"] for one in found if one["type"] in ("order_paid", "item_purchased"))

    expected = ["item-141249953214522974", "item-866550311766439020", "order-paid-820982911946154508"]
    wait_for(lambda: bought() == expected, "the replayed events are on the customer's page")
    assert bought() == expected  # the repeat after the replay changed nothing
    assert service.get("/v1/hooks/shop").json()["scheme"] == "shopify"
    assert SECRET not in service.get("/v1/hooks").text
    assert service.get("/v1/hooks/absent").status_code == 404
    assert SECRET not in service.said()


def test_the_guide_is_true(tmp_path: Path) -> None:
    """docs/guides/webhooks.md, typed as it stands."""
    guides = Path(__file__).resolve().parents[2] / "docs" / "guides"
    folder = tmp_path / "example"
    shutil.copytree(guides / "example", folder)
    console_blocks.check(guides / "webhooks.md", folder, console_blocks.shell(folder, {"YUTANG_DATA": "my-pool"}))
