"""Bytes are appended by PATCH."""

from typing import Any

import pytest

from files.models import Entry, Space, Upload
from tests.factories import make_file, paths_in, reread
from tests.uploads.ietf import PARTIAL, PROBLEMS, VERSIONS, Ietf, digest, problem, state_of

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize("version", VERSIONS)
def test_parts_come_one_after_the_other(ietf: Ietf, root: Entry, version: str | None) -> None:
    ietf.version = version
    url = ietf.begin(Upload_Length="7")

    first = ietf.patch(url, b"one ")
    last = ietf.patch(url, b"two", at=4, last=True)

    is_old = version in {"3", "4", "5"}
    assert (first.status, state_of(first)) == (201 if is_old else 204, ("4", False))
    assert "location" not in first.headers
    assert (last.status, state_of(last)) == (201, ("7", True))
    assert last.headers["location"] == f"/entries/{Upload.objects.get().entry_id}/"
    assert last.headers["repr-digest"] == digest(b"one two")
    assert paths_in(root) == {"a": b"one two"}


@pytest.mark.parametrize("body", [b"rest", [b"re", b"st"]], ids=["sized", "chunked"])
@pytest.mark.parametrize("length", [None, "9"])
def test_last_part_tells_the_length(ietf: Ietf, root: Entry, body: Any, length: str | None) -> None:
    url = ietf.begin(b"first")

    answer = ietf.patch(url, body, at=5, last=True, Upload_Length=length)

    assert (answer.status, state_of(answer)) == (201, ("9", True))
    assert paths_in(root) == {"a": b"firstrest"}


@pytest.mark.parametrize("version", ["7", "8", None])
def test_empty_last_part_completes_what_has_reached_its_length(
    ietf: Ietf, root: Entry, version: str | None
) -> None:
    ietf.version = version
    url = ietf.begin(Upload_Length="5")
    held = ietf.patch(url, b"whole")
    assert (state_of(held), paths_in(root)) == (("5", False), {})

    answer = ietf.patch(url, at=5, last=True)

    assert (answer.status, state_of(answer)) == (201, ("5", True))
    assert paths_in(root) == {"a": b"whole"}


@pytest.mark.parametrize("version", ["3", "4", "5", "6"])
def test_old_clients_are_done_when_the_length_is_reached(
    ietf: Ietf, root: Entry, version: str
) -> None:
    ietf.version = version
    url = ietf.begin(Upload_Length="5")

    first, again = ietf.patch(url, b"whole"), ietf.patch(url, at=5, last=True)

    assert (first.status, state_of(first)) == (201, ("5", True))
    assert (again.status, state_of(again)) == (201, ("5", True))
    assert paths_in(root) == {"a": b"whole"}


@pytest.mark.parametrize("version", ["3", "6"])
def test_old_clients_may_say_without_bytes_that_it_was_the_end(
    ietf: Ietf, root: Entry, version: str
) -> None:
    ietf.version = version
    url = ietf.begin(b"whole")

    assert ietf.patch(url, at=5, last=True).status == 201
    assert paths_in(root) == {"a": b"whole"}


@pytest.mark.parametrize(
    ("version", "content_type", "status"),
    [
        ("3", None, 201),
        ("5", None, 201),
        ("5", "application/offset+octet-stream", 201),
        ("6", PARTIAL, 204),
        ("6", None, 415),
        ("7", "application/octet-stream", 415),
        ("8", None, 415),
        ("8", "Application/Partial-Upload; x=y", 204),
        (None, None, 415),
    ],
)
def test_part_has_a_type_of_its_own_since_version_6(
    ietf: Ietf, version: str | None, content_type: str | None, status: int
) -> None:
    ietf.version = version
    url = ietf.begin()

    answer = ietf.patch(url, b"x", Content_Type=content_type)

    assert answer.status == status
    assert status != 415 or answer.headers["accept-patch"] == PARTIAL


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("at", [0, 4, 6])
def test_wrong_offset_is_told_with_the_right_one(ietf: Ietf, version: str | None, at: int) -> None:
    ietf.version = version
    url = ietf.begin(b"first")

    answer = ietf.patch(url, b"x", at=at, last=True)

    assert (answer.status, state_of(answer)) == (409, ("5", False))
    told = problem(answer)
    assert told["type"] == f"{PROBLEMS}mismatching-upload-offset"
    assert (told["expected-offset"], told["provided-offset"]) == (5, at)


@pytest.mark.parametrize(
    ("version", "body", "name"),
    [
        ("5", b"x", "completed-upload"),
        ("6", b"x", "completed-upload"),
        ("7", b"x", "completed-upload"),
        ("8", b"", "completed-upload"),
        ("8", b"x", "inconsistent-upload-length"),
        ("8", [b"x"], "inconsistent-upload-length"),
    ],
)
def test_complete_upload_takes_nothing(ietf: Ietf, version: str, body: Any, name: str) -> None:
    ietf.version = version
    url = ietf.begin()
    ietf.patch(url, b"whole", last=True)

    answer = ietf.patch(url, body, at=5, last=True)

    assert (answer.status, problem(answer)["type"]) == (400, f"{PROBLEMS}{name}")
    assert state_of(answer)[1] is True


