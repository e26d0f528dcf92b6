"""Spaces and members, versions, trash, uploads, search, events, jobs: one answer of each."""

from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django_tasks_db.models import DBTaskResult
from pytest_django import DjangoAssertNumQueries, Settings

from files.access import Actor
from files.jobs import tasks
from files.jobs.outbox import dispatch
from files.models import Entry, Event, Grant, Scope, Space
from files.operations.entries import trash_entries
from files.operations.known import LEAST
from files.operations.requested import TASK
from files.operations.transfer import INLINE_LIMIT
from tests.factories import (
    SYSTEM,
    actor_of,
    grow,
    make_file,
    make_files,
    make_folder,
    make_member,
    make_shared_space,
    make_token,
    make_upload,
    make_user,
    paths_in,
    receive,
    reread,
    root_of,
)

from .client import PREFIX, Api, client_of, read_all


@pytest.fixture
def actor(space: Space) -> Actor:
    """Act as ada."""
    assert space.owner is not None
    return actor_of(space.owner)


def test_one_is_told_who_one_is(ada: Api, space: Space) -> None:
    assert ada.get("/me").json == {
        "id": space.owner_id,
        "username": "ada",
        "is_staff": False,
        "personal_space": space.pk,
        "token": None,
    }


def test_the_start_tells_where_to_go_on(ada: Api, settings: Settings) -> None:
    told = ada.get("/").json

    assert ada.client.get(told["schema_address"]).json()["openapi"].startswith("3.1")
    assert told["max_upload_size"] == settings.FILES_MAX_UPLOAD_SIZE


def test_spaces_are_listed_page_by_page(ada: Api, space: Space) -> None:
    for name in ("b", "c", "d"):
        make_shared_space(name, ada=Grant.Role.VIEWER)
    make_shared_space("not hers")

    found = read_all(ada, "/spaces?limit=2")

    assert [one["name"] for one in found] == ["ada", "b", "c", "d"]
    assert [one["kind"] for one in found] == ["personal", "shared", "shared", "shared"]
    assert [len(one["rights"]) for one in found] == [5, 1, 1, 1]


def test_the_personal_space_is_made_also_for_who_is_a_member_of_another_one(root: Entry) -> None:
    bob = make_member(root, Grant.Role.VIEWER)

    found = client_of(bob.user).get("/spaces").json["items"]

    assert {one["name"] for one in found} == {"ada", "bob"}


def test_a_space_is_renamed_and_made_strict_at_once_or_not_at_all(ada: Api, space: Space) -> None:
    refused = ada.patch(f"/spaces/{space.pk}", {"name": "x" * 100, "refuses_case_twins": 7})
    both = ada.patch(f"/spaces/{space.pk}", {"name": "new", "refuses_case_twins": True})

    assert (refused.status, refused.code) == (422, "invalid-value")
    assert (both.json["name"], both.json["refuses_case_twins"]) == ("new", True)


def may_add_spaces(user: User) -> User:
    """Make somebody staff who may add spaces, and may nothing else in the admin."""
    user.is_staff = True
    user.save(update_fields=["is_staff"])
    user.user_permissions.add(Permission.objects.get(codename="add_space"))
    return User.objects.get(pk=user.pk)


def test_staff_make_a_space_for_themselves_or_for_another(ada: Api, space: Space) -> None:
    assert space.owner is not None
    may_add_spaces(space.owner)
    bob = make_user("bob")

    own = ada.post("/spaces", {"name": " Team "}, idempotency_key="k")
    again = ada.post("/spaces", {"name": " Team "}, idempotency_key="k")
    theirs = ada.post("/spaces", {"name": "Bob's", "manager": "bob", "quota_bytes": 1000})

    assert (own.status, own.json["name"], own.json["kind"]) == (201, "Team", "shared")
    assert (own.json["quota_bytes"], len(own.json["rights"])) == (None, 5)
    assert again.body == own.body
    assert ada.get(own.headers["location"].removeprefix(PREFIX)).json == own.json
    assert (theirs.status, theirs.json["quota_bytes"], theirs.json["rights"]) == (201, 1000, [])
    assert ada.get(f"/spaces/{theirs.json['id']}").code == "space-not-found"
    assert client_of(bob).get(f"/spaces/{theirs.json['id']}").json["name"] == "Bob's"
    event = Event.objects.get(space=own.json["id"], kind=Event.Kind.SPACE_CREATED)
    assert (event.actor_name, event.door) == ("ada", "api")


