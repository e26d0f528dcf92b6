"""Content that one has already is put without its bytes; what others have tells nothing."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from files.access import Actor, find_content
from files.errors import (
    ChangedMeanwhileError,
    EntryNotFoundError,
    FilesError,
    QuotaExceededError,
    TypeRefusedError,
)
from files.models import Blob, Entry, Event, Grant, Space
from files.operations import known
from files.operations.entries import trash_entries
from files.operations.known import put_known
from files.operations.placing import Clash
from files.operations.spaces import set_type_rules
from files.operations.trash import delete_entries
from files.operations.wanted import Wanted
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_space,
    make_user,
    paths_in,
    root_of,
)

pytestmark = pytest.mark.django_db
CONTENT = b"c" * known.LEAST
WANTED = Wanted(("again",), len(CONTENT), sha256=sha256(CONTENT).hexdigest())


@pytest.fixture
def ada(root: Entry) -> Actor:
    """Act as the owner of the space, who has the content."""
    owner = root.space.owner
    assert owner is not None
    make_file(root, "first", CONTENT, actor=actor_of(owner))
    return actor_of(owner)


def test_content_that_one_can_read_becomes_a_file_without_bytes(root: Entry, ada: Actor) -> None:
    then = datetime(2020, 1, 2, tzinfo=UTC)
    wanted = replace(WANTED, path=("new", "again"), modified_at=then)

    entry = put_known(root, wanted, actor=ada)

    assert entry is not None
    assert entry.modified_at == then
    assert paths_in(root) == {"first": CONTENT, "new": None, "new/again": CONTENT}
    assert Blob.objects.count() == 1
    (event,) = last_events(root.space)
    assert (event.kind, event.entry_id) == (Event.Kind.FILE_CREATED, entry.pk)
    root.space.refresh_from_db()
    assert root.space.used_bytes == 2 * len(CONTENT)


def test_a_taken_name_gets_a_new_version(root: Entry, ada: Actor) -> None:
    make_file(root, "again", b"old")

    entry = put_known(root, WANTED, actor=ada)

    assert entry is not None
    assert entry.versions.count() == 2
    assert paths_in(root) == {"first": CONTENT, "again": CONTENT}


def test_content_in_another_space_that_one_may_read_will_do(there: Entry) -> None:
    make_file(there, "first", CONTENT)
    bob = make_member(there, Grant.Role.VIEWER)
    mine = root_of(make_space(bob.user))

    assert put_known(mine, WANTED, actor=bob) is not None
    assert paths_in(mine) == {"again": CONTENT}


def lacking(root: Entry, there: Entry, how: str) -> None:
    """Have the content be where eve cannot read it, or not at all."""
    if how == "nobody has it":
        return
    if how == "only in the trash":
        folder = make_folder(root, "old")
        make_file(folder, "first", CONTENT)
        trash_entries([folder], actor=SYSTEM)
    elif how == "only as an earlier version":
        make_file(root, "first", CONTENT)
        make_file(root, "first", b"new")
    elif how == "deleted for good":
        file = make_file(root, "first", CONTENT)
        trash_entries([file], actor=SYSTEM)
        delete_entries([file], actor=SYSTEM)
    else:
        make_file(there, "first", CONTENT)
        if how == "where one may only add":
            Grant.objects.create(entry=there, user=root.space.owner, role=Grant.Role.UPLOADER)


HOW = [
    "nobody has it",
    "only others have it",
    "where one may only add",
    "only in the trash",
    "only as an earlier version",
    "deleted for good",
]


@pytest.mark.parametrize("how", HOW)
def test_what_one_cannot_read_is_not_known(root: Entry, there: Entry, how: str) -> None:
    lacking(root, there, how)
    owner = root.space.owner
    assert owner is not None
    before = Event.objects.count()

    assert put_known(root, WANTED, actor=actor_of(owner)) is None
    assert Event.objects.count() == before


def test_the_database_is_asked_the_same_whether_nobody_or_others_have_it(
    root: Entry, there: Entry
) -> None:
    owner = root.space.owner
    assert owner is not None
    with CaptureQueriesContext(connection) as nobody:
        put_known(root, WANTED, actor=actor_of(owner))
    for number in range(20):
        make_file(there, f"{number}", CONTENT)

    with CaptureQueriesContext(connection) as others:
        put_known(root, WANTED, actor=actor_of(owner))

    assert [q["sql"] for q in nobody if "SAVEPOINT" not in q["sql"]] == [
        q["sql"] for q in others if "SAVEPOINT" not in q["sql"]
    ]


def test_content_is_found_by_its_digest_and_not_by_reading_spaces(root: Entry, ada: Actor) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("the plan of SQLite")
    with CaptureQueriesContext(connection) as queries:
        find_content(ada, WANTED.sha256, len(CONTENT))

    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {queries[-1]['sql']}")
        plan = " ".join(str(row[3]) for row in cursor.fetchall())
    assert "blob_by_sha256" in plan
    assert "SCAN files_entry" not in plan


@pytest.mark.parametrize(
    "wanted",
    [
        replace(WANTED, sha256=""),
        replace(WANTED, length=None),
        replace(WANTED, length=len(CONTENT) - 1),
        replace(WANTED, length=len(CONTENT) + 1),
        replace(WANTED, sha256="f" * 64),
    ],
)
def test_digest_and_size_must_both_be_those(root: Entry, ada: Actor, wanted: Wanted) -> None:
    assert put_known(root, wanted, actor=ada) is None


def test_a_destination_that_may_not_be_known_is_not_found(there: Entry, ada: Actor) -> None:
    with pytest.raises(EntryNotFoundError):
        put_known(there, WANTED, actor=ada)


def refuse_type(space: Space) -> None:
    """Refuse what the content is."""
    set_type_rules(space, allowed="", forbidden="text/*", actor=SYSTEM)


def leave_no_room(space: Space) -> None:
    """Let the quota be used up."""
    Space.objects.filter(pk=space.pk).update(quota_bytes=len(CONTENT))


@pytest.mark.parametrize(
    ("prepare", "error"), [(refuse_type, TypeRefusedError), (leave_no_room, QuotaExceededError)]
)
def test_what_refuses_bytes_refuses_known_content(
    root: Entry, ada: Actor, prepare: object, error: type[FilesError]
) -> None:
    assert callable(prepare)
    prepare(root.space)

    with pytest.raises(error):
        put_known(root, WANTED, actor=ada)
    assert paths_in(root) == {"first": CONTENT}


def test_who_may_only_add_gets_a_new_name(there: Entry) -> None:
    make_file(there, "again", b"theirs")
    bob = make_member(there, Grant.Role.UPLOADER)
    make_file(root_of(make_space(bob.user)), "mine", CONTENT)

    entry = put_known(there, replace(WANTED, clash=Clash.NEW_VERSION), actor=bob)

    assert entry is not None
    assert entry.name == "again (2)"


def test_content_whose_bytes_are_going_is_not_known(
    root: Entry, ada: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(_ids: object) -> None:
        raise ChangedMeanwhileError

    monkeypatch.setattr("files.operations.versions.share_blobs", gone)

    assert put_known(root, WANTED, actor=ada) is None
    assert paths_in(root) == {"first": CONTENT}


def test_nobody_and_the_system_look_in_their_own_ways(root: Entry, ada: Actor) -> None:
    assert find_content(actor_of(make_user("eve")), WANTED.sha256, len(CONTENT)) is None
    assert find_content(SYSTEM, WANTED.sha256, len(CONTENT)) is not None
