"""The gate: who sees what, who may do what, and that neither answers nor costs tell more."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import DjangoAssertNumQueries

from files.access import (
    Actor,
    Located,
    gate,
    get_space,
    locate,
    locate_all,
    locate_trashed,
    search,
    trashed_in,
    visible_spaces,
)
from files.errors import (
    EntryNotFoundError,
    FilesError,
    ForbiddenError,
    NotTrashedError,
    SignInRequiredError,
    SpaceNotFoundError,
)
from files.models import Entry, Event, Grant, Right, Space
from files.operations.entries import trash_entries
from files.operations.spaces import set_member
from files.operations.trash import detach
from tests.factories import (
    SYSTEM,
    actor_of,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_space,
    make_user,
    root_of,
)

pytestmark = pytest.mark.django_db

Role = Grant.Role
ANON = Actor(None, Event.Door.WEB)


def staff(rights: Right) -> Actor:
    """Give a member of staff with rights everywhere, and no grants."""
    return Actor(make_user("staff"), Event.Door.ADMIN, rights)


def outcome(call: Callable[[], object]) -> str:
    """Give what a call came to: ok, or the code of its error."""
    try:
        call()
    except FilesError as error:
        return error.code
    return "ok"


# Who, in a shared space, is told what when asking for each right in turn; on a folder in the space.
MEMBERS = [
    (Role.VIEWER, {"READ": "ok", "ADD": "forbidden", "EDIT": "forbidden", "MANAGE": "forbidden"}),
    (Role.EDITOR, {"READ": "ok", "ADD": "ok", "EDIT": "ok", "MANAGE": "forbidden"}),
    (Role.MANAGER, {"READ": "ok", "ADD": "ok", "EDIT": "ok", "MANAGE": "ok"}),
    (Role.UPLOADER, dict.fromkeys(["READ", "ADD", "EDIT", "MANAGE"], "entry-not-found")),
    (None, dict.fromkeys(["READ", "ADD", "EDIT", "MANAGE"], "entry-not-found")),
]


@pytest.mark.parametrize("way", ["user", "group"])
@pytest.mark.parametrize(("role", "answers"), MEMBERS)
def test_member_of_each_role_gets_its_rights_on_all_below_the_root(
    role: Grant.Role | None, answers: dict[str, str], way: str
) -> None:
    space = make_shared_space()
    bob, group = make_user("bob"), Group.objects.create(name="crew")
    bob.groups.add(group)
    if role is not None and way == "user":
        set_member(space, user=bob, role=role, actor=SYSTEM)
    if role is not None and way == "group":
        set_member(space, group=group, role=role, actor=SYSTEM)
    folder = make_folder(make_folder(root_of(space), "outer"), "inner")

    actor = actor_of(bob)

    assert answers == {
        right: outcome(lambda right=right: locate(actor, folder.pk, Right[right]))  # type: ignore[misc]
        for right in answers
    }


@pytest.mark.parametrize(
    ("need", "answer"),
    [
        (Right.ADD, "ok"),
        (Right.READ, "entry-not-found"),
        (Right.READ | Right.ADD, "entry-not-found"),
        (Right.EDIT, "forbidden"),
        (Right.NONE, "ok"),
    ],
)
def test_uploader_knows_the_granted_folder_itself_and_may_only_add(
    root: Entry, need: Right, answer: str
) -> None:
    box = make_folder(root, "box")
    bob = make_member(box, Role.UPLOADER)

    assert outcome(lambda: locate(bob, box.pk, need)) == answer


def test_uploader_learns_nothing_of_what_is_in_the_folder(root: Entry) -> None:
    box = make_folder(root, "box")
    bob = make_member(box, Role.UPLOADER)
    inside, file = make_folder(box, "inside"), make_file(box, "file")

    for entry_id in (inside.pk, file.pk, root.pk, 10**9):
        for need in (Right.NONE, Right.READ, Right.ADD, Right.EDIT, Right.MANAGE):
            assert outcome(lambda i=entry_id, n=need: locate(bob, i, n)) == "entry-not-found"  # type: ignore[misc]
    trash_entries([file], actor=SYSTEM)
    assert outcome(lambda: locate_trashed(bob, file.pk, Right.ADD)) == "entry-not-found"
    assert search(bob, "file") == []


def test_owner_has_every_right_without_a_grant(root: Entry, space: Space) -> None:
    assert space.owner is not None
    ada = actor_of(space.owner)
    file = make_file(make_folder(root, "outer"), "file")

    located = locate(ada, file.pk, Right.ALL)

    assert located.rights == Right.ALL
    assert located.entry == file


@pytest.mark.parametrize("who", ["stranger", "nobody"])
def test_stranger_and_nobody_get_the_answer_of_a_missing_entry(root: Entry, who: str) -> None:
    actor = ANON if who == "nobody" else actor_of(make_user("eve"))
    file = make_file(root, "file")

    answers = []
    for entry_id in (file.pk, 10**9):
        with pytest.raises(EntryNotFoundError) as caught:
            locate(actor, entry_id)
        answers.append((str(caught.value), caught.value.code, list(caught.value.data)))

    assert answers[0] == answers[1]


@pytest.mark.parametrize(
    ("rights", "need", "answer"),
    [
        (Right.ALL, Right.ALL, "ok"),
        (Right.READ, Right.READ, "ok"),
        (Right.READ, Right.EDIT, "forbidden"),
        (Right.MANAGE, Right.MANAGE, "ok"),
        (Right.MANAGE, Right.READ, "entry-not-found"),
        (Right.NONE, Right.READ, "entry-not-found"),
    ],
)
def test_staff_have_the_rights_of_their_permissions_everywhere(
    root: Entry, rights: Right, need: Right, answer: str
) -> None:
    file = make_file(root, "file")

    assert outcome(lambda: locate(staff(rights), file.pk, need)) == answer


def test_the_system_may_do_everything_and_has_no_name(root: Entry) -> None:
    assert locate(SYSTEM, root.pk, Right.ALL).rights == Right.ALL
    assert SYSTEM.name == ""


def test_a_grant_on_a_folder_reaches_down_and_not_up_or_aside(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner, aside = make_folder(outer, "inner"), make_file(root, "aside")
    leaf = make_file(inner, "leaf")
    bob = make_member(outer, Role.VIEWER)

    assert [outcome(lambda e=e: locate(bob, e.pk)) for e in (outer, inner, leaf, root, aside)] == [  # type: ignore[misc]
        "ok",
        "ok",
        "ok",
        "entry-not-found",
        "entry-not-found",
    ]


def test_rights_are_the_union_of_all_grants_on_the_way(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner = make_folder(outer, "inner")
    bob = make_member(outer, Role.VIEWER)
    group = Group.objects.create(name="crew")
    assert bob.user is not None
    bob.user.groups.add(group)
    Grant.objects.create(entry=inner, group=group, role=Role.UPLOADER)

    assert locate(bob, outer.pk).rights == Right.READ
    assert locate(bob, inner.pk).rights == Right.READ | Right.ADD


def test_forbidden_names_the_right_that_lacks(root: Entry) -> None:
    bob = make_member(root, Role.VIEWER)

    with pytest.raises(ForbiddenError) as caught:
        locate(bob, root.pk, Right.READ | Right.EDIT)
    assert caught.value.data == {"right": "EDIT"}


def test_located_tells_the_way_from_the_root(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner = make_folder(outer, "inner")

    located = locate(SYSTEM, inner.pk)

    assert [(node.id, node.name) for node in located.ancestors] == [
        (root.pk, ""),
        (outer.pk, "outer"),
    ]


def test_what_lies_below_a_trashed_folder_is_not_found(root: Entry) -> None:
    outer = make_folder(root, "outer")
    file = make_file(make_folder(outer, "inner"), "file")

    trash_entries([outer], actor=SYSTEM)

    for entry in (outer, file):
        with pytest.raises(EntryNotFoundError):
            locate(SYSTEM, entry.pk)


def test_what_is_detached_is_found_by_nobody(root: Entry) -> None:
    outer = make_folder(root, "outer")
    file = make_file(outer, "file")
    (trashed,) = trash_entries([outer], actor=SYSTEM)
    detach([locate_trashed(SYSTEM, trashed.pk)])

    for entry in (outer, file):
        for find in (locate, locate_trashed):
            with pytest.raises(EntryNotFoundError):
                find(SYSTEM, entry.pk, Right.READ)


def test_locate_trashed_finds_what_lies_in_the_trash_itself(root: Entry) -> None:
    outer = make_folder(root, "outer")
    inner, stays = make_folder(outer, "inner"), make_file(outer, "stays")
    trash_entries([inner], actor=SYSTEM)
    trash_entries([outer], actor=SYSTEM)

    assert locate_trashed(SYSTEM, inner.pk).entry == inner
    assert [node.is_trashed for node in locate_trashed(SYSTEM, inner.pk).ancestors] == [
        False,
        True,
    ]
    with pytest.raises(NotTrashedError):
        locate_trashed(SYSTEM, stays.pk)
    with pytest.raises(EntryNotFoundError):
        locate_trashed(SYSTEM, 10**9)


@pytest.mark.parametrize(
    ("role", "answers"),
    [
        (Role.VIEWER, ("forbidden", "forbidden")),
        (Role.EDITOR, ("ok", "forbidden")),
        (Role.MANAGER, ("ok", "ok")),
        (Role.UPLOADER, ("entry-not-found", "entry-not-found")),
    ],
)
def test_restoring_and_deleting_need_their_rights(
    root: Entry, role: Grant.Role, answers: tuple[str, str]
) -> None:
    bob = make_member(root, role)
    file = make_file(root, "file")
    trash_entries([file], actor=SYSTEM)

    assert answers == (
        outcome(lambda: locate_trashed(bob, file.pk)),
        outcome(lambda: locate_trashed(bob, file.pk, Right.MANAGE)),
    )


def test_an_entry_deleted_between_the_walk_and_the_read_is_not_found(
    root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make_file(root, "file")
    real = gate._load

    def gone(*arguments: Any) -> Located:
        Entry.objects.filter(pk=file.pk).update(version=None)
        file.versions.all().delete()
        Entry.objects.filter(pk=file.pk).delete()
        return real(*arguments)

    monkeypatch.setattr(gate, "_load", gone)

    with pytest.raises(EntryNotFoundError):
        locate(SYSTEM, file.pk)


def test_visible_spaces_are_ones_own_and_those_one_is_a_member_of() -> None:
    ada, bob = make_user("ada"), make_user("bob")
    make_space(bob)
    zoo, art = make_shared_space("Zoo"), make_shared_space("Art")
    group = Group.objects.create(name="crew")
    ada.groups.add(group)
    set_member(zoo, user=ada, role=Role.VIEWER, actor=SYSTEM)
    set_member(zoo, group=group, role=Role.UPLOADER, actor=SYSTEM)
    set_member(art, group=group, role=Role.EDITOR, actor=SYSTEM)
    make_shared_space("Hidden", bob=Role.MANAGER)
    own = make_space(ada)

    assert visible_spaces(actor_of(ada)) == [
        (own, Right.ALL),
        (art, Right(Role.EDITOR)),
        (zoo, Right.READ | Right.ADD),
    ]


def test_a_grant_on_a_folder_makes_no_member_of_its_space(root: Entry, space: Space) -> None:
    bob = make_member(make_folder(root, "folder"), Role.MANAGER)

    assert visible_spaces(bob) == []
    with pytest.raises(SpaceNotFoundError):
        get_space(bob, space.pk, Right.NONE)


def test_visible_spaces_are_all_for_staff_and_need_somebody(space: Space) -> None:
    shared = make_shared_space()

    assert visible_spaces(SYSTEM) == [(space, Right.ALL), (shared, Right.ALL)]
    assert visible_spaces(staff(Right.READ)) == [(space, Right.READ), (shared, Right.READ)]
    with pytest.raises(SignInRequiredError):
        visible_spaces(ANON)


@pytest.mark.parametrize(
    ("role", "need", "answer"),
    [
        (Role.VIEWER, Right.READ, "ok"),
        (Role.VIEWER, Right.MANAGE, "forbidden"),
        (Role.UPLOADER, Right.READ, "forbidden"),
        (Role.UPLOADER, Right.ADD, "ok"),
        (Role.MANAGER, Right.ALL, "ok"),
        (None, Right.READ, "space-not-found"),
        (None, Right.NONE, "space-not-found"),
    ],
)
def test_get_space_answers_by_the_role(role: Grant.Role | None, need: Right, answer: str) -> None:
    space = make_shared_space()
    bob = make_user("bob")
    if role is not None:
        set_member(space, user=bob, role=role, actor=SYSTEM)

    assert outcome(lambda: get_space(actor_of(bob), space.pk, need)) == answer


def test_get_space_does_not_tell_a_missing_space_from_a_hidden_one(space: Space) -> None:
    for actor in (ANON, actor_of(make_user("eve"))):
        assert outcome(lambda a=actor: get_space(a, space.pk)) == "space-not-found"  # type: ignore[misc]
        assert outcome(lambda a=actor: get_space(a, 10**9)) == "space-not-found"  # type: ignore[misc]


def test_trashed_in_lists_each_thing_that_was_trashed_itself(root: Entry, space: Space) -> None:
    outer = make_folder(root, "outer")
    inner = make_file(outer, "inner")
    make_file(outer, "stays")
    trash_entries([inner], actor=SYSTEM)
    trash_entries([outer], actor=SYSTEM)
    make_shared_space()

    assert set(trashed_in(space)) == {outer, inner}


def test_search_finds_names_in_any_case_newest_first_and_by_pages(root: Entry) -> None:
    names = ["Straße.txt", "STRASSE.pdf", "strasse", "other"]
    made = [make_file(root, name) for name in names]

    first = search(SYSTEM, "STRASSE", limit=2)
    second = search(SYSTEM, "STRASSE", after=first[-1].pk, limit=2)

    assert first == [made[2], made[1]]
    assert second == [made[0]]


@pytest.mark.parametrize("text", ["%", "_", "\\", "a%", "'"])
def test_search_takes_every_character_for_itself(root: Entry, text: str) -> None:
    make_file(root, "plain")
    wanted = make_file(root, f"x{text}y")

    assert search(SYSTEM, text) == [wanted]


def test_search_shows_only_what_is_visible_to_the_actor(root: Entry, space: Space) -> None:
    outer = make_folder(root, "outer")
    make_file(make_folder(outer, "inner"), "hit 1")
    trashed, detached = make_file(root, "hit 2"), make_folder(root, "gone")
    make_file(detached, "hit 3")
    shown = make_file(root, "hit 4")
    elsewhere = make_file(root_of(make_shared_space(bob=Role.VIEWER)), "hit 5")
    trash_entries([outer, trashed], actor=SYSTEM)
    detach([locate(SYSTEM, detached.pk)])

    assert space.owner is not None
    assert search(actor_of(space.owner), "hit") == [shown]
    assert search(SYSTEM, "hit") == [elsewhere, shown]
    assert search(actor_of(make_user("eve")), "hit") == []


def count_queries(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as queries:
        call()
    return len(queries)


def test_cost_follows_neither_depth_nor_size(root: Entry) -> None:
    bob = make_member(root, Role.VIEWER)
    deep = root
    for level in range(40):
        deep = make_folder(deep, f"level {level}")
    for n in range(30):
        make_file(root, f"file {n}")

    assert count_queries(lambda: locate(bob, root.pk)) == 2
    assert count_queries(lambda: locate(bob, deep.pk)) == 2
    assert count_queries(lambda: visible_spaces(bob)) == 2
    assert count_queries(lambda: search(bob, "file", limit=3)) == 3
    assert count_queries(lambda: search(bob, "l", limit=100)) == 3


def test_visible_spaces_cost_the_same_for_many_spaces_and_grants() -> None:
    bob = make_user("bob")
    for n in range(20):
        space = make_shared_space(f"space {n}", bob=Role.VIEWER)
        Grant.objects.create(entry=make_folder(root_of(space), "x"), user=bob, role=Role.EDITOR)

    assert count_queries(lambda: visible_spaces(actor_of(bob))) == 2


def test_locate_all_finds_what_locate_finds(root: Entry) -> None:
    folder, other = make_folder(root, "a"), make_folder(root, "b")
    inner = make_folder(other, "inner")
    trash_entries([other], actor=SYSTEM)
    stranger = root_of(make_shared_space())
    assert root.space.owner is not None
    ada = actor_of(root.space.owner)

    found = locate_all(ada, [root.pk, folder.pk, inner.pk, stranger.pk, 999_999])

    assert set(found) == {root.pk, folder.pk}
    assert found[folder.pk] == locate(ada, folder.pk)


def test_locate_all_asks_for_the_right_and_in_two_queries(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    team = root_of(make_shared_space())
    bob = make_member(team, Grant.Role.VIEWER)
    ids = [make_folder(team, f"{number}").pk for number in range(10)]

    with django_assert_num_queries(2):
        assert len(locate_all(bob, ids)) == 10
    assert locate_all(bob, ids, Right.ADD) == {}
    assert locate_all(bob, []) == {}
