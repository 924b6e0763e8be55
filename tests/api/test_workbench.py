"""The workbench: a document is judged on the page by what was live, and approved by a person."""

import html
import re

from monitor.api.guard import BODY_LIMIT
from tests.api.test_publishing import publish, recorded
from tests.cli.test_contract_amend import NO_NOTE, OPEN
from tests.contracts.promises import PAYMENTS
from tests.fixtures.api import Asked

HTML = {"accept": "text/html"}


def test_a_file_is_judged_and_what_was_judged_is_approved(api: Asked) -> None:
    publish(api, OPEN)
    recorded(api, *([{}] * 40))
    token = api.token("read", "contracts:write")
    form = api.get("/workbench?contract=payments", token, headers=HTML).text
    assert OPEN in html.unescape(form)
    answer = api.request(
        "POST",
        "/workbench",
        token,
        data={"contract": "payments", "hours": "24"},
        files={"file": ("new.yaml", NO_NOTE.encode())},
        headers=HTML,
    )
    assert answer.status_code == 200, answer.text
    assert "Held against revision 1 and 40 live calls and messages" in answer.text
    little = answer.text.partition("Too little seen")[2]
    assert "<bdi>POST /payments</bdi>: 0 payloads" in little
    (judged,) = re.findall(
        r'<textarea name="document" hidden[^>]*>\n(.*?)</textarea>', answer.text, re.DOTALL
    )
    approval = {
        "contract": "payments",
        "document": html.unescape(judged).replace("\n", "\r\n"),  # as browsers send it
        "environment": "production",
        "effective_from": "2027-01-01T00:00:00Z",
    }
    done = api.request("POST", "/workbench/approve", token, data=approval, headers=HTML)
    assert (done.status_code, done.headers["location"]) == (303, "/contracts/payments?revision=2")
    line = api.get("/v1/contracts").json()[0]
    assert (line["number"], line["environment"], line["effective_from"][:10]) == (
        2,
        "production",
        "2027-01-01",
    )
    assert api.get("/v1/contracts/payments").json()["document"] == NO_NOTE


def test_who_may_not_publish_judges_and_approves_nothing(api: Asked) -> None:
    publish(api)
    page = api.get("/workbench?contract=payments", headers=HTML).text
    assert "<textarea" not in page
    assert "contracts:write" in page
    for path in ("/workbench", "/workbench/approve"):
        form = {"contract": "payments", "document": PAYMENTS}
        assert api.request("POST", path, data=form).status_code == 401, path
        assert api.request("POST", path, api.token("read"), data=form).status_code == 403, path


def test_bad_input_is_told_by_name(api: Asked) -> None:
    publish(api)
    token = api.token("contracts:write")

    def sent(document: bytes, contract: str = "payments") -> tuple[int, str]:
        answer = api.request(
            "POST",
            "/workbench",
            token,
            data={"contract": contract},
            files={"file": ("new", document)},
        )
        return answer.status_code, answer.text

    assert sent(b"\xff\xfe")[0] == 422
    assert "UTF-8" in sent(b"\xff\xfe")[1]
    status, text = sent(b"openapi: 3.1.0\ninfo: {")
    assert (status, "line 3" in text) == (422, True), text
    assert sent(PAYMENTS.encode(), "nobody")[0] == 404
    assert sent(b"")[0] == 422


def test_a_large_contract_may_be_amended(api: Asked) -> None:
    publish(api)
    large = PAYMENTS + "# " + "x" * BODY_LIMIT + "\n"
    token = api.token("contracts:write")
    body = {"document": large, "name": "payments", "provider": "payment", "format": "openapi"}
    assert api.post("/v1/amendments", body, token).status_code == 200
    files = {"file": ("large.yaml", large.encode())}
    answer = api.request("POST", "/workbench", token, data={"contract": "payments"}, files=files)
    assert answer.status_code == 200
