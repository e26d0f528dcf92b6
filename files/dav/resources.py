"""What an address names for somebody: found by names, decided by the gate."""

from dataclasses import dataclass

from files.access import Actor, Located, locate
from files.dav_errors import ParentNotFoundError
from files.errors import EntryNotFoundError, ForbiddenError
from files.models import Entry, Right, Space
from files.models.paths import walk_down
from files.operations.spaces import ensure_personal_space

from .paths import DavPath


@dataclass(frozen=True, slots=True)
class Resource:
    """What somebody finds at an address: an entry, or the folder in which it could be made.

    Neither for the collection of all spaces, nor for a space that is not there.
    """

    path: DavPath
    located: Located | None = None
    parent: Located | None = None

    @property
    def is_home(self) -> bool:
        """Tell whether it is the collection of all spaces."""
        return not self.path.names

    @property
    def is_mapped(self) -> bool:
        """Tell whether there is something."""
        return self.is_home or self.located is not None

    @property
    def is_collection(self) -> bool:
        """Tell whether it is a collection."""
        return self.is_home or (self.located is not None and self.located.entry.is_folder)

    @property
    def entry(self) -> Entry:
        """Give the entry that is there.

        Raises EntryNotFoundError, and ForbiddenError for the collection of all spaces.
        """
        if self.is_home:
            raise ForbiddenError(right=Right.MANAGE.name)
        if self.located is None:
            raise EntryNotFoundError
        return self.located.entry

    @property
    def home_of_new(self) -> Entry:
        """Give the folder in which something of this name can be made.

        Raises ParentNotFoundError, and ForbiddenError where it would be a space.
        """
        if len(self.path.names) <= 1:
            raise ForbiddenError(right=Right.MANAGE.name)
        if self.parent is None:
            raise ParentNotFoundError
        return self.parent.entry


def find(actor: Actor, path: DavPath) -> Resource:
    """Find what an address names for somebody, by three queries.

    A file whose address ends with a slash is not there. Where the actor may add but not read, what
    is there is not there for them either.
    """
    if not path.names:
        return Resource(path)
    ids = walk_down(path.names[0], path.below_space)
    if not ids and has_made_space(actor):
        ids = walk_down(path.names[0], path.below_space)
    wanted = len(path.names)
    located = _seen(actor, ids[-1]) if len(ids) == wanted else None
    if located is not None and (located.entry.is_folder or not path.has_slash):
        return Resource(path, located=located)
    parent = _seen(actor, ids[wanted - 2]) if 1 < wanted <= len(ids) + 1 else None
    return Resource(path, parent=parent)


def has_made_space(actor: Actor) -> bool:
    """Make the personal space of somebody who has none, as a first sign-in by browser does.

    Tells whether it was made now.
    """
    user = actor.user
    if user is None or actor.top_id is not None or Space.objects.filter(owner=user).exists():
        return False
    ensure_personal_space(user, actor=actor)
    return True


def _seen(actor: Actor, entry_id: int) -> Located | None:
    """Locate an entry of which the actor may know, with whatever rights; None for any other."""
    try:
        return locate(actor, entry_id, Right.NONE)
    except EntryNotFoundError:
        return None
