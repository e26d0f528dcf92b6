"""What no program would send: each is refused by a problem, and nothing breaks."""

import json
import sqlite3
from typing import Any

import pytest

from files.models import Entry, Space
from tests.factories import make_file, paths_in
from tests.faults import database_error

from .client import Api, client_of

LARGEST = 2**63 - 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "invalid-value"),
        (b" ", 400, "malformed-request"),
        (b"{", 400, "malformed-request"),
        (b"[]", 422, "invalid-value"),
        (b"null", 422, "invalid-value"),
        (b"7", 422, "invalid-value"),
        (b'"\xff"', 400, "malformed-request"),
        (b"[" * 200_000, 400, "malformed-request"),
        (b'{"name": NaN}', 400, "malformed-request"),
        (b'{"name": -Infinity}', 400, "malformed-request"),
        (b'{"name": ' + b"9" * 5000 + b"}", 400, "malformed-request"),
        (b'{"name": "' + b"a" * 2**20 + b'"}', 413, "body-too-large"),
        (b'{"name": 7}', 422, "invalid-value"),
        (b'{"name": ["a"]}', 422, "invalid-value"),
        (b'{"name": null}', 422, "invalid-value"),
        (b'{"name": "a", "more": 1}', 422, "invalid-value"),
        (b'{"name": "a\\u0000b"}', 422, "invalid-name"),
        (b'{"name": "\\ud800"}', 422, "invalid-value"),
        (b'{"name": ""}', 422, "invalid-name"),
        (b'{"name": "a/b"}', 422, "invalid-name"),
        (b'{"name": ".."}', 422, "invalid-name"),
        (json.dumps({"name": "ж" * 128}).encode(), 422, "invalid-name"),
        (json.dumps({"name": "a" * 256}).encode(), 422, "invalid-value"),
    ],
)
def test_a_document_that_is_none_is_refused(
    ada: Api, root: Entry, body: bytes, status: int, code: str
) -> None:
    answer = ada.send_raw("POST", f"/folders/{root.pk}/folders", body)

    assert (answer.status, answer.code) == (status, code)
    assert len(answer.body) < 4096
    assert paths_in(root) == {}


@pytest.mark.parametrize(
    "kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]
)
def test_a_document_is_json_by_its_type_alone(ada: Api, root: Entry, kind: str) -> None:
    answer = ada.send_raw("POST", f"/folders/{root.pk}/folders", '{"name": "a"}', kind)

    assert (answer.status, answer.code) == (415, "unsupported-type")


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({"entries": [], "parent": 1}, "body.entries"),
        ({"entries": [1] * 501, "parent": 1}, "body.entries"),
        ({"entries": [True], "parent": 1}, "body.entries.0"),
        ({"entries": ["1"], "parent": 1}, "body.entries.0"),
        ({"entries": [1.0], "parent": 1}, "body.entries.0"),
        ({"entries": [1]}, "body.parent"),
    ],
)
def test_a_value_of_a_wrong_kind_is_named(ada: Api, document: Any, field: str) -> None:
    answer = ada.post("/entries/move", document)

    assert (answer.status, answer.code) == (422, "invalid-value")
    assert answer.json["data"]["errors"][0]["field"] == field


