"""What the limit of a token leaves: rights by its scopes, and one tree of all."""

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from files.access import (
    Actor,
    find_content,
    get_space,
    get_upload,
    locate,
    locate_all,
    locate_trashed,
    search,
    visible_spaces,
)
from files.errors import EntryNotFoundError, FilesError, RootFolderError
from files.jobs.tasks import requester
from files.models import Entry, Event, Grant, Right, Scope, Space, Upload
from files.operations import transfer
from files.operations.entries import create_folder, rename_entry, trash_entries
from files.operations.spaces import rename_space, set_member
from files.operations.transfer import copy_entries, move_entries
from files.operations.trash import delete_entries, restore_entries
from files.operations.uploads import cancel_upload, pending_uploads
from files.operations.versions import Member, put_files, put_members
from tests.factories import (
    SYSTEM,
    actor_of,
    limited,
    make_file,
    make_folder,
    make_shared_space,
    make_upload,
    make_user,
    new_file,
    paths_in,
    reread,
    root_of,
)

pytestmark = pytest.mark.usefixtures("consistent")

READ, WRITE, SHARE, ADMIN = Scope.READ, Scope.WRITE, Scope.SHARE, Scope.ADMIN


@pytest.fixture
def ada(space: Space) -> User:
    assert space.owner is not None
    return space.owner


def outcome(call: Callable[[], object]) -> str:
    """Say what becomes of a call: ok, or the code of its refusal."""
    try:
        call()
    except FilesError as error:
        return error.code
    return "ok"


# What is done to a file, a folder and a space that are all the user's own.
ACTIONS: dict[str, Callable[[Actor, Entry, Entry, Entry], object]] = {
    "read": lambda actor, file, _folder, _trashed: locate(actor, file.pk),
    "trash list": lambda actor, file, _folder, _trashed: get_space(actor, file.space_id),
    "put": lambda actor, _file, folder, _trashed: put_files(folder, [new_file("n")], actor=actor),
    "make": lambda actor, _file, folder, _trashed: create_folder(folder, name="new", actor=actor),
    "rename": lambda actor, file, _folder, _trashed: rename_entry(
        file, name=f"renamed {file.pk}", actor=actor
    ),
    "trash": lambda actor, file, _folder, _trashed: trash_entries([file], actor=actor),
    "restore": lambda actor, _file, _folder, trashed: restore_entries([trashed], actor=actor),
    "copy": lambda actor, file, folder, _trashed: copy_entries([file], parent=folder, actor=actor),
    "move": lambda actor, file, folder, _trashed: move_entries([file], parent=folder, actor=actor),
    "share": lambda actor, file, _folder, _trashed: set_member(
        file.space, user=make_user("carl"), role=Grant.Role.VIEWER, actor=actor
    ),
    "name space": lambda actor, file, _folder, _trashed: rename_space(
        file.space, name="x", actor=actor
    ),
    "delete": lambda actor, _file, _folder, trashed: delete_entries([trashed], actor=actor),
}
# "ok" for each scope that suffices; what else is said depends on whether the token may read.
SUFFICE: dict[str, list[Scope]] = {
    "read": [READ],
    "trash list": [READ],
    "put": [WRITE],
    "make": [WRITE],
    "rename": [READ | WRITE],
    "trash": [READ | WRITE],
    "restore": [READ | WRITE],
    "copy": [READ | WRITE],
    "move": [READ | WRITE],
    "share": [READ | SHARE],
    "name space": [ADMIN],
    "delete": [READ | ADMIN],
}
SCOPES = [Scope(number) for number in range(1, 16)]


@pytest.mark.parametrize("action", ACTIONS)
def test_scope_decides_what_may_be_done(action: str, root: Entry, ada: User) -> None:
    for scopes in SCOPES:
        file, folder = make_file(root, f"file {scopes}"), make_folder(root, f"folder {scopes}")
        (trashed,) = trash_entries([make_file(root, f"gone {scopes}")], actor=SYSTEM)
        User.objects.filter(username="carl").update(username=f"carl {scopes}")

        result = outcome(
            lambda scopes=scopes, file=file, folder=folder, trashed=trashed: ACTIONS[action](  # type: ignore[misc]
                limited(ada, scopes), file, folder, trashed
            )
        )

        is_enough = any(needed in scopes for needed in SUFFICE[action])
        assert (result == "ok") is is_enough, (scopes.words, result)
        assert result in {"ok", "forbidden", "entry-not-found", "space-not-found"}


