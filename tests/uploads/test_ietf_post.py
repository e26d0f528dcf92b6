"""Uploads are begun by POST or PUT: what is asked, and what comes of it, version by version."""

from datetime import UTC, datetime
from hashlib import sha256
from typing import Any

import pytest
from pytest_django import Settings

from files.models import Entry, Grant, Upload
from tests.factories import (
    make_file,
    make_folder,
    make_member,
    make_shared_space,
    paths_in,
    root_of,
)
from tests.uploads.ietf import PROBLEMS, VERSIONS, Ietf, digest, problem, state_of

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize("version", VERSIONS)
def test_upload_is_begun_with_nothing(ietf: Ietf, root: Entry, version: str | None) -> None:
    ietf.version = version

    answer = ietf.create(Upload_Length="5")

    upload = Upload.objects.get()
    assert (answer.status, state_of(answer)) == (201, ("0", False))
    assert answer.headers["location"] == f"/uploads/{upload.pk.hex}"
    assert (upload.length, upload.path, paths_in(root)) == (5, "a", {})


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_whole_file_comes_with_one_request(
    ietf: Ietf, root: Entry, version: str | None, method: str
) -> None:
    ietf.version = version

    answer = ietf.request(method, f"/uploads/?folder={root.pk}&path=a", b"whole", last=True)

    upload = Upload.objects.get()
    own = {f"/uploads/{upload.pk.hex}"} if version in {"3", "4", "5", "6", "7"} else set()
    assert (answer.status, state_of(answer)) == (201, ("5", True))
    assert answer.headers["location"] in own or {f"/entries/{upload.entry_id}/"} - own
    assert answer.headers["upload-entry"] == f"/entries/{upload.entry_id}/"
    assert answer.headers["repr-digest"] == digest(b"whole")
    assert paths_in(root) == {"a": b"whole"}


@pytest.mark.parametrize(
    ("version", "location"),
    [("3", "uploads"), ("5", "uploads"), ("6", "uploads"), ("7", "uploads"), ("8", "entries")],
)
def test_location_of_a_whole_file_is_the_uploads_until_version_7(
    ietf: Ietf, version: str, location: str
) -> None:
    ietf.version = version

    answer = ietf.create(b"whole", last=True)

    assert answer.headers["location"].split("/")[1] == location


@pytest.mark.parametrize("version", VERSIONS)
def test_first_part_comes_with_the_request(ietf: Ietf, root: Entry, version: str | None) -> None:
    ietf.version = version

    answer = ietf.create(b"first", Upload_Length="10")

    assert (answer.status, state_of(answer)) == (201, ("5", False))
    assert answer.headers["location"].startswith("/uploads/")
    assert paths_in(root) == {}


@pytest.mark.parametrize(
    ("version", "limits"),
    [
        ("3", None),
        ("5", None),
        ("6", "max-size=1000, expires=604"),
        ("7", "max-size=1000, max-age=604"),
        ("8", "max-size=1000, max-age=604"),
    ],
)
def test_limits_are_told_where_the_version_has_them(
    ietf: Ietf, settings: Settings, version: str, limits: str | None
) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 1000
    ietf.version = version

    told = ietf.create().headers.get("upload-limit")

    assert told == limits if limits is None or told is None else told.startswith(limits)


@pytest.mark.parametrize("body", [b"", [b""]], ids=["no body", "empty chunks"])
def test_empty_file_is_whole_at_once(ietf: Ietf, root: Entry, body: Any) -> None:
    answer = ietf.create(body, last=True)

    assert (answer.status, state_of(answer)) == (201, ("0", True))
    assert paths_in(root) == {"a": b""}


@pytest.mark.parametrize(
    ("version", "is_done"), [("5", True), ("6", True), ("7", False), ("8", False)]
)
def test_length_0_alone_makes_a_file_only_where_clients_take_it_for_done(
    ietf: Ietf, root: Entry, version: str, *, is_done: bool
) -> None:
    ietf.version = version

    answer = ietf.create(Upload_Length="0")

    assert (answer.status, state_of(answer)) == (201, ("0", is_done))
    assert paths_in(root) == ({"a": b""} if is_done else {})


