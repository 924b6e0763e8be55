"""Our own description holds: schemathesis asks every route what it must not answer wrongly."""

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.schemas import APIOperation
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.fixtures.api import Asked
from tests.fixtures.shop_day import write_judgement, write_shop_day

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
EXAMPLES = 4
# A stream has no end; the ways out of the process are tested by hand; a missing gate or receiver
# is an honest 503.
LEFT_OUT = {"/events"}
MAY_BE_503 = {"/v1/gates"}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:starlette.testclient")
@pytest.mark.parametrize(
    "mode",
    [GenerationMode.POSITIVE, pytest.param(GenerationMode.NEGATIVE, marks=pytest.mark.long)],
)
def test_every_route_answers_as_described(shared_api: Asked, mode: GenerationMode) -> None:
    write_shop_day(shared_api.parts.store, minutes=1)
    write_judgement(shared_api.parts.engine)
    asked = shared_api.over(allowed_hosts=("testserver", "localhost"))
    headers = {"authorization": f"Bearer {asked.token('admin')}"}
    schema = schemathesis.openapi.from_asgi("/openapi.json", asked.app, headers=headers)
    seen = set()
    for result in schema.get_all_operations():
        assert isinstance(result, Ok)
        operation = result.ok()
        if operation.path in LEFT_OUT:
            continue
        if mode == GenerationMode.NEGATIVE and not (operation.query or operation.body):
            continue  # nothing there could be sent wrongly
        seen.add(f"{operation.method.upper()} {operation.path}")
        _ask(operation, headers, mode)
    assert len(seen) > 15, sorted(seen)


def _ask(
    operation: APIOperation[Any, Any, Any, Any], headers: dict[str, str], mode: GenerationMode
) -> None:
    checks = CHECKS[1:] if operation.path in MAY_BE_503 else CHECKS

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode))
    def ask(case: schemathesis.Case[Any]) -> None:
        response = case.call(headers=headers)
        assert response.status_code != 401, case.path
        case.validate_response(response, checks=checks)

    ask()