@pytest.mark.parametrize("role", list(Grant.Role))
def test_token_never_has_more_than_its_user_has_now(role: Grant.Role) -> None:
    team = make_shared_space("Team", bob=role)
    bob = User.objects.get(username="bob")
    actor = limited(bob, Scope.ALL)

    assert locate(actor, team.root_id or 0, Right.NONE).rights == Right.of_role(role)
    set_member(team, user=bob, role=None, actor=SYSTEM)

    with pytest.raises(EntryNotFoundError):
        locate(actor, team.root_id or 0, Right.NONE)


@pytest.mark.parametrize("role", list(Grant.Role))
def test_token_hands_on_no_more_than_was_handed_to_it(
    root: Entry, ada: User, role: Grant.Role
) -> None:
    eve = make_user("eve")

    def set_role(scopes: Scope, role: Grant.Role | None) -> str:
        return outcome(
            lambda: set_member(root.space, user=eve, role=role, actor=limited(ada, scopes))
        )

    for scopes in SCOPES:
        is_enough = SHARE in scopes and Right(role) in scopes.rights
        assert (set_role(scopes, role) == "ok") is is_enough, scopes.words
        set_member(root.space, user=eve, role=role, actor=SYSTEM)
        assert (set_role(scopes, None) == "ok") is is_enough, scopes.words
        set_member(root.space, user=eve, role=None, actor=SYSTEM)


@pytest.fixture
def tree(root: Entry) -> dict[str, Entry]:
    """Give /top (the limit) with a file and a folder in it, and the same beside it."""
    top = make_folder(root, "top")
    return {
        "root": root,
        "top": top,
        "in file": make_file(top, "inside.txt", b"inside"),
        "in folder": make_folder(top, "in folder"),
        "out file": make_file(root, "outside.txt", b"outside"),
        "out folder": make_folder(root, "out folder"),
    }


@pytest.fixture
def actor(ada: User, tree: dict[str, Entry]) -> Actor:
    return limited(ada, Scope.ALL, tree["top"])


def test_what_lies_outside_the_tree_is_not_found(actor: Actor, tree: dict[str, Entry]) -> None:
    seen = {
        name: outcome(lambda entry=entry: locate(actor, entry.pk, Right.NONE))  # type: ignore[misc]
        for name, entry in tree.items()
    }

    assert seen == {
        "root": "entry-not-found",
        "top": "ok",
        "in file": "ok",
        "in folder": "ok",
        "out file": "entry-not-found",
        "out folder": "entry-not-found",
    }
    found = locate_all(actor, [entry.pk for entry in tree.values()])
    assert set(found) == {tree[name].pk for name in ("top", "in file", "in folder")}


def test_way_to_an_entry_begins_at_the_top(actor: Actor, tree: dict[str, Entry]) -> None:
    assert [node.name for node in locate(actor, tree["in file"].pk).trail] == ["top"]
    assert locate(actor, tree["top"].pk).trail == ()
    assert [node.name for node in locate(SYSTEM, tree["in file"].pk).trail] == ["", "top"]


def test_nothing_moves_across_the_edge_of_the_tree(actor: Actor, tree: dict[str, Entry]) -> None:
    before = paths_in(tree["root"])
    ways = [("in file", "out folder"), ("in file", "root"), ("out file", "in folder")]

    for source, parent in ways:
        for act in (move_entries, copy_entries):
            with pytest.raises(EntryNotFoundError):
                act([tree[source]], parent=tree[parent], actor=actor)

    assert paths_in(tree["root"]) == before
    move_entries([tree["in file"]], parent=tree["in folder"], actor=actor)
    assert reread(tree["in file"]).parent_id == tree["in folder"].pk


def test_top_itself_stays_as_it_is(actor: Actor, tree: dict[str, Entry]) -> None:
    top = tree["top"]

    for refused in (
        lambda: rename_entry(top, name="other", actor=actor),
        lambda: trash_entries([top], actor=actor),
        lambda: move_entries([top], parent=tree["in folder"], actor=actor),
        lambda: copy_entries([top], parent=tree["in folder"], actor=actor),
    ):
        with pytest.raises(RootFolderError):
            refused()


def test_space_is_not_found_from_within_a_folder(
    actor: Actor, ada: User, tree: dict[str, Entry], space: Space
) -> None:
    make_shared_space("Team", ada=Grant.Role.MANAGER)
    whole = limited(ada, Scope.ALL, tree["root"])

    assert visible_spaces(actor) == []
    assert outcome(lambda: get_space(actor, space.pk)) == "space-not-found"
    assert outcome(lambda: rename_space(space, name="x", actor=actor)) == "space-not-found"
    assert visible_spaces(whole) == [(space, Right.ALL)]
    assert get_space(whole, space.pk) == (space, Right.ALL)