@pytest.mark.parametrize(
    ("body", "last", "length"),
    [
        (b"12345", False, None),  # more than was said when it began
        (b"12345", True, None),
        (b"123", True, None),  # less
        (b"1234", False, "8"),  # another length
        (b"1234", True, "10"),  # two in one request
    ],
)
def test_head_that_contradicts_the_length_is_refused_and_nothing_is_lost(
    ietf: Ietf, body: bytes, length: str | None, *, last: bool
) -> None:
    url = ietf.begin(b"first", Upload_Length="9")

    answer = ietf.patch(url, body, at=5, last=last, Upload_Length=length)

    assert (answer.status, problem(answer)["type"]) == (
        400,
        f"{PROBLEMS}inconsistent-upload-length",
    )
    assert ietf.patch(url, b"rest", at=5, last=True).status == 201


def test_body_that_goes_on_behind_the_length_ends_the_upload(
    ietf: Ietf, root: Entry, space: Space
) -> None:
    url = ietf.begin(b"first", Upload_Length="9")

    answer = ietf.patch(url, [b"rest", b"!"], at=5, last=True)

    assert problem(answer)["type"] == f"{PROBLEMS}inconsistent-upload-length"
    assert ietf.head(url).status == 404
    assert (paths_in(root), reread(space).used_bytes) == ({}, 0)


@pytest.mark.parametrize(
    ("version", "headers", "reason"),
    [
        ("8", {"Upload_Offset": None}, "upload-offset"),
        ("8", {"Upload_Offset": "-1"}, "upload-offset"),
        ("8", {"Upload_Offset": "?0"}, "upload-offset"),
        ("8", {"Upload_Complete": None}, "upload-complete"),
        ("7", {"Upload_Complete": "no"}, "upload-complete"),
        ("8", {"Content_Digest": "x y"}, "content-digest"),
        ("8", {"Content_Digest": "x=1,"}, "content-digest"),
    ],
)
def test_what_is_malformed_is_refused_with_its_reason(
    ietf: Ietf, version: str, headers: dict[str, Any], reason: str
) -> None:
    ietf.version = version
    url = ietf.begin()

    answer = ietf.patch(url, b"x", **headers)

    assert (answer.status, problem(answer)["reason"]) == (400, reason)


@pytest.mark.parametrize("version", ["3", "5", "6"])
def test_old_clients_may_let_the_length_say_that_it_is_the_end(
    ietf: Ietf, root: Entry, version: str
) -> None:
    ietf.version = version
    url = ietf.begin(b"whole")

    answer = ietf.patch(url, at=5, Upload_Length="5", Upload_Complete=None, Upload_Incomplete=None)

    assert (answer.status, state_of(answer)) == (201, ("5", True))
    assert paths_in(root) == {"a": b"whole"}


def test_what_a_cut_connection_brought_is_kept(ietf: Ietf) -> None:
    url = ietf.begin(b"first ", Upload_Length="12")

    answer = ietf.client.request(
        "PATCH", url, [b"sec"], gone=True,
        Upload_Complete="?1", Upload_Offset="6", Content_Type=PARTIAL,
    )  # fmt: skip

    assert answer.status == 0
    assert state_of(ietf.head(url)) == ("9", False)
    assert ietf.patch(url, b"ond", at=9, last=True).status == 201


def test_wrong_digest_of_a_part_counts_nothing_of_it(ietf: Ietf) -> None:
    url = ietf.begin(b"first ")

    answer = ietf.patch(url, b"second", at=6, last=True, Content_Digest=digest(b"other"))

    assert (answer.status, problem(answer)["of"]) == (400, "content")
    assert state_of(ietf.head(url)) == ("6", False)


@pytest.mark.parametrize(("stated", "status"), [(b"firstrest", 201), (b"rest", 400)])
def test_digest_of_the_whole_file_may_come_with_its_end(
    ietf: Ietf, root: Entry, stated: bytes, status: int
) -> None:
    url = ietf.begin(b"first")

    answer = ietf.patch(url, b"rest", at=5, last=True, Repr_Digest=digest(stated))

    assert answer.status == status
    assert paths_in(root) == ({"a": b"firstrest"} if status == 201 else {})


def test_refusal_at_the_end_keeps_the_bytes(ietf: Ietf, root: Entry) -> None:
    url = ietf.begin(query="&path=a&clash=refuse")
    there = make_file(root, "a")

    refused = ietf.patch(url, b"whole", last=True)

    assert (refused.status, problem(refused)["code"]) == (409, "entry-exists")
    there.name = there.name_key = there.name_fold = "b"
    there.save()
    assert ietf.patch(url, at=5, last=True).status == 201
    assert paths_in(root)["a"] == b"whole"


def test_unknown_upload_is_not_found(ietf: Ietf) -> None:
    answer = ietf.patch("/uploads/" + "0" * 32, b"x")

    assert (answer.status, problem(answer)["code"]) == (404, "upload-not-found")
