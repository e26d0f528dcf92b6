"""Bodies that nginx has received: who is believed, what is admitted, what comes of it."""

import os
import re
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from hashlib import sha256
from json import loads
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone
from pytest_django import Settings

from files.access import Actor
from files.api import faces as api
from files.dav.face import DAV
from files.http import attempts, passwords
from files.http.doors import Doors
from files.http.landing import ADMIT, Ticket
from files.http.write_back import WriteBack
from files.models import Blob, Entry, Event, Space, Upload
from files.operations import uploads as operations
from files.operations.upload_expiry import release_landings
from files.operations.uploads import cancel_upload
from files.operations.wanted import Wanted
from files.storage.base import blob_name
from files.storage.filesystem import BlobStorage
from files.storage.landing import Start, begin_start
from files.uploads.put import PUT
from files.uploads.resumable import IETF
from files.uploads.tus import TUS
from files.web.faces import UPLOAD
from tests.factories import PASSWORD, make_lock, make_token, make_user, paths_in, reread
from tests.http.client import Answer, DoorsClient
from tests.http.forms import stored_files
from tests.uploads.ietf import PARTIAL
from tests.uploads.tus import OFFSET, base64, checksum

pytestmark = pytest.mark.usefixtures("consistent")

BODY = bytes(range(256)) * 5000  # more than is small


@pytest.fixture(autouse=True)
def committed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Do at once what follows a commit, for which a test's own transaction never comes."""
    monkeypatch.setattr("files.operations.uploads.transaction.on_commit", lambda act: act())


@dataclass
class Nginx:
    """Our nginx as the backend sees it; it receives whatever is to land."""

    client: DoorsClient
    start: Start
    root: Entry
    landed: list[Path] = field(default_factory=list)

    def ask(self, method: str, target: str, size: int, **headers: Any) -> Answer:
        """Ask whether a body may come."""
        told = {
            "X_Landing_Key": self.start.key,
            "X_Landing_Method": method,
            "X_Landing_Target": target,
            "X_Landing_Length": str(size),
        }
        return self.client.request("GET", ADMIT, **(told | headers))

    def pass_on(self, method: str, target: str, body: bytes, ticket: str, **headers: Any) -> Answer:
        """Pass a request on whose body has landed; what is left of it then goes."""
        path = self.start.folder / f"{len(self.landed):010}"
        self.landed.append(path)
        path.write_bytes(body)
        told = {
            "X_Landing_Key": self.start.key,
            "X_Landing_Ticket": ticket,
            "X_Landing_File": str(path),
            "X_Landing_Length": str(len(body)),
        }
        answer = self.client.request(method, target, **(told | headers))
        path.unlink(missing_ok=True)
        return answer

    def land(self, method: str, target: str, body: bytes, **headers: Any) -> Answer:
        """Do what nginx does with a body that may come."""
        asked = self.ask(method, target, len(body), **headers)
        assert asked.status == 204
        return self.pass_on(method, target, body, asked.headers["x-landing-ticket"], **headers)

    def put(self, body: bytes = BODY, name: str = "a", **headers: Any) -> Answer:
        """Put a file."""
        return self.land("PUT", self.path(name), body, **headers)

    def path(self, name: str = "a") -> str:
        """Give where a file is put."""
        return f"/folders/{self.root.pk}/files/{name}"

    def patch(self, url: str, body: bytes, at: int, **headers: Any) -> Answer:
        """Append to an upload by tus."""
        return self.land("PATCH", url, body, **chunk(at, **headers))


def chunk(at: int, **headers: Any) -> dict[str, Any]:
    """Give the headers of a chunk."""
    told = {"Tus_Resumable": "1.0.0", "Content_Type": OFFSET, "Upload_Offset": str(at)}
    return {**told, **headers}


@pytest.fixture
def nginx(
    anonymous: DoorsClient, ada: User, root: Entry, storage: BlobStorage, settings: Settings
) -> Iterator[Nginx]:
    settings.FILES_LANDING = True
    anonymous.doors = Doors(
        anonymous.doors._django,
        uploads=[UPLOAD],
        resumable=[TUS, IETF],
        puts=[PUT, api.PUT],
        methods=[DAV],
    )
    start = begin_start(Path(storage.location))
    yield Nginx(anonymous.sign_in(ada), start, root)
    os.close(start.lock)