@pytest.mark.parametrize(
    ("is_staff", "permission"), [(False, "add_space"), (True, "change_space"), (True, None)]
)
def test_nobody_else_makes_spaces(
    ada: Api, space: Space, *, is_staff: bool, permission: str | None
) -> None:
    assert space.owner is not None
    User.objects.filter(pk=space.owner.pk).update(is_staff=is_staff)
    if permission is not None:
        space.owner.user_permissions.add(Permission.objects.get(codename=permission))

    answer = ada.post("/spaces", {"name": "Team"})

    assert (answer.status, answer.code) == (403, "forbidden")
    assert not Space.objects.filter(kind=Space.Kind.SHARED).exists()


@pytest.mark.parametrize(
    ("scopes", "is_in_tree", "status"),
    [
        (Scope.ALL, False, 201),
        (Scope.ALL, True, 403),
        (Scope.READ | Scope.WRITE | Scope.SHARE, False, 403),
        (Scope.ADMIN, False, 403),
    ],
)
def test_a_token_makes_spaces_with_all_scopes_and_no_tree(
    ada: Api, space: Space, root: Entry, scopes: Scope, *, is_in_tree: bool, status: int
) -> None:
    assert space.owner is not None
    _token, secret = make_token(may_add_spaces(space.owner), scopes, root if is_in_tree else None)

    program = Api(Client(headers={"authorization": f"Bearer {secret}"}))

    assert program.post("/spaces", {"name": "Team"}).status == status
    assert Space.objects.filter(kind=Space.Kind.SHARED).exists() == (status == 201)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"name": ""},
        {"name": "a", "manager": "nobody"},
        {"name": "a", "quota_bytes": -1},
        {"name": "a", "quota_bytes": 2**63},
        {"name": "a\nb"},
    ],
)
def test_a_space_that_cannot_be_is_not_made(
    ada: Api, space: Space, document: dict[str, Any]
) -> None:
    assert space.owner is not None
    may_add_spaces(space.owner)

    answer = ada.post("/spaces", document)

    assert (answer.status, answer.code) == (422, "invalid-value")
    assert not Space.objects.filter(kind=Space.Kind.SHARED).exists()


def test_usage_tells_what_uploads_reserve(
    ada: Api, root: Entry, space: Space, actor: Actor
) -> None:
    make_file(root, "a", b"12345")
    make_upload(root, length=10, actor=actor)
    space.quota_bytes = 100
    space.save(update_fields=["quota_bytes"])

    assert ada.get(f"/spaces/{space.pk}/usage").json == {
        "quota_bytes": 100,
        "used_bytes": 15,
        "reserved_bytes": 10,
        "free_bytes": 85,
    }


def test_members_are_set_changed_listed_and_removed(ada: Api) -> None:
    space = make_shared_space("Team", ada=Grant.Role.MANAGER)
    make_user("bob")
    Group.objects.create(name="crew")
    base = f"/spaces/{space.pk}/members"

    ada.put(f"{base}/users/bob", {"role": "viewer"})
    changed = ada.put(f"{base}/users/bob", {"role": "editor"})
    ada.put(f"{base}/groups/crew", {"role": "uploader"})
    removed = [ada.delete(f"{base}/groups/crew").status for _time in range(2)]

    assert changed.json == {"kind": "user", "name": "bob", "role": "editor"}
    assert removed == [204, 204]
    assert [(one["name"], one["role"]) for one in read_all(ada, f"{base}?limit=1")] == [
        ("ada", "manager"),
        ("bob", "editor"),
    ]


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("users/nobody", {"role": "viewer"}),
        ("groups/ada", {"role": "viewer"}),
        ("robots/ada", {"role": "viewer"}),
        ("users/ada", {"role": "owner"}),
        ("users/ada", {}),
        ("users/%00", {"role": "viewer"}),
    ],
)
def test_a_member_that_cannot_be_is_refused(
    ada: Api, space: Space, path: str, document: Any
) -> None:
    answer = ada.put(f"/spaces/{space.pk}/members/{path}", document)

    assert (answer.status, answer.code) == (422, "invalid-value")


