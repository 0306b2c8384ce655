"""Settings: layers, origins, and errors that say what to do."""

import pytest

from yutang.kernel.errors import ConfigError
from yutang.runtime.settings import load_settings


def force(tmp_path, text="", environment=None, flags=None):
    file = tmp_path / "yutang.toml"
    if text:
        file.write_text(text)
    return load_settings(file, environment or {}, flags or {})


class TestLayers:
    def test_defaults_hold_without_a_file(self, tmp_path):
        settings, in_force = force(tmp_path)
        assert settings.currency == "CNY"
        assert {one.origin for one in in_force} == {"default"}

    def test_the_later_layer_wins_and_is_named(self, tmp_path):
        settings, in_force = force(
            tmp_path, 'zone = "UTC"\ncurrency = "USD"\nlanguage = "en"\n',
            {"YUTANG_CURRENCY": "EUR", "YUTANG_LANGUAGE": "zh"}, {"language": "en", "zone": None},
        )  # fmt: skip
        origins = {one.name: one.origin for one in in_force}
        assert (settings.zone, settings.currency, settings.language) == ("UTC", "EUR", "en")
        assert origins["zone"] == str(tmp_path / "yutang.toml")
        assert origins["currency"] == "YUTANG_CURRENCY"
        assert origins["language"] == "--language"

    def test_variables_that_are_no_settings_are_left_alone(self, tmp_path):
        force(tmp_path, environment={"YUTANG_DATA": "/somewhere", "HOME": "/root"})

    def test_text_becomes_numbers_and_truths(self, tmp_path):
        settings, _ = force(tmp_path, environment={"YUTANG_LISTEN_PORT": "9000", "YUTANG_STRICT": "true"})
        assert settings.listen_port == 9000
        assert settings.strict is True


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "environment", "code", "words"),
        [
            ('curency = "USD"', {}, "config.unknown", "did you mean currency"),
            ("", {"YUTANG_LISTEN_PROT": "1"}, "config.unknown", "did you mean listen_port"),
            ("zone = 5", {}, "config.type", "must be text"),
            ('listen_port = "many"', {}, "config.type", "whole number"),
            ("", {"YUTANG_LISTEN_PORT": "--5"}, "config.type", "whole number"),
            ("", {"YUTANG_LISTEN_PORT": "²"}, "config.type", "whole number"),
            ("", {"YUTANG_LISTEN_PORT": "9" * 5_000}, "config.type", "whole number"),
            ('zone = "Asia/Shanghi"', {}, "config.value", "did you mean Asia/Shanghai"),
            ('currency = "yuan"', {}, "config.value", "ISO 4217"),
            ('listen_host = "0.0.0.0"', {}, "config.value", "no sign-in yet"),
            ("flush_rows = 0", {}, "config.value", "between"),
            ("zone = ", {}, "config.malformed", "TOML"),
        ],
    )
    def test_says_where_and_how_to_mend_it(self, tmp_path, text, environment, code, words):
        with pytest.raises(ConfigError) as refused:
            force(tmp_path, text, environment)
        assert refused.value.code == code
        assert words in str(refused.value)
        assert refused.value.where
