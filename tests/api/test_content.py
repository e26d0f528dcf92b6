"""The bytes of files, through the doors: read, put under a name, put in the place of another."""

import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from files.api.faces import CONTENT, PUT
from files.api.rates import Rates
from files.http import putting
from files.http.doors import Doors
from files.http.small import SMALL
from files.models import Entry, Event, Grant, Space
from files.operations.entries import move_within_space, rename_entry, trash_entries
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    make_file,
    make_folder,
    make_lock,
    make_member,
    paths_in,
    reread,
)
from tests.http.client import Answer, DoorsClient
from tests.http.conftest import anonymous, kept_connection  # noqa: F401 - fixtures

pytestmark = pytest.mark.usefixtures("consistent")

LARGE = bytes(range(256)) * (SMALL // 256) + b"end"


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what follows a commit, for which a test's own transaction never comes."""
    monkeypatch.setattr("files.operations.uploads.transaction.on_commit", lambda act: act())


@pytest.fixture
def nobody(anonymous: DoorsClient) -> DoorsClient:  # noqa: F811
    """Give a client that is not signed in."""
    anonymous.doors = Doors(anonymous.doors._django, puts=[PUT], contents=[CONTENT])
    return anonymous


@pytest.fixture
def ada(nobody: DoorsClient, space: Space) -> DoorsClient:
    """Give the client of ada."""
    assert space.owner is not None
    return nobody.sign_in(space.owner)


def code_of(answer: Answer) -> str:
    """Read the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = json.loads(answer.text)
    assert set(document) == {"type", "title", "status", "code", "detail", "data"}
    return str(document["code"])


def content_of(entry: Entry) -> str:
    """Give the address of the bytes of a file."""
    return f"/api/v1/entries/{entry.pk}/content"


def test_a_file_is_read_whole_in_part_and_not_again(ada: DoorsClient, root: Entry) -> None:
    file = make_file(root, "a.txt", b"0123456789")

    whole = ada.request("GET", content_of(file))
    part = ada.request("GET", content_of(file), range="bytes=2-4")
    again = ada.request("GET", content_of(file), if_none_match=whole.headers["etag"])

    assert (whole.status, whole.body) == (200, b"0123456789")
    assert whole.headers["etag"] == f'"v{file.version_id}"'
    assert (part.status, part.body) == (206, b"234")
    assert again.status == 304


def test_an_older_version_is_read_by_its_id(ada: DoorsClient, root: Entry) -> None:
    old = make_file(root, "a", b"old")
    make_file(root, "a", b"new")

    answer = ada.request("GET", f"{content_of(old)}?version={old.version_id}")

    assert answer.body == b"old"


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/entries/999999/content", 404, "entry-not-found"),
        (f"/api/v1/entries/{10**18}/content", 404, "entry-not-found"),
        (f"/api/v1/entries/{10**40}/content", 404, "entry-not-found"),
        (f"/api/v1/entries/{'9' * 5000}/content", 404, "entry-not-found"),
        ("/api/v1/entries/{root}/content", 409, "not-a-file"),
        ("/api/v1/entries/{file}/content?version=x", 404, "entry-not-found"),
    ],
)
def test_what_cannot_be_read_is_a_problem(
    ada: DoorsClient, root: Entry, path: str, status: int, code: str
) -> None:
    file = make_file(root, "a")

    answer = ada.request("GET", path.format(root=root.pk, file=file.pk))

    assert (answer.status, code_of(answer)) == (status, code)


def test_bytes_for_what_is_locked_need_the_token_of_the_lock(
    ada: DoorsClient, root: Entry, space: Space
) -> None:
    assert space.owner is not None
    file = make_file(root, "a", b"old")
    lock = make_lock(file, actor=actor_of(space.owner))
    paths = [content_of(file), f"/api/v1/folders/{root.pk}/content/a"]

    refused = [ada.request("PUT", path, b"new") for path in paths]
    wrong = ada.request("PUT", paths[0], b"new", lock_token="x")
    done = [ada.request("PUT", path, LARGE, lock_token=f"<{lock.token}>") for path in paths]

    assert [(answer.status, code_of(answer)) for answer in refused] == [(423, "locked")] * 2
    assert (wrong.status, code_of(wrong)) == (400, "malformed-request")
    assert [answer.status for answer in done] == [204, 204]
    assert paths_in(root) == {"a": LARGE}


def test_bytes_are_not_counted_as_requests(
    ada: DoorsClient, root: Entry, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.FILES_API_RATE = 1
    monkeypatch.setattr("files.api.auth.RATES", Rates())
    file = make_file(root, "a")
    put = f"/api/v1/folders/{root.pk}/content/b"

    counted = [ada.request("GET", "/api/v1/me") for _time in range(2)]
    answers = [
        *(ada.request("PUT", put, b"new") for _time in range(3)),
        *(ada.request("GET", content_of(file)) for _time in range(3)),
    ]

    assert [answer.status for answer in counted] == [200, 429]
    assert [answer.status for answer in answers] == [201, 204, 204, 200, 200, 200]
    assert not any("ratelimit" in answer.headers for answer in answers)


def test_nobody_reads_or_puts(nobody: DoorsClient, root: Entry) -> None:
    file = make_file(root, "a")

    answers = [
        nobody.request("GET", content_of(file)),
        nobody.request("PUT", content_of(file), b"new"),
        nobody.request("PUT", f"/api/v1/folders/{root.pk}/content/b", b"new"),
    ]

    assert [(answer.status, code_of(answer)) for answer in answers] == [
        (401, "sign-in-required")
    ] * 3
    assert paths_in(root) == {"a": b"content"}


@pytest.mark.parametrize("body", [b"", b"whole", LARGE, [b"wh", b"ole"]], ids=range(4))
def test_a_file_is_put_and_put_again(
    ada: DoorsClient, root: Entry, body: bytes | list[bytes]
) -> None:
    path = f"/api/v1/folders/{root.pk}/content/%C3%A4%20b"
    made, replaced = ada.request("PUT", path, b"first"), ada.request("PUT", path, body)

    entry = Entry.objects.get(name="ä b")
    whole = body if isinstance(body, bytes) else b"".join(body)
    assert (made.status, made.headers["location"]) == (201, f"/api/v1/entries/{entry.pk}")
    assert (replaced.status, replaced.headers["etag"]) == (204, f'"v{entry.version_id}"')
    assert paths_in(root) == {"ä b": whole}
    assert last_events(entry.space)[0].door == Event.Door.API


@pytest.mark.parametrize("body", [b"new", LARGE, [b"ne", b"w"]], ids=["small", "large", "chunks"])
def test_the_content_of_a_file_is_replaced_by_its_id(
    ada: DoorsClient, root: Entry, body: bytes | list[bytes]
) -> None:
    file = make_file(make_folder(root, "f"), "a", b"old")

    answer = ada.request("PUT", content_of(file), body, if_match=f'"v{file.version_id}"')

    whole = body if isinstance(body, bytes) else b"".join(body)
    assert (answer.status, answer.headers["etag"]) == (204, f'"v{reread(file).version_id}"')
    assert paths_in(root) == {"f": None, "f/a": whole}


@pytest.mark.parametrize("body", [b"new", LARGE], ids=["small", "large"])
@pytest.mark.parametrize(
    ("headers", "status", "code"),
    [
        ({"if_match": '"v0"'}, 412, "precondition-failed"),
        ({"if_none_match": "*"}, 412, "precondition-failed"),
        ({"content_range": "bytes 0-2/9"}, 400, "malformed-request"),
        ({"content_encoding": "gzip"}, 415, "unsupported-type"),
        ({"repr_digest": "sha-256=:" + "A" * 43 + "=:"}, 400, "digest-mismatch"),
    ],
)
def test_what_does_not_hold_replaces_nothing(
    ada: DoorsClient, root: Entry, body: bytes, headers: dict[str, Any], status: int, code: str
) -> None:
    file = make_file(root, "a", b"old")

    answer = ada.request("PUT", content_of(file), body, **headers)

    assert (answer.status, code_of(answer)) == (status, code)
    assert paths_in(root) == {"a": b"old"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/entries/{root}/content", 409, "not-a-file"),
        ("/api/v1/entries/999999/content", 404, "entry-not-found"),
        ("/api/v1/entries/0/content", 404, "entry-not-found"),
        (f"/api/v1/entries/{10**40}/content", 404, "entry-not-found"),
        (f"/api/v1/folders/{10**18}/content/b", 404, "entry-not-found"),
        (f"/api/v1/folders/{'9' * 5000}/content/b", 404, "entry-not-found"),
        ("/api/v1/folders/{file}/content/b", 409, "not-a-folder"),
        ("/api/v1/folders/{root}/content/%FF", 422, "invalid-name"),
        ("/api/v1/folders/{root}/content/a%2Fb", 422, "invalid-name"),
        ("/api/v1/folders/{root}/content/", 422, "invalid-name"),
    ],
)
def test_where_nothing_can_be_put_is_a_problem(
    ada: DoorsClient, root: Entry, path: str, status: int, code: str
) -> None:
    file = make_file(root, "a")

    answer = ada.request("PUT", path.format(root=root.pk, file=file.pk), b"new")

    assert (answer.status, code_of(answer)) == (status, code)
    assert paths_in(root) == {"a": b"content"}


def renamed(file: Entry, _root: Entry) -> object:
    return rename_entry(file, name="b", actor=SYSTEM)


def moved(file: Entry, root: Entry) -> object:
    return move_within_space([file], parent=make_folder(root, "f"), actor=SYSTEM)


def trashed(file: Entry, _root: Entry) -> object:
    return trash_entries([file], actor=SYSTEM)


@pytest.mark.parametrize("body", [b"new", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("change", [renamed, moved, trashed])
def test_a_file_that_goes_away_while_its_content_comes_is_not_made_again(
    ada: DoorsClient,
    root: Entry,
    body: bytes,
    change: Callable[[Entry, Entry], object],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = make_file(root, "a", b"old")
    check = putting._check_name

    def check_and_change(*arguments: Any) -> None:
        check(*arguments)
        change(file, root)

    monkeypatch.setattr(putting, "_check_name", check_and_change)

    answer = ada.request("PUT", content_of(file), body)

    assert (answer.status, code_of(answer)) == (412, "precondition-failed")
    assert b"new" not in paths_in(root).values()
    assert LARGE not in paths_in(root).values()


@pytest.mark.parametrize(
    ("role", "statuses"),
    [
        (Grant.Role.VIEWER, (403, 403)),
        (Grant.Role.UPLOADER, (404, 201)),
        (Grant.Role.EDITOR, (204, 204)),
        (Grant.Role.MANAGER, (204, 204)),
    ],
)
def test_who_may_put(
    nobody: DoorsClient, root: Entry, role: Grant.Role, statuses: tuple[int, int]
) -> None:
    file = make_file(root, "a", b"old")
    user = make_member(root, role).user
    assert isinstance(user, User)
    bob = nobody.sign_in(user)

    by_id = bob.request("PUT", content_of(file), b"new")
    by_name = bob.request("PUT", f"/api/v1/folders/{root.pk}/content/a", b"newer")

    assert (by_id.status, by_name.status) == statuses


def test_a_file_that_is_too_large_is_refused_by_its_head(
    ada: DoorsClient, root: Entry, settings: Settings
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 10

    answer = ada.request("PUT", f"/api/v1/folders/{root.pk}/content/a", b"x" * 11)

    assert (answer.status, code_of(answer)) == (413, "file-too-large")


def test_the_digest_of_what_was_put_is_told(ada: DoorsClient, root: Entry) -> None:
    answer = ada.request("PUT", f"/api/v1/folders/{root.pk}/content/a", b"x", x_oc_mtime="7")

    assert answer.headers["repr-digest"].startswith("sha-256=:")
    assert answer.headers["x-oc-mtime"] == "accepted"
    assert Entry.objects.get(name="a").version is not None
    assert sha256(b"x").hexdigest() == Entry.objects.get(name="a").version.sha256  # type: ignore[union-attr]
