from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.http.conditional import (
    Conditions,
    Outcome,
    TagList,
    etag_of_version,
    evaluate,
    format_http_date,
    parse_http_date,
    parse_tag_list,
    range_applies,
)

ETAG = '"v7"'
AT = datetime(1994, 11, 6, 8, 49, 37, 654321, tzinfo=UTC)
BEFORE, EXACTLY, AFTER = (f"Sun, 06 Nov 1994 08:49:{second} GMT" for second in ("36", "37", "38"))
PROCEED, NOT_MODIFIED, FAILED = Outcome


def test_etag_of_version_is_strong() -> None:
    assert etag_of_version(7) == ETAG
    assert parse_tag_list(ETAG) == TagList(strong=frozenset({ETAG}))


@pytest.mark.parametrize(
    ("value", "strong", "weak", "is_malformed"),
    [
        ('"a"', ['"a"'], [], False),
        ('"a", "b"', ['"a"', '"b"'], [], False),
        ('"a","b"', ['"a"', '"b"'], [], False),
        ('W/"a", "b"', ['"b"'], ['"a"'], False),
        ('"a,b"', ['"a,b"'], [], False),
        ('""', ['""'], [], False),
        ('"*"', ['"*"'], [], False),
        ('"a\\"', ['"a\\"'], [], False),
        ('"\xfc"', ['"\xfc"'], [], False),
        (', ,\t"a" ,,', ['"a"'], [], False),
        ("a", [], [], True),
        ('"a', [], [], True),
        ("", [], [], True),
        (",", [], [], True),
        ('w/"a"', [], [], True),
        ('"a" "b"', [], [], True),
        ('"a b"', [], [], True),
        ('*, "a"', ['"a"'], [], True),
        ('"a", b', ['"a"'], [], True),
        ('"a"\r\n', [], [], True),
    ],
    ids=ascii,
)
def test_parse_tag_list(
    value: str, strong: list[str], weak: list[str], *, is_malformed: bool
) -> None:
    expected = TagList(frozenset(strong), frozenset(weak), is_malformed=is_malformed)
    assert parse_tag_list(value) == expected


@pytest.mark.parametrize("value", ["*", " * "])
def test_parse_tag_list_of_a_star_is_any(value: str) -> None:
    assert parse_tag_list(value) == TagList(is_any=True)


@given(st.text(st.sampled_from('W/"*a, \t\xff'), max_size=40))
def test_parse_tag_list_reads_anything(value: str) -> None:
    assert parse_tag_list(value) is not None


def test_parse_tag_list_is_quick_on_a_long_list() -> None:
    tags = parse_tag_list('W/"a,' * 20_000 + "," * 100_000)
    assert tags is not None
    assert tags.is_malformed


@pytest.mark.parametrize(
    ("headers", "method", "outcome"),
    [
        ({}, "GET", PROCEED),
        ({}, "PUT", PROCEED),
        # If-Match
        ({"If-Match": ETAG}, "PUT", PROCEED),
        ({"If-Match": f'"v6", {ETAG}'}, "PUT", PROCEED),
        ({"If-Match": "*"}, "PUT", PROCEED),
        ({"If-Match": '"v6"'}, "PUT", FAILED),
        ({"If-Match": f"W/{ETAG}"}, "PUT", FAILED),
        ({"If-Match": "v7"}, "PUT", FAILED),
        ({"If-Match": ""}, "DELETE", FAILED),
        ({"If-Match": '"v6"'}, "GET", FAILED),
        ({"if-match": ETAG}, "GET", PROCEED),
        ({"IF-MATCH": '"v6"'}, "MOVE", FAILED),
        # If-Unmodified-Since
        ({"If-Unmodified-Since": BEFORE}, "PUT", FAILED),
        ({"If-Unmodified-Since": EXACTLY}, "PUT", PROCEED),
        ({"If-Unmodified-Since": AFTER}, "PUT", PROCEED),
        ({"If-Unmodified-Since": BEFORE}, "GET", FAILED),
        ({"If-Unmodified-Since": "yesterday"}, "PUT", PROCEED),
        ({"If-Unmodified-Since": f"{BEFORE}, {BEFORE}"}, "PUT", PROCEED),
        # If-None-Match
        ({"If-None-Match": ETAG}, "GET", NOT_MODIFIED),
        ({"If-None-Match": ETAG}, "HEAD", NOT_MODIFIED),
        ({"If-None-Match": ETAG}, "PUT", FAILED),
        ({"If-None-Match": f"W/{ETAG}"}, "GET", NOT_MODIFIED),
        ({"If-None-Match": f"W/{ETAG}"}, "PUT", FAILED),
        ({"If-None-Match": "*"}, "GET", NOT_MODIFIED),
        ({"If-None-Match": "*"}, "PUT", FAILED),
        ({"If-None-Match": '"v6"'}, "GET", PROCEED),
        ({"If-None-Match": '"v6"'}, "PUT", PROCEED),
        ({"If-None-Match": f"x, {ETAG}"}, "GET", NOT_MODIFIED),
        ({"If-None-Match": "v7"}, "GET", PROCEED),
        ({"If-None-Match": "v7"}, "PUT", FAILED),
        ({"If-None-Match": 'x, "v6"'}, "PUT", FAILED),
        # If-Modified-Since
        ({"If-Modified-Since": BEFORE}, "GET", PROCEED),
        ({"If-Modified-Since": EXACTLY}, "GET", NOT_MODIFIED),
        ({"If-Modified-Since": AFTER}, "HEAD", NOT_MODIFIED),
        ({"If-Modified-Since": EXACTLY}, "PUT", PROCEED),
        ({"If-Modified-Since": "0"}, "GET", PROCEED),
        # Precedence
        ({"If-Match": ETAG, "If-Unmodified-Since": BEFORE}, "PUT", PROCEED),
        ({"If-Match": '"v6"', "If-Unmodified-Since": AFTER}, "PUT", FAILED),
        ({"If-Match": '"v6"', "If-None-Match": ETAG}, "GET", FAILED),
        ({"If-Match": ETAG, "If-None-Match": ETAG}, "GET", NOT_MODIFIED),
        ({"If-Match": ETAG, "If-None-Match": "*"}, "PUT", FAILED),
        ({"If-Unmodified-Since": AFTER, "If-None-Match": ETAG}, "GET", NOT_MODIFIED),
        ({"If-None-Match": '"v6"', "If-Modified-Since": AFTER}, "GET", PROCEED),
        ({"If-None-Match": ETAG, "If-Modified-Since": BEFORE}, "GET", NOT_MODIFIED),
        ({"If-None-Match": "v7", "If-Modified-Since": AFTER}, "GET", PROCEED),
        # Methods that select nothing (13.2.1)
        ({"If-Match": '"v6"'}, "OPTIONS", PROCEED),
        ({"If-None-Match": "*"}, "TRACE", PROCEED),
    ],
    ids=str,
)
def test_evaluate(headers: dict[str, str], method: str, outcome: Outcome) -> None:
    assert evaluate(Conditions.from_headers(headers), ETAG, AT, method) is outcome


