"""Types that may come in or not: by the server's rules and the space's, held against the bytes."""

import pytest
from django.db import transaction
from pytest_django import Settings

from files.errors import FilesError, ForbiddenError, InvalidValueError
from files.models import Event, Grant, Space
from files.operations.spaces import set_type_rules
from files.operations.type_rules import LIMIT, TypeRules, check_settings, parse_globs
from files.operations.versions import NewFile, Refusal, put_files
from tests.factories import (
    SYSTEM,
    codes,
    last_events,
    make_blob,
    make_member,
    make_shared_space,
    paths_in,
    root_of,
)

pytestmark = pytest.mark.django_db


def came_in(space: Space, *types: str) -> list[str]:
    """Put a file of each type, and say what became of them."""
    files = [
        NewFile((f"{number}",), make_blob(media_type=media_type))
        for number, media_type in enumerate(types)
    ]
    return codes(put_files(root_of(space), files, actor=SYSTEM, refusal=Refusal.EACH))


def test_without_rules_everything_comes_in(space: Space) -> None:
    assert came_in(space, "text/html", "application/x-msdownload") == ["0", "1"]


@pytest.mark.parametrize(
    ("allowed", "forbidden", "expected"),
    [
        ("", "video/*", ["0", "type-refused", "2"]),
        ("", "video/mp4 text/plain", ["type-refused", "type-refused", "2"]),
        ("image/*", "", ["type-refused", "type-refused", "2"]),
        ("image/*, video/*", "video/*", ["type-refused", "type-refused", "2"]),
        ("", "*/*", ["type-refused"] * 3),
        ("IMAGE/PNG", "", ["type-refused", "type-refused", "2"]),
        ("image/pn", "ideo/mp4", ["type-refused"] * 3),
    ],
)
def test_rules_of_a_space(space: Space, allowed: str, forbidden: str, expected: list[str]) -> None:
    space = set_type_rules(space, allowed=allowed, forbidden=forbidden, actor=SYSTEM)

    assert came_in(space, "text/plain", "video/mp4", "image/png") == expected


def test_rules_of_the_server_hold_beside_those_of_a_space(space: Space, settings: Settings) -> None:
    settings.FILES_FORBIDDEN_TYPES = ["application/x-MSdownload"]
    settings.FILES_ALLOWED_TYPES = ["application/*"]
    space = set_type_rules(space, allowed="application/*\ntext/*", forbidden="", actor=SYSTEM)

    put = came_in(space, "application/x-msdownload", "text/plain", "application/zip")

    assert put == ["type-refused", "type-refused", "2"]


def test_what_is_there_already_stays(space: Space) -> None:
    came_in(space, "video/mp4")

    set_type_rules(space, allowed="", forbidden="video/*", actor=SYSTEM)

    assert paths_in(root_of(space)) == {"0": b"content"}


def test_a_refused_file_is_told_with_what_it_is(space: Space) -> None:
    space.forbidden_types = "video/*"

    with pytest.raises(FilesError) as caught:
        TypeRules.of(space).require("video/mp4")
    assert caught.value.data == {"media_type": "video/mp4"}


def test_a_change_is_one_event_a_column(space: Space) -> None:
    set_type_rules(space, allowed="image/*", forbidden="", actor=SYSTEM)
    set_type_rules(space, allowed="IMAGE/*", forbidden="text/html", actor=SYSTEM)

    first, second = last_events(space, 2)
    assert first.after == {"allowed_types": "image/*"}
    assert second.kind == Event.Kind.SPACE_CHANGED
    assert (second.before, second.after) == (
        {"forbidden_types": ""},
        {"forbidden_types": "text/html"},
    )


def test_only_managers_set_rules() -> None:
    space = make_shared_space()
    bob = make_member(root_of(space), Grant.Role.EDITOR)

    with pytest.raises(ForbiddenError):
        set_type_rules(space, allowed="", forbidden="video/*", actor=bob)


@pytest.mark.parametrize("text", ["video", "a b/c", "text/", "/x", "text/[a]", "té/xt", "a/b/c"])
def test_what_is_no_glob_is_refused_and_changes_nothing(space: Space, text: str) -> None:
    with pytest.raises(InvalidValueError), transaction.atomic():
        set_type_rules(space, allowed="image/*", forbidden=text, actor=SYSTEM)
    space.refresh_from_db()
    assert (space.allowed_types, space.forbidden_types) == ("", "")


def test_globs_are_read_once_each_and_not_without_end() -> None:
    assert parse_globs(" image/*,\r\nvideo/mp4 image/* ,") == ["image/*", "video/mp4"]
    with pytest.raises(InvalidValueError):
        parse_globs(" ".join(f"a/{number}" for number in range(LIMIT + 1)))


def test_settings_that_would_match_nothing_are_told(settings: Settings) -> None:
    settings.FILES_ALLOWED_TYPES, settings.FILES_FORBIDDEN_TYPES = ["image/*"], ["exe", "A/*"]

    (message,) = check_settings()
    assert "FILES_FORBIDDEN_TYPES holds 'exe'" in message.msg
