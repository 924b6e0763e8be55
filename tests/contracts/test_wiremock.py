"""What WireMock has beside stubs of requests."""

import json

import pytest

from monitor.contracts.formats.wiremock import is_wiremock
from monitor.contracts.read import read_contract
from monitor.errors import ContractError


@pytest.mark.parametrize("several", [False, True])
def test_stubs_of_messages_are_refused_with_the_reason(several: bool) -> None:
    stub = {"trigger": {"type": "message"}, "actions": [{"type": "send"}]}
    document = {"messageMappings": [stub]} if several else stub
    assert is_wiremock(document)
    with pytest.raises(ContractError, match="answers messages of a WebSocket"):
        read_contract("wiremock", json.dumps(document), where="stubs")
