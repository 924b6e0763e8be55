"""How many exchanges were checked and broken: the page, the API and the command tell the same, of what
is observed and of what came late, too.
"""

import json
from itertools import count

from monitor.edges.closing import ClosingSettings
from monitor.joining.closing import Closer, Numbers
from monitor.wording.checked import conformance_told
from tests.api.test_publishing import GOOD, publish, recorded
from tests.fixtures.api import Asked

BAD = {"response_body": json.dumps(GOOD | {"amount": "1"})}
WORSE = {"response_body": json.dumps(GOOD | {"amount": "1", "currency": 7})}


def closed(api: Asked) -> None:
    numbers = count(1)
    settings = ClosingSettings(close_again_after=0.0, provisional_patience=0.0)
    Closer(
        api.parts.store, Numbers(lambda: next(numbers), lambda: next(numbers)), settings
    ).finish()


def test_an_exchange_is_counted_once_and_told_before_its_window_closes(api: Asked) -> None:
    publish(api)
    recorded(api, {}, {}, BAD, WORSE)
    rows = api.get("/v1/violations").json()
    assert sum(row["exchanges"] for row in rows) == 3
    told = api.get("/v1/violations/checked").json()
    assert (told["valid"], told["broken"], told["not_closed"]) == (0, 2, 2)
    assert "2 of them in windows that are not closed since" in told["text"]
    closed(api)
    told = api.get("/v1/violations/checked").json()
    assert told["text"] == "checked: 2 valid, 2 violated, 0 not checked"
    assert (told["broken"], told["not_closed"]) == (2, 0)
    assert told["text"] in api.get("/violations").text
    assert api.get("/v1/violations/checked?callee=other").json()["broken"] == 0
    assert api.get("/v1/violations/checked?callee=payment").json()["broken"] == 2


def test_what_breaks_only_what_is_observed_is_told_apart(api: Asked) -> None:
    """The last line of `violations` counted it as not checked, beside a table that counted it."""
    publish(api, role="observed")
    recorded(api, {}, BAD, WORSE)
    closed(api)
    told = api.get("/v1/violations/checked").json()
    assert (told["observed"], told["violated"], told["not_checked"]) == (2, 0, {})
    assert told["text"] == (
        "checked: 1 valid, 0 violated, 2 break what is only observed, 0 not checked"
    )


def test_two_logs_of_one_call_are_told_as_such() -> None:
    text = conformance_told({"valid": 1, "violated": 1, "not_checked:no_body": 1}, 2, 0)
    assert text == (
        "checked: 1 valid, 1 violated, 1 not checked (1 no_body); 2 exchanges broke these clauses"
        " (two logs of one call count once above)"
    )