def begin(root: Entry, ada: User, length: int | None, **more: Any) -> str:
    """Begin an upload, and give its address."""
    wanted = Wanted(("a",), length, **more)
    upload = operations.create_upload(root, wanted, actor=Actor(ada, Event.Door.UPLOAD))
    return f"/uploads/{upload.pk.hex}"


def upload_at(url: str) -> Upload:
    return Upload.objects.get(pk=UUID(hex=url.rpartition("/")[2]))


def test_put_body_becomes_the_file_that_it_landed_in(nginx: Nginx, storage: BlobStorage) -> None:
    asked = nginx.ask("PUT", nginx.path(), len(BODY))
    begun = Upload.objects.get()
    seen = (begun.landing_until, begun.reserved_bytes, begun.offset)
    answer = nginx.pass_on("PUT", nginx.path(), BODY, asked.headers["x-landing-ticket"])

    assert (asked.status, asked.body, seen[1:]) == (204, b"", (len(BODY), 0))
    assert seen[0] is not None
    assert timedelta(minutes=9) < seen[0] - timezone.now() < timedelta(minutes=11)
    assert (answer.status, "repr-digest" in answer.headers) == (201, False)
    assert paths_in(nginx.root) == {"a": BODY}
    blob = Blob.objects.get()
    assert (blob.pk, blob.size, blob.sha256, blob.crc32) == (begun.pk, len(BODY), "", None)
    requested = Event.objects.get(kind=Event.Kind.JOB_REQUESTED)
    assert requested.after == {"digest": [str(blob.pk)]}


def test_stated_digest_is_checked_before_the_file_is_visible(nginx: Nginx) -> None:
    digest = sha256(BODY).digest()
    right = f"sha-256=:{base64(digest)}:"

    wrong = nginx.put(BODY[:-1] + b"!", Repr_Digest=right)
    answer = nginx.put(BODY, "b", Repr_Digest=right)

    assert (wrong.status, loads(wrong.text)["code"]) == (400, "digest-mismatch")
    assert (answer.status, answer.headers["repr-digest"]) == (201, right)
    assert paths_in(nginx.root) == {"b": BODY}
    assert Blob.objects.get().sha256 == digest.hex()
    assert Upload.objects.filter(state=Upload.State.OPEN).count() == 0


REFUSED: list[tuple[str, dict[str, Any]]] = [
    ("of nobody", {"Cookie": None}),
    ("of another site", {"Sec_Fetch_Site": "cross-site"}),
    ("of a part", {"Content_Range": "bytes 0-1/2"}),
    ("of what is there", {"If_Match": '"v0"'}),
    ("packed", {"Content_Encoding": "gzip"}),
    ("larger than the disk", {"X_Landing_Length": str(2**50)}),
    ("of no length", {"X_Landing_Length": None}),
    ("of a strange length", {"X_Landing_Length": "+5"}),
    ("small", {"X_Landing_Length": "5"}),
    ("of a bad name", {"X_Landing_Target": "/folders/1/files/a%2Fb"}),
    ("into no folder", {"X_Landing_Target": "/folders/99999/files/a"}),
    ("to a page", {"X_Landing_Target": "/"}),
    ("to the question itself", {"X_Landing_Target": ADMIT}),
    ("of another method", {"X_Landing_Method": "POST"}),
]


@pytest.mark.parametrize(("name", "headers"), REFUSED, ids=[name for name, _more in REFUSED])
def test_what_may_not_land_is_refused_without_a_word(
    nginx: Nginx, name: str, headers: dict[str, Any]
) -> None:
    answer = nginx.ask("PUT", nginx.path(), len(BODY), **headers)

    assert (answer.status, answer.body) == (403, b"")
    assert Upload.objects.count() == 0


def test_nothing_lands_over_a_plain_line_where_https_is_asked_for(
    nginx: Nginx, settings: Settings
) -> None:
    settings.SECURE_SSL_REDIRECT = True

    assert nginx.ask("PUT", nginx.path(), len(BODY)).status == 403


def test_put_over_quota_does_not_land(nginx: Nginx, space: Space) -> None:
    Space.objects.filter(pk=space.pk).update(quota_bytes=len(BODY) - 1)

    assert nginx.ask("PUT", nginx.path(), len(BODY)).status == 403


SPOOFS: list[tuple[str, dict[str, Any]]] = [
    ("no key", {"X_Landing_Key": None}),
    ("an empty key", {"X_Landing_Key": ""}),
    ("a wrong key", {"X_Landing_Key": "0" * 32 + "." + "0" * 64}),
    ("a start alone", {"X_Landing_Key": "{start}"}),
    ("a folder elsewhere", {"X_Landing_Key": "../blobs.{secret}"}),
]


