"""Our own description holds: schemathesis asks every route what it must not answer wrongly."""

import pytest

from tests.fixtures.api import Asked
from tests.fixtures.shop_day import write_judgement, write_shop_day


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::DeprecationWarning:starlette.testclient")
@pytest.mark.parametrize("mode", ["positive", pytest.param("negative", marks=pytest.mark.long)])
def test_every_route_answers_as_described(shared_api: Asked, mode: str) -> None:
    # Imported here, else each test process pays for it while it collects.
    from tests.fixtures.described import ask_every_route

    write_shop_day(shared_api.parts.store, minutes=1)
    write_judgement(shared_api.parts.engine)
    asked = shared_api.over(allowed_hosts=("testserver", "localhost"))
    seen = ask_every_route(
        asked.app, {"authorization": f"Bearer {asked.token('admin')}"}, mode=mode
    )
    assert len(seen) > 15, sorted(seen)
