"""What fuzzing begins with: one good input for each reader of `tests.fuzz.target`, and a few that nearly are."""

from __future__ import annotations

import json
from pathlib import Path

AT = 1_771_000_000_000
EVENT = {
    "id": "e1", "type": "order_paid", "at": AT,
    "identities": {"member_no": "M1", "openid:wx1": "o1", "phone": "13800000001"},
    "properties": {"order_id": "o1", "amount": "12.30", "items": 2, "own": {"a": [1, None, True, "x"]}},
    "channel": "shop", "source": "ad", "currency": "CNY",
}  # fmt: skip
STATE = {
    "type": "trait_set", "at": "2026-02-01T10:00:00+08:00", "identities": {"email": ["a@b.example"]},
    "properties": {"trait": "city", "value": "上海"},
}  # fmt: skip
SEGMENT = {
    "sentAt": "2026-02-01T10:00:00.000Z",
    "batch": [
        {"type": "identify", "userId": "u1", "anonymousId": "a1", "traits": {"email": "a@b.example", "age": 30}},
        {"type": "track", "userId": "u1", "event": "Order Completed", "messageId": "m1",
         "timestamp": "2026-02-01T09:59:00.000Z", "properties": {"revenue": 12.5, "products": [{"product_id": "p"}]}},
        {"type": "page", "anonymousId": "a1", "name": "Home", "context": {"page": {"url": "https://x.example/?utm_source=y"}}},
        {"type": "alias", "userId": "u1", "previousId": "a1"},
        {"type": "group", "userId": "u1", "groupId": "g", "traits": {"name": "G"}},
    ],
}  # fmt: skip
ORDER = {"id": 1, "at": "2026-02-01T10:00:00Z", "total": "9.90", "customer": {"id": "M1"}}
CONDITION = (
    'count(product_viewed where category = "lipstick", 30d) >= 3 and never(order_paid, 90d)'
    ' and (trait.city in ("上海", "北京") or not in(aipl, "loyalty")) and sum(order_paid.amount) > 500'
)


def write_seeds(folder: Path) -> None:
    """The seeds as files."""
    inputs = [
        (0, json.dumps([EVENT, STATE])), (0, json.dumps(EVENT)), (0, '[{"type": NaN}]'), (0, "[" * 2_000),
        (1, f"{json.dumps(EVENT)}\n{json.dumps(STATE)}\nbroken\n"), (2, json.dumps(SEGMENT)),
        (3, json.dumps(ORDER)), (3, json.dumps([ORDER])), (4, CONDITION), (4, 'any(child, age < 3) and hold 7d'),
        (5, json.dumps({"op": "and", "tests": [{"op": "happened", "event": "order_paid"}]})),
    ]  # fmt: skip
    for place, (reader, text) in enumerate(inputs):
        (folder / f"seed-{place}").write_bytes(bytes([reader]) + text.encode())