def test_a_group_with_a_slash_in_its_name_is_a_member_as_others_are(ada: Api) -> None:
    space = make_shared_space("Team", ada=Grant.Role.MANAGER)
    Group.objects.create(name="R/D")
    base = f"/spaces/{space.pk}/members"

    made = ada.put(f"{base}/groups/R%2FD", {"role": "viewer"})
    removed = ada.delete(f"{base}/groups/R%2FD")

    assert (made.status, made.json["name"]) == (200, "R/D")
    assert removed.status == 204
    assert [one["name"] for one in ada.get(base).json["items"]] == ["ada"]


def test_versions_are_listed_newest_first(ada: Api, root: Entry) -> None:
    for content in (b"1", b"22", b"333"):
        file = make_file(root, "a", content)

    found = read_all(ada, f"/entries/{file.pk}/versions?limit=2")

    assert [one["size"] for one in found] == [3, 2, 1]
    assert found[0]["content"] == f"/api/v1/entries/{file.pk}/content?version={file.version_id}"
    assert found[0]["sha256"] == sha256(b"333").hexdigest()


def test_an_older_version_is_made_the_newest_again(ada: Api, root: Entry, space: Space) -> None:
    old = make_file(root, "a", b"old")
    new = make_file(root, "a", b"newer")
    address = f"/entries/{old.pk}/versions/{old.version_id}/restore"

    refused = ada.post(address, if_match='"r1"')
    restored = ada.post(address, if_match='"r2"')
    again = ada.post(f"/entries/{old.pk}/versions/{restored.json['version']}/restore")

    assert (refused.status, refused.code) == (412, "precondition-failed")
    assert (restored.status, restored.json["size"], restored.etag) == (200, 3, '"r3"')
    assert restored.json["version"] not in {old.version_id, new.version_id}
    assert (again.status, again.json["version"]) == (200, restored.json["version"])
    assert paths_in(root) == {"a": b"old"}
    assert reread(space).used_bytes == 3 + 5 + 3


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("/entries/{file}/versions/{other}/restore", "entry-not-found"),
        ("/entries/{file}/versions/999999/restore", "entry-not-found"),
        ("/entries/{root}/versions/{other}/restore", "not-a-file"),
    ],
)
def test_a_version_that_a_file_has_not_is_not_restored(
    ada: Api, root: Entry, path: str, code: str
) -> None:
    file, other = make_file(root, "a"), make_file(root, "b")
    named = {"file": file.pk, "other": other.version_id, "root": root.pk}

    assert ada.post(path.format(**named)).code == code


def test_the_trash_is_listed_restored_from_and_emptied(ada: Api, root: Entry, space: Space) -> None:
    files = [make_file(root, f"f{number}", b"12") for number in range(4)]
    ada.post("/entries/trash", {"entries": [file.pk for file in files]})
    trash = f"/spaces/{space.pk}/trash"

    listed = read_all(ada, f"{trash}?limit=3")
    restored = ada.post("/trash/restore", {"entries": [files[0].pk]})
    tried = ada.post("/trash/delete?dry_run=true", {"entries": [files[1].pk]})
    deleted = ada.post("/trash/delete", {"entries": [files[1].pk]})
    would = ada.delete(f"{trash}?dry_run=true")
    emptied = ada.delete(trash)

    assert [one["name"] for one in listed] == ["f3", "f2", "f1", "f0"]
    assert restored.json["entries"][0]["trashed_at"] is None
    assert (tried.status, deleted.status) == (200, 200)
    assert would.json == {"entries": 2, "bytes": 4, "dry_run": True}
    assert emptied.json == {"entries": 2, "bytes": 4, "dry_run": False}
    assert read_all(ada, f"{trash}?limit=3") == []
    assert paths_in(root) == {"f0": b"12"}