def test_file_of_unknown_length_may_come_in_chunks(ietf: Ietf, root: Entry) -> None:
    answer = ietf.create([b"one ", b"two"], last=True)

    assert (answer.status, state_of(answer)) == (201, ("7", True))
    assert paths_in(root) == {"a": b"one two"}


def test_all_that_is_said_of_the_file_is_kept(ietf: Ietf, root: Entry) -> None:
    query = "&path=%D0%B4/a+b%26.txt&modified=2020-02-03T04:05:06.5%2B02:00&clash=both"

    answer = ietf.create(b"x", last=True, query=query, Content_Type="Text/Plain; charset=x")

    assert answer.status == 201
    upload = Upload.objects.get()
    assert upload.names == ("д", "a b&.txt")
    assert upload.modified_at == datetime(2020, 2, 3, 2, 5, 6, 500_000, UTC)
    assert (upload.media_type, upload.clash) == ("text/plain", "both")
    assert paths_in(root) == {"д": None, "д/a b&.txt": b"x"}


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ("inline; filename=a.txt", "a.txt"),
        ('attachment; filename="a \\"b\\".txt"', 'a "b".txt'),
        ("Inline;filename=\"x\"; filename*=UTF-8''%d0%b4%20.txt", "д .txt"),
        ('inline; FileName="\xc3\xa4"', "ä"),
    ],
)
def test_name_may_come_by_content_disposition(ietf: Ietf, disposition: str, name: str) -> None:
    scope_safe = disposition.encode("latin-1").decode("latin-1")

    answer = ietf.create(query="", Content_Disposition=_as_sent(scope_safe))

    assert (answer.status, Upload.objects.get().name) == (201, name)


def _as_sent(text: str) -> str:
    """Give the text whose UTF-8 form, which the test client sends, are the bytes meant."""
    return text.encode("latin-1").decode()


@pytest.mark.parametrize("media_type", ["application/partial-upload", "nonsense", None])
def test_type_that_says_nothing_of_the_file_is_not_kept(ietf: Ietf, media_type: str | None) -> None:
    ietf.create(Content_Type=media_type)

    assert Upload.objects.get().media_type == ""


@pytest.mark.parametrize(
    ("query", "headers", "status", "reason"),
    [
        ("path=a", {}, 400, "folder"),
        ("folder=&path=a", {}, 400, "folder"),
        ("folder=٣&path=a", {}, 400, "query"),
        ("folder=-1&path=a", {}, 400, "folder"),
        ("folder=7&folder=8&path=a", {}, 400, "folder"),
        ("folder=7", {}, 400, "path"),
        ("folder=7&path=", {}, 400, "path"),
        ("folder=7&path=%ff", {}, 400, "query"),
        ("folder=7&path=a&" + "&".join(f"x{n}=1" for n in range(30)), {}, 400, "query"),
        ("folder=7&path=a&modified=yesterday", {}, 400, "modified"),
        ("folder=7&path=a&modified=2020-01-01T00:00:00", {}, 400, "modified"),
        ("folder=7&path=a&modified=0001-01-01T00:00:00%2B14:00", {}, 400, "modified"),
        ("folder=7&path=a&sha256=abc", {}, 400, "sha256"),
        (f"folder=7&path=a&sha256={'0' * 64}", {"Repr_Digest": digest(b"x")}, 400, "sha256"),
        ("folder=7&path=a&clash=overwrite", {}, 400, "clash"),
        ("folder=7&path=..", {}, 422, "reserved"),
        ("folder=7&path=/a", {}, 422, "empty"),
        ("folder=7&path=a%00", {}, 422, "control"),
        ("folder=7&path=a", {"Upload_Complete": None}, 400, "upload-complete"),
        ("folder=7&path=a", {"Upload_Complete": "true"}, 400, "upload-complete"),
        ("folder=7&path=a", {"Upload_Complete": "1"}, 400, "upload-complete"),
        ("folder=7&path=a", {"Upload_Offset": "5"}, 400, "upload-offset"),
        ("folder=7&path=a", {"Repr_Digest": "sha-256=abc"}, 400, "repr-digest"),
        ("folder=7&path=a", {"Repr_Digest": "sha-256=:YQ==:"}, 400, "repr-digest"),
        ("folder=7&path=a", {"Content_Digest": "sha-256=:*:"}, 400, "content-digest"),
        ("folder=7", {"Content_Disposition": "inline; filename"}, 400, "content-disposition"),
        ("folder=7", {"Content_Disposition": ";"}, 400, "content-disposition"),
        ("folder=7", {"Content_Disposition": "a; filename*=x"}, 400, "content-disposition"),
        (
            "folder=7",
            {"Content_Disposition": "a; filename*=UTF-8''%ff"},
            400,
            "content-disposition",
        ),
        ("folder=7", {"Content_Disposition": "a; b=1; b=2"}, 400, "content-disposition"),
        ("folder=7", {"Content_Disposition": "inline"}, 400, "path"),
        ("folder=7&path=a", {"Content_Encoding": "gzip"}, 415, None),
        (
            "folder=7&path=a",
            {"Upload_Draft_Interop_Version": "9"},
            400,
            "upload-draft-interop-version",
        ),
    ],
)
def test_what_is_malformed_is_refused_with_its_reason(
    ietf: Ietf, query: str, headers: dict[str, Any], status: int, reason: str | None
) -> None:
    ietf.version = "8"

    answer = ietf.request("POST", f"/uploads/?{query}", **headers)

    assert (answer.status, problem(answer).get("reason")) == (status, reason)
    assert not Upload.objects.exists()


