"""Blobs, versions and events in the admin: found by what identifies them, and only read."""

import csv
import json
import re
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils.html import escape

from files.models import Blob, Entry, Event, Version
from tests.admin.conftest import World, signed_in
from tests.factories import make_file


def count(user: User, address: str) -> int:
    """Count the rows on the first page of a list."""
    answer = signed_in(user).get(f"/admin/files/{address}")
    assert answer.status_code == 200
    return len(answer.context["cl"].result_list)


def test_a_blob_is_found_by_id_and_digest(world: World, superuser: User) -> None:
    blob = Blob.objects.get(versions__entry=world.file)

    for term in (str(blob.pk), blob.pk.hex.upper(), blob.sha256):
        assert count(superuser, f"blob/?q={term}") == 1
    for term in ("nothing", blob.sha256[:10]):
        assert count(superuser, f"blob/?q={term}") == 0
    assert count(superuser, "blob/?state__exact=doomed") == 0


def test_the_page_of_a_blob_leads_to_who_uses_it(world: World, superuser: User) -> None:
    blob = Blob.objects.get(versions__entry=world.file)

    page = signed_in(superuser).get(f"/admin/files/blob/{blob.pk}/change/").content.decode()

    assert f"/admin/files/version/?blob={blob.pk}" in page
    assert "versions: 1" in page
    assert count(superuser, f"version/?blob={blob.pk}") == 1


def test_versions_of_one_entry_are_listed(world: World, superuser: User) -> None:
    assert count(superuser, f"version/?entry={world.file.pk}") == 1
    version = Version.objects.get(entry=world.file)
    page = signed_in(superuser).get(f"/admin/files/version/{version.pk}/change/")
    assert "beach.txt" in page.content.decode()


@pytest.mark.parametrize(
    ("query", "number"),
    [("q=clerk", 0), ("kind__exact=entry-trashed", 1), ("door__exact=web", 0), ("q=%23x", 0)],
)
def test_events_are_filtered(query: str, number: int, world: World, superuser: User) -> None:
    assert count(superuser, f"event/?{query}") == number


def test_events_of_one_entry_are_listed(world: World, superuser: User) -> None:
    assert count(superuser, f"event/?entry_id={world.trashed.pk}") == 2
    assert count(superuser, f"event/?q=%23{world.trashed.pk}") == 2


def test_the_page_of_an_event_shows_before_and_after(world: World, superuser: User) -> None:
    event = world.space.events.get(kind="entry-trashed")

    page = signed_in(superuser).get(f"/admin/files/event/{event.pk}/change/").content.decode()

    assert "&quot;trashed&quot;: false" in page
    assert "the system" in page


def rows_of(answer: Any) -> list[dict[str, str]]:
    """Read a CSV answer, with the mark in front of it."""
    content = b"".join(answer.streaming_content)
    assert content.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(StringIO(content.decode("utf-8-sig"), newline="")))


def test_events_are_exported_as_csv(world: World, superuser: User) -> None:
    answer = signed_in(superuser).get("/admin/files/event/export/")

    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert re.fullmatch(
        r'attachment; filename="events-\d{4}-\d\d-\d\d\.csv"', answer["Content-Disposition"]
    )
    rows = rows_of(answer)
    assert len(rows) == Event.objects.count()
    newest = Event.objects.latest("pk")
    assert rows[0] == {
        "at": newest.at.isoformat(),
        "space": "Team",
        "seq": str(newest.seq),
        "kind": "entry-trashed",
        "entry": str(world.trashed.pk),
        "name": "old.txt",
        "actor": "",
        "door": "command",
        "before": json.dumps(newest.before, sort_keys=True),
        "after": json.dumps(newest.after, sort_keys=True),
    }


@pytest.mark.parametrize(
    ("query", "kinds"),
    [
        ("kind__exact=entry-trashed", ["entry-trashed"]),
        ("at_from=2000-01-01&kind__exact=entry-trashed", ["entry-trashed"]),
        ("at_to=2000-01-01", []),
        ("at_from=2999-01-01", []),
    ],
)
def test_the_export_has_what_the_list_shows(
    query: str, kinds: list[str], world: World, superuser: User
) -> None:
    client = signed_in(superuser)

    assert [
        row["kind"] for row in rows_of(client.get(f"/admin/files/event/export/?{query}"))
    ] == kinds
    assert count(superuser, f"event/?{query}") == len(kinds)
    page = client.get(f"/admin/files/event/?{query}").content.decode()
    assert f"/admin/files/event/export/?{escape(query)}" in page


def test_a_filter_that_is_nonsense_is_dropped(world: World, superuser: User) -> None:
    client = signed_in(superuser)

    for address in ("event/?at_from=soon", "event/export/?at_to=x", "entry/?size_from=lots"):
        assert client.get(f"/admin/files/{address}").status_code == 302


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@SUM(A1)"])
def test_a_name_is_no_formula_in_a_spreadsheet(name: str, world: World, superuser: User) -> None:
    make_file(world.root, name)

    (row,) = rows_of(
        signed_in(superuser).get(f"/admin/files/event/export/?q=%23{Entry.objects.latest('pk').pk}")
    )

    assert row["name"] == f"'{name}"


def test_an_export_of_many_events_is_read_in_batches(
    world: World, superuser: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("files.admin.event_export.ROWS", 2)

    rows = rows_of(signed_in(superuser).get("/admin/files/event/export/"))

    keys = [(row["space"], row["seq"]) for row in rows]
    assert len(keys) == len(set(keys)) == Event.objects.count()


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("size_from=4", ["beach.txt"]),
        ("size_to=3", ["old.txt"]),
        ("size_from=1&size_to=1+KiB&q=each", ["beach.txt"]),
        ("size_from=1+GiB", []),
        ("modified_from=2000-01-01&modified_to=2001-01-01", []),
    ],
)
def test_entries_are_found_by_size_and_day(
    query: str, names: list[str], world: World, superuser: User
) -> None:
    answer = signed_in(superuser).get(f"/admin/files/entry/?{query}")

    assert sorted(entry.name for entry in answer.context["cl"].result_list) == names


def test_a_name_with_markup_is_shown_as_text(world: World, superuser: User) -> None:
    world.file.name = "<script>alert(1)</script>"
    world.file.save()
    client = signed_in(superuser)

    for address in ("entry/", f"entry/{world.file.pk}/change/", "version/"):
        assert "<script>alert" not in client.get(f"/admin/files/{address}").content.decode()
