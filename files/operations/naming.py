"""Names within a folder: whether one is free, and a numbered one where it is not.

Set-wise, because putting a thousand files asks a thousand times. Everything here is read under the
lock of the space, which is what makes the answer hold until the commit.
"""

from collections.abc import Generator, Iterable, Sequence
from dataclasses import dataclass
from itertools import batched
from typing import Final, Literal

from files.errors import CaseTwinError, EntryExistsError
from files.models import Entry, Space
from files.models.reading import Reader, marks
from files.models.sql import fetch
from files.names import check_name, name_fold, name_key, numbered_name

BATCH = 500  # parameters of one query, of each kind

type Place = tuple[int, str]  # a folder, by id() of its row or by its key; a name's key or fold


def set_name(entry: Entry, name: str) -> None:
    """Give an entry a name and what is derived of it; the caller saves."""
    entry.name = check_name(name)
    entry.name_key, entry.name_fold = name_key(name), name_fold(name)


def require_free_name(parent: Entry, entry: Entry, space: Space) -> None:
    """Make sure that an entry may lie in a folder under its name.

    Raises EntryExistsError, and CaseTwinError where the space refuses such names.
    """
    # Every kind is named so that entry_by_name serves the fold.
    others = Entry.objects.children_of(parent).filter(kind__in=Entry.Kind.values)
    others = others.exclude(pk=entry.pk)
    if others.filter(name_key=entry.name_key).exists():
        raise EntryExistsError(name=entry.name)
    if space.refuses_case_twins and others.filter(name_fold=entry.name_fold).exists():
        raise CaseTwinError(name=entry.name)


def free_name(parent: Entry, name: str, *, kind: int) -> str:
    """Give name if it is free in a folder, or else a numbered one that is."""
    try:
        wanted = Entry(parent=parent)
        set_name(wanted, name)
        require_free_name(parent, wanted, parent.space)
    except (EntryExistsError, CaseTwinError):
        is_folder = kind == Entry.Kind.FOLDER
        return numbered_names([WantedName(parent, name, is_folder=is_folder)], set())[0]
    return name


def free_names(wanted: Sequence["WantedName"]) -> list[str]:
    """Give each name if it is free in its folder, or else a numbered one; no two alike.

    Set-wise; one folder must be one instance, with its space.
    """
    keys = live_children([(want.parent, name_key(want.name)) for want in wanted], by="name_key")
    strict = [want for want in wanted if want.parent.space.refuses_case_twins]
    folds = live_children([(want.parent, name_fold(want.name)) for want in strict], by="name_fold")
    given: set[Place] = set()  # by key
    used: set[Place] = set()  # by fold, as numbered_names has it
    names, later = [want.name for want in wanted], list[int]()
    for index, want in enumerate(wanted):
        key, fold = (want.parent.pk, name_key(want.name)), (id(want.parent), name_fold(want.name))
        is_twin = (want.parent.pk, fold[1]) in folds or fold in used
        if key in keys or key in given or (want.parent.space.refuses_case_twins and is_twin):
            later.append(index)
        else:
            given.add(key)
            used.add(fold)
    numbered = numbered_names([wanted[index] for index in later], used)
    for index, name in zip(later, numbered, strict=True):
        names[index] = name
    return names


@dataclass(frozen=True, slots=True)
class WantedName:
    """A name that is wanted in a folder, which may be one that is not saved yet."""

    parent: Entry
    name: str
    is_folder: bool = False

    def place(self, number: int) -> Place:
        """Give the place of the name with that number."""
        return id(self.parent), name_fold(self.numbered(number))

    def numbered(self, number: int) -> str:
        """Give the name with a number."""
        return numbered_name(self.name, number, is_folder=self.is_folder)