@pytest.mark.parametrize(("name", "headers"), SPOOFS, ids=[name for name, _more in SPOOFS])
def test_nobody_is_believed_without_the_key(
    nginx: Nginx, name: str, headers: dict[str, Any]
) -> None:
    start, _, secret = nginx.start.key.partition(".")
    forged = {
        key: value and str(value).format(start=start, secret=secret)
        for key, value in headers.items()
    }
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]

    asked = nginx.ask("PUT", nginx.path("b"), len(BODY), **forged)
    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket, **forged)

    assert (asked.status, "x-landing-ticket" in asked.headers) == (404, False)
    assert answer.status == 400
    assert paths_in(nginx.root) == {}
    assert Upload.objects.get().offset == 0


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/folders/{root}/files/a"),
        ("PUT", "/dav/ada/a"),
        ("PUT", "/api/v1/folders/{root}/content/a"),
        ("PATCH", "/uploads/" + "0" * 32),
        ("POST", "/upload/{root}"),
        ("PROPFIND", "/dav/"),
        ("GET", "/"),
    ],
)
def test_no_door_takes_a_body_that_is_not_believed_for_none(
    nginx: Nginx, method: str, path: str
) -> None:
    target = path.format(root=nginx.root.pk)

    answer = nginx.client.request(method, target, X_Landing_Length="5")

    assert answer.status == 400
    assert paths_in(nginx.root) == {}


@pytest.mark.parametrize("name", ["x-landing-file", "x-landing-length", "x-landing-other"])
def test_any_word_of_landing_without_the_key_is_refused(nginx: Nginx, name: str) -> None:
    told: dict[str, Any] = {name: "1"}

    answer = nginx.client.request("PUT", nginx.path(), b"whole", **told)

    assert answer.status == 400
    assert paths_in(nginx.root) == {}


def test_key_is_not_believed_where_landing_is_off(nginx: Nginx, settings: Settings) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    settings.FILES_LANDING = False

    assert nginx.ask("PUT", nginx.path(), len(BODY)).status == 404
    assert nginx.pass_on("PUT", nginx.path(), BODY, ticket).status == 400


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"X_Landing_File": "/etc/passwd"}, 500),
        ({"X_Landing_File": "../key"}, 500),
        ({"X_Landing_Length": str(len(BODY) + 1)}, 400),
        ({"X_Landing_Ticket": None}, 400),
        ({"X_Landing_Ticket": "x"}, 400),
        ({"X_Landing_Ticket": "0" * 32 + ".99999999999999999999"}, 400),
        ({"X_Landing_Length": "x"}, 400),
    ],
)
def test_what_is_not_the_body_is_not_taken(
    nginx: Nginx, headers: dict[str, Any], status: int
) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]

    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket, **headers)

    assert answer.status == status
    assert paths_in(nginx.root) == {}
    assert Blob.objects.count() == 0


def test_other_requests_have_no_body_that_landed(nginx: Nginx) -> None:
    ticket = str(Ticket(UUID(int=0), timezone.now()))
    begun = "/uploads/?folder=1&path=a"

    assert nginx.pass_on("PUT", "/", BODY, ticket).status == 400
    assert nginx.pass_on("POST", begun, BODY, ticket, Upload_Complete="?1").status == 400


def test_wrong_token_of_a_body_that_could_land_is_one_failure(nginx: Nginx) -> None:
    cache.clear()
    wrong: dict[str, Any] = {"Authorization": f"Bearer sr_{'A' * 32}", "Cookie": None}

    statuses = []
    for _time in range(attempts.FAILURES + 1):
        asked = nginx.ask("PUT", "/dav/ada/a", len(BODY), **wrong)
        statuses.append(nginx.client.request("PUT", "/dav/ada/a", [BODY], **wrong).status)
        assert asked.status == 403

    assert statuses == [401] * attempts.FAILURES + [429]


