"""Single files by PUT: what is asked, and what comes of it (request, status, headers)."""

import sqlite3
from base64 import b64encode
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import new, sha256
from json import loads
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django import Settings

from files.errors import EntryExistsError, UploadTakenOverError
from files.http import putting, small, small_puts
from files.http.appending import Engine
from files.http.doors import Doors
from files.http.heads import Head
from files.http.placed import Placed
from files.models import Blob, Entry, Event, Grant, Space, Upload
from files.operations import uploads as operations
from files.operations.entries import trash_entries
from files.storage.filesystem import BlobStorage
from files.uploads.put import PUT
from files.web.faces import CONTENT
from tests.factories import (
    SYSTEM,
    last_events,
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    make_user,
    paths_in,
    root_of,
)
from tests.faults import FailingDisk, database_error
from tests.http.client import Answer, DoorsClient
from tests.http.forms import stored_files

pytestmark = pytest.mark.usefixtures("consistent")

LARGE = bytes(range(256)) * (small.SMALL // 256) + b"end"
HUGE = str(2**50)

type Body = bytes | list[bytes]


@dataclass
class Putter:
    """A client that puts files into one folder."""

    client: DoorsClient
    folder: Entry

    def put(self, body: Body = b"whole", name: str = "a", **more: Any) -> Answer:
        """Put a file."""
        path = f"/folders/{self.folder.pk}/files/{name}"
        return self.client.request("PUT", path, body, **more)

    def as_user(self, user: User | None, folder: Entry | None = None) -> "Putter":
        """Give the same for somebody else, or for nobody."""
        client = DoorsClient(self.client.doors, self.client.executor)
        signed_in = client.sign_in(user) if user is not None else client
        return Putter(signed_in, folder or self.folder)


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what follows a commit, for which a test's own transaction never comes."""
    monkeypatch.setattr("files.operations.uploads.transaction.on_commit", lambda act: act())


@pytest.fixture
def ada_puts(anonymous: DoorsClient, ada: User, root: Entry) -> Putter:
    """Give ada's client."""
    anonymous.doors = Doors(anonymous.doors._django, puts=[PUT])
    return Putter(anonymous.sign_in(ada), root)


def digest(content: bytes, algorithm: str = "sha-256") -> str:
    """Give the value of a digest field."""
    raw = new(algorithm.replace("-", ""), content).digest()
    return f"{algorithm}=:{b64encode(raw).decode()}:"


def code_of(answer: Answer) -> str:
    """Read the code of a problem."""
    assert answer.headers["content-type"] == "application/problem+json"
    document = loads(answer.text)
    assert document["status"] == answer.status
    return str(document["code"])


def etag_of(root: Entry, name: str = "a") -> str:
    """Give the entity tag of a file."""
    return f'"v{Entry.objects.get(parent=root, name=name).version_id}"'


def in_pieces(body: bytes) -> list[bytes]:
    """Cut a body as it would come in chunks."""
    return [body[at : at + 65_536] for at in range(0, len(body), 65_536)]


BODIES: list[tuple[str, Body]] = [
    ("empty", b""),
    ("small", b"whole"),
    ("small, in chunks", [b"wh", b"", b"ole"]),
    ("nothing, in chunks", []),
    ("the largest that is small", LARGE[: small.SMALL]),
    ("the largest that is small, in chunks", in_pieces(LARGE[: small.SMALL])),
    ("large", LARGE),
    ("large, in chunks", in_pieces(LARGE * 2)),
]


@pytest.mark.parametrize(("name", "body"), BODIES, ids=[name for name, _body in BODIES])
def test_new_file_is_created_and_replaced(
    ada_puts: Putter, root: Entry, name: str, body: Body
) -> None:
    content = body if isinstance(body, bytes) else b"".join(body)

    created = ada_puts.put(body)
    entry = Entry.objects.get(parent=root)
    first = etag_of(root)
    replaced = ada_puts.put(body)

    assert (created.status, replaced.status) == (201, 204)
    assert created.headers["location"] == f"/entries/{entry.pk}/content"
    assert (created.headers["etag"], replaced.headers["etag"]) == (first, etag_of(root))
    assert first != etag_of(root)
    assert created.headers["repr-digest"] == replaced.headers["repr-digest"] == digest(content)
    assert created.body == replaced.body == b""
    assert "location" not in replaced.headers
    assert "content-length" not in replaced.headers
    assert paths_in(root) == {"a": content}
    assert last_events(root.space)[0].door == Event.Door.UPLOAD


def test_location_leads_to_the_content_with_the_tag_of_the_answer(
    anonymous: DoorsClient, ada: User, root: Entry
) -> None:
    anonymous.doors = Doors(anonymous.doors._django, puts=[PUT], contents=[CONTENT])
    browser = anonymous.sign_in(ada)

    created = Putter(browser, root).put()
    found = browser.request("GET", created.headers["location"])

    assert (found.status, found.body) == (200, b"whole")
    assert found.headers["etag"] == created.headers["etag"]


@pytest.mark.parametrize(
    ("encoded", "name"),
    [
        ("a%20b.txt", "a b.txt"),
        ("%D1%84%D0%B0%D0%B9%D0%BB", "файл"),
        ("100%25", "100%"),
        ("a%3Bb%3Fc%23", "a;b?c#"),
        ("a+b", "a+b"),
        ("...", "..."),
    ],
)
def test_name_is_percent_encoded(ada_puts: Putter, root: Entry, encoded: str, name: str) -> None:
    assert ada_puts.put(name=encoded).status == 201
    assert paths_in(root) == {name: b"whole"}


@pytest.mark.parametrize(
    "name", ["", "%2E%2E", "..", "a%2Fb", "%00", "a%0Ab", "%FF", "%ED%A0%80", "n" * 256]
)
def test_name_that_cannot_be_is_refused_unread(ada_puts: Putter, root: Entry, name: str) -> None:
    answer = ada_puts.put(name=name)

    assert (answer.status, code_of(answer), answer.read_at_start) == (422, "invalid-name", 0)
    assert paths_in(root) == {}


REFUSED_BY_HEAD: list[tuple[dict[str, Any], int, str]] = [
    ({"Content_Range": "bytes 0-4/10"}, 400, "malformed-request"),
    ({"Content_Encoding": "gzip"}, 415, "unsupported-type"),
    ({"X_OC_Mtime": "yesterday"}, 400, "malformed-request"),
    ({"X_OC_Mtime": "1e9"}, 400, "malformed-request"),
    ({"X_OC_Mtime": ""}, 400, "malformed-request"),
    ({"X_OC_Mtime": "999999999999"}, 400, "malformed-request"),
    ({"X_OC_Mtime": "-62135596800"}, 400, "malformed-request"),
    ({"Repr_Digest": "sha-256=abc"}, 400, "malformed-request"),
    ({"Repr_Digest": "sha-256=:AAAA:"}, 400, "malformed-request"),
    ({"Content_Digest": "?"}, 400, "malformed-request"),
    (
        {"Repr_Digest": digest(b"whole"), "Content_Digest": digest(b"other")},
        400,
        "malformed-request",
    ),
    ({"If_Match": "*"}, 412, "precondition-failed"),
    ({"If_Match": '"v1"'}, 412, "precondition-failed"),
    ({"If_None_Match": "garbage"}, 412, "precondition-failed"),
    ({"Content_Length": str(200 * 2**30)}, 413, "file-too-large"),
]


@pytest.mark.parametrize(("headers", "status", "code"), REFUSED_BY_HEAD)
def test_what_the_head_tells_is_refused_unread(
    ada_puts: Putter, root: Entry, headers: dict[str, Any], status: int, code: str
) -> None:
    answer = ada_puts.put(**headers)

    assert (answer.status, code_of(answer), answer.read_at_start) == (status, code, 0)
    assert answer.headers["connection"] == "close"
    assert paths_in(root) == {}
    assert not Upload.objects.exists()


@pytest.mark.parametrize("length", ["x", "-1", "9" * 30])
def test_malformed_length_is_refused(ada_puts: Putter, length: str) -> None:
    assert ada_puts.put(content_length=length).status == 400


def test_nobody_is_asked_to_sign_in_unread(ada_puts: Putter) -> None:
    answer = ada_puts.as_user(None).put()

    assert (answer.status, code_of(answer), answer.read_at_start) == (401, "sign-in-required", 0)


def test_request_of_another_site_is_refused_unread(ada_puts: Putter, root: Entry) -> None:
    answer = ada_puts.put(sec_fetch_site="cross-site")

    assert (answer.status, answer.read_at_start) == (403, 0)
    assert paths_in(root) == {}


def test_stranger_finds_nothing_at_a_folder_as_at_a_missing_one(ada_puts: Putter) -> None:
    eve = ada_puts.as_user(make_user("eve"))

    hidden = eve.put()
    missing = eve.client.request("PUT", "/folders/999999/files/a", b"whole")

    assert hidden.status == missing.status == 404
    assert code_of(hidden) == code_of(missing) == "entry-not-found"
    assert hidden.read_at_start == missing.read_at_start == 0


def test_viewer_is_forbidden(ada_puts: Putter) -> None:
    root = root_of(make_shared_space(bob=Grant.Role.VIEWER))

    answer = ada_puts.as_user(User.objects.get(username="bob"), root).put()

    assert (answer.status, code_of(answer), answer.read_at_start) == (403, "forbidden", 0)


def test_file_is_no_folder(ada_puts: Putter, root: Entry) -> None:
    file = make_file(root, "f")

    answer = Putter(ada_puts.client, file).put()

    assert (answer.status, code_of(answer), answer.read_at_start) == (409, "not-a-folder", 0)


def test_trashed_folder_takes_nothing(ada_puts: Putter, root: Entry) -> None:
    folder = make_folder(root, "old")
    trash_entries([folder], actor=SYSTEM)

    assert Putter(ada_puts.client, folder).put().status == 404


@pytest.mark.parametrize("body", [b"whole", LARGE], ids=["small", "large"])
def test_folder_is_not_replaced_by_a_file(
    ada_puts: Putter, root: Entry, storage: BlobStorage, body: bytes
) -> None:
    make_folder(root, "a")

    answer = ada_puts.put(body)

    assert (answer.status, code_of(answer)) == (409, "not-a-file")
    assert (answer.read_at_start == 0) is (body == LARGE)  # in vain only a few bytes come
    assert stored_files(storage) == []


@pytest.mark.parametrize("body", [b"whole", LARGE], ids=["small", "large"])
def test_more_than_the_quota_is_refused_unread(ada_puts: Putter, space: Space, body: bytes) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=4)

    answer = ada_puts.put(body)

    assert (answer.status, code_of(answer), answer.read_at_start) == (507, "quota-exceeded", 0)
    assert loads(answer.text)["free"] == 4


