"""Any sequence of operations, each cut off anywhere, against a simple model.

A cut is an exception at a database statement or an unlink that nothing catches, as when the process
is killed there: what was not committed is rolled back, what was received stays on the disk. A step
that was one transaction must then not have happened; one of several may have come part of the way,
is started again, and must end the same.
"""

import tempfile
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from files.errors import FilesError, FilesRefusedError
from files.models import Blob, Entry, Event, Space
from files.models.tree import size_of
from files.operations import transfer
from files.operations.blobs import sweep_blobs
from files.operations.entries import (
    create_folder,
    move_within_space,
    rename_entry,
    trash_entries,
)
from files.operations.spaces import set_quota
from files.operations.transfer import copy_entries, move_entries, run_transfer
from files.operations.trash import delete_entries, empty_trash, restore_entries
from files.operations.versions import Clash, put_files
from files.storage.filesystem import BlobStorage, prepare_folders
from tests.factories import SYSTEM, make_blob, make_shared_space, new_file
from tests.invariants import check_disk_is_swept, check_everything
from tests.operations.model import Model, Node, any_of, digest, stored

pytestmark = pytest.mark.django_db(transaction=True)

QUOTA = 90
NOW = timedelta()

picks = st.integers(0, 50)
names = st.sampled_from("abc")
paths = st.sampled_from(["a", "b", "c", "d/a", "d/e/a", "a/b"])
contents = st.binary(max_size=12)
cuts = st.none() | st.integers(1, 30)


class Cut(BaseException):
    """The process dies here."""


class Fuse:
    """Cuts at the nth statement or unlink from when it was lit."""

    def __init__(self) -> None:
        self.left: int | None = None

    def burn(self) -> None:
        if self.left is not None:
            self.left -= 1
            if self.left == 0:
                self.left = None
                raise Cut

    def on_statement(self, execute: Callable[..., Any], *args: Any) -> Any:
        self.burn()
        return execute(*args)


class FusedStorage(BlobStorage):
    """A disk on which the process may die before or after an unlink."""

    fuse: Fuse

    def unlink(self, name: str) -> bool:
        self.fuse.burn()
        found = super().unlink(name)
        self.fuse.burn()
        return found


def wipe() -> None:
    """Empty our tables."""
    with transaction.atomic(), connection.cursor() as cursor:
        for table in ("event", "grant", "version", "blob", "entry", "space"):
            cursor.execute(f"DELETE FROM files_{table}")  # noqa: S608 - constants