def test_password_is_not_hashed_to_admit_a_body(
    nginx: Nginx, ada: User, settings: Settings
) -> None:
    settings.FILES_DAV_PASSWORDS = True
    passwords._remembered.clear()
    ada.set_password(PASSWORD)
    ada.save()
    by: dict[str, Any] = {
        "Authorization": "Basic " + b64encode(f"ada:{PASSWORD}".encode()).decode(),
        "Cookie": None,
        "Origin": None,
        "Sec_Fetch_Site": None,
    }

    assert nginx.ask("PUT", "/dav/ada/a", len(BODY), **by).status == 403
    assert nginx.client.request("PUT", "/dav/ada/a", [BODY], **by).status == 201
    assert nginx.ask("PUT", "/dav/ada/b", len(BODY), **by).status == 204


def test_full_disk_of_nginx_is_told_in_the_clients_protocol(
    nginx: Nginx, storage: BlobStorage, monkeypatch: pytest.MonkeyPatch, space: Space
) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: 0)

    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket, X_Landing_File=None)

    assert (answer.status, loads(answer.text)["code"]) == (507, "disk-full")
    assert Upload.objects.count() == 0
    space.refresh_from_db()
    assert space.used_bytes == 0


def test_body_that_nginx_lost_otherwise_is_a_failure(nginx: Nginx) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]

    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket, X_Landing_File=None)

    assert (answer.status, loads(answer.text)["code"]) == (500, "storage-failed")
    assert Upload.objects.count() == 0


def test_landed_bytes_are_not_asked_of_the_disk_again(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    free = settings.FILES_MIN_FREE_SPACE + 100
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: free)

    assert nginx.pass_on("PUT", nginx.path(), BODY, ticket).status == 201


def test_cancelled_put_stays_cancelled(nginx: Nginx, ada: User) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    cancel_upload(Upload.objects.get().pk, actor=Actor(ada, Event.Door.WEB))

    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket)

    assert (answer.status, loads(answer.text)["code"]) == (404, "upload-not-found")
    assert paths_in(nginx.root) == {}


def test_client_that_went_holds_its_room_for_minutes_only(nginx: Nginx, space: Space) -> None:
    nginx.ask("PUT", nginx.path(), len(BODY))
    Upload.objects.update(landing_until=timezone.now() - timedelta(seconds=30))

    early = release_landings()
    Upload.objects.update(landing_until=timezone.now() - timedelta(minutes=2))

    assert (early, release_landings(), Upload.objects.count()) == (0, 1, 0)
    space.refresh_from_db()
    assert space.used_bytes == 0


@pytest.mark.parametrize("path", ["/folders/{root}/files/a", "/api/v1/folders/{root}/content/a"])
@pytest.mark.parametrize("loss", ["session", "rights", "folder"])
def test_body_that_is_refused_when_it_has_landed_gives_its_room_back_at_once(
    nginx: Nginx, space: Space, path: str, loss: str
) -> None:
    target = path.format(root=nginx.root.pk)
    asked = nginx.ask("PUT", target, len(BODY))
    reserved = reread(space).used_bytes
    if loss == "session":
        nginx.client = replace(nginx.client, cookies={})
    elif loss == "rights":
        Space.objects.filter(pk=space.pk).update(kind=Space.Kind.SHARED, owner=None)
    else:
        Entry.objects.filter(pk=nginx.root.pk).update(trashed_at=timezone.now())

    answer = nginx.pass_on("PUT", target, BODY, asked.headers["x-landing-ticket"])

    assert reserved == len(BODY)
    assert answer.status == (401 if loss == "session" else 404)
    assert reread(space).used_bytes == 0
    assert not Upload.objects.exists()
    Entry.objects.update(trashed_at=None)


def test_webdav_body_that_is_refused_by_its_face_gives_its_room_back_at_once(
    nginx: Nginx, space: Space, ada: User
) -> None:
    _token, secret = make_token(ada)
    target, by_token = f"/dav/{space.slug}/a", {"Authorization": f"Bearer {secret}"}
    asked = nginx.ask("PUT", target, len(BODY), **by_token)
    make_lock(nginx.root)

    answer = nginx.pass_on("PUT", target, BODY, asked.headers["x-landing-ticket"], **by_token)

    assert (asked.status, answer.status) == (204, 423)
    assert reread(space).used_bytes == 0


def test_slow_body_whose_time_was_over_is_put_all_the_same(nginx: Nginx) -> None:
    asked = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    Upload.objects.update(landing_until=timezone.now() - timedelta(minutes=2))
    release_landings()
    over = re.sub(r"\d+$", "1000", asked)

    answer = nginx.pass_on("PUT", nginx.path(), BODY, over)

    assert answer.status == 201
    assert paths_in(nginx.root) == {"a": BODY}