@pytest.mark.parametrize(
    ("body", "last", "length"),
    [(b"12345", True, "4"), (b"12345", True, "6"), (b"12345", False, "4"), (b"", True, "1")],
)
def test_lengths_that_contradict_each_other_are_refused(
    ietf: Ietf, body: bytes, length: str, *, last: bool
) -> None:
    answer = ietf.create(body, last=last, Upload_Length=length)

    assert (answer.status, problem(answer)["type"]) == (
        400,
        f"{PROBLEMS}inconsistent-upload-length",
    )
    assert not Upload.objects.exists()


@pytest.mark.parametrize("length", ["-1", "5.0", "five", '"5"', "?1"])
def test_length_that_cannot_be_read_is_as_none(ietf: Ietf, length: str) -> None:
    assert ietf.create(Upload_Length=length).status == 201
    assert Upload.objects.get().length is None


@pytest.mark.parametrize(
    "headers",
    [
        {"Upload_Complete": " ?0;why=me;x "},
        {"Upload_Length": "5;a=1.5", "Upload_Draft_Interop_Version": "eight"},
    ],
)
def test_parameters_and_broken_fields_are_read_over(ietf: Ietf, headers: dict[str, Any]) -> None:
    assert ietf.create(**headers).status == 201


def test_nothing_is_read_of_a_body_that_is_refused(ietf: Ietf) -> None:
    answer = ietf.create([b"x"] * 10, last=True, query="&path=..")

    assert (answer.status, answer.read_at_start) == (422, 0)


def test_file_too_large_is_refused_with_the_limit(ietf: Ietf, settings: Settings) -> None:
    settings.FILES_MAX_UPLOAD_SIZE = 1000

    answer = ietf.create(Upload_Length="1001")

    assert (answer.status, problem(answer)["code"]) == (413, "file-too-large")
    assert answer.headers["upload-limit"].startswith("max-size=1000, max-age=")


def test_without_a_session_nothing_is_begun(ietf: Ietf) -> None:
    ietf.client.cookies.clear()

    assert (ietf.create().status, Upload.objects.count()) == (401, 0)


def test_who_may_not_add_is_told_as_the_gate_tells(ietf: Ietf) -> None:
    team = root_of(make_shared_space())
    secret = make_folder(team, "secret")

    assert problem(Ietf(ietf.client, secret.pk).create())["code"] == "entry-not-found"


def test_viewer_may_not_begin_an_upload(ietf: Ietf, root: Entry) -> None:
    bob = make_member(root, Grant.Role.VIEWER)
    assert bob.user is not None

    answer = Ietf(ietf.client.sign_in(bob.user), root.pk).create()

    assert (answer.status, problem(answer)["code"]) == (403, "forbidden")


