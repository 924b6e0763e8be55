"""Settings come from file, environment and flags, and nothing unknown passes."""

import json
from pathlib import Path

import pytest

from monitor.config import known, load, variable
from monitor.errors import ConfigError


def toml(folder: Path, text: str) -> Path:
    path = folder / "seamwatch.toml"
    path.write_text(text)
    return path


def test_flags_win_over_the_environment_and_it_over_the_file(tmp_path: Path) -> None:
    path = toml(tmp_path, '[api]\nport = 1\nhost = "h"\n[kafka]\ngroup = "from-file"\n')
    settings = load(
        path,
        {"api.port": 3, "api.host": None},
        {"SEAMWATCH_API_PORT": "2", "SEAMWATCH_KAFKA_GROUP": "from-environment"},
    )
    assert (settings.api.port, settings.api.host, settings.kafka.group) == (
        3,
        "h",
        "from-environment",
    )


def test_the_file_may_be_named_by_the_environment(tmp_path: Path) -> None:
    path = toml(tmp_path, 'data_dir = "/somewhere"\n')
    assert load(None, {}, {"SEAMWATCH_CONFIG": str(path)}).data_dir == Path("/somewhere")


@pytest.mark.parametrize("name", ["SEAMWATCH_KAFKA_BROKERS", "SEAMWATCH_KAFKA__BROKERS"])
def test_one_underscore_or_two_name_a_group(name: str) -> None:
    assert load(None, {}, {name: "a:1,b:2"}).kafka.brokers == "a:1,b:2"


def test_brokers_may_be_a_list_in_the_file(tmp_path: Path) -> None:
    assert (
        load(toml(tmp_path, '[kafka]\nbrokers = ["a:1", "b:2"]\n'), {}, {}).kafka.brokers
        == "a:1,b:2"
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[kafka]\nbrokerz = "a:1"\n', "did you mean kafka.brokers"),
        ("[kafkas]\n", "unknown setting kafkas"),
        ('[notify.receivers.pager]\nkind = "pager"\n', "'pagerduty'"),
        ("[api]\nport = 70000\n", "api.port"),
        ("[api\n", "is not TOML"),
    ],
)
def test_a_wrong_file_is_refused_with_the_name_and_the_place(
    tmp_path: Path, text: str, said: str
) -> None:
    with pytest.raises(ConfigError) as error:
        load(toml(tmp_path, text), {}, {})
    assert said in str(error.value)
    assert "seamwatch.toml" in str(error.value)


def test_an_unknown_variable_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(ConfigError, match="did you mean SEAMWATCH_KAFKA_BROKERS"):
        load(None, {}, {"SEAMWATCH_KAFKA_BROKRS": "a:1"})


def test_a_missing_file_says_which_and_what_to_check(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="check --config"):
        load(tmp_path / "none.toml", {}, {})


def test_a_secret_may_stand_in_a_file_and_never_shows(tmp_path: Path) -> None:
    secret = tmp_path / "password"
    secret.write_text("hunter2\n")
    settings = load(
        None,
        {},
        {
            "SEAMWATCH_KAFKA_SASL_PASSWORD_FILE": str(secret),
            "SEAMWATCH_KAFKA_SASL_MECHANISM": "PLAIN",
        },
    )
    assert settings.kafka.client_options()["sasl_plain_password"] == "hunter2"
    assert "hunter2" not in repr(settings)


def test_shards_are_a_list_in_a_file_and_stand_one_after_the_other_in_a_variable(
    tmp_path: Path,
) -> None:
    told = ["clickhouse://u:hunter2@a/x", "https://b:8443/y"]
    listed = load(toml(tmp_path, f"clickhouse_shards = {json.dumps(told)}"), {}, {})
    named = load(None, {}, {"SEAMWATCH_CLICKHOUSE_SHARDS": " ".join(told)})
    assert listed.shards() == named.shards() == told
    assert "hunter2" not in repr(listed)
    assert load(None, {}, {}).shards() == []


def test_a_wrong_value_does_not_quote_it() -> None:
    with pytest.raises(ConfigError) as error:
        load(None, {}, {"SEAMWATCH_KAFKA_OPTIONS": '{"sasl_plain_password": ["hunter2"]}'})
    assert "hunter2" not in str(error.value)


def test_a_secret_in_the_place_of_an_options_name_is_refused_and_not_quoted() -> None:
    with pytest.raises(ConfigError, match=r"environment: a client.s options have names") as error:
        load(None, {}, {"SEAMWATCH_KAFKA_OPTIONS": '{"Hunter-2": "sasl_plain_password"}'})
    assert "Hunter" not in str(error.value)


def test_a_broker_version_that_is_none_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"kafka\.api_version"):
        load(flags={"kafka.api_version": "newest"}, environ={})


def test_own_kafka_takes_five_settings_in_the_words_of_each_client() -> None:
    own = {
        "SEAMWATCH_KAFKA_BROKERS": "b:9093",
        "SEAMWATCH_KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
        "SEAMWATCH_KAFKA_SASL_USERNAME": "u",
        "SEAMWATCH_KAFKA_SASL_PASSWORD": "p",
        "SEAMWATCH_KAFKA_SSL_CAFILE": "/ca.pem",
    }
    assert load(None, {}, own).kafka.client_options() == {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "u",
        "sasl_plain_password": "p",
        "ssl_cafile": "/ca.pem",
    }
    assert load(
        None, {}, own | {"SEAMWATCH_KAFKA_CLIENT": "confluent"}
    ).kafka.client_options() == {
        "security.protocol": "SASL_SSL",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "u",
        "sasl.password": "p",
        "ssl.ca.location": "/ca.pem",
    }
    another = load(
        None, {}, own | {"SEAMWATCH_KAFKA_SASL_MECHANISM": "PLAIN"}
    ).kafka.client_options()
    assert another["sasl_mechanism"] == "PLAIN"


def test_a_broker_without_login_takes_one_setting() -> None:
    assert load(None, {}, {"SEAMWATCH_KAFKA_BROKERS": "b:9092"}).kafka.client_options() == {}


def test_an_old_brokers_version_is_handed_over_as_numbers() -> None:
    assert load(None, {}, {"SEAMWATCH_KAFKA_API_VERSION": "2.3"}).kafka.client_options() == {
        "api_version": (2, 3)
    }


def test_the_stores_lie_in_the_data_folder_unless_told_otherwise() -> None:
    here = load(None, {"data_dir": "/d"}, {})
    assert (here.clickhouse(), here.control()) == (
        "chdb:///d/telemetry",
        "sqlite:////d/control.db",
    )
    there = load(
        None,
        {},
        {
            "SEAMWATCH_CLICKHOUSE_DSN": "clickhouse://c/db",
            "SEAMWATCH_CONTROL_DSN": "postgresql://p/db",
        },
    )
    assert (there.clickhouse(), there.control()) == ("clickhouse://c/db", "postgresql://p/db")


def test_no_two_settings_share_a_variable() -> None:
    assert len({variable(name) for name in known()}) == len(known())


def test_every_setting_says_what_it_is() -> None:
    assert not [name for name, field in known().items() if not field.description]