def test_slow_body_is_not_asked_of_the_disk_again(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    asked = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    Upload.objects.update(landing_until=timezone.now() - timedelta(minutes=2))
    release_landings()
    free = settings.FILES_MIN_FREE_SPACE + 100
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: free)

    answer = nginx.pass_on("PUT", nginx.path(), BODY, re.sub(r"\d+$", "1000", asked))

    assert answer.status == 201
    assert paths_in(nginx.root) == {"a": BODY}


def test_body_that_is_being_taken_is_not_released(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_append, released = operations.begin_append, []

    def begin_late(*arguments: Any, **more: Any) -> Upload:
        upload = begin_append(*arguments, **more)
        late = Upload.objects.filter(landing_until__isnull=False)
        late.update(landing_until=timezone.now() - timedelta(minutes=2))
        released.append(release_landings())
        return upload

    monkeypatch.setattr(operations, "begin_append", begin_late)

    assert (nginx.put().status, released) == (201, [0])


def test_ticket_is_for_who_has_begun_the_upload(nginx: Nginx) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY)).headers["x-landing-ticket"]
    Upload.objects.update(owner=make_user("bob"))

    answer = nginx.pass_on("PUT", nginx.path(), BODY, ticket)

    assert (answer.status, loads(answer.text)["code"]) == (404, "upload-not-found")