def test_what_is_not_in_the_trash_is_not_deleted(ada: Api, root: Entry) -> None:
    file = make_file(root, "a")

    answer = ada.post("/trash/delete", {"entries": [file.pk]})

    assert (answer.status, answer.code) == (409, "not-trashed")


def test_search_finds_parts_of_names_page_by_page(ada: Api, root: Entry) -> None:
    for name in ("Report 1", "report 2", "other", "REPORT 3"):
        make_file(root, name)

    assert [one["name"] for one in read_all(ada, "/search?q=port&limit=2")] == [
        "REPORT 3",
        "report 2",
        "Report 1",
    ]


def test_unfinished_uploads_are_listed_told_and_discarded(
    ada: Api, root: Entry, actor: Actor
) -> None:
    uploads = [make_upload(root, f"d/{number}.bin", actor=actor) for number in range(3)]
    receive(uploads[0], b"1234")

    found = read_all(ada, "/uploads?limit=2")
    told = ada.get(f"/uploads/{uploads[0].pk.hex}").json
    discarded = ada.delete(f"/uploads/{uploads[0].pk.hex}")

    assert [one["path"] for one in found] == ["d/2.bin", "d/1.bin", "d/0.bin"]
    assert (told["offset"], told["length"], told["is_received"]) == (4, 10, False)
    assert told["address"] == f"/uploads/{uploads[0].pk.hex}"
    assert discarded.status == 204
    assert ada.get(f"/uploads/{uploads[0].pk.hex}").code == "upload-not-found"


def test_uploads_of_others_are_not_there(ada: Api, root: Entry) -> None:
    theirs = make_upload(root, actor=make_member(root, Grant.Role.EDITOR))

    for method in ("GET", "DELETE"):
        assert ada.send(method, f"/uploads/{theirs.pk.hex}").code == "upload-not-found"
    assert ada.post(f"/uploads/{theirs.pk.hex}/confirm").code == "upload-not-found"


def test_a_received_file_is_confirmed(ada: Api, root: Entry, actor: Actor) -> None:
    upload = receive(make_upload(root, "a.txt", actor=actor), b"0123456789")

    told = ada.post(f"/uploads/{upload.pk.hex}/confirm")

    assert (told.status, told.json["name"], told.json["size"]) == (200, "a.txt", 10)
    assert paths_in(root) == {"a.txt": b"0123456789"}


def test_a_file_that_the_server_has_is_made_without_its_bytes(ada: Api, root: Entry) -> None:
    content = b"c" * LEAST
    make_file(root, "first", content)
    asked = {"path": "in/again", "size": LEAST, "sha256": sha256(content).hexdigest()}
    ask = f"/folders/{root.pk}/known"

    made = ada.post(ask, {**asked, "modified_at": "2020-01-02T03:04:05Z"})
    unknown = ada.post(ask, {**asked, "sha256": "f" * 64})

    assert (made.status, made.json["known"], made.json["entry"]["name"]) == (201, True, "again")
    assert made.json["entry"]["modified_at"] == "2020-01-02T03:04:05Z"
    assert (unknown.status, unknown.json) == (200, {"known": False, "entry": None})
    assert paths_in(root)["in/again"] == content


@pytest.mark.parametrize("moment", ["9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00"])
def test_a_moment_that_no_year_of_utc_has_is_refused(ada: Api, root: Entry, moment: str) -> None:
    content = b"c" * LEAST
    make_file(root, "first", content)
    asked = {"path": "again", "size": LEAST, "sha256": sha256(content).hexdigest()}

    answer = ada.post(f"/folders/{root.pk}/known", {**asked, "modified_at": moment})

    assert (answer.status, answer.code) == (422, "invalid-value")
    assert answer.json["data"]["errors"][0]["field"] == "body.modified_at"


