"""The scenario as a plan: what happens, in which order, in any compression of time."""

from hypothesis import given
from hypothesis import strategies as st

from monitor.contracts.amendment import weighed
from monitor.contracts.change import Read
from monitor.contracts.read import document_of, read_contract
from monitor.demo.deploy_events import Change, cdevent
from monitor.demo.promises import amendment, mocks, promises
from monitor.demo.scenario import RAMP, Scenario, steps
from monitor.joining.mock_scores import mocked


def test_payment_ramps_by_ten_thirty_seventy_hundred_after_a_minute() -> None:
    shifts = [
        (each.at, each.change.share)
        for each in steps(Scenario())
        if each.action == "shift" and each.change.service == "payment"
    ]
    assert shifts == [(60.0, 0.1), (90.0, 0.3), (120.0, 0.7), (150.0, 1.0)]


@given(after=st.floats(0, 600), step=st.floats(0.5, 120))
def test_in_any_compression_an_instance_starts_before_calls_and_ends_after_them(
    after: float, step: float
) -> None:
    planned = steps(Scenario(after=after, step=step))
    assert [each.at for each in planned] == sorted(each.at for each in planned)
    for service in {each.change.service for each in planned if each.action == "start"}:
        actions = [each.action for each in planned if each.change.service == service]
        assert actions[0] == "start"
        assert actions[-1] == "retire"
        assert [
            each.change.share
            for each in planned
            if each.action == "shift" and each.change.service == service
        ][-1] == RAMP[-1]


def test_nothing_happens_when_nothing_is_asked_for() -> None:
    assert steps(Scenario(harmless=False, bad=False)) == ()


def test_a_version_is_deployed_once_and_upgraded_after() -> None:
    from datetime import UTC, datetime

    import orjson

    at = datetime(2026, 5, 4, 12, tzinfo=UTC)
    first = orjson.loads(cdevent(Change("payment", "2.0.0", "1.9.2", 0.1, "started"), at))
    later = orjson.loads(cdevent(Change("payment", "2.0.0", "1.9.2", 1.0, "succeeded"), at))
    assert first["context"]["type"].startswith("dev.cdevents.service.deployed.")
    assert later["context"]["type"].startswith("dev.cdevents.service.upgraded.")
    assert first["context"]["id"] != later["context"]["id"]
    assert first["context"]["timestamp"] == "2026-05-04T12:00:00+00:00"
    assert first["subject"]["content"] == {
        "environment": {"id": "production"},
        "artifactId": "pkg:oci/payment@2.0.0",
    }


def test_the_shops_mock_stands_for_operations_of_its_provider() -> None:
    """But for one stub that nobody asks for, which is told as dead."""
    payment = next(promise for promise in promises() if promise.provider == "payment")
    (mock,) = mocks()
    held = mocked(mock.format, mock.document, "the demo's mock")
    stubs = read_contract(mock.format, mock.document, where="the demo's mock").interactions
    api = read_contract(payment.format, payment.document, where="payment")
    places = {"authorise": "/payments", "capture": "/payments/pay-1/capture"}
    known = {name for name, path in places.items() if api.router.match("POST", path) is not None}
    assert known == {stub.name for stub in stubs} - {"refund"}
    assert all(stub.node is not None and stub.status < 300 for stub in held.stubs)


def test_payments_next_contract_asks_more_and_promises_less() -> None:
    payment = next(promise for promise in promises() if promise.provider == "payment")
    old, new = (
        Read(document_of(text, where="payment"), read_contract("openapi", text, where="payment"))
        for text in (payment.document, amendment("payment"))
    )
    told = {(row.bearing, row.change.place.rpartition("/")[2]) for row in weighed(old, new)}
    assert {("breaking", "bank_reference"), ("breaking", "capture_token")} <= told