def test_bodies_are_looked_after_from_when_one_may_come(
    nginx: Nginx, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []
    monkeypatch.setattr(WriteBack, "begin", lambda _watch: begun.append("begun"))

    nginx.ask("PUT", nginx.path(), 10)  # it is to be streamed
    assert begun == []
    nginx.ask("PUT", nginx.path(), len(BODY))
    assert begun == ["begun"]


def test_expiry_of_landings_leaves_all_other_uploads(nginx: Nginx, ada: User) -> None:
    begin(nginx.root, ada, 10)

    assert (release_landings(), Upload.objects.count()) == (0, 1)


def test_condition_is_checked_again_when_the_body_is_there(nginx: Nginx) -> None:
    ticket = nginx.ask("PUT", nginx.path(), len(BODY), If_None_Match="*")
    nginx.put()

    late = nginx.pass_on(
        "PUT", nginx.path(), BODY, ticket.headers["x-landing-ticket"], If_None_Match="*"
    )

    assert late.status == 412
    assert Blob.objects.count() == 1


def test_chunks_land_one_behind_the_other(nginx: Nginx, ada: User, storage: BlobStorage) -> None:
    url = begin(nginx.root, ada, 2 * len(BODY))
    path = Path(storage.path(blob_name(upload_at(url).pk)))

    first = nginx.patch(url, BODY, 0)
    row, inode = upload_at(url), path.stat().st_ino
    second = nginx.patch(url, BODY, len(BODY))

    assert (first.status, first.headers["upload-offset"]) == (204, str(len(BODY)))
    assert (row.offset, row.crc32, row.hash_state, row.landing_until) == (
        len(BODY), None, None, None,
    )  # fmt: skip
    assert (second.status, path.stat().st_ino) == (204, inode)
    assert paths_in(nginx.root) == {"a": BODY * 2}
    assert list(nginx.start.folder.iterdir()) == [nginx.start.folder / "key"]


def test_chunks_land_by_the_other_protocol(nginx: Nginx, ada: User) -> None:
    url = begin(nginx.root, ada, len(BODY))
    told = {"Upload_Offset": "0", "Upload_Complete": "?1", "Content_Type": PARTIAL}

    answer = nginx.land("PATCH", url, BODY, **told)

    assert (answer.status, answer.headers["upload-complete"]) == (201, "?1")
    assert paths_in(nginx.root) == {"a": BODY}


def test_landed_chunks_and_streamed_ones_make_one_file(nginx: Nginx, ada: User) -> None:
    url = begin(nginx.root, ada, 3 * len(BODY))

    nginx.client.request("PATCH", url, BODY, **chunk(0))
    nginx.patch(url, BODY, len(BODY))
    last = nginx.client.request("PATCH", url, BODY, **chunk(2 * len(BODY)))

    assert last.status == 204
    assert paths_in(nginx.root) == {"a": BODY * 3}


def test_announced_digest_is_taken_chunk_by_chunk(nginx: Nginx, ada: User) -> None:
    digest = sha256(BODY * 2).hexdigest()
    url = begin(nginx.root, ada, 2 * len(BODY), sha256=digest)

    nginx.patch(url, BODY, 0)
    state = upload_at(url).hash_state
    nginx.patch(url, BODY, len(BODY))

    assert state is not None
    assert Blob.objects.get().sha256 == digest


@pytest.mark.parametrize("body", [BODY, BODY[:-1] + b"!"])
def test_landed_chunk_counts_once_its_checksum_was_verified(
    nginx: Nginx, ada: User, body: bytes
) -> None:
    url = begin(nginx.root, ada, 2 * len(BODY))

    answer = nginx.patch(url, body, 0, Upload_Checksum=checksum(BODY))

    assert answer.status == (204 if body == BODY else 460)
    assert upload_at(url).offset == (len(BODY) if body == BODY else 0)


@pytest.mark.parametrize(
    ("at", "size"), [(1, 10), (0, 11), (0, 0)], ids=["elsewhere", "too much", "nothing"]
)
def test_chunk_that_cannot_be_appended_does_not_land(
    nginx: Nginx, ada: User, at: int, size: int
) -> None:
    url = begin(nginx.root, ada, 10)

    assert nginx.ask("PATCH", url, size, **chunk(at)).status == 403


def test_chunk_for_a_finished_upload_does_not_land(nginx: Nginx, ada: User) -> None:
    url = begin(nginx.root, ada, len(BODY))
    nginx.patch(url, BODY, 0)

    assert nginx.ask("PATCH", url, 10, **chunk(len(BODY))).status == 403


def test_what_begins_an_upload_streams(nginx: Nginx) -> None:
    begun = "/uploads/?folder=1&path=a"

    assert nginx.ask("PUT", begun, len(BODY), Upload_Complete="?1").status == 403


def test_chunk_that_lands_late_is_told_the_offset(nginx: Nginx, ada: User) -> None:
    url = begin(nginx.root, ada, 2 * len(BODY))
    ticket = nginx.ask("PATCH", url, len(BODY), **chunk(0)).headers["x-landing-ticket"]
    nginx.client.request("PATCH", url, BODY[:10], **chunk(0))

    late = nginx.pass_on("PATCH", url, BODY, ticket, **chunk(0))

    assert (late.status, late.headers["upload-offset"]) == (409, "10")
    assert upload_at(url).offset == 10


def test_chunk_is_not_copied_onto_a_full_disk(
    nginx: Nginx, ada: User, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    url = begin(nginx.root, ada, 2 * len(BODY))
    nginx.patch(url, BODY, 0)
    ticket = nginx.ask("PATCH", url, len(BODY), **chunk(len(BODY))).headers["x-landing-ticket"]
    monkeypatch.setattr(BlobStorage, "free_bytes", lambda _storage: settings.FILES_MIN_FREE_SPACE)

    answer = nginx.pass_on("PATCH", url, BODY, ticket, **chunk(len(BODY)))

    assert answer.status == 507
    assert upload_at(url).offset == len(BODY)


def test_file_that_nginx_removed_meanwhile_is_a_failure(
    nginx: Nginx, ada: User, monkeypatch: pytest.MonkeyPatch, storage: BlobStorage
) -> None:
    url = begin(nginx.root, ada, len(BODY))
    ticket = nginx.ask("PATCH", url, len(BODY), **chunk(0)).headers["x-landing-ticket"]
    admit = operations.begin_append

    def begin_append(*arguments: Any, **more: Any) -> Upload:
        nginx.landed[0].unlink()  # the client went
        return admit(*arguments, **more)

    monkeypatch.setattr(operations, "begin_append", begin_append)

    answer = nginx.pass_on("PATCH", url, BODY, ticket, **chunk(0))

    assert (answer.status, upload_at(url).offset) == (500, 0)
    assert [storage.size(name) for name in stored_files(storage)] == [0]


def test_worker_that_dies_behind_the_rename_loses_nothing(
    nginx: Nginx, ada: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = begin(nginx.root, ada, 2 * len(BODY))

    class Killed(BaseException):
        pass

    def die(*_arguments: Any, **_more: Any) -> None:
        raise Killed

    with monkeypatch.context() as context:
        context.setattr("files.http.writer.Writer.save", die)
        with pytest.raises(Killed):
            nginx.patch(url, BODY, 0)

    asked = nginx.client.request("HEAD", url, Tus_Resumable="1.0.0")
    assert asked.headers["upload-offset"] == str(len(BODY))
    assert upload_at(url).crc32 is not None  # it was read again, and so are its digests