def test_who_may_only_add_is_not_told_what_a_known_file_became(root: Entry) -> None:
    content = b"c" * LEAST
    bob = make_member(root, Grant.Role.UPLOADER)
    own = make_shared_space("Bob's", bob=Grant.Role.EDITOR)
    make_file(root_of(own), "first", content)

    made = client_of(bob.user).post(
        f"/folders/{root.pk}/known",
        {"path": "a", "size": LEAST, "sha256": sha256(content).hexdigest()},
    )

    assert (made.status, made.json) == (201, {"known": True, "entry": None})


def test_events_are_told_in_order_and_none_is_left_out(ada: Api, root: Entry, space: Space) -> None:
    for number in range(5):
        make_folder(root, f"d{number}")

    found: list[dict[str, Any]] = []
    after, has_more = 0, True
    while has_more:
        page = ada.get(f"/spaces/{space.pk}/events?after={after}&limit=2").json
        found, after, has_more = [*found, *page["items"]], page["next"], page["has_more"]
    make_folder(root, "later")
    later = ada.get(f"/spaces/{space.pk}/events?after={after}").json

    assert [one["seq"] for one in found] == list(range(1, 7))
    assert [one["kind"] for one in found] == ["space-created", *["folder-created"] * 5]
    assert [one["after"]["name"] for one in later["items"]] == ["later"]
    assert ada.get(f"/spaces/{space.pk}/events?after={later['next']}").json["items"] == []


def test_an_event_tells_by_which_token_it_was_done(ada: Api, root: Entry, space: Space) -> None:
    assert space.owner is not None
    token, secret = make_token(space.owner)
    program = Api(Client(headers={"authorization": f"Bearer {secret}"}))
    ada.post(f"/folders/{root.pk}/folders", {"name": "by hand"})
    program.post(f"/folders/{root.pk}/folders", {"name": "by it"})

    items = ada.get(f"/spaces/{space.pk}/events?after=1").json["items"]

    assert [(one["actor"], one["token"]) for one in items] == [("ada", None), ("ada", token.pk)]


def test_who_has_missed_events_that_are_kept_no_longer_is_told(
    ada: Api, root: Entry, space: Space
) -> None:
    for number in range(3):
        make_folder(root, f"d{number}")
    Event.objects.filter(space=space, seq__lte=2).delete()

    missed = ada.get(f"/spaces/{space.pk}/events?after=1")
    going_on = ada.get(f"/spaces/{space.pk}/events?after=2")

    assert (missed.status, missed.code) == (410, "stale-cursor")
    assert [one["seq"] for one in going_on.json["items"]] == [3, 4]


def test_events_are_of_who_reads_the_whole_space(root: Entry, space: Space) -> None:
    inside = make_member(make_folder(root, "f"), Grant.Role.EDITOR)

    assert client_of(inside.user).get(f"/spaces/{space.pk}/events").code == "space-not-found"


def ask_to_copy(api: Api, tree: Entry, into: Entry) -> str:
    """Ask for a copy that a job makes, and give the address of the job."""
    job: str = api.post(f"/entries/{tree.pk}/copy", {"parent": into.pk}).json["job"]
    return job.removeprefix(PREFIX)


