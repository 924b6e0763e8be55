"""Pages of a large estate: packed, cut where nobody reads on, and saying so."""

from tests.bench.estate import Estate, fill
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON


def test_a_page_of_many_edges_is_packed_and_tells_what_it_leaves_out(api: Asked) -> None:
    ends = int(NOON.timestamp()) // 3600 * 3600 + 10
    fill(api.parts.store, Estate(edges=501, days=0, fine_hours=1, ends=ends))
    for path in ("/", "/edges"):
        page = api.get(path, headers={"accept": "text/html", "accept-encoding": "gzip"})
        assert page.headers["content-encoding"] == "gzip"
        assert "Shown are 500 of 501 pairs of services" in page.text
        assert page.text.count('data-label="Protocol"') == 500
    plain = api.get("/edges", headers={"accept-encoding": "identity"})
    assert "content-encoding" not in plain.headers


def test_a_long_range_asked_by_its_length_begins_with_a_whole_hour(api: Asked) -> None:
    for since, whole in (("24h", True), ("6h", False)):
        begin = api.get(f"/v1/services?since={since}").headers["x-data-since"]
        assert (begin[14:19] == "00:00") == whole, begin