def numbered_names(wanted: Sequence[WantedName], used: set[Place]) -> list[str]:
    """Give each a numbered name that is free in any case of letters, so that it is no twin.

    The lowest free number, unless one of many was given up: the number is found in steps that
    double, so the thousandth "scan.pdf" costs ten looks and not a thousand. used holds the names
    that are spoken for and not in the database; what is given is added to it.
    """
    groups: dict[tuple[Place, bool], list[int]] = {}
    for index, want in enumerate(wanted):
        key = (id(want.parent), name_fold(want.name)), want.is_folder
        groups.setdefault(key, []).append(index)
    names = [""] * len(wanted)
    searches = [_Search(wanted[group[0]], len(group), used) for group in groups.values()]
    while open_searches := [search for search in searches if not search.is_done]:
        asked = [pair for search in open_searches for pair in search.asks()]
        taken = set(live_children(asked, by="name_fold"))
        for search in open_searches:
            search.tell(taken)
    for group, search in zip(groups.values(), searches, strict=True):
        for index, number in zip(group, search.found, strict=True):
            names[index] = wanted[index].numbered(number)
    return names


class _Search:
    """The search for free numbers of one name; asks and is told, so that many share a query."""

    def __init__(self, want: WantedName, count: int, used: set[Place]) -> None:
        self.found: list[int] = []
        self.is_done = False
        self._want, self._count, self._used = want, count, used
        self._width = max(count, 4)
        self._steps = self._search()
        self._start = next(self._steps)

    def asks(self) -> list[tuple[Entry, str]]:
        """Give the names to look up now."""
        return [(self._want.parent, self._want.place(n)[1]) for n in self._block()]

    def tell(self, taken: set[tuple[int, str]]) -> None:
        """Go on, now that it is known which names the database holds."""
        parent_id = self._want.parent.pk
        places = [self._want.place(number) for number in self._block()]
        try:
            self._start = self._steps.send(
                [(parent_id, place[1]) in taken or place in self._used for place in places]
            )
        except StopIteration:
            self.is_done = True

    def _block(self) -> range:
        """Give the numbers that are looked at together."""
        return range(self._start, self._start + self._width)

    def _search(self) -> Generator[int, list[bool], None]:
        """Yield where to look next, some numbers at a time; receive which of them are taken."""
        low, high = 1, 2
        while all(block := (yield high)):
            low, high = high, high * 2
        while high - low > 1:
            middle = (low + high) // 2
            probe = yield middle
            if all(probe):
                low = middle
            else:
                high, block = middle, probe
        while not self._take(high, block):
            high += self._width
            block = yield high

    def _take(self, start: int, block: Sequence[bool]) -> bool:
        """Take what is free of a block, up to what is needed; tell whether that is all."""
        for number, is_taken in enumerate(block, start):
            place = self._want.place(number)
            if not is_taken and place not in self._used and len(self.found) < self._count:
                self._used.add(place)
                self.found.append(number)
        return len(self.found) == self._count


def live_children(
    wanted: Iterable[tuple[Entry, str]], *, by: Literal["name_key", "name_fold"]
) -> dict[tuple[int, str], Entry]:
    """Read the live children of folders by the key or fold of their names.

    Gives them by the folder's id and that; folders that are not saved yet have none.
    """
    pairs = {(parent.pk, value) for parent, value in wanted if not parent._state.adding}
    found: dict[tuple[int, str], Entry] = {}
    for some in batched(sorted(pairs), BATCH):
        for row in _read_children(some, by):
            found[row.parent_id or 0, getattr(row, by)] = row
    return {pair: found[pair] for pair in pairs if pair in found}


_ENTRY: Final = Reader(Entry, "e")


def _read_children(pairs: Sequence[tuple[int, str]], by: str) -> list[Entry]:
    """Read the live members of some folders that have one of some names."""
    parents = sorted({parent_id for parent_id, _value in pairs})
    values = sorted({value for _parent_id, value in pairs})
    kinds = Entry.Kind.values  # as above
    rows = fetch(
        f"SELECT {_ENTRY.columns} FROM files_entry e "  # noqa: S608 - names of our own schema
        f"WHERE e.parent_id IN ({marks(parents)}) AND e.kind IN ({marks(kinds)}) "
        f"AND e.{by} IN ({marks(values)}) AND e.trashed_at IS NULL",
        [*parents, *kinds, *values],
    )
    return [_ENTRY.instance(row) for row in rows]
