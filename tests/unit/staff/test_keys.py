"""API keys: what may be made, what is kept of a secret, rotation and revocation."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.pools import Scratch

from yutang.domains.customers.contracts import CONSOLE_FEED
from yutang.domains.staff import api
from yutang.domains.staff.contracts import (
    FEEDS_RESERVED,
    KEY_PREFIX,
    KEY_RATE_EVENTS_PER_S,
    ApiKey,
    KeyDraft,
    KeyMade,
    KeyRotation,
    KeyState,
    RevokeKey,
    RotateKey,
)
from yutang.domains.staff.rules import digest_of, judged_draft, judged_origin
from yutang.kernel.errors import ConflictError, InvalidError, LimitError, NotFoundError
from yutang.kernel.ids import SeededDraw, SystemDraw
from yutang.kernel.instants import DAY_MS

SITE = KeyDraft("site", "website", ("https://shop.example",), 500)


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Scratch]:
    scratch = Scratch(tmp_path / "pool")
    yield scratch
    scratch.close()


def in_force(pool: Scratch) -> tuple[ApiKey, ...]:
    with pool.desk().reading() as uow:
        return api.keys_in_force(uow)


def secret_of(made: KeyMade) -> str:
    prefix, key_id, secret = made.key.split("_")
    assert (prefix, key_id) == (KEY_PREFIX, made.card.id)
    return secret


class TestDrafts:
    @pytest.mark.parametrize(
        ("origin", "kept"),
        [
            ("https://shop.example", "https://shop.example"),
            (" HTTPS://Shop.Example/ ", "https://shop.example"),
            ("https://shop.example:443", "https://shop.example"),
            ("http://shop.example:80", "http://shop.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("https://shop.example:80", "https://shop.example:80"),
            ("http://[::1]:8080", "http://[::1]:8080"),
            ("*", "*"),
        ],
    )
    def test_origins_are_kept_as_browsers_send_them(self, origin: str, kept: str) -> None:
        assert judged_origin(origin) == kept

    @pytest.mark.parametrize(
        "origin",
        [
            "", "shop.example", "https://", "https://shop.example/path", "https://shop.example?x", "ftp://shop.example",
            "https://shop.example:0", "https://shop.example:65536", "https://*.shop.example", "https://-a.example",
            "https://a..b", "https://user@shop.example", "null", "https://店.example", "https://" + "a" * 300,
        ],
    )  # fmt: skip
    def test_what_is_no_origin_is_refused_with_an_example(self, origin: str) -> None:
        with pytest.raises(InvalidError) as refused:
            judged_origin(origin)
        assert refused.value.code == "key.origin_malformed"
        assert "https://shop.example" in refused.value.remedy

    @pytest.mark.parametrize(
        ("draft", "code"),
        [
            (KeyDraft("", "a"), "key.name"),
            (KeyDraft("a\x1b[31m", "a"), "key.name"),
            (KeyDraft("a" * 129, "a"), "key.name"),
            (KeyDraft("a", " "), "key.name"),
            (KeyDraft("a", "a\nb"), "key.name"),
            (KeyDraft("a", "Console"), "key.feed_reserved"),
            (KeyDraft("a", "b", rate_events_per_s=0), "key.rate_range"),
            (KeyDraft("a", "b", rate_events_per_s=10**9), "key.rate_range"),
            (KeyDraft("a", "b", tuple(f"https://s{n}.example" for n in range(51))), "key.origins"),
        ],
    )
    def test_what_cannot_be_kept_is_refused(self, draft: KeyDraft, code: str) -> None:
        with pytest.raises(InvalidError) as refused:
            judged_draft(draft)
        assert refused.value.code == code

    def test_names_of_people_are_fine(self) -> None:
        judged = judged_draft(KeyDraft(" 官网 ", "官网-web", ("https://a.example/", "https://a.example")))
        assert (judged.name, judged.feed, judged.origins) == ("官网", "官网-web", ("https://a.example",))

    def test_the_feed_of_people_is_reserved(self) -> None:
        assert CONSOLE_FEED in FEEDS_RESERVED


class TestSecrets:
    def test_hold_more_than_192_bits(self) -> None:
        drawn = [SystemDraw().secret() for _ in range(50)]
        assert len(set(drawn)) == 50
        assert all(62 ** len(one) > 2**192 and one.isalnum() and one.isascii() for one in drawn)
        assert SeededDraw(1).secret() == SeededDraw(1).secret()

    def test_are_kept_as_digests_only(self, pool: Scratch) -> None:
        made = api.create_key(pool.desk("mei"), SITE)
        secret = secret_of(made)
        assert in_force(pool) == (
            ApiKey(made.card.id, "site", "website", "write", digest_of(secret), "", 0, SITE.origins, 500),
        )
        pool.close()
        assert all(secret.encode() not in path.read_bytes() for path in pool.folder.root.rglob("*") if path.is_file())

    def test_are_in_no_later_answer(self, pool: Scratch) -> None:
        secret = secret_of(api.create_key(pool.desk(), SITE))
        assert secret not in str(api.list_keys(pool.desk()))
        assert digest_of(secret) not in str(api.list_keys(pool.desk()))


class TestLife:
    def test_says_who_and_when(self, pool: Scratch) -> None:
        card = api.create_key(pool.desk("mei"), KeyDraft("app", "app")).card
        assert (card.created_by, card.state, card.rate_events_per_s) == ("mei", KeyState.LIVE, KEY_RATE_EVENTS_PER_S)
        assert card.created_at
        assert (card.rotated_at, card.former_until, card.revoked_at) == ("", "", "")

    def test_a_rotated_key_takes_both_secrets_for_a_while(self, pool: Scratch) -> None:
        first = api.create_key(pool.desk(), SITE)
        second = api.rotate_key(pool.desk(), RotateKey(first.card.id, KeyRotation(7)))
        assert second.card.id == first.card.id
        (key,) = in_force(pool)
        assert (key.digest, key.former_digest) == (digest_of(secret_of(second)), digest_of(secret_of(first)))
        left = key.former_until - pool.desk().machine.now_ms()
        assert 6 * DAY_MS < left <= 7 * DAY_MS
        assert second.card.former_until

    def test_rotated_twice_it_takes_the_last_two(self, pool: Scratch) -> None:
        made = [api.create_key(pool.desk(), SITE)]
        made += [api.rotate_key(pool.desk(), RotateKey(made[0].card.id, KeyRotation())) for _ in range(2)]
        (key,) = in_force(pool)
        assert (key.digest, key.former_digest) == (digest_of(secret_of(made[2])), digest_of(secret_of(made[1])))

    def test_rotated_at_once_it_takes_the_new_one_only(self, pool: Scratch) -> None:
        first = api.create_key(pool.desk(), SITE)
        api.rotate_key(pool.desk(), RotateKey(first.key, KeyRotation(0)))
        (key,) = in_force(pool)
        assert (key.former_digest, key.former_until) == ("", 0)

    def test_revoked_it_is_gone_for_good(self, pool: Scratch) -> None:
        made, other = api.create_key(pool.desk(), SITE), api.create_key(pool.desk(), SITE)
        card = api.revoke_key(pool.desk(), RevokeKey(made.card.id))
        assert card.state is KeyState.REVOKED
        assert [key.id for key in in_force(pool)] == [other.card.id]
        assert api.revoke_key(pool.desk(), RevokeKey(made.card.id)) == card, "again is no news"
        assert [one.id for one in api.list_keys(pool.desk()).keys] == [other.card.id, made.card.id]
        with pytest.raises(ConflictError):
            api.rotate_key(pool.desk(), RotateKey(made.card.id, KeyRotation()))

    def test_survives_the_pool_being_opened_again(self, pool: Scratch) -> None:
        api.create_key(pool.desk(), SITE)
        before = in_force(pool)
        pool.reopen()
        assert in_force(pool) == before

    @pytest.mark.parametrize("days", [-1, 366])
    def test_a_former_secret_is_kept_within_bounds(self, pool: Scratch, days: int) -> None:
        made = api.create_key(pool.desk(), SITE)
        with pytest.raises(InvalidError, match="days"):
            api.rotate_key(pool.desk(), RotateKey(made.card.id, KeyRotation(days)))

    def test_an_unknown_one_is_said_to_be_so(self, pool: Scratch) -> None:
        with pytest.raises(NotFoundError):
            api.revoke_key(pool.desk(), RevokeKey("nothing"))

    def test_there_is_a_most(self, pool: Scratch, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(api, "KEYS_COUNT_MAX", 2)
        made = [api.create_key(pool.desk(), SITE) for _ in range(2)]
        with pytest.raises(LimitError):
            api.create_key(pool.desk(), SITE)
        api.revoke_key(pool.desk(), RevokeKey(made[0].card.id))
        api.create_key(pool.desk(), SITE)
