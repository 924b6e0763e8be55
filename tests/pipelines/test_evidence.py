"""A few calls of every edge, version and hour keep the skeleton of their trace, so that a verdict outlives the tracing store."""

import json

from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S, trace_id


def test_a_failed_call_leaves_its_trace_as_evidence_once(rig: Rig) -> None:
    bad = {
        "http.request.method": "GET",
        "http.route": "/x",
        "http.response.status_code": 500,
        "url.full": "http://cart/x?card=4111",
    }
    client, _ = call(1)
    rig.deliver(client, S("cart", "server", 1, 2, 1, 1.1, 1.9, version="2.0", error=True, attributes=bad), *call(2))
    rig.close()
    rig.deliver(*call(3))
    rig.close()
    rows = rig.store.query("evidence_of", {"callee": "cart"})
    failed = [row for row in rows if row["outcome"] == "bad"]
    assert [row["trace"] for row in failed] == [trace_id(1)]
    assert [(span["service"], span["side"], span["outcome"]) for span in json.loads(failed[0]["skeleton"])] == [
        ("web", 1, "ok"),
        ("cart", 2, "server_error"),
    ]
    assert "4111" not in failed[0]["skeleton"]
    assert failed[0]["error_type"] == "500"


def test_a_reservoir_of_an_hour_stays_small(rig: Rig) -> None:
    rig.deliver(*(half for n in range(1, 60) for half in call(n, start=n * 10.0, end=n * 10.0 + 1)))
    rig.close()
    assert 0 < len(rig.store.query("evidence_of", {"callee": "cart"})) <= 6
