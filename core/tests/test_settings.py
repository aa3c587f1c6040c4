"""Settings: four layers, one rule for names, and secrets that do not show."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modelplug import ConfigError, Credentials, Secret, Settings, Switchboard

KEY = "sk-verysecret-0123456789"


def provider(**layers: Any) -> Any:
    """The settings of provider acme; argument, file and defaults are given as its own table."""
    tables: dict[str, Any] = {
        name: {"providers": {"acme": table}} for name, table in layers.items() if name != "environment"
    }
    return Settings(environment=layers.get("environment", {}), **tables).provider("acme")


@given(st.sets(st.sampled_from(["argument", "environment", "file", "defaults"]), min_size=1))
def test_the_highest_layer_wins(layers: set[str]) -> None:
    """Argument before environment before file before plugin default, whichever of them are there."""
    given_layers: dict[str, Any] = {layer: {"strategy": layer} for layer in layers}
    if "environment" in layers:
        given_layers["environment"] = {"ACME_STRATEGY": "environment"}
    expected = next(layer for layer in ("argument", "environment", "file", "defaults") if layer in layers)
    assert provider(**given_layers).strategy == expected


def test_one_rule_names_the_variables_of_every_provider() -> None:
    """Dashes and dots of a provider's name become underscores."""
    settings = Settings(environment={"MY_OWN_2_API_BASE": "http://x/v1"})
    assert settings.provider("my-own.2").api_base == "http://x/v1"


def test_config_toml_is_read_and_can_be_named(tmp_path: Path) -> None:
    """MODELPLUG_CONFIG names another file; its tables are settings."""
    path = tmp_path / "c.toml"
    path.write_text('default_model = "m"\n[providers.acme]\napi_key_env = "ELSEWHERE"\n')
    settings = Settings.read(environment={"MODELPLUG_CONFIG": str(path), "ELSEWHERE": KEY})
    assert settings.get("default_model") == "m"
    assert settings.provider("acme").secret("api_key") == Secret(KEY)


def test_a_broken_config_toml_says_where(tmp_path: Path) -> None:
    """A file that is not TOML is a ConfigError with its path and line."""
    path = tmp_path / "c.toml"
    path.write_text("default_model = \n")
    with pytest.raises(ConfigError, match=r"(?s)not TOML.*line 1.*c\.toml"):
        Switchboard(settings=Settings.read(environment={"MODELPLUG_CONFIG": str(path)}))


def test_a_key_may_stand_in_a_file(tmp_path: Path) -> None:
    """A key file's last newline is not part of the key."""
    (tmp_path / "key").write_text(KEY + "\n")
    assert provider(environment={"ACME_API_KEY_FILE": str(tmp_path / "key")}).secret("api_key") == Secret(KEY)


BAD_KEYS = {
    "blank": "  ",
    "newline": KEY + "\n",
    "inner newline": KEY[:9] + "\r\n" + KEY[9:],
    "quotes": f'"{KEY}"',
    "one quote": f"{KEY}'",
    "curly quotes": f"\u201c{KEY}\u201d",
    "umlaut": KEY + "\u00e4",
    "control": KEY + "\x00",
}


@pytest.mark.parametrize("key", BAD_KEYS.values(), ids=BAD_KEYS.keys())
def test_a_broken_key_is_named_by_its_setting_and_not_shown(key: str) -> None:
    """The error names the variable, says what is wrong, and holds nothing of the key."""
    with pytest.raises(ConfigError, match=r"^ACME_API_KEY: ") as caught:
        provider(environment={"ACME_API_KEY": key}).credentials()
    assert "verysecret" not in str(caught.value)


BAD_BASES = {
    "scheme": "ftp://host/v1",
    "file": "file:///etc/passwd",
    "no scheme": "hidden/v1",
    "no host": "http:///v1",
    "credentials": "https://user:hunter2@host/v1",
    "link-local": "http://169.254.169.254/latest",
    "link-local as a number": "http://2852039166/",
    "link-local in octal": "http://0251.0376.0251.0376/",
    "link-local inside IPv6": "http://[::ffff:169.254.169.254]/",
    "link-local IPv6": "http://[fe80::1]/",
    "metadata name": "http://metadata.google.internal/v1",
    "metadata name with dot": "http://METADATA.google.internal./v1",
    "Alibaba": "http://100.100.100.200/",
    "unicode host": "https://\u0430pi.example/v1",
    "space": "https://host /v1",
    "line break": "https://host/v1\r\nX: y",
    "query": "https://host/v1?key=hunter2",
    "port": "https://host:99999/v1",
}