def test_taken_name_is_refused_where_it_is_asked(ietf: Ietf, root: Entry) -> None:
    make_file(root, "a")

    answer = ietf.create(b"x", last=True, query="&path=a&clash=refuse")

    assert (answer.status, problem(answer)["code"]) == (409, "entry-exists")


@pytest.mark.parametrize("stated", [digest(b"whole"), f"sha-512=:AA==:, {digest(b'whole')}"])
def test_right_digest_of_the_file_is_checked(ietf: Ietf, root: Entry, stated: str) -> None:
    stated = stated.replace("AA==", digest(b"whole", "sha-512").split(":")[1])

    assert ietf.create(b"whole", last=True, Repr_Digest=stated).status == 201
    assert paths_in(root) == {"a": b"whole"}


def test_digest_in_the_address_is_checked_as_well(ietf: Ietf) -> None:
    right, wrong = (sha256(content).hexdigest().upper() for content in (b"whole", b"other"))

    assert ietf.create(b"whole", last=True, query=f"&path=a&sha256={right}").status == 201
    assert ietf.create(b"whole", last=True, query=f"&path=a&sha256={wrong}").status == 400


def test_body_that_goes_on_behind_the_length_leaves_nothing(ietf: Ietf) -> None:
    answer = ietf.create([b"abc", b"d"], last=True, Upload_Length="3")

    assert problem(answer)["type"] == f"{PROBLEMS}inconsistent-upload-length"
    assert ("location" in answer.headers, Upload.objects.count()) == (False, 0)


def test_wrong_digest_of_the_file_shows_nothing(ietf: Ietf, root: Entry) -> None:
    answer = ietf.create(b"whole", last=True, Repr_Digest=digest(b"other"))

    assert (answer.status, problem(answer)["code"]) == (400, "digest-mismatch")
    assert "location" not in answer.headers
    assert (paths_in(root), Upload.objects.count()) == ({}, 0)


@pytest.mark.parametrize("algorithm", ["sha-256", "sha-512"])
def test_wrong_digest_of_a_body_counts_nothing_and_the_upload_stays(
    ietf: Ietf, algorithm: str
) -> None:
    answer = ietf.create(b"first", Content_Digest=digest(b"other", algorithm))

    assert (answer.status, problem(answer)["code"]) == (400, "digest-mismatch")
    url = answer.headers["location"]
    assert state_of(ietf.head(url)) == ("0", False)
    right = digest(b"first", algorithm)
    assert ietf.patch(url, b"first", last=True, Content_Digest=right).status == 201


def test_digests_of_other_algorithms_are_read_over(ietf: Ietf) -> None:
    stated = 'md5=:AAAA:, x, y="z", z=tok'

    assert ietf.create(b"x", last=True, Repr_Digest=stated, Content_Digest=stated).status == 201


def test_what_a_cut_request_brought_is_kept(ietf: Ietf) -> None:
    path = f"/uploads/?folder={ietf.folder}&path=a"

    answer = ietf.client.request(
        "POST", path, [b"first "], gone=True, Upload_Complete="?1", Upload_Length="10"
    )

    upload = Upload.objects.get()
    assert (answer.status, upload.offset, upload.is_held) == (0, 6, False)
    url = f"/uploads/{upload.pk.hex}"
    assert ietf.patch(url, b"last", at=6, last=True).status == 201


@pytest.mark.parametrize("method", ["PATCH", "DELETE", "HEAD", "GET"])
def test_collection_has_no_other_methods(ietf: Ietf, method: str) -> None:
    answer = ietf.request(method, "/uploads/")

    assert (answer.status, answer.headers["allow"]) == (405, "POST, PUT, OPTIONS")


@pytest.mark.parametrize("headers", [{}, {"Tus_Resumable": "1.0.0", "Upload_Complete": "?1"}])
def test_requests_of_other_protocols_are_left_to_others(
    ietf: Ietf, headers: dict[str, Any]
) -> None:
    answer = ietf.client.request("POST", f"/uploads/?folder={ietf.folder}&path=a", **headers)

    assert (answer.status, Upload.objects.count()) == (403, 0)  # a page, and no form of ours