class Machine(RuleBasedStateMachine):
    """Two spaces, one of which has a quota."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Model()
        self.fuse = Fuse()

    @initialize()
    def begin(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        prepare_folders(Path(self.folder.name))
        storage = FusedStorage(self.folder.name)
        storage.fuse = self.fuse
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(Blob._meta.get_field("file"), "storage", storage)
        self.patch.setattr(transfer, "INLINE_LIMIT", 3)
        self.patch.setattr(transfer, "BATCH", 2)
        for name in ("one", "two"):
            space = make_shared_space(name)
            assert space.root_id is not None
            self.model.nodes[space.root_id] = Node(space.pk, None, "", is_folder=True)
        set_quota(space, quota_bytes=QUOTA, actor=SYSTEM)
        self.put(0, [("a", b"1"), ("d/a", b"22"), ("d/e/a", b"333")], Clash.REFUSE, None)
        self.put(1, [("b", b"1"), ("a/b", b"22")], Clash.REFUSE, None)

    def teardown(self) -> None:
        if hasattr(self, "patch"):
            self.patch.undo()
            self.folder.cleanup()
        wipe()

    def entry(self, pk: int) -> Entry:
        return Entry.objects.get(pk=pk)

    def movable(self) -> list[int]:
        """Give what is visible, the roots last and only one of them."""
        visible = self.model.visible()
        return [pk for pk in visible if self.model.nodes[pk].parent is not None] + visible[:1]

    def attempt[T](self, cut: int | None, refusals: set[str], call: Callable[[], T]) -> T | None:
        """Do a step that may be cut; None if it was cut or refused, as one of the refusals."""
        code = result = None
        try:
            with connection.execute_wrapper(self.fuse.on_statement):
                self.fuse.left = cut
                result = call()
        except Cut:
            return None
        except FilesRefusedError as error:
            code = next(iter(error.refused.values())).code
        except FilesError as error:
            code = error.code
        finally:
            self.fuse.left = None
        assert code in refusals if refusals else code is None
        return result

    @rule(at=picks, name=names, cut=cuts)
    def create_folder(self, at: int, name: str, cut: int | None) -> None:
        parent = any_of(self.model.folders(), at)
        refusals = {"entry-exists"} if name in self.model.children(parent) else set()

        made = self.attempt(
            cut, refusals, lambda: create_folder(self.entry(parent), name=name, actor=SYSTEM)
        )

        if made:
            space = self.model.nodes[parent].space
            self.model.nodes[made.pk] = Node(space, parent, name, is_folder=True)

    @rule(
        at=picks,
        wanted=st.lists(st.tuples(paths, contents), min_size=1, max_size=4),
        clash=st.sampled_from(Clash),
        cut=cuts,
    )
    def put(self, at: int, wanted: list[tuple[str, bytes]], clash: Clash, cut: int | None) -> None:
        folder = any_of(self.model.folders(), at)
        files = [new_file(path, content) for path, content in wanted]
        refusals = self._refusals_to_put(folder, wanted, clash)

        put = self.attempt(
            cut,
            refusals,
            lambda: put_files(self.entry(folder), files, actor=SYSTEM, clash=clash),
        )

        if put:
            rows = [row for row in put if isinstance(row, Entry)]
            parents = [self._adopt_folders(folder, path.split("/")[:-1]) for path, _ in wanted]
            for row, parent, (path, content) in zip(rows, parents, wanted, strict=True):
                self._adopt_file(row, parent, path.split("/")[-1], digest(content))

    def _refusals_to_put(
        self, folder: int, wanted: list[tuple[str, bytes]], clash: Clash
    ) -> set[str]:
        refusals = set()
        paths = [path.split("/") for path, _ in wanted]
        used = {tuple(path[:end]) for path in paths for end in range(1, len(path))}
        used = {steps for steps in used if self._find(folder, steps) == "nothing"}
        for path in paths:
            parent, there = self._find(folder, path[:-1]), self._find(folder, path)
            if parent == "file":
                refusals.add("not-a-folder")
            elif tuple(path) not in used and there != "nothing" and clash is not Clash.KEEP_BOTH:
                if clash is Clash.REFUSE:
                    refusals.add("entry-exists")
                elif there == "folder":
                    refusals.add("not-a-file")
            used.add(tuple(path))
        space = Space.objects.get(pk=self.model.nodes[folder].space)
        room = space.free_bytes
        if room is not None and sum(len(content) for _, content in wanted) > room:
            refusals.add("quota-exceeded")
        return refusals

    def _find(self, folder: int, steps: Sequence[str]) -> str:
        """Tell what a path leads to: a folder, a file or one in the way, or nothing."""
        at = folder
        for step in steps:
            if not self.model.nodes[at].is_folder:
                return "file"
            child = self.model.children(at).get(step)
            if child is None:
                return "nothing"
            at = child
        return "folder" if self.model.nodes[at].is_folder else "file"

    def _adopt_folders(self, folder: int, steps: list[str]) -> int:
        space = self.model.nodes[folder].space
        for step in steps:
            child = self.model.children(folder).get(step)
            if child is None:
                child = Entry.objects.get(parent=folder, name=step, trashed_at=None).pk
                self.model.nodes[child] = Node(space, folder, step, is_folder=True)
            folder = child
        return folder

    def _adopt_file(self, row: Entry, parent: int, name: str, content: str) -> None:
        node = self.model.nodes.get(row.pk)
        if node is None:
            self.model.name_given(parent, name, row.name, is_folder=False)
            space = self.model.nodes[parent].space
            self.model.nodes[row.pk] = Node(
                space, parent, row.name, is_folder=False, contents=(content,)
            )
        else:
            assert (node.parent, node.name) == (parent, name)
            self.model.change(row.pk, contents=(*node.contents, content))

    @rule(which=picks, name=names, cut=cuts)
    def rename(self, which: int, name: str, cut: int | None) -> None:
        pk = any_of(self.movable(), which)
        node = self.model.nodes[pk]
        refusals = set()
        if node.parent is None:
            refusals = {"root-folder"}
        elif self.model.children(node.parent).get(name, pk) != pk:
            refusals = {"entry-exists"}

        if self.attempt(
            cut, refusals, lambda: rename_entry(self.entry(pk), name=name, actor=SYSTEM)
        ):
            self.model.change(pk, name=name)

    @rule(which=picks, to=picks, cut=cuts)
    def move_within(self, which: int, to: int, cut: int | None) -> None:
        pk = any_of(self.movable(), which)
        node = self.model.nodes[pk]
        near = [each for each in self.model.folders() if self.model.nodes[each].space == node.space]
        parent = any_of(near, to)
        refusals = self._refusals_to_move(pk, parent)

        if self.attempt(
            cut,
            refusals,
            lambda: move_within_space([self.entry(pk)], parent=self.entry(parent), actor=SYSTEM),
        ):
            self.model.change(pk, parent=parent)

    def _refusals_to_move(self, pk: int, parent: int) -> set[str]:
        node, refusals = self.model.nodes[pk], set()
        if node.parent is None:
            refusals.add("root-folder")
        if pk in self.model.way(parent):
            refusals.add("move-into-self")
        if self.model.children(parent).get(node.name, pk) != pk:
            refusals.add("entry-exists")
        return refusals

    @rule(which=picks, to=picks, verb=st.sampled_from(["move", "copy"]), cut=cuts, again=cuts)
    def transfer(self, which: int, to: int, verb: str, cut: int | None, again: int | None) -> None:
        moves = verb == "move"
        pk = any_of(self.movable(), which)
        parent = any_of(self.model.folders(), to)
        node = self.model.nodes[pk]
        if moves and node.space == self.model.nodes[parent].space:
            return
        refusals = self._refusals_to_move(pk, parent)
        if not moves:
            refusals.discard("entry-exists")
        space = Space.objects.get(pk=self.model.nodes[parent].space)
        room = space.free_bytes
        if room is not None and size_of(pk, all_versions=moves) > room:
            refusals.add("quota-exceeded")
        work = move_entries if moves else copy_entries

        outcome = self.attempt(
            cut, refusals, lambda: work([self.entry(pk)], parent=self.entry(parent), actor=SYSTEM)
        )

        if outcome:
            tops = outcome.done or self._run_job(space, again)
            self._adopt_transfer(pk, tops[0].pk, parent, moves=moves)

    def _run_job(self, space: Space, cut: int | None) -> list[Entry]:
        request = Event.objects.filter(space=space).latest("seq")
        done = self.attempt(cut, set(), lambda: run_transfer(request, actor=SYSTEM))
        check_everything()
        return done or run_transfer(request, actor=SYSTEM)

    def _adopt_transfer(self, pk: int, top: int, parent: int, *, moves: bool) -> None:
        name = Entry.objects.get(pk=top).name
        node = self.model.nodes[pk]
        self.model.name_given(parent, node.name, name, is_folder=node.is_folder)
        self.model.adopt(pk, top, parent, keeps_versions=moves)
        if moves:
            self.model.remove(pk)

    @rule(which=st.lists(picks, min_size=1, max_size=3), cut=cuts)
    def trash(self, which: list[int], cut: int | None) -> None:
        pks = [any_of(self.movable(), each) for each in which]
        is_root = any(self.model.nodes[pk].parent is None for pk in pks)

        if self.attempt(
            cut,
            {"root-folder"} if is_root else set(),
            lambda: trash_entries([self.entry(pk) for pk in pks], actor=SYSTEM),
        ):
            for pk in pks:
                self.model.change(pk, is_trashed=True)

    @precondition(lambda self: self.model.trashed())
    @rule(which=picks, cut=cuts)
    def restore(self, which: int, cut: int | None) -> None:
        pk = any_of(self.model.trashed(), which)
        node = self.model.nodes[pk]

        restored = self.attempt(cut, set(), lambda: restore_entries([self.entry(pk)], actor=SYSTEM))

        if restored:
            way = list(self.model.way(pk))[1:]
            living = next(step for step in way if self.model.is_visible(step))
            name = restored[0].name
            self.model.name_given(living, node.name, name, is_folder=node.is_folder)
            self.model.change(pk, parent=living, name=name, is_trashed=False)

    @precondition(lambda self: self.model.trashed())
    @rule(which=picks, cut=cuts)
    def delete(self, which: int, cut: int | None) -> None:
        pk = any_of(self.model.trashed(), which)

        def delete() -> bool:
            delete_entries([self.entry(pk)], actor=SYSTEM)
            return True

        if self.attempt(cut, set(), delete):
            self.model.remove(pk)

    @precondition(lambda self: self.model.trashed())
    @rule(which=picks, cut=cuts)
    def empty(self, which: int, cut: int | None) -> None:
        space = self.model.nodes[any_of(self.model.trashed(), which)].space

        if self.attempt(cut, set(), lambda: empty_trash(Space.objects.get(pk=space), actor=SYSTEM)):
            self.model.empty(space)

    @rule()
    def receive_and_die(self) -> None:
        make_blob(b"stray")

    @rule(cut=cuts)
    def sweep(self, cut: int | None) -> None:
        self.attempt(cut, set(), lambda: sweep_blobs(grace=NOW))
        check_everything()
        sweep_blobs(grace=NOW)
        check_disk_is_swept()
        assert not Blob.objects.exclude(state=Blob.State.LIVE).exists()

    @invariant()
    def is_as_the_model_says(self) -> None:
        assert stored() == self.model.nodes

    @invariant()
    def is_consistent(self) -> None:
        check_everything()


def test_any_sequence_of_operations_cut_off_anywhere_agrees_with_the_model() -> None:
    run_state_machine_as_test(Machine)
