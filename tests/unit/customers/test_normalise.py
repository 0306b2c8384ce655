"""What callers send becomes one spelling, or a problem with a code and a place."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from yutang.domains.customers.contracts import Form, IdentityProblem, KindSpec
from yutang.domains.customers.rules.kinds import BUILTIN, check_kind, kinds_with
from yutang.domains.customers.rules.normalise import normalise_value, parse_identities
from yutang.kernel.event import Identity

KINDS = kinds_with()


def one(raw: dict[str, object], country: str = "CN") -> str:
    (identity,) = parse_identities(raw, country, KINDS)
    return identity.value


class TestPhones:
    @pytest.mark.parametrize(
        "text", ["13800138000", "138 0013 8000", "+86 138-0013-8000", " 0086 138 0013 8000 ", "１３８００１３８０００"]
    )
    def test_one_number_however_it_is_written(self, text: str) -> None:
        assert one({"phone": text}) == "+8613800138000"

    def test_by_the_brands_country(self) -> None:
        assert one({"phone": "020 7946 0958"}, "GB") == "+442079460958"
        assert one({"phone": 13800138000}) == "+8613800138000"

    @pytest.mark.parametrize("text", ["", "12", "call me", "+999999999999999999", "13800138000123456", "1-800-FLOWERS"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(IdentityProblem) as raised:
            one({"phone": text})
        assert raised.value.code in ("identity.phone", "identity.empty")
        assert raised.value.where == "phone"

    @settings(max_examples=100)
    @given(st.integers(13_000_000_000, 19_999_999_999))
    def test_the_short_cut_reads_as_the_library_does(self, number: int) -> None:
        parsed = phonenumbers.parse(str(number), "CN")
        wanted = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
        assert one({"phone": number}) == wanted


class TestEmail:
    @pytest.mark.parametrize(
        ("text", "wanted"),
        [
            (" Lin@Example.COM ", "lin@example.com"),
            ("a+b@sub.example.cn", "a+b@sub.example.cn"),
            ("林@例子.公司", "林@xn--fsqu00a.xn--55qx5d"),
            ("x@xn--fsqu00a.xn--55qx5d", "x@xn--fsqu00a.xn--55qx5d"),
        ],
    )
    def test_lower_case_and_an_ascii_domain(self, text: str, wanted: str) -> None:
        assert one({"email": text}) == wanted

    @pytest.mark.parametrize("text", ["a", "a@", "@b.cn", "a b@c.cn", "a@b", "a@-b.cn", "a@b..cn", "a" * 65 + "@b.cn"])
    def test_what_is_none_is_refused(self, text: str) -> None:
        with pytest.raises(IdentityProblem) as raised:
            one({"email": text})
        assert raised.value.code == "identity.email"


class TestKeysAndValues:
    def test_scopes_lists_doubles_and_order(self) -> None:
        raw = {"unionid": "u", "openid:wx2": "b", "openid:wx1": ["a", "a "], "member_no": 42}
        assert parse_identities(raw, "CN", KINDS) == (
            Identity("member_no", "", "42"), Identity("openid", "wx1", "a"), Identity("openid", "wx2", "b"),
            Identity("unionid", "", "u"),
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("raw", "code"),
        [
            ({}, "none"),
            ({"phone": []}, "none"),
            ({"member_no": 1.5}, "type"),
            ({"member_no": True}, "type"),
            ({"member_no": None}, "type"),
            ({"member_no": {"a": 1}}, "type"),
            ({"member_no": "  "}, "empty"),
            ({"member_no": "a\x00b"}, "control"),
            ({"member_no": "a\u202eb"}, "control"),
            ({"member_no": "x" * 513}, "too_long"),
            ({"member_no": 10**600}, "too_long"),
            ({"member_no": "x" * 10_000_000}, "too_long"),
            ({"phone:home": "13800138000"}, "scope_unexpected"),
            ({"openid:": "x"}, "key"),
            ({"openid:a:b": "x"}, "key"),
            ({"Bad Kind": "x"}, "key"),
            ({1: "x"}, "key"),
            ({"member_no": [str(n) for n in range(33)]}, "too_many"),
        ],
    )
    def test_problems_name_code_and_place(self, raw: dict[str, object], code: str) -> None:
        with pytest.raises(IdentityProblem) as raised:
            parse_identities(raw, "CN", KINDS)
        assert raised.value.code == f"identity.{code}"
        assert raised.value.remedy
        assert len(str(raised.value)) < 1_000

    def test_emoji_and_injection_strings_are_values_like_others(self) -> None:
        for text in ("👨‍👩‍👧", "'; drop table identities; --", "<script>", "%s%n", "../../etc"):
            assert one({"account": text}) == text

    def test_unknown_kinds_are_shared_and_weak_or_refused(self) -> None:
        (identity,) = parse_identities({"loyalty:shop": "x"}, "CN", KINDS)
        spec = KINDS[identity.kind]
        assert (spec.personal, spec.weak, spec.declared) == (False, True, False)
        with pytest.raises(IdentityProblem) as raised:
            parse_identities({"loyalty": "x"}, "CN", KINDS, strict=True)
        assert raised.value.code == "identity.kind_unknown"

    @settings(max_examples=200)
    @given(st.sampled_from(BUILTIN), st.text(max_size=40), st.sampled_from(["CN", "US", "GB"]))
    def test_normalising_twice_changes_nothing(self, spec: KindSpec, text: str, country: str) -> None:
        try:
            once = normalise_value(spec, text, country)
        except IdentityProblem:
            return
        assert normalise_value(spec, once, country) == once


class TestOwnKinds:
    @pytest.mark.parametrize(
        "spec",
        [
            KindSpec("phone", 1),
            KindSpec("Bad", 1),
            KindSpec("x", 1, personal=True, weak=True),
            KindSpec("x", 1, weak=True, unique=True),
            KindSpec("x", 1, personal=True, cap=3),
            KindSpec("x", 0),
            KindSpec("x", 1, cap=-1),
        ],
    )
    def test_impossible_ones_are_refused(self, spec: KindSpec) -> None:
        with pytest.raises(IdentityProblem):
            check_kind(spec, KINDS)

    def test_possible_ones_are_not(self) -> None:
        check_kind(KindSpec("card", 700, personal=True, unique=True), KINDS)
        check_kind(KindSpec("address", 300, cap=3, form=Form.PLAIN), KINDS)
