"""Customers on the command line: tables in two languages, JSON, edits with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.pools import Scratch, event

from yutang.app import application
from yutang.cli.main import run

WANG, LI, PHONE = "unionid:wang", "unionid:li", "phone:+8613800000001"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    scratch = Scratch(tmp_path)
    scratch.send(
        event("order_paid", "2026-02-01 10:00", (WANG, PHONE), "a", amount=26800),
        event("page_viewed", "2026-02-02 10:00", (LI, PHONE), "b", note="[bold]not markup[/bold]"),
    )
    scratch.close()
    return tmp_path


@pytest.fixture
def yutang(folder: Path, capsys: pytest.CaptureFixture[str]):
    def call(*arguments: str, status: int = 0) -> str:
        assert run(application(), ["--data", str(folder), "--as", "mei", *arguments]) == status
        found = capsys.readouterr()
        return found.out if status == 0 else found.err

    return call


def test_show_in_chinese_in_english_and_as_json(yutang) -> None:
    chinese = yutang("customer", "show", "wang")
    assert "身份" in chinese
    assert "待人工判定" in chinese
    assert "identities" in yutang("--language", "en", "customer", "show", WANG)
    page = json.loads(yutang("customer", "show", WANG, "--json"))
    assert {one["kind"] for one in page["identities"]} >= {"unionid"}


def test_find_and_timeline(yutang) -> None:
    assert json.loads(yutang("customer", "find", "wan", "--json"))["customers"][0]["name"] == WANG
    assert "268.00 CNY" in yutang("customer", "timeline", WANG, "--type", "order_paid")
    assert "[bold]not" in yutang("customer", "timeline", LI).replace("\n", "")


def test_what_is_entered_is_shown(yutang) -> None:
    yutang("customer", "set", LI, "skin=oily", "city=上海")
    yutang("customer", "set", LI, "city=")
    yutang("customer", "tag", LI, "vip", "--group", "service")
    yutang("customer", "untag", LI, "vip", "--group", "other")
    yutang("customer", "consent", LI, "sms", "--purpose", "promotion")
    yutang("customer", "record", LI, "child", "1", "name=Bao")
    yutang("customer", "record", LI, "child", "2", "--end")
    yutang("customer", "identify", LI, "member_no=7")
    page = json.loads(yutang("customer", "show", LI, "--json"))
    assert [(one["name"], one["value"]) for one in page["traits"]] == [("skin", "oily")]
    assert [(one["tag"], one["by"]) for one in page["tags"]] == [("vip", "mei")]
    assert [one["channel"] for one in page["consents"]] == ["sms"]
    assert [one["record"] for one in page["records"]] == ["1"]
    assert "member_no" in {one["kind"] for one in page["identities"]}


def test_a_review_is_settled_and_a_merge_withdrawn(yutang) -> None:
    (review,) = json.loads(yutang("customer", "reviews", "--json"))["reviews"]
    assert "同一客户" in yutang("customer", "settle", review["id"], "--same", "--why", "asked her")
    assert json.loads(yutang("customer", "show", WANG, "--json"))["edits"][0]["actor"] == "mei"
    assert "不同客户" in yutang("customer", "unmerge", review["a"], review["b"], "--why", "wrong after all")
    assert "同一客户" in yutang("customer", "merge", WANG, LI, "--why", "sure now")


def test_errors_have_a_status_and_a_remedy(yutang) -> None:
    assert "customer.unknown" in yutang("customer", "show", "nobody", status=3)
    assert "edit.one_identity" in yutang("customer", "merge", WANG, WANG, "--why", "x", status=2)
    assert "entry.pair" in yutang("customer", "set", WANG, "skin", status=2)


def test_kinds_are_listed_and_declared(yutang) -> None:
    assert "unionid" in yutang("customer", "kinds")
    yutang("customer", "declare-kind", "card", "--personal", "--unique")
    assert "card" in {one["name"] for one in json.loads(yutang("customer", "kinds", "--json"))}
    assert "identity.kind_exists" in yutang("customer", "declare-kind", "card", status=2)
