"""Settings: read from the environment, completed by what follows from them, refused where they would endanger a shop."""

import stat
import threading

import pytest

from app import create_app
from app.config import SETTINGS, ConfigError, complete, from_environ, instance_secret, refuse_unsafe

LONG = "x" * 40


def config(tmp_path, **environ: str) -> dict:
    values = from_environ(environ)
    complete(values, tmp_path)
    return values


def production(tmp_path, **environ: str) -> dict:
    return config(tmp_path, **{"TILL_ENV": "production", "SECRET_KEY": LONG, "BASE_URL": "https://shop.example"} | environ)


def test_nothing_need_be_said(tmp_path):
    values = config(tmp_path)

    assert values["SQLALCHEMY_DATABASE_URI"] == f"sqlite:///{tmp_path / 'till.sqlite3'}"
    assert (values["BASE_URL"], values["CURRENCY"]) == ("http://127.0.0.1:8000", "GBP")
    assert len(values["SECRET_KEY"]) >= 32


def test_hosting_companies_addresses_are_understood(tmp_path):
    assert config(tmp_path, DATABASE_URL="postgres://u@h/d")["SQLALCHEMY_DATABASE_URI"] == "postgresql://u@h/d"


@pytest.mark.parametrize(
    ("text", "value"), [("1", True), ("yes", True), ("On", True), ("0", False), ("", False), ("false", False)]
)
def test_switches_take_the_usual_words(text, value):
    assert from_environ({"RATELIMIT_ENABLED": text})["RATELIMIT_ENABLED"] is value


@pytest.mark.parametrize(("name", "text"), [("PORT", "x"), ("RATELIMIT_ENABLED", "maybe"), ("HOLD_MINUTES", "1.5")])
def test_what_cannot_be_read_is_named(name, text):
    with pytest.raises(ConfigError, match=f"{name} is “{text}”"):
        from_environ({name: text})


def test_lists_are_separated_by_commas(tmp_path):
    assert config(tmp_path, TRUSTED_HOSTS=" a.example, b.example ,")["TRUSTED_HOSTS"] == ["a.example", "b.example"]


def test_the_shop_trusts_its_own_hosts_unless_told_others(tmp_path):
    assert {"localhost", "127.0.0.1", "shop.example"} <= set(config(tmp_path, BASE_URL="https://shop.example")["TRUSTED_HOSTS"])


def test_the_instances_secret_is_made_once_and_is_the_owners_alone(tmp_path):
    first, second = config(tmp_path)["SECRET_KEY"], config(tmp_path)["SECRET_KEY"]

    assert first == second
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


@pytest.mark.parametrize("left", [None, ""], ids=["no file yet", "a file that a killed process left empty"])
def test_servers_that_start_together_share_one_secret(tmp_path, left):
    for attempt in range(20):
        path = tmp_path / f"secret-{attempt}"
        if left is not None:
            path.write_text(left)
        found: list[str] = []
        start = threading.Barrier(16)

        def serve(path=path, found=found, start=start) -> None:
            start.wait()
            found.append(instance_secret(path))

        threads = [threading.Thread(target=serve) for _ in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(found) == 16
        assert len(set(found)) == 1
        assert len(found[0]) >= 32


def test_a_good_production_shop_starts(tmp_path):
    refuse_unsafe(production(tmp_path), debug=False)


@pytest.mark.parametrize(
    ("environ", "words"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY needs at least 32"),
        ({"SECRET_KEY": "short"}, "SECRET_KEY needs at least 32"),
        ({"BASE_URL": "http://shop.example"}, "BASE_URL must begin with https"),
        ({"RATELIMIT_ENABLED": "0"}, "RATELIMIT_ENABLED=0"),
        ({"TILL_ENV": "prod"}, "TILL_ENV is “prod”"),
        ({"SMTP_SECURITY": "ssl"}, "SMTP_SECURITY is “ssl”"),
    ],
)
def test_an_unsafe_production_shop_does_not(tmp_path, environ, words):
    with pytest.raises(ConfigError, match=words):
        refuse_unsafe(production(tmp_path, **environ), debug=False)


def test_debug_mode_is_refused_in_production(tmp_path):
    with pytest.raises(ConfigError, match="Debug mode"):
        refuse_unsafe(production(tmp_path), debug=True)


def test_a_production_shop_does_not_fall_back_on_the_instances_secret(tmp_path):
    config(tmp_path)

    assert production(tmp_path, SECRET_KEY="")["SECRET_KEY"] == ""


def test_limits_may_be_off_in_production_when_that_is_named(tmp_path):
    refuse_unsafe(production(tmp_path, RATELIMIT_ENABLED="0", ALLOW_IN_PRODUCTION="ratelimit-off"), debug=False)


def test_production_on_loopback_needs_no_https(tmp_path):
    refuse_unsafe(production(tmp_path, BASE_URL="http://127.0.0.1:8000"), debug=False)


def test_the_app_itself_refuses(tmp_path):
    unsafe = {"TILL_ENV": "production", "SECRET_KEY": "short", "BASE_URL": "https://shop.example", "INSTANCE_PATH": str(tmp_path)}

    with pytest.raises(ConfigError):
        create_app(unsafe)


@pytest.mark.parametrize("url", ["ntfy.sh/topic", "ftp://shop.example/x", "https:///topic", "https://[x", "https://h:99999/x"])
def test_an_alarm_needs_a_web_address_and_its_refusal_does_not_tell_it(url, tmp_path):
    with pytest.raises(ConfigError, match="ALARM_URL is no web address") as refused:
        refuse_unsafe(config(tmp_path, ALARM_URL=url), False)

    assert url not in str(refused.value)


def test_production_rings_nobody_in_the_clear(tmp_path):
    with pytest.raises(ConfigError, match="ALARM_URL must begin with https://"):
        refuse_unsafe(production(tmp_path, ALARM_URL="http://ntfy.example/topic"), False)

    refuse_unsafe(production(tmp_path, ALARM_URL="http://127.0.0.1:9/topic"), False)
    refuse_unsafe(production(tmp_path, ALARM_URL="https://ntfy.example/topic"), False)


def test_nobody_is_anonymised_in_the_future(tmp_path):
    with pytest.raises(ConfigError, match="ANONYMISE_AFTER_DAYS"):
        refuse_unsafe(config(tmp_path, ANONYMISE_AFTER_DAYS="-1"), False)


def test_no_setting_is_named_twice():
    names = [setting.name for setting in SETTINGS]

    assert sorted(names) == sorted(set(names))
