"""What cannot work is a wrong setting before anything connects."""

import pytest

from monitor.cli.assembly import House
from monitor.config import load
from monitor.control.store import open_control
from monitor.errors import ConfigError
from monitor.store import Store


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ({}, "no Kafka brokers are set"),
        ({"kafka.brokers": "h:1", "topics.spans": ""}, "no topic is set for traces: set SEAMWATCH_TOPICS_SPANS"),
        ({"kafka.brokers": "h:1", "kafka.ssl_cafile": "/nowhere/ca.pem"}, r"kafka\.ssl_cafile names /nowhere/ca\.pem"),
    ],
)
def test_a_source_that_cannot_be_made_names_the_setting(
    store: Store, tmp_path: object, flags: dict[str, object], said: str
) -> None:
    engine = open_control(f"sqlite:///{tmp_path}/control.db")
    with pytest.raises(ConfigError, match=said):
        House(load(flags=flags), store, engine).source("traces")
    engine.dispose()


def test_the_reject_settings_bound_a_run_of_bad_records_too(store: Store, tmp_path: object) -> None:
    engine = open_control(f"sqlite:///{tmp_path}/control.db")
    limits = House(load(flags={"rejects.limit_ratio": 0.2, "rejects.limit_records": 7}), store, engine).limits
    assert (limits.max_share, limits.window_records, limits.max_run) == (0.2, 7, 7)
    engine.dispose()
