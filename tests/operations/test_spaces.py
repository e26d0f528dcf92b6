"""Spaces: made, named, limited, and who belongs to them."""

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group
from pytest_django import Settings

from files.access import Actor
from files.errors import (
    FilesError,
    ForbiddenError,
    InvalidValueError,
    QuotaExceededError,
    SpaceNotFoundError,
)
from files.models import Entry, Event, Grant, Right, Space
from files.operations.journal import draft, lock_spaces, lock_system_space, record
from files.operations.spaces import (
    create_space,
    ensure_personal_space,
    rename_space,
    set_case_twins,
    set_member,
    set_quota,
)
from files.operations.usage import measure_usage
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    make_file,
    make_shared_space,
    make_space,
    make_user,
    reread,
    root_of,
)

pytestmark = pytest.mark.django_db

Kind = Event.Kind
Role = Grant.Role


def assert_changed(space: Space, before: object, after: object) -> None:
    (event,) = last_events(space)
    assert (event.kind, event.before, event.after) == (Kind.SPACE_CHANGED, before, after)


def test_first_sign_in_makes_a_personal_space_and_the_next_finds_it() -> None:
    ada = make_user()

    space = ensure_personal_space(ada, actor=actor_of(ada))
    again = ensure_personal_space(ada, actor=actor_of(ada))

    assert space == again
    assert (space.kind, space.name, space.owner) == (Space.Kind.PERSONAL, "ada", ada)
    assert space.root is not None
    assert (space.root.parent, space.root.is_folder) == (None, True)
    (event,) = last_events(space)
    assert (event.kind, event.seq, event.entry_id) == (Kind.SPACE_CREATED, 1, space.root_id)
    assert (event.actor_name, event.after) == (
        "ada",
        {"name": "ada", "kind": "personal", "quota_bytes": None},
    )


@pytest.mark.parametrize(
    ("username", "name"),
    [("x" * 150, "x" * 100), ("a\u200bb", "ab"), ("\u200b", "user {pk}")],
)
def test_personal_space_gets_a_name_whatever_the_user_is_called(username: str, name: str) -> None:
    user = make_user(username)

    space = ensure_personal_space(user, actor=actor_of(user))

    assert space.name == name.format(pk=user.pk)


def test_new_spaces_get_the_default_quota(settings: Settings) -> None:
    settings.FILES_DEFAULT_QUOTA = 5

    space = make_shared_space()

    assert (space.quota_bytes, space.free_bytes) == (5, 5)


def test_create_space_makes_its_first_manager() -> None:
    bob = make_user("bob")

    space = create_space("  Team ", manager=bob, actor=SYSTEM)

    assert (space.name, space.kind, space.owner) == ("Team", Space.Kind.SHARED, None)
    assert rights_of(space) == {"bob": Role.MANAGER}
    assert [event.kind for event in last_events(space, 2)] == [Kind.SPACE_CREATED, Kind.MEMBER_SET]


def test_create_space_is_for_those_with_rights_everywhere() -> None:
    with pytest.raises(ForbiddenError):
        create_space("Team", manager=None, actor=actor_of(make_user("eve")))
    with pytest.raises(ForbiddenError):
        create_space("Team", manager=None, actor=Actor(None, Event.Door.ADMIN, Right.READ))
    assert not Space.objects.exists()


@pytest.mark.parametrize("name", ["", "  ", "x" * 101, "a\nb", "a\u202eb"])
def test_names_that_cannot_be_read_are_refused(name: str) -> None:
    space = make_shared_space()

    with pytest.raises(InvalidValueError):
        create_space(name, manager=None, actor=SYSTEM)
    with pytest.raises(InvalidValueError):
        rename_space(space, name=name, actor=SYSTEM)
    assert reread(space).name == "Team"


