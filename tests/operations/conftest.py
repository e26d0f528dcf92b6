"""Every test of an operation ends with all invariants checked."""

import pytest

from files.models import Entry, Space
from files.operations.spaces import set_case_twins
from tests.factories import SYSTEM, make_shared_space, root_of


@pytest.fixture(autouse=True)
def _consistent(consistent: None) -> None:
    """Check database and disk after each test."""


@pytest.fixture
def other(db: None) -> Space:
    """Give a second space."""
    return make_shared_space()


@pytest.fixture
def there(other: Space) -> Entry:
    """Give the root of the second space."""
    return root_of(other)


@pytest.fixture
def picky(space: Space) -> Space:
    """Give a space that refuses names that differ only in case."""
    return set_case_twins(space, refused=True, actor=SYSTEM)
