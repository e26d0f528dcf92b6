"""Events in the admin: filtered, said in words, and taken away as CSV."""

import csv
import io
import json
import tracemalloc
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from files.access import act_by
from files.admin.exports import HEADINGS, WINDOW, events_as_csv
from files.models import Event, Grant, Space, Token
from files.operations.entries import rename_entry
from files.operations.locks import break_lock
from files.operations.properties import PropertyChange, set_properties
from files.operations.spaces import set_member, set_quota
from files.operations.transfer import move_entries
from files.operations.trash import delete_entries
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import (
    SYSTEM,
    actor_of,
    last_events,
    make_file,
    make_folder,
    make_lock,
    make_token,
)

EVENTS = "/admin/files/event/"
NAMES = "=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1"


def kinds(user: User, query: str) -> list[str]:
    """Give what happened, as the first page of the list says."""
    answer = signed_in(user).get(f"{EVENTS}?{query}")
    assert answer.status_code == 200
    return [event.kind for event in answer.context["cl"].result_list]


def body(answer: Any) -> bytes:
    """Read a streamed answer to its end."""
    return b"".join(answer.streaming_content)


def exported(user: User, query: str = "") -> list[dict[str, str]]:
    """Download the CSV, and read it as a program would."""
    answer = signed_in(user).get(f"{EVENTS}export/?{query}")
    assert answer.status_code == 200
    text = body(answer).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def said(user: User, event: Event) -> str:
    """Give what the page of an event says was changed."""
    page = signed_in(user).get(f"{EVENTS}{event.pk}/change/").content.decode()
    return page[page.index('class="changes"') :].partition("</ul>")[0]


@pytest.fixture
def clerk(db: None) -> User:
    """Give staff who may read events, and nothing else."""
    return make_staff("clerk", "files.view_event")


def put_back(event: Event, days: float) -> None:
    """Let an event have happened some days ago."""
    Event.objects.filter(pk=event.pk).update(at=timezone.now() - timedelta(days=days))


def test_events_of_a_week_are_filtered_and_exported(world: World, clerk: User) -> None:
    old, trashed = world.space.events.get(seq=1), world.space.events.get(kind="entry-trashed")
    put_back(old, 8)
    put_back(trashed, 3)
    today = timezone.localdate()
    week = f"at_from={today - timedelta(days=6)}&at_to={today}"

    assert len(kinds(clerk, week)) == Event.objects.count() - 1
    assert kinds(
        clerk, f"at_from={today - timedelta(days=4)}&at_to={today - timedelta(days=2)}"
    ) == ["entry-trashed"]
    assert len(exported(clerk, week)) == Event.objects.count() - 1


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("at_from=yesterday", "Please enter a date"),
        ("at_to=2026-13-01", "Please enter a date"),
        ("at_from=0001-01-01", "Please enter a date"),
        ("at_from=2026-02-02&at_to=2026-02-01", "The range ends before it begins."),
    ],
)
def test_a_range_that_cannot_be_is_said_and_lists_nothing(
    query: str, said: str, world: World, clerk: User
) -> None:
    client = signed_in(clerk)

    page = client.get(f"{EVENTS}?{query}")

    assert said in page.content.decode()
    assert list(page.context["cl"].result_list) == []
    assert client.get(f"{EVENTS}export/?{query}").headers["location"] == f"{EVENTS}?{query}"


def test_events_are_filtered_by_who(world: World, clerk: User) -> None:
    make_folder(world.root, "by bob", actor=actor_of(world.bob))

    assert kinds(clerk, "who=bob") == ["folder-created"]
    assert kinds(clerk, "who=bob&door__exact=admin") == []
    assert "folder-created" in kinds(clerk, "who=(system)")
    assert kinds(clerk, "who=nobody") == []


def test_filters_of_keys_are_shown_and_guarded(world: World, clerk: User) -> None:
    page = signed_in(clerk).get(f"{EVENTS}?entry_id={world.file.pk}").content.decode()

    assert f"#{world.file.pk}" in page
    assert "Clear all filters" in page
    assert kinds(clerk, "entry_id=x") == []
    assert kinds(clerk, "entry_id=99999999999999999999999") == []


