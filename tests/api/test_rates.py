"""Somebody who asks too often is told to wait, whichever worker is asked."""

import pytest
from django.core.cache import cache
from pytest_django import Settings

from files.api import rates
from files.api.rates import WINDOW, Rates
from files.protocol_errors import TooManyRequestsError
from tests.factories import make_user

from .client import Api, client_of


class Clock:
    """A clock that stands until it is set."""

    now = 60_000.0 * WINDOW + 18

    def time(self) -> float:
        return self.now


@pytest.fixture
def clock(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock, a limit of 40 in a minute, and a cache of its own."""
    settings.FILES_API_RATE = 40
    settings.CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
    clock = Clock()
    monkeypatch.setattr(rates, "time", clock)
    monkeypatch.setattr("files.api.auth.RATES", Rates())
    cache.clear()
    return clock


def test_what_is_left_is_told(ada: Api, clock: Clock) -> None:
    told = [ada.get("/me").headers for _time in range(2)][-1]

    assert told["ratelimit-policy"] == '"api";q=40;w=60'
    assert told["ratelimit"] == '"api";r=38;t=42'
    assert (told["ratelimit-limit"], told["ratelimit-remaining"]) == ("40", "38")
    assert told["ratelimit-reset"] == "42"


def test_past_the_limit_one_waits_for_the_next_window(ada: Api, clock: Clock) -> None:
    statuses = [ada.get("/me").status for _time in range(40)]
    refused = ada.get("/me")
    other = client_of(make_user("bob")).get("/me")
    clock.now += 42
    later = ada.get("/me")

    assert set(statuses) == {200}
    assert (refused.status, refused.code) == (429, "too-many-requests")
    assert refused.headers["retry-after"] == "42"
    assert (other.status, later.status) == (200, 200)


def test_workers_know_of_each_other(clock: Clock) -> None:
    share = 2  # of the limit, which a worker may be behind
    turns = [Rates(), Rates()] * 20
    for worker in turns:
        worker.count(7)

    with pytest.raises(TooManyRequestsError):
        [worker.count(7) for worker in turns[: 2 * share]]


def test_who_asks_seldom_is_not_written_down(clock: Clock, settings: Settings) -> None:
    settings.FILES_API_RATE = 1000
    settings.CACHES = {"default": {"BACKEND": "nowhere"}}

    allowance = Rates().count(7)

    assert allowance is not None
    assert allowance.left == 999


def test_without_a_limit_nothing_is_counted(ada: Api, settings: Settings, clock: Clock) -> None:
    settings.FILES_API_RATE = 0

    assert "ratelimit" not in ada.get("/me").headers
