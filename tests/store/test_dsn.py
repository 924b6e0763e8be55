"""A DSN that cannot be meant is a wrong setting, said without its password."""

from collections.abc import Callable

import pytest

from monitor.control.store import open_control
from monitor.errors import ConfigError
from monitor.store import open_store


@pytest.mark.parametrize(
    ("open_it", "dsn", "said"),
    [
        (open_store, "ftp://u:hunter2@h:1/db", "begins with none of"),
        (open_store, "clickhouse://u:hunter2@h:port/db", "has no number as its port"),
        (open_control, "mysql://u:hunter2@h:1/db", "begins with mysql://"),
        (open_control, "postgresql://u:hunter2@h:port/db", "cannot be read"),
        (open_control, "hunter2", "cannot be read"),
        (open_control, "sqlite://", "names no file"),
    ],
)
def test_a_dsn_of_no_known_kind_is_a_wrong_setting(
    open_it: Callable[[str], object], dsn: str, said: str
) -> None:
    with pytest.raises(ConfigError, match=said) as error:
        open_it(dsn)
    assert "hunter2" not in str(error.value)