def test_export_has_the_columns_of_the_documentation(world: World, clerk: User) -> None:
    moment = datetime(2026, 5, 3, 14, 5, 6, 789000, tzinfo=UTC)
    Event.objects.filter(kind="entry-trashed").update(at=moment)

    (row,) = exported(clerk, "kind__exact=entry-trashed")

    assert tuple(row) == HEADINGS
    assert row["at"] == "2026-05-03T14:05:06.789Z"
    assert (row["space"], row["name"], row["actor"]) == ("Team", "old.txt", "")
    assert (row["kind"], row["door"]) == ("entry-trashed", "command")
    assert json.loads(row["before"])["trashed"] is False
    assert json.loads(row["after"])["trashed"] is True


def test_export_is_a_download_that_spreadsheets_read(world: World, clerk: User) -> None:
    make_folder(world.root, "Отчёт")

    answer = signed_in(clerk).get(f"{EVENTS}export/")
    text = body(answer)

    assert text.startswith(b"\xef\xbb\xbfid,at,")
    assert "Отчёт".encode() in text
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == (
        f'attachment; filename="events-{timezone.localdate()}.csv"'
    )
    assert "no-store" in answer.headers["cache-control"]


@pytest.mark.parametrize("name", NAMES)
def test_export_holds_no_formula(name: str, world: World, clerk: User) -> None:
    make_folder(world.root, name)

    assert exported(clerk)[-1]["name"] == f"'{name}"


def test_export_of_nothing_is_its_headings(world: World, clerk: User) -> None:
    assert exported(clerk, "who=nobody") == []


def test_head_of_the_export_reads_no_event(world: World, clerk: User) -> None:
    answer = signed_in(clerk).head(f"{EVENTS}export/")

    assert (answer.status_code, answer.content) == (200, b"")
    assert signed_in(clerk).post(f"{EVENTS}export/").status_code == 405


def test_a_wrong_filter_of_the_export_leads_to_the_list(world: World, clerk: User) -> None:
    answer = signed_in(clerk).get(f"{EVENTS}export/?nonsense=1")

    assert (answer.status_code, answer.headers["location"]) == (302, f"{EVENTS}?nonsense=1")


def fill(space: Space, number: int) -> None:
    """Record many events, every other one by bob."""
    Event.objects.bulk_create(
        (
            Event(
                space=space,
                seq=1000 + n,
                kind=Event.Kind.ENTRY_RENAMED,
                entry_id=n,
                actor_name="bob" if n % 2 else "ada",
                door=Event.Door.WEB,
                before={"name": f"before {n}", "revision": 1},
                after={"name": f"after {n}", "revision": 2},
            )
            for n in range(number)
        ),
        batch_size=5000,
    )


def test_export_gives_each_event_once_and_oldest_first(world: World, clerk: User) -> None:
    fill(world.space, 3 * WINDOW + 7)

    keys = [int(row["id"]) for row in exported(clerk)]

    assert keys == list(Event.objects.order_by("pk").values_list("pk", flat=True))
    assert len(exported(clerk, "who=bob")) == (3 * WINDOW + 7) // 2


def test_export_leaves_out_what_happens_meanwhile(world: World) -> None:
    pieces = events_as_csv(Event.objects.all())
    head = next(pieces)
    first = next(pieces)
    make_folder(world.root, "late")

    assert b"late" not in b"".join([head, first, *pieces])


def test_export_of_many_events_takes_the_memory_of_a_window(world: World) -> None:
    fill(world.space, 12_000)
    pieces = events_as_csv(Event.objects.all())
    next(pieces)

    tracemalloc.start()
    with CaptureQueriesContext(connection) as queries:
        total = sum(len(piece) for piece in pieces)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()

    assert total > 1_500_000
    assert peak < total
    assert len(queries) <= 3 + 12_000 / WINDOW


def test_list_of_events_asks_as_little_for_many_as_for_one(world: World, superuser: User) -> None:
    set_member(
        world.space, group=Group.objects.create(name="crew"), role=Grant.Role.VIEWER, actor=SYSTEM
    )
    fill(world.space, 200)
    client = signed_in(superuser)
    client.get(EVENTS)

    with CaptureQueriesContext(connection) as queries:
        client.get(EVENTS)

    assert len(queries) <= 10


