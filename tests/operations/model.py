"""A tree in memory that does what the operations promise, for test_machine.py to compare with."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256

from files.models import Entry, Version
from files.names import numbered_name


@dataclass(frozen=True, slots=True)
class Node:
    """What a row of an entry should say; contents are digests, oldest first."""

    space: int
    parent: int | None
    name: str
    is_folder: bool
    contents: tuple[str, ...] = ()
    is_trashed: bool = False


def digest(content: bytes) -> str:
    return sha256(content).hexdigest()


@dataclass(slots=True)
class Model:
    """All nodes that somebody could see or restore, by the id of their entry."""

    nodes: dict[int, Node] = field(default_factory=dict)

    def way(self, pk: int) -> Iterator[int]:
        """Give an entry and what it lies in, up to the root."""
        step: int | None = pk
        while step is not None:
            yield step
            step = self.nodes[step].parent

    def is_visible(self, pk: int) -> bool:
        return not any(self.nodes[step].is_trashed for step in self.way(pk))

    def visible(self) -> list[int]:
        return sorted(pk for pk in self.nodes if self.is_visible(pk))

    def folders(self) -> list[int]:
        return [pk for pk in self.visible() if self.nodes[pk].is_folder]

    def trashed(self, space: int | None = None) -> list[int]:
        return sorted(
            pk for pk, node in self.nodes.items() if node.is_trashed and space in {None, node.space}
        )

    def children(self, pk: int) -> dict[str, int]:
        """Give the live children of a folder by name."""
        return {
            node.name: child
            for child, node in self.nodes.items()
            if node.parent == pk and not node.is_trashed
        }

    def change(self, pk: int, **columns: object) -> None:
        self.nodes[pk] = replace(self.nodes[pk], **columns)  # type: ignore[arg-type]

    def name_given(self, parent: int, wanted: str, given: str, *, is_folder: bool) -> None:
        """Check a name that an operation gave: the wanted one if it is free, or else numbered."""
        taken = self.children(parent)
        if wanted not in taken:
            assert given == wanted
            return
        assert given not in taken
        assert given in {numbered_name(wanted, n, is_folder=is_folder) for n in range(2, 99)}

    def below(self, pk: int) -> list[int]:
        """Give the live entries below one, outermost first."""
        found = []
        pending = [pk]
        while pending:
            inner = list(self.children(pending.pop()).values())
            found += inner
            pending += inner
        return found

    def remove(self, pk: int) -> None:
        """Remove a tree; what was trashed out of it stays in the trash, one folder up."""
        gone = {pk, *self.below(pk)}
        for other, node in list(self.nodes.items()):
            if other not in gone and node.parent in gone:
                self.change(other, parent=self.nodes[pk].parent)
        for each in gone:
            del self.nodes[each]

    def empty(self, space: int) -> None:
        hidden = [pk for pk in self.nodes if not self.is_visible(pk)]
        for pk in hidden:
            if self.nodes[pk].space == space:
                del self.nodes[pk]

    def adopt(self, source: int, copy: int, parent: int, *, keeps_versions: bool) -> None:
        """Take over a copy that the database made of a tree, found by the names in it."""
        node = self.nodes[source]
        children = self.children(source)
        self.nodes[copy] = replace(
            node,
            space=self.nodes[parent].space,
            parent=parent,
            name=Entry.objects.get(pk=copy).name,
            contents=node.contents if keeps_versions else node.contents[-1:],
        )
        for name, child in children.items():
            made = Entry.objects.get(parent=copy, name=name)
            self.adopt(child, made.pk, copy, keeps_versions=keeps_versions)


def stored() -> dict[int, Node]:
    """Read all that hangs on a root, as nodes."""
    contents: dict[int, list[str]] = {}
    for entry_id, sha in Version.objects.order_by("pk").values_list("entry", "sha256"):
        contents.setdefault(entry_id, []).append(sha)
    rows = {row.pk: row for row in Entry.objects.select_related("space")}
    return {
        pk: Node(
            row.space_id,
            row.parent_id,
            row.name,
            row.is_folder,
            tuple(contents.get(pk, ())),
            row.trashed_at is not None,
        )
        for pk, row in rows.items()
        if _hangs(row, rows)
    }


def _hangs(row: Entry, rows: dict[int, Entry]) -> bool:
    while row.parent_id is not None:
        row = rows[row.parent_id]
    return row.pk == row.space.root_id


def any_of(items: Iterable[int], number: int) -> int:
    """Pick one of some by a number that may be too large."""
    choice = list(items)
    return choice[number % len(choice)]