def test_search_finds_what_lies_in_the_tree(
    actor: Actor, ada: User, tree: dict[str, Entry]
) -> None:
    assert set(search(actor, "i")) == {tree["in file"], tree["in folder"]}
    assert len(search(actor_of(ada), "i")) == 3
    assert search(limited(ada, Scope.WRITE), "i") == []


def test_content_outside_the_tree_is_not_known(
    actor: Actor, ada: User, tree: dict[str, Entry]
) -> None:
    def find(who: Actor, name: str) -> Entry | None:
        version = tree[name].version
        assert version is not None
        return find_content(who, version.sha256, version.size)

    assert find(actor, "in file") == tree["in file"]
    assert find(actor, "out file") is None
    assert find(actor_of(ada), "out file") == tree["out file"]
    assert find(limited(ada, Scope.WRITE), "in file") is None


def test_tree_that_is_trashed_or_gone_holds_nothing(actor: Actor, tree: dict[str, Entry]) -> None:
    (trashed,) = trash_entries([tree["in file"]], actor=SYSTEM)
    trash_entries([tree["top"]], actor=SYSTEM)

    for entry in (tree["top"], tree["in folder"]):
        with pytest.raises(EntryNotFoundError):
            locate(actor, entry.pk)
    for entry in (tree["top"], trashed):
        with pytest.raises(EntryNotFoundError):
            locate_trashed(actor, entry.pk)
    Entry.objects.filter(pk=tree["in folder"].pk).update(parent=None, trashed_at=timezone.now())
    with pytest.raises(EntryNotFoundError):
        locate_trashed(actor, tree["in folder"].pk)


def test_what_is_restored_stays_in_the_tree(actor: Actor, tree: dict[str, Entry]) -> None:
    file = make_file(tree["in folder"], "deep")
    trash_entries([file], actor=actor)
    trash_entries([tree["in folder"]], actor=actor)

    (restored,) = restore_entries([file], actor=actor)

    assert restored.parent_id == tree["top"].pk


def test_writing_alone_knows_the_top_of_its_tree(ada: User) -> None:
    team = make_shared_space("Team", bob=Grant.Role.EDITOR)
    folder = make_folder(root_of(team), "inbox")
    inner = make_folder(folder, "inner")
    bob = limited(User.objects.get(username="bob"), Scope.WRITE, folder)

    put_files(folder, [new_file("a"), new_file("a")], actor=bob)

    assert locate(bob, folder.pk, Right.ADD).rights == Right.ADD
    assert set(paths_in(folder)) == {"a", "a (2)", "inner"}
    assert outcome(lambda: locate(bob, inner.pk, Right.ADD)) == "entry-not-found"
    assert outcome(lambda: trash_entries([folder], actor=bob)) == "forbidden"


def test_uploads_outside_the_tree_are_not_found(
    actor: Actor, ada: User, tree: dict[str, Entry]
) -> None:
    inside = make_upload(tree["in folder"], actor=actor)
    outside = make_upload(tree["root"], actor=actor_of(ada))
    reader = limited(ada, Scope.READ)

    assert list(pending_uploads(actor)) == [inside]
    assert set(pending_uploads(actor_of(ada))) == {inside, outside}
    assert get_upload(actor, inside.pk) == inside
    assert outcome(lambda: get_upload(actor, outside.pk)) == "upload-not-found"
    assert outcome(lambda: cancel_upload(outside.pk, actor=actor)) == "upload-not-found"
    assert outcome(lambda: get_upload(reader, inside.pk)) == "forbidden"
    assert Upload.objects.count() == 2


def test_group_commit_keeps_actors_of_different_limits_apart(
    actor: Actor, ada: User, tree: dict[str, Entry]
) -> None:
    members = [
        Member(tree["root"].pk, new_file(name), who)
        for name, who in [("a", actor_of(ada)), ("b", actor), ("c", limited(ada, Scope.READ))]
    ]

    results = put_members(tree["root"].space_id, members)

    codes = [one.name if isinstance(one, Entry) else one.code for one in results]
    assert codes == ["a", "entry-not-found", "forbidden"]


def test_job_that_was_asked_for_by_a_token_keeps_its_limit(
    actor: Actor, ada: User, tree: dict[str, Entry], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transfer, "INLINE_LIMIT", 0)
    outcome = copy_entries([tree["in file"]], parent=tree["in folder"], actor=actor)
    request = Event.objects.get(kind=Event.Kind.JOB_REQUESTED)
    move_entries([tree["in folder"]], parent=tree["root"], actor=SYSTEM)

    assert outcome.queued
    assert requester(request).top_id == tree["top"].pk
    with pytest.raises(EntryNotFoundError):
        transfer.run_transfer(request, actor=requester(request))