@pytest.mark.parametrize(
    ("headers", "method", "outcome"),
    [
        ({"If-Match": "*"}, "PUT", FAILED),
        ({"If-Match": ETAG}, "PUT", FAILED),
        ({"If-None-Match": "*"}, "PUT", PROCEED),
        ({"If-None-Match": ETAG}, "PUT", PROCEED),
        ({"If-None-Match": "*"}, "GET", PROCEED),
        ({"If-Unmodified-Since": BEFORE}, "PUT", PROCEED),
        ({"If-Modified-Since": AFTER}, "GET", PROCEED),
    ],
    ids=str,
)
def test_evaluate_where_there_is_nothing(
    headers: dict[str, str], method: str, outcome: Outcome
) -> None:
    assert evaluate(Conditions.from_headers(headers), None, None, method) is outcome


def test_evaluate_compares_a_weak_tag_of_ours_weakly_only() -> None:
    conditions = Conditions.from_headers({"If-None-Match": '"a"'})
    assert evaluate(conditions, 'W/"a"', None, "GET") is NOT_MODIFIED
    conditions = Conditions.from_headers({"If-Match": 'W/"a"'})
    assert evaluate(conditions, 'W/"a"', None, "GET") is FAILED


@pytest.mark.parametrize(
    ("if_range", "applies"),
    [
        (None, True),
        (ETAG, True),
        (f" {ETAG}\t", True),
        ('"v6"', False),
        (f"W/{ETAG}", False),
        (f'{ETAG}, "v6"', False),
        ("v7", False),
        ("*", False),
        ("", False),
        (BEFORE, False),
        (EXACTLY, True),
        (AFTER, False),
        ("Sunday, 06-Nov-94 08:49:37 GMT", True),
    ],
)
def test_range_applies(if_range: str | None, *, applies: bool) -> None:
    assert range_applies(if_range, ETAG, AT) is applies


def test_range_applies_to_no_weak_tag_and_no_unknown_date() -> None:
    assert not range_applies('W/"a"', 'W/"a"', AT)
    assert not range_applies(EXACTLY, ETAG, None)


@pytest.mark.parametrize(
    "value",
    [
        "Sun, 06 Nov 1994 08:49:37 GMT",
        "Sunday, 06-Nov-94 08:49:37 GMT",
        "Sun Nov  6 08:49:37 1994",
        " Sun, 06 Nov 1994 08:49:37 GMT ",
    ],
)
def test_parse_http_date_reads_three_forms(value: str) -> None:
    assert parse_http_date(value) == AT.replace(microsecond=0)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "0",
        "-1",
        "1994-11-06T08:49:37Z",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 +0100",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
    ],
)
def test_parse_http_date_gives_none_for_what_is_no_date(value: str | None) -> None:
    assert parse_http_date(value) is None


def test_format_http_date_writes_the_second_in_utc() -> None:
    assert format_http_date(AT) == EXACTLY
    assert format_http_date(AT.astimezone(timezone(timedelta(hours=2)))) == EXACTLY
    assert format_http_date(datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC)) == (
        "Wed, 31 Dec 1969 23:59:59 GMT"
    )


@given(st.datetimes(datetime(1900, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)))  # noqa: DTZ001
def test_http_dates_round_trip(moment: datetime) -> None:
    assert parse_http_date(format_http_date(moment)) == moment.replace(microsecond=0)
