"""What a search for somebody who was erased finds, and in which spellings."""

from __future__ import annotations

import json
from urllib.parse import quote

import pytest

from yutang.kernel.event import Identity
from yutang.runtime.erasing.needles import Needles, needles_of

VALUES = ("Jon@Example.com", "Élodie-77", "иван123", "会员一二三", "o'neil/77")


def sought(value: str, kind: str = "account") -> Needles:
    return needles_of([Identity(kind, "", value)])


class TestNeedles:
    @pytest.mark.parametrize("value", VALUES)
    def test_a_value_is_found_whatever_its_case(self, value: str) -> None:
        for written in (value, value.lower(), value.upper()):
            assert sought(value).within(f"…{written}…".encode()) == {"account"}, written
            assert sought(value).of(written) == {"account"}, written

    @pytest.mark.parametrize("value", VALUES)
    def test_a_value_is_found_as_senders_escape_it(self, value: str) -> None:
        for body in (json.dumps({"who": value}), f"who={quote(value, safe='')}&x=1", json.dumps(value).upper()):
            assert sought(value).within(body.encode()) == {"account"}, body

    def test_a_phone_is_found_without_its_country(self) -> None:
        phone = sought("+8613800001234", "phone")
        assert all(phone.within(raw) == {"phone"} for raw in (b"+8613800001234", b"13800001234", b"%2B8613800001234"))

    def test_a_short_value_is_none_of_the_parts_of_others(self) -> None:
        assert sought("42").within(b"1421") == set()
        assert sought("42").of("42") == {"account"}