@pytest.mark.parametrize(
    ("body", "quota"),
    [([b"who", b"le"], 4), (in_pieces(LARGE), 4), (in_pieces(LARGE), 2**20)],
    ids=["small", "large", "large where some fits"],
)
def test_more_than_the_quota_in_chunks_leaves_nothing(
    ada_puts: Putter, root: Entry, storage: BlobStorage, body: list[bytes], quota: int
) -> None:
    Space.objects.filter(pk=root.space_id).update(quota_bytes=quota)

    answer = ada_puts.put(body)

    assert (answer.status, code_of(answer)) == (507, "quota-exceeded")
    assert (stored_files(storage), paths_in(root)) == ([], {})
    assert not Upload.objects.exists()


def test_more_than_the_disk_has_is_refused_unread(
    ada_puts: Putter, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _self: settings.FILES_MIN_FREE_SPACE + 4)

    answer = ada_puts.put()

    assert (answer.status, code_of(answer), answer.read_at_start) == (507, "disk-full", 0)


def test_more_than_the_limit_in_chunks_leaves_nothing(
    ada_puts: Putter, root: Entry, storage: BlobStorage, settings: Settings
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = len(LARGE)

    answer = ada_puts.put(in_pieces(LARGE + b"!"))

    assert (answer.status, code_of(answer)) == (413, "file-too-large")
    assert (stored_files(storage), paths_in(root)) == ([], {})
    assert not Upload.objects.exists()


# Conditions.


def test_if_match_replaces_what_the_client_has_seen_and_nothing_else(
    ada_puts: Putter, root: Entry, storage: BlobStorage
) -> None:
    seen = ada_puts.put(b"one").headers["etag"]

    assert ada_puts.put(b"two", If_Match=seen).status == 204
    assert ada_puts.put(b"three", If_Match=seen).status == 412
    assert ada_puts.put(b"four", If_Match="*").status == 204
    assert ada_puts.put(b"five", If_Match=f"W/{etag_of(root)}").status == 412
    assert paths_in(root) == {"a": b"four"}
    assert len(stored_files(storage)) == 3


def test_if_none_match_any_creates_and_never_replaces(ada_puts: Putter, root: Entry) -> None:
    make_folder(root, "b")

    assert ada_puts.put(b"one", If_None_Match="*").status == 201
    assert ada_puts.put(b"two", If_None_Match="*").status == 412
    assert ada_puts.put(b"two", If_None_Match=etag_of(root)).status == 412
    assert ada_puts.put(b"two", name="b", If_None_Match="*").status == 412
    assert paths_in(root) == {"a": b"one", "b": None}


def test_if_unmodified_since_keeps_what_is_newer(ada_puts: Putter, root: Entry) -> None:
    ada_puts.put(b"one", X_OC_Mtime="1000000000")

    older = ada_puts.put(b"two", If_Unmodified_Since="Sun, 09 Sep 2001 01:46:39 GMT")
    same = ada_puts.put(b"two", If_Unmodified_Since="Sun, 09 Sep 2001 01:46:40 GMT")

    assert (older.status, same.status) == (412, 204)


@pytest.mark.parametrize("body", [b"two", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("headers", [{"If_Match": '"v1"'}, {"If_None_Match": "*"}])
def test_condition_is_decided_again_when_the_bytes_are_there(
    ada_puts: Putter,
    root: Entry,
    storage: BlobStorage,
    monkeypatch: pytest.MonkeyPatch,
    body: bytes,
    headers: dict[str, str],
) -> None:
    ada_puts.put(b"one")
    monkeypatch.setattr(putting, "_check_name", lambda _located, _put: None)

    answer = ada_puts.put(
        body, **{**headers, **({"If_Match": '"v0"'} if "If_Match" in headers else {})}
    )

    assert (answer.status, code_of(answer)) == (412, "precondition-failed")
    assert paths_in(root) == {"a": b"one"}
    assert len(stored_files(storage)) == 1
    assert not Upload.objects.exists()


CLASHES: list[tuple[Grant.Role, dict[str, str], int]] = [
    (Grant.Role.UPLOADER, {}, 201),
    (Grant.Role.UPLOADER, {"If_None_Match": "*"}, 201),
    (Grant.Role.UPLOADER, {"If_Match": "*"}, 412),
    (Grant.Role.UPLOADER, {"If_Unmodified_Since": "Sun, 09 Sep 2001 01:46:40 GMT"}, 201),
    (Grant.Role.EDITOR, {}, 204),
    (Grant.Role.EDITOR, {"If_None_Match": "*"}, 412),
    (Grant.Role.EDITOR, {"If_Match": "*"}, 204),
]


@pytest.mark.parametrize(("role", "headers", "status"), CLASHES)
@pytest.mark.parametrize("body", [b"mine", LARGE], ids=["small", "large"])
def test_who_may_not_read_always_makes_a_new_file_and_learns_nothing(
    ada_puts: Putter, role: Grant.Role, headers: dict[str, str], status: int, body: bytes
) -> None:
    root = root_of(make_shared_space())
    bob = make_member(root, role)
    make_file(root, "a", b"theirs")

    answer = ada_puts.as_user(bob.user, root).put(body, **headers)
    beside = ada_puts.as_user(bob.user, root).put(body, name="free", **headers)

    found = {201: {"a": b"theirs", "a (2)": body}, 412: {"a": b"theirs"}, 204: {"a": body}}[status]
    assert answer.status == status
    if role is Grant.Role.UPLOADER:
        assert beside.status == status
        assert {**answer.headers, "x-request-id": ""}.keys() == beside.headers.keys() | {
            "x-request-id"
        }
    assert {k: v for k, v in paths_in(root).items() if k != "free"} == found


def test_who_reads_and_adds_but_does_not_edit_makes_a_new_file(ada_puts: Putter) -> None:
    root = root_of(make_shared_space())
    bob = make_member(root, Grant.Role.VIEWER)
    folder = make_folder(root, "in")
    Grant.objects.create(entry=folder, user=bob.user, role=Grant.Role.UPLOADER)
    make_file(folder, "a", b"theirs")
    putter = ada_puts.as_user(bob.user, folder)

    assert putter.put(b"mine").status == 201
    assert putter.put(b"mine", If_None_Match="*").status == 412
    assert putter.put(LARGE, If_Match="*").status == 201
    assert paths_in(folder) == {"a": b"theirs", "a (2)": b"mine", "a (3)": LARGE}


# Digests.

RIGHT: list[Callable[[bytes], dict[str, str]]] = [
    lambda content: {"Repr_Digest": digest(content)},
    lambda content: {"Content_Digest": digest(content)},
    lambda content: {"Repr_Digest": digest(content, "sha-512")},
    lambda content: {"Content_Digest": digest(content, "sha-512")},
    lambda content: {
        "Repr_Digest": digest(content),
        "Content_Digest": f"{digest(content)}, {digest(content, 'sha-512')}",
    },
    lambda _content: {"Repr_Digest": "md5=:AAAA:, unixsum=3"},
]
WRONG: list[Callable[[bytes], dict[str, str]]] = [
    lambda content: {"Repr_Digest": digest(content + b"!")},
    lambda content: {"Content_Digest": digest(content + b"!")},
    lambda content: {"Repr_Digest": digest(content + b"!", "sha-512")},
    lambda content: {
        "Repr_Digest": digest(content),
        "Content_Digest": digest(content + b"!", "sha-512"),
    },
]


@pytest.mark.parametrize("stated", RIGHT, ids=range(len(RIGHT)))
@pytest.mark.parametrize("body", [b"whole", LARGE], ids=["small", "large"])
def test_right_digest_is_taken_and_an_unknown_one_read_over(
    ada_puts: Putter, stated: Callable[[bytes], dict[str, str]], body: bytes
) -> None:
    answer = ada_puts.put(body, **stated(body))

    assert answer.status == 201
    assert answer.headers["repr-digest"] == digest(body)
    assert Blob.objects.get().sha256 == sha256(body).hexdigest()


@pytest.mark.parametrize("stated", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("body", [b"whole", LARGE], ids=["small", "large"])
def test_wrong_digest_publishes_nothing(
    ada_puts: Putter,
    root: Entry,
    storage: BlobStorage,
    stated: Callable[[bytes], dict[str, str]],
    body: bytes,
) -> None:
    answer = ada_puts.put(body, **stated(body))

    assert (answer.status, code_of(answer)) == (400, "digest-mismatch")
    assert (stored_files(storage), paths_in(root)) == ([], {})
    assert not Upload.objects.exists()


# What is said of the file.


@pytest.mark.parametrize("body", [b"whole", LARGE], ids=["small", "large"])
def test_time_of_the_file_is_kept(ada_puts: Putter, root: Entry, body: bytes) -> None:
    answer = ada_puts.put(body, X_OC_Mtime="1000000000.25")

    assert answer.headers["x-oc-mtime"] == "accepted"
    modified_at = Entry.objects.get(parent=root).modified_at
    assert modified_at == datetime(2001, 9, 9, 1, 46, 40, 250_000, tzinfo=UTC)


def test_type_is_what_the_bytes_are_and_not_what_is_claimed(ada_puts: Putter, root: Entry) -> None:
    answer = ada_puts.put(b"\x89PNG\r\n\x1a\n" + b"\0" * 64, Content_Type="text/html")

    assert "x-oc-mtime" not in answer.headers
    assert Entry.objects.get(parent=root).media_type == "image/png"


# What goes wrong on the way.


@pytest.mark.parametrize(
    "body", [b"wh", in_pieces(LARGE), [b"wh"]], ids=["small", "large", "chunk"]
)
def test_cut_file_leaves_nothing(
    ada_puts: Putter, root: Entry, storage: BlobStorage, body: Body
) -> None:
    length = None if body == [b"wh"] else str(len(LARGE) + 7 if len(body) > 2 else 5)
    more: dict[str, Any] = {"content_length": length, "transfer_encoding": None} if length else {}

    answer = ada_puts.put(body, gone=True, **more)

    assert answer.status == 0
    assert (stored_files(storage), paths_in(root)) == ([], {})
    assert not Upload.objects.exists()


@pytest.mark.parametrize("body", [b"wh", LARGE], ids=["small", "large"])
@pytest.mark.parametrize("change", [-1, 1])
def test_body_of_another_length_is_refused(
    ada_puts: Putter, root: Entry, storage: BlobStorage, body: bytes, change: int
) -> None:
    answer = ada_puts.put(body, content_length=str(len(body) + change))

    assert (answer.status, code_of(answer)) == (400, "length-mismatch")
    assert (stored_files(storage), paths_in(root)) == ([], {})
    assert not Upload.objects.exists()


def test_large_file_is_an_upload_while_it_comes(
    ada_puts: Putter, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[tuple[str, int | None, int]] = []
    write = Engine._write

    def look() -> None:
        upload = Upload.objects.get()
        seen.append((upload.name, upload.length, Space.objects.get(pk=root.space_id).used_bytes))

    async def looked_at(engine: Engine, *arguments: Any) -> None:
        await engine._django.in_thread(look)
        await write(engine, *arguments)

    monkeypatch.setattr(Engine, "_write", looked_at)
    ada_puts.put(LARGE)

    assert seen == [("a", len(LARGE), len(LARGE))]
    assert Upload.objects.get().is_finished


def test_upload_that_is_cancelled_meanwhile_ends_its_request(
    ada_puts: Putter, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit = Engine._commit

    async def cancel_first(engine: Engine, *arguments: Any) -> Any:
        upload = arguments[1]
        await engine._django.in_thread(lambda: operations.cancel_upload(upload.pk, actor=SYSTEM))
        return await commit(engine, *arguments)

    monkeypatch.setattr(Engine, "_commit", cancel_first)

    answer = ada_puts.put(LARGE)

    assert (answer.status, code_of(answer)) == (404, "upload-not-found")
    assert (stored_files(storage), paths_in(root)) == ([], {})


def test_upload_that_is_taken_over_is_left_to_who_has_it(
    ada_puts: Putter, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def taken(*_arguments: object) -> None:
        raise UploadTakenOverError

    monkeypatch.setattr(Engine, "_write", taken)

    answer = ada_puts.put(LARGE)

    assert (answer.status, code_of(answer)) == (409, "upload-taken-over")
    assert Upload.objects.get().state == Upload.State.OPEN


def test_full_disk_leaves_nothing_wherever_it_is_met(
    ada_puts: Putter, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = FailingDisk(monkeypatch)
    with disk.failing_at(0):
        ada_puts.put(name="good")
    storing = [at for at, name in enumerate(disk.calls, 1) if name == "fsync"][1]

    for call in range(1, storing + 1):
        with disk.failing_at(call):
            answer = ada_puts.put()
        assert (answer.status, code_of(answer)) == (507, "disk-full")
        assert (len(stored_files(storage)), paths_in(root)) == (1, {"good": b"whole"})


@pytest.mark.parametrize("is_full_to_the_end", [True, False])
def test_body_that_the_database_has_no_room_for_is_cut_and_forgotten(
    ada_puts: Putter,
    root: Entry,
    storage: BlobStorage,
    monkeypatch: pytest.MonkeyPatch,
    *,
    is_full_to_the_end: bool,
) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise database_error(sqlite3.SQLITE_FULL)

    monkeypatch.setattr("files.http.commits.put_waiting", fail)
    if is_full_to_the_end:
        monkeypatch.setattr("files.http.appending.operations.cancel_upload", fail)

    answer = ada_puts.put(LARGE)

    assert (answer.status, code_of(answer)) == (507, "disk-full")
    assert paths_in(root) == {}
    assert Upload.objects.count() == int(is_full_to_the_end)
    sizes = [storage.size(name) for name in stored_files(storage)]
    assert sizes == [0] * int(is_full_to_the_end)


def test_refusal_under_the_lock_removes_the_bytes(
    ada_puts: Putter, root: Entry, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object) -> None:
        raise EntryExistsError(name="a")

    monkeypatch.setattr(small_puts, "put_members", refuse)

    answer = ada_puts.put()

    assert (answer.status, code_of(answer)) == (409, "entry-exists")
    assert stored_files(storage) == []


def test_what_is_not_known_to_have_failed_keeps_its_bytes(
    ada_puts: Putter, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: object) -> None:
        raise RuntimeError

    monkeypatch.setattr(small_puts, "put_members", fail)

    assert ada_puts.put().status == 500
    assert len(stored_files(storage)) == 1


def test_digest_is_not_told_where_it_is_not_known() -> None:
    head = Head("PUT", "/", "", {}, 0)

    answer = PUT.render(head, Placed(1, 2, "", is_new=False))

    assert answer.headers == [("ETag", '"v2"')]


def test_other_methods_are_told_what_is_allowed(ada_puts: Putter) -> None:
    path = f"/folders/{ada_puts.folder.pk}/files/a"

    for method in ("GET", "POST", "DELETE"):
        answer = ada_puts.client.request(method, path)
        assert (answer.status, answer.headers["allow"]) == (405, "PUT")


def test_actor_is_who_sent_the_file(ada_puts: Putter, root: Entry, ada: User) -> None:
    ada_puts.put()

    event = last_events(root.space)[0]
    assert (event.actor_name, event.kind) == ("ada", Event.Kind.FILE_CREATED)