@pytest.mark.parametrize("base", BAD_BASES.values(), ids=BAD_BASES.keys())
def test_a_bad_base_is_refused_without_its_value(base: str) -> None:
    """The error names the setting; the base itself is not in it."""
    with pytest.raises(ConfigError, match=r"^ACME_API_BASE: ") as caught:
        provider(environment={"ACME_API_BASE": base}).credentials()
    assert "hunter2" not in str(caught.value)
    assert base not in str(caught.value)


def test_a_link_local_base_can_be_allowed() -> None:
    """Who really serves models there says so for that provider."""
    table = {"api_base": "http://169.254.1.1/v1/", "allow_link_local": True}
    assert provider(file=table).credentials().api_base == "http://169.254.1.1/v1"


ALSO = {"also": ["GENERIC"], "api_base": "https://acme.test/v1"}


def test_the_other_name_gives_key_and_base_together() -> None:
    """Variables under the generic name stand in when the provider's own name has neither."""
    environment = {"GENERIC_API_KEY": KEY, "GENERIC_API_BASE": "https://generic.test/v1"}
    found = provider(defaults=ALSO, environment=environment).credentials()
    assert (found.api_key, found.api_base) == (Secret(KEY), "https://generic.test/v1")


def test_the_own_name_wins_and_never_mixes() -> None:
    """An own key goes to the own base, never to the base of the generic name."""
    environment = {"GENERIC_API_KEY": "sk-other", "GENERIC_API_BASE": "https://g.test/v1", "ACME_API_KEY": KEY}
    found = provider(defaults=ALSO, environment=environment).credentials()
    assert (found.api_key, found.api_base) == (Secret(KEY), "https://acme.test/v1")
    environment = {"GENERIC_API_KEY": "sk-other", "ACME_API_BASE": "https://own.test/v1"}
    assert provider(defaults=ALSO, environment=environment).credentials().api_key is None


def test_a_generic_key_without_a_generic_base_is_refused() -> None:
    """A key of unknown owner is not sent to this provider's base."""
    with pytest.raises(ConfigError, match="GENERIC_API_BASE: is not set"):
        provider(defaults=ALSO, environment={"GENERIC_API_KEY": KEY}).credentials()
    with pytest.raises(ConfigError, match="GENERIC_API_KEY: is not set, though GENERIC_API_BASE is"):
        provider(defaults=ALSO, environment={"GENERIC_API_BASE": "https://g.test/v1"}).credentials()


def test_a_secret_never_shows() -> None:
    """Not in repr, str, format, an attrs repr or a pickle."""
    secret = Secret(KEY)
    credentials = Credentials(api_key=KEY, headers={"X-Token": KEY})
    shown = f"{secret!r} {secret} {secret:>40} {[secret]} {credentials!r} {Settings(argument={'k': KEY})!r}"
    assert KEY not in shown
    with pytest.raises(TypeError):
        pickle.dumps(secret)


@pytest.mark.parametrize("value", ["nan", "inf", "ten", ""])
def test_a_number_that_is_none_is_refused(value: str) -> None:
    """A setting that should be a number names itself."""
    with pytest.raises(ConfigError, match="ACME_TIMEOUT"):
        provider(environment={"ACME_TIMEOUT": value}).number("timeout")


def test_true_is_no_number() -> None:
    """A switch where a number belongs is a mistake, and not one second."""
    with pytest.raises(ConfigError, match="timeout: is not a number"):
        provider(file={"timeout": True}).number("timeout")


def test_flags() -> None:
    """True and false are written in the usual ways, and anything else is refused."""
    assert provider(environment={"ACME_X": "Yes"}).flag("x") is True
    assert provider(file={"x": False}).flag("x", True) is False
    with pytest.raises(ConfigError, match="neither true nor false"):
        provider(environment={"ACME_X": "maybe"}).flag("x")


