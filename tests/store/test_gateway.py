"""The HTTP path to a ClickHouse server, against chDB behind a gateway."""

from pathlib import Path

import clickhouse_connect
import pyarrow as pa
import pytest
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import DatabaseError

from monitor.errors import StoreError
from monitor.store import open_store
from tests.fixtures.gateway import ADDRESS, Gateway

ROWS = pa.table(
    {"word": pa.array(["a", "b", "a"]).dictionary_encode(), "n": pa.array([1, 2, 3], pa.uint32())}
)


@pytest.fixture
def client(gateway: Gateway) -> Client:
    made = clickhouse_connect.get_client(
        host="127.0.0.1", port=gateway.port, autogenerate_session_id=False
    )
    made.command("CREATE DATABASE IF NOT EXISTS plain ENGINE = Atomic")
    made.command(
        "CREATE TABLE IF NOT EXISTS plain.words (word LowCardinality(String), n UInt32) ENGINE = MergeTree ORDER BY n"
    )
    made.command("TRUNCATE TABLE plain.words")
    return made


def test_arrow_goes_in_and_rows_come_out(client: Client) -> None:
    client.insert_arrow("plain.words", ROWS)
    assert client.query(
        "SELECT word, sum(n) FROM plain.words GROUP BY word ORDER BY word"
    ).result_rows == [("a", 4), ("b", 2)]


def test_parameters_are_values_never_text(client: Client) -> None:
    hostile = "a' OR 1=1 --\n\\"
    client.insert("plain.words", [[hostile, 9]], column_names=["word", "n"])
    result = client.query(
        "SELECT n FROM plain.words WHERE word = {w:String}", parameters={"w": hostile}
    )
    assert result.result_rows == [(9,)]


def test_settings_hold_for_their_request_only(client: Client) -> None:
    read = "SELECT value FROM system.settings WHERE name = 'max_threads'"
    assert client.query(read, settings={"max_threads": 1}).result_rows == [("1",)]
    assert client.query(read).result_rows != [("1",)]


def test_errors_carry_their_code(client: Client) -> None:
    with pytest.raises(DatabaseError) as error:
        client.query("SELECT * FROM plain.nowhere")
    assert error.value.code == 60


def test_read_only_requests_cannot_write(client: Client) -> None:
    with pytest.raises(DatabaseError):
        client.command("TRUNCATE TABLE plain.words", settings={"readonly": "2"})


def test_our_store_works_over_http(gateway_dsn: str) -> None:
    store = open_store(gateway_dsn)
    store.insert("addresses", ADDRESS)
    store.insert("addresses", ADDRESS)
    assert len(store.query("addresses", {"environment": "e"})) == 1
    store.close()


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "match": "INSERT"},
        {
            "kind": "status",
            "status": 500,
            "code": 252,
            "text": "Code: 252. DB::Exception: Too many parts. (TOO_MANY_PARTS)",
            "match": "INSERT",
        },
        {"kind": "cut", "match": "INSERT"},
        {"kind": "cut_after", "match": "INSERT"},
    ],
    ids=["busy", "too many parts", "cut", "cut after the work was done"],
)
def test_a_fault_at_insert_loses_nothing_and_doubles_nothing(
    gateway: Gateway, gateway_dsn: str, fault: dict[str, object]
) -> None:
    store = open_store(gateway_dsn)
    gateway.faults(fault)
    store.insert("addresses", ADDRESS)
    assert len(store.query("addresses", {"environment": "e"})) == 1
    store.close()


def test_a_wrong_password_is_said_without_showing_it(tmp_path: Path) -> None:
    guarded = Gateway(tmp_path, password="right").start()
    try:
        with pytest.raises(StoreError) as error:
            open_store(f"clickhouse://default:hunter2@127.0.0.1:{guarded.port}/x")
        assert "hunter2" not in str(error.value)
    finally:
        guarded.stop()
