"""A byte order mark before JSON changes nothing that is judged."""

from monitor.contracts.payloads import Payload
from monitor.contracts.text import parse
from monitor.model.forms import BOM


def test_a_contract_may_begin_with_one() -> None:
    for text in ('{"openapi": "3.1.0"}', "openapi: 3.1.0"):
        assert parse("\ufeff" + text, where="a contract") == {"openapi": "3.1.0"}


def test_a_body_may_begin_with_one() -> None:
    for body in ('\ufeff{"a": 1}', BOM + b'{"a": 1}', '{"a": 1}'):
        payload = Payload(body, {"content-type": "application/json"})
        assert (payload.problem, payload.repeats_a_key()) == ("", False)
        assert payload.value == {"a": 1}
