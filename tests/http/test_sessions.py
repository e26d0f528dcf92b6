"""Sessions: read as Django reads them, whatever the cookie holds."""

import pytest
from pytest_django import DjangoAssertNumQueries

from files.http.sessions import SessionStore

pytestmark = pytest.mark.django_db


def test_session_is_read_by_its_key() -> None:
    stored = SessionStore()
    stored["word"] = "kept"
    stored.save()

    assert SessionStore(stored.session_key)["word"] == "kept"


@pytest.mark.parametrize("key", ["\0" * 32, "a" * 31 + "\0", "a" * 31 + "'"])
def test_what_can_be_no_key_is_not_looked_for(
    key: str, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    session = SessionStore(key)

    with django_assert_num_queries(0):
        assert list(session.keys()) == []
    assert session.session_key is None