def test_rename_space_is_recorded_once() -> None:
    space = make_shared_space()

    rename_space(space, name="Crew", actor=SYSTEM)
    renamed = rename_space(space, name="Crew", actor=SYSTEM)

    assert renamed.name == reread(space).name == "Crew"
    assert reread(space).last_seq == 2
    assert_changed(space, {"name": "Team"}, {"name": "Crew"})


def test_set_quota_limits_what_comes_and_deletes_nothing(root: Entry, space: Space) -> None:
    make_file(root, "a")

    set_quota(space, quota_bytes=3, actor=SYSTEM)

    assert_changed(space, {"quota_bytes": None}, {"quota_bytes": 3})
    assert (reread(space).used_bytes, reread(space).free_bytes) == (7, 0)
    with pytest.raises(FilesError):
        make_file(root, "b")
    set_quota(space, quota_bytes=None, actor=SYSTEM)
    make_file(root, "b")
    assert reread(space).free_bytes is None


@pytest.mark.parametrize("quota", [-1, 2**63])
def test_set_quota_refuses_what_is_no_size(space: Space, quota: int) -> None:
    with pytest.raises(InvalidValueError):
        set_quota(space, quota_bytes=quota, actor=SYSTEM)


def test_set_quota_is_not_for_managers_of_the_space(space: Space) -> None:
    assert space.owner is not None

    with pytest.raises(ForbiddenError):
        set_quota(space, quota_bytes=5, actor=actor_of(space.owner))
    with pytest.raises(SpaceNotFoundError):
        set_quota(space, quota_bytes=5, actor=actor_of(make_user("eve")))


def test_set_case_twins_is_recorded(space: Space) -> None:
    set_case_twins(space, refused=True, actor=SYSTEM)

    assert reread(space).refuses_case_twins
    assert_changed(space, {"refuses_case_twins": False}, {"refuses_case_twins": True})


def rights_of(space: Space) -> dict[str, int]:
    """Give the roles in a space by name."""
    grants = Grant.objects.filter(entry=space.root_id).select_related("user", "group")
    return {str(grant.user or grant.group): grant.role for grant in grants}


def test_member_is_set_changed_and_removed() -> None:
    space, bob = make_shared_space(), make_user("bob")
    who: dict[str, object] = {"user": bob.pk, "group": None}

    for role, before, kind in (
        (Role.VIEWER, None, Kind.MEMBER_SET),
        (Role.EDITOR, {**who, "role": Role.VIEWER}, Kind.MEMBER_SET),
        (None, {**who, "role": Role.EDITOR}, Kind.MEMBER_REMOVED),
    ):
        grant = set_member(space, user=bob, role=role, actor=SYSTEM)

        (event,) = last_events(space)
        assert (event.kind, event.before) == (kind, before)
        assert event.after == ({**who, "role": role} if role else None)
        assert rights_of(space) == ({"bob": role} if role else {})
        assert (grant.rights if grant else None) == (Right(role) if role else None)
        assert (str(grant) if grant else "") == (f"bob: {role.label}" if role else "")


def test_group_can_be_a_member() -> None:
    space, crew = make_shared_space(), Group.objects.create(name="crew")

    set_member(space, group=crew, role=Role.UPLOADER, actor=SYSTEM)

    assert rights_of(space) == {"crew": Role.UPLOADER}


def test_member_that_is_so_already_is_not_recorded_again() -> None:
    space = make_shared_space(bob=Role.VIEWER)
    bob, eve = reread(Grant.objects.get()).user, make_user("eve")

    set_member(space, user=bob, role=Role.VIEWER, actor=SYSTEM)
    set_member(space, user=eve, role=None, actor=SYSTEM)

    assert reread(space).last_seq == 2


def test_set_member_wants_a_user_or_a_group() -> None:
    space = make_shared_space()

    with pytest.raises(InvalidValueError):
        set_member(space, role=Role.VIEWER, actor=SYSTEM)
    with pytest.raises(InvalidValueError):
        set_member(
            space, user=make_user(), group=Group.objects.create(), role=Role.VIEWER, actor=SYSTEM
        )