def test_a_rename_is_said_in_words(world: World, superuser: User) -> None:
    rename_entry(world.file, name="dune.txt", actor=SYSTEM)

    text = said(superuser, Event.objects.latest("pk"))

    assert "<bdi>beach.txt</bdi>" in text
    assert "<bdi>dune.txt</bdi>" in text
    assert "revision" not in text


def test_a_broken_lock_and_changed_properties_are_said_in_words(
    world: World, superuser: User
) -> None:
    break_lock(make_lock(world.file, actor=actor_of(world.bob)).pk, actor=SYSTEM)
    set_properties(world.file.pk, [PropertyChange("urn:x", "colour", "red")], actor=SYSTEM)
    broken, changed = last_events(world.space, 2)

    assert ">held by:</span> bob" in said(superuser, broken)
    assert ">scope:</span> exclusive" in said(superuser, broken)
    assert "{urn:x}colour" in said(superuser, changed)


def test_a_move_links_to_both_folders(world: World, superuser: User) -> None:
    other = make_folder(world.root, "Other")
    move_entries([world.file], parent=other, actor=SYSTEM)

    text = said(superuser, Event.objects.latest("pk"))

    assert text.index(f"entry/{world.folder.pk}/change/") < text.index(f"entry/{other.pk}/change/")


def test_who_may_not_see_entries_is_told_no_name_of_a_folder(world: World, clerk: User) -> None:
    make_file(world.folder, "new.txt")

    text = said(clerk, Event.objects.latest("pk"))

    assert "Photos" not in text
    assert f"#{world.folder.pk}" in text


def test_quota_and_members_are_said_in_words(world: World, superuser: User) -> None:
    set_quota(world.space, quota_bytes=2**30, actor=SYSTEM)
    assert "no limit" in (text := said(superuser, Event.objects.latest("pk")))
    assert "1\N{NO-BREAK SPACE}GiB" in text

    set_member(world.space, user=world.bob, role=Grant.Role.MANAGER, actor=SYSTEM)
    text = said(superuser, Event.objects.latest("pk"))
    assert "bob" in text
    assert text.index("editor") < text.index("manager")

    set_member(world.space, user=world.bob, role=None, actor=SYSTEM)
    assert "bob" in said(superuser, Event.objects.latest("pk"))


def test_an_event_outlives_its_entry_and_its_account(world: World, superuser: User) -> None:
    eve = User.objects.create_user("eve")
    delete_entries([world.trashed], actor=SYSTEM)
    event = Event.objects.filter(entry_id=world.trashed.pk).latest("pk")
    Event.objects.filter(pk=event.pk).update(actor=eve, actor_name="eve")
    eve.delete()

    page = signed_in(superuser).get(f"{EVENTS}{event.pk}/change/").content.decode()

    assert "old.txt" in page
    assert "eve" in page
    assert f"/admin/files/entry/{world.trashed.pk}/" not in page


def test_the_page_of_an_entry_says_who_changed_it(world: World, superuser: User) -> None:
    rename_entry(world.file, name="dune.txt", actor=actor_of(world.bob))
    address = f"/admin/files/entry/{world.file.pk}/change/"
    looker = make_staff("looker", "files.view_entry")

    page = signed_in(superuser).get(address).content.decode()

    assert "renamed" in page
    assert "<bdi>bob</bdi>" in page
    assert "<bdi>bob</bdi>" not in signed_in(looker).get(address).content.decode()


def test_an_event_names_the_token_by_which_it_was_done(world: World, superuser: User) -> None:
    token, _secret = make_token(world.bob)
    make_folder(world.root, "by it", actor=act_by(token, Event.Door.API))
    event = Event.objects.get(token_id=token.pk)
    client, page = signed_in(superuser), f"{EVENTS}{event.pk}/change/"

    linked = client.get(page).content.decode()
    (row,) = exported(superuser, "kind__exact=folder-created&who=bob")
    Token.objects.all().delete()
    named = client.get(page).content.decode()

    link = f'<a href="/admin/files/token/{token.pk}/change/"><bdi>laptop</bdi></a>'
    assert link in linked
    assert link not in named
    assert "<bdi>laptop</bdi>" in named
    assert "token “laptop”" in client.get(EVENTS).content.decode()
    assert (row["token_id"], row["token"]) == (str(token.pk), "laptop")