def test_a_job_is_followed_to_its_end(ada: Api, root: Entry) -> None:
    tree = make_folder(root, "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)
    job = (
        ada.post(f"/entries/{tree.pk}/copy", {"parent": root.pk})
        .json["job"]
        .removeprefix("/api/v1")
    )

    waiting = [ada.get(job).json["state"]]
    dispatch()
    waiting.append(ada.get(job).json["state"])
    (row,) = DBTaskResult.objects.filter(task_path=TASK)
    tasks.transfer.call(*row.args_kwargs["args"])
    row.delete()

    assert waiting == ["waiting", "waiting"]
    assert ada.get(job).json["state"] == "done"


@pytest.mark.parametrize(
    ("status", "state"),
    [("RUNNING", "running"), ("SUCCESSFUL", "done"), ("FAILED", "failed")],
)
def test_a_job_is_as_far_as_its_row_says(ada: Api, root: Entry, status: str, state: str) -> None:
    tree = make_folder(root, "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)
    job = ask_to_copy(ada, tree, root)
    dispatch()
    DBTaskResult.objects.filter(task_path=TASK).update(status=status)

    assert ada.get(job).json["state"] == state


def test_who_may_not_go_there_any_more_is_told_of_no_job(ada: Api) -> None:
    team = make_shared_space("Team", ada=Grant.Role.EDITOR)
    tree = make_folder(root_of(team), "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)
    job = ask_to_copy(ada, tree, root_of(team))
    Grant.objects.all().delete()

    assert ada.get(job).code == "job-not-found"


def test_a_job_that_failed_says_why(ada: Api, root: Entry) -> None:
    tree = make_folder(root, "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)
    job = (
        ada.post(f"/entries/{tree.pk}/copy", {"parent": root.pk})
        .json["job"]
        .removeprefix("/api/v1")
    )
    request = Event.objects.get(kind=Event.Kind.JOB_REQUESTED)
    tasks.tell_failed(TASK, [request.pk], "quota-exceeded")

    told = ada.get(job).json

    assert (told["state"], told["code"]) == ("failed", "quota-exceeded")


def test_a_job_is_of_who_asked_for_it(ada: Api, root: Entry, space: Space) -> None:
    tree = make_folder(root, "tree")
    grow(tree, folders=1, files=INLINE_LIMIT)
    bob = make_member(root, Grant.Role.MANAGER)
    job = (
        ada.post(f"/entries/{tree.pk}/copy", {"parent": root.pk})
        .json["job"]
        .removeprefix("/api/v1")
    )

    assert client_of(bob.user).get(job).code == "job-not-found"
    assert ada.get(f"/spaces/{space.pk}/jobs/1").code == "job-not-found"


def test_jobs_are_looked_up_by_the_task_that_does_them() -> None:
    assert tasks.transfer.module_path == TASK


@pytest.mark.parametrize(
    ("path", "count"),
    [
        ("/spaces?limit=100", 4),
        ("/spaces/{space}/trash?limit=100", 5),
        ("/search?q=f&limit=100", 5),
        ("/uploads?limit=100", 3),
        ("/spaces/{space}/events?limit=100", 5),
        ("/spaces/{space}/members?limit=100", 5),
        ("/entries/{file}/versions?limit=100", 5),
    ],
)
def test_lists_take_as_many_queries_for_much_as_for_little(
    root: Entry, space: Space, actor: Actor, path: str, count: int,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:  # fmt: skip
    ada = client_of(space.owner)
    named = {"space": space.pk, "file": make_file(root, "f").pk}

    for amount in (1, 6):
        for number in range(amount):
            name = f"{amount}-{number}"
            make_file(root, "f", name.encode())
            trashed = make_file(root, f"f {name}")
            ada.delete(f"/entries/{trashed.pk}")
            make_upload(root, name, actor=actor)
            make_shared_space(name, ada=Grant.Role.EDITOR)
            Grant.objects.create(entry=root, user=make_user(name), role=Grant.Role.VIEWER)
        with django_assert_num_queries(count):
            assert ada.get(path.format(**named)).status == 200
    assert reread(space).last_seq > 0


@pytest.mark.parametrize(
    ("path", "is_trashed"),
    [
        ("/trash/restore", True),
        ("/trash/delete", True),
        ("/trash/delete?dry_run=true", True),
        ("/entries/trash", False),
    ],
)
def test_many_entries_cost_the_queries_of_a_few(
    ada: Api, root: Entry, path: str, *, is_trashed: bool
) -> None:
    batches = []
    for name, count in (("few", 3), ("many", 90)):
        folder = make_folder(root, name)
        entries = make_files(folder, *(f"{number}" for number in range(count)))
        if is_trashed:
            trash_entries(entries, actor=SYSTEM)
            make_files(folder, *(f"{number}" for number in range(0, count, 2)))  # taken names
        batches.append([entry.pk for entry in entries])
    asked = []

    for ids in batches:
        with CaptureQueriesContext(connection) as queries:
            answer = ada.post(path, {"entries": ids})
        asked.append(len(queries))
        assert (answer.status, len(answer.json["entries"])) == (200, len(ids))

    assert asked[0] == asked[1]