@pytest.mark.parametrize(
    "change",
    [
        lambda space, actor: rename_space(space, name="x", actor=actor),
        lambda space, actor: set_case_twins(space, refused=True, actor=actor),
        lambda space, actor: set_member(space, user=actor.user, role=Role.MANAGER, actor=actor),
    ],
    ids=["rename", "twins", "member"],
)
def test_changes_need_a_manager(change: Callable[[Space, Actor], Any]) -> None:
    space = make_shared_space(bob=Role.EDITOR, mia=Role.MANAGER)
    actors = {name: actor_of(make_or_get(name)) for name in ("bob", "mia", "eve")}

    with pytest.raises(ForbiddenError):
        change(space, actors["bob"])
    with pytest.raises(SpaceNotFoundError):
        change(space, actors["eve"])
    change(space, actors["mia"])


def make_or_get(name: str) -> Any:
    from django.contrib.auth.models import User

    return User.objects.filter(username=name).first() or make_user(name)


def test_system_space_is_one_and_belongs_to_nobody(space: Space) -> None:
    system = lock_system_space()

    record(system, [draft(Kind.JOB_FAILED)], actor=SYSTEM)

    assert lock_system_space() == system
    assert (system.kind, system.root, reread(system).last_seq) == (Space.Kind.SYSTEM, None, 1)
    with pytest.raises(SpaceNotFoundError):
        rename_space(system, name="x", actor=SYSTEM)


def test_lock_of_a_missing_space_is_refused(space: Space) -> None:
    assert lock_spaces(space.pk, space.pk) == {space.pk: space}
    with pytest.raises(SpaceNotFoundError):
        lock_spaces(space.pk, 10**9)


def test_usage_counts_versions_and_the_trash(root: Entry, space: Space) -> None:
    assert measure_usage(space) == 0

    for content in (b"1", b"22", b"333"):
        make_file(root, "a", content)

    assert measure_usage(space) == reread(space).used_bytes == 6


def test_quota_error_tells_the_figures(root: Entry, space: Space) -> None:
    from files.operations.journal import charge

    make_file(root, "a")
    set_quota(space, quota_bytes=10, actor=SYSTEM)

    with pytest.raises(QuotaExceededError) as caught:
        charge(reread(space), 4)
    assert caught.value.data == {"quota": 10, "used": 7, "needed": 4, "free": 3}


def test_rows_say_what_they_are(root: Entry, space: Space) -> None:
    file = make_file(root, "a.txt")

    assert (str(space), str(file), str(file.version)) == ("ada", "a.txt", f"v{file.version_id}")
    assert file.version is not None
    assert str(file.version.blob) == str(file.version.blob_id)
    assert str(last_events(space)[0]) == f"file-created {file.pk}"
    assert str(root_of(space)) == ""


@pytest.mark.parametrize(
    ("names", "slugs"),
    [
        (["Team Files", "Team files"], ["team-files", "team-files-2"]),
        (["Zürich ☂ 2026"], ["zürich-2026"]),
        (["☂"], ["space"]),
        (["x" * 100], ["x" * 100]),
    ],
)
def test_shared_spaces_have_names_for_addresses(
    names: list[str], slugs: list[str], db: None
) -> None:
    assert [make_shared_space(name).slug for name in names] == slugs


@pytest.mark.parametrize(
    ("username", "slug"),
    [
        ("ada", "ada"),
        ("ada.l@example.org", "ada.l@example.org"),
        ("u\u0308", "ü"),
        ("..", "space"),
        ("u" * 150, "u" * 150),
    ],
)
def test_personal_space_goes_by_the_name_of_its_owner(username: str, slug: str, db: None) -> None:
    assert make_space(make_user(username)).slug == slug


def test_slug_stays_when_a_space_is_renamed(db: None) -> None:
    space = make_shared_space("Team")

    rename_space(space, name="Other", actor=SYSTEM)

    assert reread(space).slug == "team"