@pytest.mark.parametrize("entry_id", [10**18, LARGEST, LARGEST + 1, 10**400, 0, -1, -(10**40)])
def test_an_id_that_no_row_can_have_is_not_found(ada: Api, root: Entry, entry_id: int) -> None:
    file = make_file(root, "a")
    known = {"path": "b", "size": 70_000, "sha256": "0" * 64}
    answers = [
        ada.post("/entries/move", {"entries": [file.pk, entry_id], "parent": root.pk}),
        ada.post("/entries/move", {"entries": [file.pk], "parent": entry_id}),
        ada.post("/entries/trash", {"entries": [entry_id]}),
        ada.post("/trash/restore", {"entries": [entry_id]}),
        ada.post("/trash/delete", {"entries": [entry_id]}),
        ada.patch(f"/entries/{file.pk}", {"parent": entry_id}),
        ada.post(f"/entries/{file.pk}/copy", {"parent": entry_id}),
        ada.post("/tokens", {"name": "laptop", "scopes": ["read"], "top": entry_id}),
    ]
    if entry_id >= 0:
        answers.append(ada.post(f"/folders/{entry_id}/known", known))
        answers.append(ada.get(f"/folders/{entry_id}/entries"))

    assert {(answer.status, answer.code) for answer in answers} == {(404, "entry-not-found")}
    assert paths_in(root) == {"a": b"content"}


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/entries/{largest}", 404, "entry-not-found"),
        ("/entries/{over}", 404, "entry-not-found"),
        ("/entries/" + "9" * 4000, 404, "entry-not-found"),
        ("/entries/" + "9" * 5000, 404, "address-not-found"),
        ("/entries/0", 404, "entry-not-found"),
        ("/entries/{over}/versions", 404, "entry-not-found"),
        ("/entries/{over}/locks", 404, "entry-not-found"),
        ("/spaces/{over}", 404, "space-not-found"),
        ("/spaces/{over}/usage", 404, "space-not-found"),
        ("/spaces/{over}/members", 404, "space-not-found"),
        ("/spaces/{over}/trash", 404, "space-not-found"),
        ("/spaces/{over}/entries", 404, "entry-not-found"),
        ("/spaces/{over}/jobs/1", 404, "job-not-found"),
        ("/spaces/{space}/jobs/{over}", 404, "job-not-found"),
        ("/tokens/{over}", 404, "token-not-found"),
        ("/entries/-1", 404, "address-not-found"),
        ("/entries/x", 404, "address-not-found"),
        ("/nothing", 404, "address-not-found"),
        ("/entries/1/", 404, "address-not-found"),
        ("/uploads/x", 422, "invalid-value"),
        ("/search", 422, "invalid-value"),
        ("/search?q=", 422, "invalid-value"),
        ("/search?q=%00", 422, "invalid-value"),
        ("/search?q=a&limit=501", 422, "invalid-value"),
        ("/search?q=a&limit=0", 422, "invalid-value"),
        ("/search?q=a&limit=x", 422, "invalid-value"),
        ("/search?q=a&cursor=x", 422, "invalid-value"),
        ("/search?q=a&cursor=i{over}", 422, "invalid-value"),
        ("/folders/{root}/entries?sort=nonsense", 422, "invalid-value"),
        ("/folders/{root}/entries?cursor=nonsense", 422, "invalid-value"),
        ("/folders/{root}/entries?cursor=b1-7", 422, "invalid-value"),
        ("/folders/{root}/entries?cursor=a1-{root}", 410, "stale-cursor"),
        ("/folders/{file}/entries", 409, "not-a-folder"),
        ("/entries/{root}/versions", 409, "not-a-file"),
        ("/spaces/{over}/events", 404, "space-not-found"),
        ("/spaces/{space}/events?after={over}", 422, "invalid-value"),
        ("/spaces/{space}/events?after={largest}", 410, "stale-cursor"),
        ("/spaces/{space}/events?after=-1", 422, "invalid-value"),
        ("/spaces/{space}/trash?cursor=i7", 410, "stale-cursor"),
        ("/spaces?cursor=i{largest}", 422, "invalid-value"),
        ("/spaces?cursor=i7777", 410, "stale-cursor"),
        ("/uploads?cursor=7", 422, "invalid-value"),
        ("/uploads?cursor=" + "7" * 32, 410, "stale-cursor"),
        ("/spaces/{space}/members?cursor=x", 422, "invalid-value"),
    ],
)
def test_an_address_that_leads_nowhere_is_refused(
    ada: Api, root: Entry, space: Space, path: str, status: int, code: str
) -> None:
    file = make_file(root, "a")
    named = {"root": root.pk, "file": file.pk, "space": space.pk}

    answer = ada.get(path.format(largest=LARGEST, over=LARGEST + 1, **named))

    assert (answer.status, answer.code) == (status, code)


@pytest.mark.parametrize(
    ("method", "path", "allow"),
    [
        ("POST", "/me", "GET, HEAD"),
        ("PUT", "/entries/1", "DELETE, GET, HEAD, PATCH"),
        ("TRACE", "/entries/1", "DELETE, GET, HEAD, PATCH"),
        ("GET", "/entries/move", "POST"),
        ("GET", "/entries/1/content", "GET, HEAD, PUT"),
        ("POST", "/openapi.json", "GET, HEAD"),
    ],
)
def test_a_method_that_an_address_does_not_take_is_told(
    ada: Api, method: str, path: str, allow: str
) -> None:
    answer = ada.send(method, path)

    assert (answer.status, answer.code) == (405, "method-not-allowed")
    assert answer.headers["allow"] == allow


def test_what_breaks_is_a_problem_too(
    ada: Api, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.api.views.entries.EntryLooked.at", lambda _located: 1 / 0)
    ada.client.raise_request_exception = False

    answer = ada.get(f"/entries/{root.pk}")

    assert (answer.status, answer.code) == (500, "internal-fault")


def test_a_database_without_room_is_a_full_disk(
    ada: Api, root: Entry, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_arguments: Any, **_more: Any) -> Entry:
        raise database_error(sqlite3.SQLITE_FULL)

    monkeypatch.setattr("files.api.views.entries.create_folder", fail)
    monkeypatch.setattr("files.web.views.entry.create_folder", fail)

    answer = ada.post(f"/folders/{root.pk}/folders", {"name": "a"})
    page = ada.client.post(f"/folders/{root.pk}/new/", {"name": "a"})

    assert (answer.status, answer.code) == (507, "disk-full")
    assert page.status_code == 507


def test_head_is_answered_as_get_is(ada: Api, root: Entry) -> None:
    told = ada.send("HEAD", f"/entries/{root.pk}")

    assert (told.status, told.etag) == (200, '"r1"')


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH", "DELETE"])
def test_nobody_is_told_anything(db: None, method: str) -> None:
    paths = {"GET": "/me", "POST": "/entries/move", "PATCH": "/entries/1", "DELETE": "/entries/1"}

    answer = client_of(None).send(method, paths[method])

    assert (answer.status, answer.code) == (401, "sign-in-required")
    assert answer.headers["www-authenticate"].startswith("Bearer")
