"""Who may do what in the admin: every page and action of ours, with each single permission."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from files.models import Blob, Event, Version
from tests.admin.conftest import World, make_staff, signed_in

MODELS = ("blob", "entry", "event", "space", "version")
USEFUL = (
    *(f"files.{verb}_{model}" for model in MODELS for verb in ("view", "change")),
    "files.add_entry",
    "files.delete_entry",
    "files.add_space",
)
# What none of these opens by itself, all of them together do not open.
USELESS = (
    *(
        f"files.{verb}_{model}"
        for model in ("blob", "event", "version")
        for verb in ("add", "delete")
    ),
    "files.delete_space",
    "files.read_content",
    *(
        f"auth.{verb}_{m}"
        for m in ("user", "group")
        for verb in ("view", "add", "change", "delete")
    ),
)
PERMISSIONS = [*((permission,) for permission in USEFUL), USELESS]


@dataclass(frozen=True)
class Case:
    """One thing to do, and the single permissions that are enough for it."""

    name: str
    do: Callable[[Client, World], Any]
    enough: frozenset[str] = frozenset()
    superuser_may: bool = True

    @property
    def writes(self) -> bool:
        """Tell whether it changes something."""
        return not self.do.__qualname__.startswith("get")


def get(address: Callable[[World], str]) -> Callable[[Client, World], Any]:
    """Ask for a page."""
    return lambda client, world: client.get(f"/admin/files/{address(world)}")


def run(action: str, target: str) -> Callable[[Client, World], Any]:
    """Run an action of the list of entries on one of the world."""

    def post(client: Client, world: World) -> Any:
        form = {"action": action, "_selected_action": [getattr(world, target).pk]}
        return client.post("/admin/files/entry/", form)

    return post


def run_on_page(action: str, target: str) -> Callable[[Client, World], Any]:
    """Run an action by the button on the page of an entry."""

    def post(client: Client, world: World) -> Any:
        key = getattr(world, target).pk
        form = {"CHANGE_FORM-action": action, "_selected_action": [key]}
        return client.post(f"/admin/files/entry/{key}/change/", form)

    return post


def post(address: Callable[[World], str], **form: object) -> Callable[[Client, World], Any]:
    """Send a form."""
    return lambda client, world: client.post(f"/admin/files/{address(world)}", form)


def may(*permissions: str) -> frozenset[str]:
    """Name permissions of ours."""
    return frozenset(f"files.{permission}" for permission in permissions)


def seen(model: str) -> frozenset[str]:
    """Name the permissions to see rows; in Django who may change may see."""
    return may(f"view_{model}", f"change_{model}")


def key_of(model: type[Blob | Event | Version]) -> Callable[[World], Any]:
    """Give the key of some row."""
    return lambda _world: model.objects.order_by("pk").values_list("pk", flat=True).first()


CASES = [
    *(Case(f"list of {m}", get(lambda _w, m=m: f"{m}/"), seen(m)) for m in MODELS),  # type: ignore[misc]
    *(
        Case(
            f"page of {name}",
            get(lambda w, name=name, key=key: f"{name}/{key(w)}/change/"),  # type: ignore[misc]
            seen(name),
        )
        for name, key in (
            ("blob", key_of(Blob)),
            ("event", key_of(Event)),
            ("version", key_of(Version)),
            ("entry", lambda w: w.file.pk),
            ("space", lambda w: w.space.pk),
        )
    ),
    *(
        Case(f"add {m}", get(lambda _w, m=m: f"{m}/add/"), superuser_may=False)  # type: ignore[misc]
        for m in MODELS
        if m != "space"
    ),
    Case("add space", get(lambda _w: "space/add/"), may("add_space")),
    *(
        Case(
            f"delete {name}",
            post(lambda w, name=name, key=key: f"{name}/{key(w)}/delete/", post="yes"),  # type: ignore[misc]
            superuser_may=False,
        )
        for name, key in (
            ("blob", key_of(Blob)),
            ("event", key_of(Event)),
            ("version", key_of(Version)),
            ("entry", lambda w: w.file.pk),
            ("space", lambda w: w.space.pk),
        )
    ),
    Case(
        "delete for good",
        post(lambda w: f"entry/{w.trashed.pk}/delete/", post="yes"),
        may("delete_entry"),
    ),
    Case("trash", run("move_to_trash", "file"), may("change_entry")),
    Case("restore", run("restore", "trashed"), may("change_entry")),
    Case("trash by button", run_on_page("move_to_trash", "file"), may("change_entry")),
    Case("restore by button", run_on_page("restore", "trashed"), may("change_entry")),
    Case(
        "rename",
        post(lambda w: f"entry/{w.file.pk}/change/", name="new.txt", _save="1"),
        may("change_entry"),
    ),
    Case("upload form", get(lambda w: f"entry/{w.folder.pk}/upload/"), may("add_entry")),
    Case(
        "change space",
        post(lambda w: f"space/{w.space.pk}/change/", name="Crew", quota="1G", _save="1"),
        may("change_space"),
    ),
    Case("make space", post(lambda _w: "space/add/", name="New", _save="1"), may("add_space")),
    Case("members", get(lambda w: f"space/{w.space.pk}/members/"), seen("space")),
    Case(
        "set member",
        post(lambda w: f"space/{w.space.pk}/members/", user="bob", role="0"),
        may("change_space"),
    ),
]


def changes() -> list[Any]:
    """Give what shows that something was changed."""
    return list(Event.objects.order_by("pk").values_list("pk", "kind"))


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block does, so that all cases meet the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def outcomes(client: Client, world: World) -> dict[str, tuple[int, bool]]:
    """Do everything, and give the status and whether something was changed."""
    found = {}
    for case in CASES:
        with undone():
            before = changes()
            status = case.do(client, world).status_code
            found[case.name] = (status, changes() != before)
    return found


@pytest.mark.parametrize("held", PERMISSIONS, ids=lambda held: held[0])
def test_staff_with_one_permission(held: tuple[str, ...], world: World) -> None:
    got = outcomes(signed_in(make_staff("clerk", *held)), world)

    for case in CASES:
        status, has_changed = got[case.name]
        if case.enough.intersection(held):
            assert status in {200, 302, 303}, case.name
            assert has_changed is case.writes, case.name
        else:
            # Who sees a list but may not run its action is shown the list again.
            assert status == 403 or seen("entry").intersection(held), case.name
            assert not has_changed, case.name


def test_superuser(world: World, superuser: User) -> None:
    got = outcomes(signed_in(superuser), world)

    for case in CASES:
        status, has_changed = got[case.name]
        assert (status in {200, 302, 303}) is case.superuser_may, case.name
        assert has_changed is (case.writes and case.superuser_may), case.name


def test_staff_without_permission(world: World) -> None:
    got = outcomes(signed_in(make_staff("clerk")), world)

    assert set(got.values()) == {(403, False)}


@pytest.mark.parametrize("who", ["member", "anonymous"])
def test_others_are_sent_away(who: str, world: World) -> None:
    client = signed_in(world.bob if who == "member" else None)

    assert set(outcomes(client, world).values()) == {(302, False)}
    assert "login" in client.get("/admin/files/entry/")["location"]


def test_closed_account_of_staff_is_sent_away(world: World) -> None:
    clerk = make_staff("clerk", *USEFUL)
    client = signed_in(clerk)
    clerk.is_active = False
    clerk.save()

    assert client.get("/admin/files/entry/").status_code == 302


def test_index_shows_staff_only_what_they_may_see(world: World) -> None:
    page = signed_in(make_staff("clerk", "files.view_entry")).get("/admin/").content.decode()

    assert "/admin/files/entry/" in page
    assert "/admin/files/event/" not in page
    assert "/admin/auth/" not in page
