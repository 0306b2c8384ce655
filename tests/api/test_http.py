"""The HTTP door as its user sees it: every route, its document, its errors, who acts, and any nonsense."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.support.pools import Scratch, event

from yutang.app import ROUTES
from yutang.domains.intake.api import hook_edits
from yutang.domains.intake.api.hook_edits import SetHook
from yutang.http.mount import build_api
from yutang.kernel.words import Route
from yutang.runtime.inbox.inbox import Inbox
from yutang.runtime.receiving import RawPayload

WANG, LI, FAMILY = "unionid:wang", "unionid:li", "phone:+8613800000001"
PAIR = {"a": WANG, "b": "unionid:zhao", "why": "同一个人"}
LABEL = {"name": "big", "kind": "segment", "rungs": [{"value": "in", "condition": "sum(order_paid.amount) > 100"}]}

MAPPING = """\
feed: till
events:
  - {type: order_paid, id: "{id}", at: at, identities: {member_no: customer}, properties: {order_id: id}}
"""
NONE_RUNG = {"value": "none", "condition": "everyone"}

# Every operation, and one good call of it, in this order: (path, query, body).
CALLS: dict[str, tuple[str, dict[str, Any], Any]] = {
    "list_customers": ("/v1/customers", {"query": "wang"}, None),
    "show_customer": (f"/v1/customers/{WANG}", {}, None),
    "list_timeline": (f"/v1/customers/{WANG}/timeline", {"type": "order_paid", "limit": 2}, None),
    "set_traits": (f"/v1/customers/{WANG}/traits", {}, {"traits": {"skin": "oily"}}),
    "tag_customer": (f"/v1/customers/{WANG}/tags", {}, {"tag": "油皮", "group": "肤质"}),
    "note_consent": (f"/v1/customers/{WANG}/consents", {}, {"channel": "sms", "purpose": "promotion"}),
    "set_record": (f"/v1/customers/{WANG}/records", {}, {"kind": "child", "record": "1", "traits": {"name": "宝"}}),
    "list_records": (f"/v1/customers/{WANG}/records", {}, None),
    "add_identities": (f"/v1/customers/{WANG}/identities", {}, {"identities": {"device": "d-1"}}),
    "preview_erase": (f"/v1/customers/{LI}/erase", {}, None),
    "list_erasures": ("/v1/erasures", {}, None),
    "merge_customers": ("/v1/customers/merge", {}, PAIR),
    "unmerge_customers": ("/v1/customers/unmerge", {}, PAIR),
    "list_reviews": ("/v1/reviews", {}, None),
    "settle_review": ("/v1/reviews/{review}", {}, {"same": False, "why": "sisters"}),
    "list_identity_kinds": ("/v1/identity-kinds", {}, None),
    "declare_identity_kind": ("/v1/identity-kinds", {}, {"name": "card", "rank": 700, "personal": True}),
    "list_labels": ("/v1/labels", {"as_of": "2026-03-01"}, None),
    "show_label": ("/v1/labels/aipl", {}, None),
    "define_label": ("/v1/labels", {}, LABEL),
    "replace_label": ("/v1/labels/big", {"wait_ms": 10_000}, LABEL),
    "list_members": ("/v1/labels/aipl/members", {"value": "P", "known_at": "2026-03-01T00:00:00Z"}, None),
    "show_history": (f"/v1/customers/{WANG}/labels/aipl/history", {"limit": 5}, None),
    "list_changes": ("/v1/changes", {"label": "aipl", "customer": WANG, "limit": 1}, None),
    "show_memberships": (f"/v1/customers/{WANG}/labels", {}, None),
    "ask_condition": ("/v1/conditions/ask", {}, {"condition": "happened(order_paid)"}),
    "explain_condition": ("/v1/conditions/explain", {}, {"customer": WANG, "condition": 'in(aipl, "P")'}),
    "show_report": ("/v1/insight/report", {"since": "2026-02-01"}, None),
    "ask_flow": ("/v1/insight/flow", {}, {"label": "aipl", "per": "month", "scope": {"since": "2026-01-15"}}),
    "ask_funnel": ("/v1/insight/funnel", {}, {"steps": ["page_viewed", "order_paid"], "per": "month"}),
    "ask_paths": ("/v1/insight/paths", {}, {"start": "page_viewed", "steps": 2}),
    "ask_series": ("/v1/insight/series", {}, {"condition": "happened(order_paid)", "scope": {"since": "2026-02-01"}}),
    "list_behind": (
        "/v1/insight/customers",
        {},
        {"set": {"flow": {"label": "aipl"}, "cell": {"to": "P"}}, "limit": 5},
    ),
    "compare_sets": (
        "/v1/insight/compare",
        {},
        {"a": {"condition": {"condition": "everyone"}}, "b": {"series": {"condition": "happened(order_paid)"}}},
    ),
    "save_set": ("/v1/insight/save", {}, {"set": {"condition": {"condition": "everyone"}}, "name": "kept"}),
    "ask_retention": ("/v1/insight/retention", {}, {"begin": "order_paid", "returns": ["#visit"], "per": "month"}),
    "ask_count": ("/v1/insight/count", {}, {"events": "order_paid", "measure": "sum:amount"}),
    "ask_stickiness": ("/v1/insight/stickiness", {}, {"events": "*", "days": 7}),
    "ask_repurchase": ("/v1/insight/repurchase", {}, {"within": "30d", "scope": {"by": "source"}}),
    "ask_recency": ("/v1/insight/recency", {}, {"events": "order_paid"}),
    "ask_value": ("/v1/insight/value", {}, {"net": True, "begin": "first_seen"}),
    "ask_rfm": ("/v1/insight/rfm", {}, {}),
    "ask_sql": ("/v1/insight/sql", {}, {"text": "SELECT 1 AS a, 2 AS a, 'nan'::DOUBLE AS b"}),
    "create_key": ("/v1/keys", {}, {"name": "site", "feed": "website", "origins": ["https://shop.example"]}),
    "list_keys": ("/v1/keys", {}, None),
    "rotate_key": ("/v1/keys/{key}/rotate", {}, {"keep_days": 1}),
    "revoke_key": ("/v1/keys/{key}/revoke", {}, None),
    "list_event_types": ("/v1/catalogue/events", {}, None),
    "list_traits": ("/v1/catalogue/traits", {}, None),
    "list_record_kinds": ("/v1/catalogue/records", {}, None),
    "declare_types": ("/v1/catalogue/declarations", {"check": True}, {"events": {"tasting": {"en": "tasted"}}}),
    "list_hooks": ("/v1/hooks", {}, None),
    "show_hook": ("/v1/hooks/till", {}, None),
    "list_payloads": ("/v1/hooks/till/payloads", {"limit": 5}, None),
    "show_payload": ("/v1/hooks/till/payloads/1", {}, None),
    "replay_payloads": ("/v1/hooks/till/replay", {}, {"ids": [1]}),
    "erase_customer": ("/v1/customers/unionid:zhao/erase", {}, {"reason": "asked by letter"}),
}
STREAMS = {"watch_live"}  # endless: the service's tests take it
BY_NAME = {route.handler.__name__: route for route in ROUTES}


@pytest.fixture(scope="module")
def pool(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path_factory.mktemp("http"))
    scratch.send(
        event("order_paid", "2026-02-10 10:00", (WANG, FAMILY), amount=26_800),
        event("order_paid", "2026-02-20 10:00", WANG, amount=9_900),
        event("page_viewed", "2026-02-21 10:00", (LI, FAMILY)),
        event("page_viewed", "2026-02-22 10:00", "unionid:zhao"),
    )
    hook_edits.set_hook(scratch.desk(), SetHook("till", "till", "none", MAPPING))
    inbox = scratch.pool.inbox
    assert isinstance(inbox, Inbox)
    with inbox._database.unit() as uow:
        inbox.payloads.keep(
            uow, [RawPayload("till", {}, b'{"order": 1}', "hook.unmapped", "no entry fits")], scratch.desk().now_ms
        )
    yield scratch
    scratch.close()


@pytest.fixture(scope="module")
def http(pool: Scratch) -> TestClient:
    return TestClient(build_api(ROUTES, pool.desk), base_url="http://127.0.0.1:8000", raise_server_exceptions=False)


@pytest.fixture(scope="module")
def document(http: TestClient) -> dict[str, Any]:
    found: dict[str, Any] = http.get("/openapi.json").json()
    return found


def _called(http: TestClient, name: str) -> httpx.Response:
    path, query, body = CALLS[name]
    if "{review}" in path:
        path = path.format(review=http.get("/v1/reviews").json()["reviews"][0]["id"])
    if "{key}" in path:
        path = path.format(key=http.get("/v1/keys").json()[0]["id"])
    answer: httpx.Response = http.request(BY_NAME[name].method, path, params=query, json=body)
    return answer


class TestEveryRoute:
    def test_has_its_call_here(self) -> None:
        assert list(CALLS) and set(CALLS) == {route.handler.__name__ for route in ROUTES} - STREAMS
        assert len(ROUTES) == len(BY_NAME), "operation ids are names of handlers, each used once"

    @pytest.mark.parametrize("name", CALLS)
    def test_answers_as_its_document_says(self, http: TestClient, document: dict[str, Any], name: str) -> None:
        answer, route = _called(http, name), BY_NAME[name]
        assert answer.status_code == route.status, answer.text
        operation = document["paths"][route.path][route.method.lower()]
        schema = operation["responses"][str(route.status)]["content"]["application/json"]["schema"]
        _check(answer.json(), schema, document, name)


class TestDocument:
    def test_is_one_of_openapi(self, document: dict[str, Any]) -> None:
        assert document["openapi"].startswith("3.1")
        references = set(re.findall(r'"\$ref": ?"#/components/schemas/([^"]+)"', _json(document)))
        assert references <= set(document["components"]["schemas"])
        for path, operations in document["paths"].items():
            named = set(re.findall(r"{(\w+)}", path))
            for operation in operations.values():
                assert {one["name"] for one in operation["parameters"] if one["in"] == "path"} == named

    def test_reads_well(self, document: dict[str, Any]) -> None:
        ids = []
        for operations in document["paths"].values():
            for operation in operations.values():
                ids.append(operation["operationId"])
                assert operation["description"].endswith("."), operation["operationId"]
                assert "{" not in operation["operationId"]
                assert operation["x-permission"]
                assert {"404", "409", "422"} <= set(operation["responses"])
        assert len(ids) == len(set(ids))
        for name, schema in document["components"]["schemas"].items():
            assert not name.startswith("yutang__"), "two shapes of one name"
            if schema.get("type") == "object" and name not in ("HTTPValidationError", "ValidationError"):
                assert schema.get("description"), name

    def test_docs_are_served(self, http: TestClient) -> None:
        assert http.get("/", follow_redirects=False).headers["location"] == "/docs"
        assert http.get("/docs").status_code == 200


class TestErrors:
    @pytest.mark.parametrize(
        ("method", "path", "body", "status", "code"),
        [
            ("GET", "/v1/customers/nobody", None, 404, "customer.unknown"),
            ("GET", "/v1/labels/nothing", None, 404, "label.absent"),
            ("GET", "/v1/changes?label=nothing", None, 404, "label.absent"),
            ("GET", "/v1/changes?cursor=x", None, 422, "page.cursor"),
            ("GET", "/v1/changes?limit=0", None, 422, "request.invalid"),
            ("GET", "/v1/labels?as_of=yesterday", None, 422, "instant.malformed"),
            ("GET", "/v1/labels?as_of=9999-01-01", None, 422, "instant.out_of_range"),
            ("GET", "/v1/insight/report?as_of=2026-01-01&since=2026-02-01", None, 422, "report.since_later"),
            ("POST", "/v1/conditions/ask", {"condition": "happened(ordr_paid)"}, 422, "condition.unknown_event_type"),
            ("POST", "/v1/conditions/ask", {}, 422, "request.invalid"),
            ("POST", "/v1/labels", {**LABEL, "name": "A B"}, 422, "label.name"),
            ("POST", "/v1/labels", {**LABEL, "rungs": []}, 422, "label.rungs"),
            ("POST", "/v1/labels", {**LABEL, "zone": "Mars/Olympus"}, 422, "zone.unknown"),
            ("POST", "/v1/labels", {**LABEL, "rungs": [NONE_RUNG]}, 422, "label.value"),
            ("POST", "/v1/labels", {**LABEL, "name": "rfm_recency"}, 409, "label.quintile"),
            ("POST", "/v1/customers/merge", {"a": WANG, "b": WANG, "why": "x"}, 422, "edit.one_identity"),
            ("POST", "/v1/customers/unmerge", {"a": WANG, "b": LI, "why": "x"}, 409, "edit.apart_already"),
            ("POST", "/v1/insight/funnel", {}, 422, "insight.funnel_steps"),
            ("POST", "/v1/insight/funnel", {"steps": ["order_paid", "ordr_paid"]}, 422, "condition.unknown_event_type"),
            ("POST", "/v1/insight/funnel", {"steps": ["search", "order_paid"], "window": "7"}, 422, "span.malformed"),
            ("POST", "/v1/insight/paths", {}, 422, "insight.paths_anchor"),
            ("POST", "/v1/insight/funnel", {"steps": ["search", "*"], "windw": "7d"}, 422, "request.unknown_field"),
            ("POST", "/v1/insight/flow", {"label": "aipl", "scope": {"groupz": 3}}, 422, "request.unknown_field"),
            ("POST", "/v1/insight/customers", {"set": {"flwo": {}}}, 422, "request.unknown_field"),
            ("POST", "/v1/insight/save", {"set": {"rfm": {"withn": "9d"}}, "name": "a"}, 422, "request.unknown_field"),
            ("POST", "/v1/conditions/ask", {"condition": "everyone", "asof": ""}, 422, "request.unknown_field"),
            ("POST", "/v1/insight/customers", {"set": {"funnel": {"steps": ["search", "*"]}}}, 422,
             "insight.cell_incomplete"),
            ("POST", "/v1/insight/retention", {"begin": "ordr_paid"}, 422, "condition.unknown_event_type"),
            ("POST", "/v1/insight/sql", {"text": "DROP TABLE events"}, 422, "query.invalid"),
            ("POST", "/v1/keys", {"name": "a", "feed": "console"}, 422, "key.feed_reserved"),
            ("POST", "/v1/keys", {"name": "a", "feed": "b", "origins": ["a.example/x"]}, 422, "key.origin_malformed"),
            ("POST", "/v1/keys/nothing/rotate", {}, 404, "key.absent"),
            ("GET", "/v1/live?customer=nobody", None, 404, "customer.unknown"),
            ("GET", "/v1/live?label=nothing", None, 404, "label.absent"),
            ("GET", "/v1/live?begin=1000", None, 422, "request.invalid"),
            ("POST", f"/v1/customers/{WANG}/erase", {"reason": " "}, 422, "erase.reason"),
            ("GET", "/v1/nothing", None, 404, "request.refused"),
            ("DELETE", "/v1/labels", None, 405, "request.refused"),
        ],
    )  # fmt: skip
    def test_tell_code_message_where_remedy(
        self, http: TestClient, method: str, path: str, body: Any, status: int, code: str
    ) -> None:
        answer = http.request(method, path, json=body)
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert set(answer.json()) == {"code", "message", "where", "remedy"}
        assert answer.json()["message"]

    def test_a_refused_definition_changes_nothing(self, http: TestClient) -> None:
        before = http.get("/v1/labels/aipl").json()
        rungs = [{"value": "L", "condition": 'in(aipl, "P")'}]
        circle = http.post("/v1/labels", json={"name": "aipl", "kind": "stage", "rungs": rungs})
        assert circle.status_code == 422
        assert http.get("/v1/labels/aipl").json() == before

    def test_the_place_in_a_definition_is_named(self, http: TestClient) -> None:
        rungs = [{"value": "a", "condition": "everyone"}, {"value": "b", "condition": "count(order_paid, 3x) > 1"}]
        answer = http.post("/v1/labels", json={**LABEL, "rungs": rungs})
        assert answer.json()["where"].startswith("big.rungs.b: character")


class TestWhoActs:
    @pytest.mark.parametrize("name", ["mei", "梅"])
    def test_is_kept_with_the_edit(self, http: TestClient, name: str) -> None:
        http.post(f"/v1/customers/{LI}/tags", json={"tag": f"of {name}"}, headers={b"X-Acting-As": name.encode()})
        page = http.get(f"/v1/customers/{LI}").json()
        assert [tag["by"] for tag in page["tags"] if tag["tag"] == f"of {name}"] == [name]

    def test_is_the_user_of_the_machine_by_default(self, http: TestClient) -> None:
        import getpass

        http.post(f"/v1/customers/{LI}/tags", json={"tag": "me"})
        tags = http.get(f"/v1/customers/{LI}").json()["tags"]
        assert {tag["by"] for tag in tags if tag["tag"] == "me"} == {getpass.getuser()}

    @pytest.mark.parametrize("name", [b"a\x1bb", b"x" * 65])
    def test_is_a_plain_name(self, http: TestClient, name: bytes) -> None:
        assert http.get("/v1/labels", headers={b"X-Acting-As": name}).status_code == 422


class TestOrigin:
    """A browser sends some requests of a page to whatever address it names, without asking first."""

    @pytest.mark.parametrize("origin", ["http://127.0.0.1:8090", "http://localhost:5173", "http://[::1]:8090"])
    def test_pages_of_this_machine_are_answered(self, http: TestClient, origin: str) -> None:
        assert http.get("/v1/identity-kinds", headers={"Origin": origin}).status_code == 200

    @pytest.mark.parametrize("origin", ["https://evil.example", "http://localhost.evil.example:80", "null", ""])
    def test_other_sites_change_nothing(self, http: TestClient, origin: str) -> None:
        answer = http.post("/v1/keys", json={"name": "theirs", "feed": "theirs"}, headers={"Origin": origin})
        assert (answer.status_code, answer.json()["code"]) == (403, "request.origin")
        assert "theirs" not in http.get("/v1/keys").text


class TestHost:
    @pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.1:8000", "localhost:1", "LOCALHOST", "[::1]", "[::1]:8000"])
    def test_loopback_is_answered(self, http: TestClient, host: str) -> None:
        assert http.get("/v1/identity-kinds", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        "host", ["evil.example", "evil.example:8000", "127.0.0.1.evil.example", "::1", "", "testserver"]
    )
    def test_other_names_are_not(self, http: TestClient, host: str) -> None:
        answer = http.get("/v1/identity-kinds", headers={"Host": host})
        assert (answer.status_code, answer.json()["code"]) == (403, "request.host")


class TestFeedPages:
    def test_go_on_to_the_end(self, http: TestClient) -> None:
        whole = http.get("/v1/changes", params={"limit": 500}).json()
        assert whole["next"] == ""
        pages, cursor = [], ""
        while True:
            page = http.get("/v1/changes", params={"limit": 3, "cursor": cursor}).json()
            pages += page["changes"]
            cursor = page["next"]
            if not cursor:
                break
        assert pages == whole["changes"]
        assert len(pages) > 6


class TestSqlAnswer:
    def test_columns_of_one_name_and_what_is_no_number(self, http: TestClient) -> None:
        answer = _called(http, "ask_sql").json()
        assert answer == {"columns": ["a", "a", "b"], "rows": [[1, 2, "nan"]], "more": False}


# ── nonsense ────────────────────────────────────────────────────────────────────────────────────

NASTY = (
    "", " ", "\x00", "a\x00b", "\x1b[31m", "\u202e", "\ud800", "\r\nX: y", "🧴👩‍👧", "控油", "'; DROP TABLE labels; --",
    "{{7*7}}", "../../etc/passwd", "%s%n", "%00", "a" * 10_000, "(" * 3_000, "not " * 3_000, "1e999", "-0", "٣",
    "9" * 400, "2026-13-45", "0000-01-01", "9999-12-31T23:59:59.999999+23:59", "0001-01-01T00:00:00+14:00", "NaN",
    "unionid:", ":", "::", "c" * 27, "everyone", 'in(aipl, "P")', "count(order_paid, 999999999999d) > 1",
    "share(\"x\", 50%)", "count(*, 30d) >= 99999999999999999999", "1.1", "99999999999999999999.1", "0.-1",
)  # fmt: skip
TEXTS = st.one_of(st.sampled_from(NASTY), st.text(max_size=40))
VALUES = st.recursive(
    st.one_of(TEXTS, st.none(), st.booleans(), st.integers(-(10**30), 10**30), st.floats(allow_nan=False)),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=6,
)


class TestNonsense:
    """Whatever is sent: an answer or an explanation, never a failure of the service."""

    @settings(max_examples=250, deadline=None, suppress_health_check=list(HealthCheck))
    @given(name=st.sampled_from(sorted(CALLS)), data=st.data())
    def test_is_answered_or_refused(self, http: TestClient, name: str, data: st.DataObject) -> None:
        route, (_, query, body) = BY_NAME[name], CALLS[name]
        path = re.sub(r"{\w+}", lambda _: _escaped(data.draw(TEXTS)), route.path)
        query = {
            key: _escaped_text(data.draw(TEXTS)) for key in (*query, "cursor", "as_of", "from", "query", "customer")
        }
        content = None if body is None else _json(data.draw(st.one_of(VALUES, _near(body))))
        answer = http.request(
            route.method, path, params=query, content=content, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code < 500, (answer.status_code, answer.text)
        if answer.status_code >= 400:
            assert set(answer.json()) == {"code", "message", "where", "remedy"}

    @pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"condition": NaN}', b"null"])
    def test_bodies_that_are_no_json_are_refused(self, http: TestClient, content: bytes) -> None:
        answer = http.post("/v1/conditions/ask", content=content, headers={"Content-Type": "application/json"})
        assert 400 <= answer.status_code < 500
        assert set(answer.json()) == {"code", "message", "where", "remedy"}

    def test_pools_still_works(self, http: TestClient) -> None:
        assert http.get("/v1/insight/report").status_code == 200


def _near(body: dict[str, Any]) -> st.SearchStrategy[Any]:
    """A body of the right shape with nonsense in some of its places."""
    return st.fixed_dictionaries({key: st.one_of(st.just(value), VALUES) for key, value in body.items()})


def _escaped(text: str) -> str:
    return quote(_escaped_text(text), safe="") or "x"


def _escaped_text(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def _json(value: Any) -> str:
    import json

    return json.dumps(value)  # lone surrogates as escapes: that is how they come


def _check(value: Any, schema: dict[str, Any], document: dict[str, Any], at: str) -> None:
    """A value against the part of JSON Schema that the document uses; nothing may be there that it doesn't name."""
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
    if "anyOf" in schema:
        errors = []
        for one in schema["anyOf"]:
            try:
                return _check(value, one, document, at)
            except AssertionError as error:
                errors.append(error)
        raise AssertionError(errors)
    if "enum" in schema:
        assert value in schema["enum"], at
    kinds = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "null": type(None),
             "array": list, "object": dict}  # fmt: skip
    if "type" in schema:
        assert isinstance(value, kinds[schema["type"]]), (at, value)
        assert not (isinstance(value, bool) and schema["type"] != "boolean"), at
    if isinstance(value, float):
        assert math.isfinite(value)
    if schema.get("type") == "array":
        firsts = schema.get("prefixItems", [])
        for i, item in enumerate(value):
            _check(item, firsts[i] if i < len(firsts) else schema.get("items", {}), document, f"{at}[{i}]")
    if schema.get("type") == "object":
        known = schema.get("properties", {})
        assert set(schema.get("required", ())) <= set(value), at
        if "additionalProperties" not in schema and known:
            assert set(value) <= set(known), (at, set(value) - set(known))
        for key, item in value.items():
            more = schema.get("additionalProperties")
            part = known.get(key) or (more if isinstance(more, dict) else {})
            _check(item, part, document, f"{at}.{key}")
    return None


def test_routes_are_of_one_shape() -> None:
    assert all(isinstance(route, Route) and route.path.startswith("/v1/") for route in ROUTES)
