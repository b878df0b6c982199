"""Which media type an Accept header gets."""

from __future__ import annotations

import pytest

from openteller_sandbox.http.negotiation import choose, takes_gzip

JSON, GEO, CSV = "application/json", "application/geo+json", "text/csv; charset=utf-8"
OFFERED = (JSON, GEO, CSV)


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        pytest.param(None, JSON, id="no header"),
        pytest.param("", JSON, id="an empty header"),
        pytest.param("*/*", JSON, id="anything"),
        pytest.param("application/*", JSON, id="any application"),
        pytest.param("text/*", CSV, id="any text"),
        pytest.param("application/geo+json", GEO, id="one"),
        pytest.param("Application/Geo+JSON", GEO, id="in capitals"),
        pytest.param("application/geo+json, application/json", JSON, id="two alike, as offered"),
        pytest.param("application/geo+json, */*", GEO, id="one by name goes before one that is not minded"),
        pytest.param("application/json;q=0.5, application/geo+json", GEO, id="wanted more"),
        pytest.param("application/json;q=0.9, application/geo+json;q=0.8", JSON, id="wanted less"),
        pytest.param("application/geo+json;q=0, */*", JSON, id="anything but one"),
        pytest.param("application/json;q=0, */*;q=0.1", GEO, id="anything but the usual one"),
        pytest.param("application/json;q=0, application/*", GEO, id="the narrower range decides"),
        pytest.param("text/html, application/xhtml+xml, application/xml;q=0.9, */*;q=0.8", JSON, id="a browser"),
        pytest.param("text/csv", CSV, id="without its parameter"),
        pytest.param("text/csv;charset=UTF-8", CSV, id="with its parameter"),
        pytest.param('text/csv; charset="utf-8"; q=1.0', CSV, id="quoted"),
        pytest.param("application/json;charset=UTF-8", JSON, id="JSON in the charset that it always has"),
        pytest.param("application/json; charset=utf8, text/csv", JSON, id="in a charset's other name"),
        pytest.param("application/json;charset=gbk", None, id="JSON in another charset"),
        pytest.param("application/problem+json", None, id="errors only"),
        pytest.param("text/csv;charset=gbk", None, id="in another charset"),
        pytest.param("text/csv;charset=gbk, text/csv;q=0.1", CSV, id="in another charset, or any"),
        pytest.param("application/xml", None, id="one that nobody has"),
        pytest.param("application/json;q=0", None, id="nothing"),
        pytest.param("*/*;q=0.000", None, id="nothing at all"),
        pytest.param("json", None, id="no media type"),
        pytest.param("*/json", None, id="any kind of JSON"),
        pytest.param("application/json;q=2, text/csv", CSV, id="too good to be true"),
        pytest.param("application/json;q=nan", None, id="no number"),
        pytest.param(",,;;,*/*;q=0.3", JSON, id="rubble"),
    ],
)
def test_the_type_that_is_wanted_most_is_chosen(accept: str | None, chosen: str | None) -> None:
    assert choose(accept, OFFERED) == chosen


@pytest.mark.parametrize(
    ("accept_encoding", "taken"),
    [
        pytest.param(None, False, id="no header"),
        pytest.param("", False, id="nothing"),
        pytest.param("gzip", True, id="gzip"),
        pytest.param("GZip ; Q=0.5", True, id="in capitals, with a weight"),
        pytest.param("gzip, deflate, br, zstd", True, id="a browser"),
        pytest.param("gzip;q=0", False, id="not gzip"),
        pytest.param("gzip;q=0.000, *", False, id="anything but gzip"),
        pytest.param("*", False, id="whatever: not by name"),
        pytest.param("identity, gzip;q=0.5", False, id="rather plain"),
        pytest.param("identity;q=0.5, gzip;q=0.5", True, id="both alike"),
        pytest.param("identity;q=0, gzip;q=0.001", True, id="not plain"),
        pytest.param("gzip;q=2", False, id="too good to be true"),
        pytest.param("gzip;level=9", False, id="no weight"),
        pytest.param("gzip;q=1;q=0", False, id="two weights"),
        pytest.param("xgzip, gzip2", False, id="others"),
        pytest.param(",;,gzip", True, id="rubble"),
        pytest.param("x" * 5000 + ",gzip", False, id="too far behind"),
    ],
)
def test_gzip_is_taken_where_it_is_named_and_not_wanted_less(accept_encoding: str | None, taken: bool) -> None:
    assert takes_gzip(accept_encoding) is taken