def test_names() -> None:
    """A list, or text with commas; anything else is refused."""
    assert provider(environment={"ACME_X": "a, b,"}).names("x") == ("a", "b")
    assert provider(file={"x": ["a", "b"]}).names("x") == ("a", "b")
    assert provider().names("x") is None
    with pytest.raises(ConfigError, match="no list of names"):
        provider(file={"x": True}).names("x")


@pytest.mark.parametrize("headers", ["X-Team: a", ["X-Team"], 3])
def test_headers_that_are_no_table_are_named(headers: Any) -> None:
    """Not found out by a call that ends without a record."""
    with pytest.raises(ConfigError, match="headers: is not a table"):
        provider(file={"headers": headers}).credentials()


@pytest.mark.parametrize("headers", [{"X Team": "hunter2"}, {"X-Team": "a\r\nX-Other: hunter2"}, {"": "hunter2"}])
def test_what_is_no_header_is_named_without_its_value(headers: Any) -> None:
    """On the wire it would end the head, or hide a second header in it."""
    with pytest.raises(ConfigError, match=r"headers: holds .*, which is no header") as caught:
        provider(file={"headers": headers}).credentials()
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("table", [{"api_key": ["hunter2"]}, {"api_key": 5}, {"api_key_env": ["hunter2"]}])
def test_a_key_that_is_no_text_is_refused(table: Any) -> None:
    """Also the name of its variable: nothing is made into a key that is none."""
    with pytest.raises(
        ConfigError, match=r"api_key: is no text|api_key_env: names a variable that is not set"
    ) as caught:
        provider(file=table).credentials()
    assert "hunter2" not in str(caught.value)


def test_a_byte_order_mark_is_not_read(tmp_path: Path) -> None:
    """Some editors put one before config.toml, or before a key."""
    (tmp_path / "key").write_bytes(b"\xef\xbb\xbfsk-0123456789\r\n")
    (tmp_path / "config.toml").write_bytes(b"\xef\xbb\xbftimeout = 3\n[providers.acme]\napi_key_file = 'KEY'\n")
    config = tmp_path / "config.toml"
    config.write_bytes(config.read_bytes().replace(b"KEY", str(tmp_path / "key").encode()))
    settings = Settings.read(environment={"MODELPLUG_CONFIG": str(config)})
    assert settings.get("timeout") == 3
    key = settings.provider("acme").credentials().api_key
    assert key is not None and key.reveal() == "sk-0123456789"


@pytest.mark.parametrize(
    ("file", "setting"),
    [
        ({"block": True}, "config.toml, block"),
        ({"plugins": 3}, "config.toml, plugins"),
        ({"providers": 3}, "config.toml, providers"),
        ({"providers": {"acme": 3}}, "config.toml, providers"),
        ({"aliases": 4}, "aliases"),
        ({"aliases": {"a": ["x"]}}, "aliases, a"),
    ],
)
def test_tables_of_the_wrong_shape_are_named(file: dict[str, Any], setting: str) -> None:
    """A host is told at once, not by models that are missing."""
    with pytest.raises(ConfigError, match=f"^{setting}: "):
        Switchboard.load(settings=Settings(environment={}, file=file))


@pytest.mark.parametrize(
    ("own", "above", "used"),
    [
        (None, None, None),
        (None, "environment", "environment"),
        ("http://near:1", "http://far:1", "http://near:1"),
        ("none", "http://far:1", None),
        ("", "http://far:1", None),
        ("https://user:p%40ss@near:1", None, "https://user:p%40ss@near:1"),
    ],
)
def test_a_proxy_is_the_providers_or_that_of_all(own: str | None, above: str | None, used: str | None) -> None:
    """A provider's own proxy comes first; `none` keeps it from the one of the top level."""
    given = {name: text for name, text in {"ACME_PROXY": own, "MODELPLUG_PROXY": above}.items() if text is not None}
    assert provider(environment=given).proxy == used


@pytest.mark.parametrize("value", ["proxy:3128", "socks5://u:hunter2@proxy:1", "http://u:hunter2@:1", "http://h:99999"])
def test_a_proxy_that_is_none_is_refused_without_its_value(value: str) -> None:
    """The error names the setting, and holds no password."""
    with pytest.raises(ConfigError, match="no HTTP proxy") as caught:
        _ = provider(environment={"MODELPLUG_PROXY": value}).proxy
    assert caught.value.setting == "MODELPLUG_PROXY"
    assert value not in str(caught.value)
