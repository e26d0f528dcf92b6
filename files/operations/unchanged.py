"""Changes that are made only if what they are about is still as somebody has seen it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import transaction

from files.errors import EntryNotFoundError
from files.models import Entry

from .journal import lock_spaces

# Looks at an entry as it is now and raises what speaks against the change.
type Check = Callable[[Entry], None]


@contextmanager
def if_unchanged(entry: Entry, check: Check | None, *, also_locks: int = 0) -> Iterator[None]:
    """Make the change inside on the condition that check raises nothing for the entry of now.

    Both are one transaction, under the lock of the entry's space and of one more that the change
    will lock. Raises what check raises, and EntryNotFoundError if the entry is gone.
    """
    if check is None:
        yield
        return
    with transaction.atomic():
        lock_spaces(entry.space_id, also_locks or entry.space_id)
        fresh = Entry.objects.filter(pk=entry.pk).first()
        if fresh is None:
            raise EntryNotFoundError(entry_id=entry.pk)
        check(fresh)
        yield
