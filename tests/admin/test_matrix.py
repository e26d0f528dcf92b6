"""Who may do what in the admin: every address and action, with each single permission."""

import html
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group, Permission, User
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.test import Client
from django.urls import URLResolver, resolve

from files.admin.faces import CONTENT, UPLOAD
from files.errors import ForbiddenError
from files.models import Blob, Entry, Event, Lock, Token, Upload, Version
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import (
    actor_of,
    make_folder,
    make_lock,
    make_token,
    make_upload,
    make_user,
)

MODELS = ("blob", "entry", "event", "lock", "space", "token", "upload", "version")
VERBS = ("view", "add", "change", "delete")
# Each of these opens something by itself; of all others there is a test that they open nothing.
USEFUL = (
    *(f"files.{verb}_{model}" for model in MODELS for verb in ("view", "change")),
    "files.add_entry",
    "files.delete_entry",
    "files.add_space",
    *(f"auth.{verb}_{model}" for model in ("user", "group") for verb in VERBS),
)

# Whoever may only delete for good is not led there.
VISIBLE = frozenset(p for p in USEFUL if p.startswith("files.")) - {"files.delete_entry"}

type Address = Callable[[World], str]


@dataclass(frozen=True)
class Case:
    """One thing to do, and the single permissions that are enough for it."""

    name: str
    address: Address  # below /admin/
    enough: frozenset[str] = frozenset()
    superuser_may: bool = True
    all_staff_may: bool = False
    form: Callable[[World], dict[str, Any]] | None = None  # for what is posted
    shown: frozenset[str] = frozenset()  # who may not do it, but sees the page it is done on

    @property
    def writes(self) -> bool:
        """Tell whether it changes something."""
        return self.form is not None

    def do(self, client: Client, world: World) -> Any:
        """Do it, and give the answer."""
        url = f"/admin/{self.address(world)}"
        return client.get(url) if self.form is None else client.post(url, self.form(world))


def may(*permissions: str) -> frozenset[str]:
    """Name permissions of ours."""
    return frozenset(f"files.{permission}" for permission in permissions)


def seen(model: str, app: str = "files") -> frozenset[str]:
    """Name the permissions to see rows; in Django who may change may see."""
    return frozenset({f"{app}.view_{model}", f"{app}.change_{model}"})


def key_of(model: type[Blob | Event | Lock | Token | Upload | Version]) -> Callable[[World], Any]:
    """Give the key of some row."""
    return lambda _world: model.objects.order_by("pk").values_list("pk", flat=True).first()


def eve(_world: World) -> int:
    """Give somebody who has nothing, and can be deleted."""
    return User.objects.get(username="eve").pk


def crew(_world: World) -> int:
    """Give a group without members."""
    return Group.objects.get(name="crew").pk


# What each list has: the app, and the key of a row that exists.
KEYS: dict[str, tuple[str, Callable[[World], Any]]] = {
    "blob": ("files", key_of(Blob)),
    "event": ("files", key_of(Event)),
    "version": ("files", key_of(Version)),
    "entry": ("files", lambda w: w.file.pk),
    "lock": ("files", key_of(Lock)),
    "space": ("files", lambda w: w.space.pk),
    "token": ("files", key_of(Token)),
    "upload": ("files", key_of(Upload)),
    "user": ("auth", eve),
    "group": ("auth", crew),
}


def stock(model: str) -> Iterator[Case]:
    """Give what Django's admin has for every model: list, page, history, and the bare address."""
    app, key = KEYS[model]
    visible = seen(model, app)
    yield Case(f"list of {model}", lambda _w: f"{app}/{model}/", visible)
    yield Case(f"page of {model}", lambda w: f"{app}/{model}/{key(w)}/change/", visible)
    yield Case(f"history of {model}", lambda w: f"{app}/{model}/{key(w)}/history/", visible)
    yield Case(f"short of {model}", lambda w: f"{app}/{model}/{key(w)}/", all_staff_may=True)


def forbidden(model: str) -> Iterator[Case]:
    """Give what nobody may do with what only operations make and end."""
    app, key = KEYS[model]
    if model not in {"space", "entry"}:
        yield Case(f"add {model}", lambda _w: f"{app}/{model}/add/", superuser_may=False)
    yield Case(
        f"delete {model}",
        lambda w: f"{app}/{model}/{key(w)}/delete/",
        superuser_may=False,
        form=lambda _w: {"post": "yes"},
    )


def on_list(action: str, target: str, *, button: bool = False) -> Case:
    """Run an action on an entry of the world: from the list, or by the button on its page."""
    return Case(
        f"{action} by {'button' if button else 'list'}",
        (lambda w: f"files/entry/{getattr(w, target).pk}/change/")
        if button
        else (lambda _w: "files/entry/"),
        may("change_entry"),
        form=lambda w: {
            "CHANGE_FORM-action" if button else "action": action,
            "_selected_action": [getattr(w, target).pk],
        },
        shown=seen("entry"),
    )


SINCE = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
SECRETS = {"password1": "correct horse 9", "password2": "correct horse 9"}

CASES = [
    *(case for model in KEYS for case in stock(model)),
    *(case for model in MODELS for case in forbidden(model)),
    # What is everybody's who is staff.
    *(
        Case(page or "index", lambda _w, page=page: page, all_staff_may=True)  # type: ignore[misc]
        for page in ("", "login/", "jsi18n/", "password_change/", "password_change/done/")
    ),
    Case("app files", lambda _w: "files/", VISIBLE),
    Case("app auth", lambda _w: "auth/", frozenset(p for p in USEFUL if p.startswith("auth."))),
    # What we use nowhere, and so is nobody's.
    Case(
        "view on site",
        lambda w: f"r/{ContentType.objects.get_for_model(Entry).pk}/{w.file.pk}/",
        superuser_may=False,
    ),
    Case("nothing", lambda _w: "files/nothing/", superuser_may=False),
    # Entries
    Case(
        "autocomplete",
        lambda _w: "autocomplete/?app_label=files&model_name=entry&field_name=parent&term=a",
        seen("entry"),
    ),
    Case("choose a folder", lambda _w: "files/entry/add/?q=photo", may("add_entry")),
    Case("upload form", lambda w: f"files/entry/{w.folder.pk}/upload/", may("add_entry")),
    Case(
        "delete for good",
        lambda w: f"files/entry/{w.trashed.pk}/delete/",
        may("delete_entry"),
        form=lambda _w: {"post": "yes"},
    ),
    Case(
        "rename",
        lambda w: f"files/entry/{w.file.pk}/change/",
        may("change_entry"),
        form=lambda _w: {"name": "new.txt", "_save": "1"},
    ),
    on_list("move_to_trash", "file"),
    on_list("restore", "trashed"),
    on_list("move_to_trash", "file", button=True),
    on_list("restore", "trashed", button=True),
    # Events
    Case("export events", lambda _w: "files/event/export/", seen("event")),
    # Uploads: who may cancel and not see the list is not led there, as who may only delete users.
    Case(
        "cancel upload",
        lambda _w: "files/upload/",
        form=lambda w: {
            "action": "cancel",
            "_selected_action": [key_of(Upload)(w)],
            "confirmed": "yes",
        },
        shown=seen("upload"),
    ),
    Case(
        "revoke token",
        lambda _w: "files/token/",
        may("change_token"),
        form=lambda w: {
            "action": "revoke",
            "_selected_action": [key_of(Token)(w)],
            "confirmed": "yes",
        },
        shown=seen("token"),
    ),
    # Locks, likewise
    Case(
        "break lock",
        lambda _w: "files/lock/",
        form=lambda w: {
            "action": "break_locks",
            "_selected_action": [key_of(Lock)(w)],
            "confirmed": "yes",
        },
        shown=seen("lock"),
    ),
    # Spaces
    Case("add space", lambda _w: "files/space/add/", may("add_space")),
    Case(
        "make space",
        lambda _w: "files/space/add/",
        may("add_space"),
        form=lambda _w: {"name": "New", "_save": "1"},
    ),
    Case(
        "change space",
        lambda w: f"files/space/{w.space.pk}/change/",
        may("change_space"),
        form=lambda _w: {"name": "Crew", "quota": "1G", "_save": "1"},
    ),
    Case("members", lambda w: f"files/space/{w.space.pk}/members/", seen("space")),
    Case(
        "set member",
        lambda w: f"files/space/{w.space.pk}/members/",
        may("change_space"),
        form=lambda _w: {"user": "bob", "role": "0"},
    ),
    # Accounts: Django asks for the right to change accounts of who adds one.
    Case("add user", lambda _w: "auth/user/add/"),
    Case(
        "make user",
        lambda _w: "auth/user/add/",
        form=lambda _w: {"username": "new", "usable_password": "true", **SECRETS},
    ),
    Case(
        "change user",
        lambda w: f"auth/user/{eve(w)}/change/",
        frozenset({"auth.change_user"}),
        form=lambda _w: {"username": "eva", "is_active": "on", **SINCE},
    ),
    Case(
        "password form",
        lambda w: f"auth/user/{eve(w)}/password/",
        frozenset({"auth.change_user"}),
    ),
    Case(
        "set password",
        lambda w: f"auth/user/{eve(w)}/password/",
        frozenset({"auth.change_user"}),
        form=lambda _w: {"usable_password": "true", "set-password": "1", **SECRETS},
    ),
    Case(
        "delete user",
        lambda w: f"auth/user/{eve(w)}/delete/",
        frozenset({"auth.delete_user"}),
        form=lambda _w: {"post": "yes"},
    ),
    Case(
        "delete users",
        lambda _w: "auth/user/",
        form=lambda w: {"action": "delete_selected", "_selected_action": [eve(w)], "post": "yes"},
        shown=seen("user", "auth"),
    ),
    Case("add group", lambda _w: "auth/group/add/", frozenset({"auth.add_group"})),
    Case(
        "make group",
        lambda _w: "auth/group/add/",
        frozenset({"auth.add_group"}),
        form=lambda _w: {"name": "new"},
    ),
    Case(
        "change group",
        lambda w: f"auth/group/{crew(w)}/change/",
        frozenset({"auth.change_group"}),
        form=lambda _w: {"name": "band"},
    ),
    Case(
        "delete group",
        lambda w: f"auth/group/{crew(w)}/delete/",
        frozenset({"auth.delete_group"}),
        form=lambda _w: {"post": "yes"},
    ),
    Case(
        "delete groups",
        lambda _w: "auth/group/",
        form=lambda w: {"action": "delete_selected", "_selected_action": [crew(w)], "post": "yes"},
        shown=seen("group", "auth"),
    ),
]
# Addresses that are tested elsewhere, each with the reason.
ELSEWHERE = {
    "logout": "ends the session that the cases share: test_sign_out_ends_the_session",
    "files_entry_content": "is answered by a byte door: test_doors_open_to_no_single_permission",
}


@pytest.fixture
def place(world: World) -> World:
    """Add an account and a group with nothing to them, an upload, a token and a lock of bob's."""
    make_user("eve")
    make_upload(world.folder, "wave.mp4", actor=actor_of(world.bob))
    make_token(world.bob, top=world.folder)
    make_lock(make_folder(world.root, "locked"), actor=actor_of(world.bob))
    Group.objects.create(name="crew")
    return world


def state() -> list[Any]:
    """Give what shows that something was changed."""
    return [
        list(Event.objects.order_by("pk").values_list("pk", "kind")),
        list(User.objects.order_by("pk").values_list("pk", "username", "password")),
        list(Group.objects.order_by("pk").values_list("pk", "name")),
        Upload.objects.count(),
        Lock.objects.count(),
    ]


@contextmanager
def undone() -> Iterator[None]:
    """Undo what the block does, so that all cases meet the same world."""
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def outcomes(client: Client, world: World) -> dict[str, tuple[int, bool]]:
    """Do everything, and give the status and whether something was changed."""
    found = {}
    before = state()
    cookies = client.cookies.output()
    for case in CASES:
        client.cookies.load(cookies.replace("Set-Cookie: ", ""))  # some cases renew the session
        with undone():
            answer = case.do(client, world)
            if answer.streaming:
                b"".join(answer.streaming_content)
            found[case.name] = (answer.status_code, case.writes and state() != before)
    return found


def check(held: frozenset[str], world: World) -> None:
    """Hold what staff with these permissions can do against what they should."""
    for case_name, (status, has_changed) in outcomes(
        signed_in(make_staff("clerk", *held)), world
    ).items():
        case = next(case for case in CASES if case.name == case_name)
        if case.all_staff_may or case.enough & held:
            assert status in {200, 302, 303}, case_name
            assert has_changed is case.writes, case_name
        else:
            # Who sees a page but may not do what is done on it is shown it again.
            assert status in {403, 404} or case.shown & held, case_name
            assert not has_changed, case_name


@pytest.mark.parametrize("held", USEFUL)
def test_staff_with_one_permission(held: str, place: World) -> None:
    check(frozenset({held}), place)


def test_all_other_permissions_open_nothing_even_together(place: World) -> None:
    everything = Permission.objects.values_list("content_type__app_label", "codename")
    others = {f"{app}.{codename}" for app, codename in everything} - set(USEFUL)

    assert {"files.read_content", "files.delete_space", "files.add_event"} <= others
    check(frozenset(others), place)


def test_superuser(place: World, superuser: User) -> None:
    got = outcomes(signed_in(superuser), place)

    for case in CASES:
        status, has_changed = got[case.name]
        assert (status in {200, 302, 303}) is case.superuser_may, case.name
        assert has_changed is (case.writes and case.superuser_may), case.name


def test_staff_without_permission(place: World) -> None:
    check(frozenset(), place)


@pytest.mark.parametrize("who", ["member", "anonymous"])
def test_others_are_sent_away(who: str, place: World) -> None:
    client = signed_in(place.bob if who == "member" else None)

    got = outcomes(client, place)

    assert got.pop("login/")[0] == (403 if who == "member" else 302)
    assert set(got.values()) == {(302, False)}
    assert "login" in client.get("/admin/files/entry/")["location"]


def test_every_address_of_the_admin_has_a_case(place: World) -> None:
    found = set()
    for case in CASES:
        match = resolve(f"/admin/{case.address(place)}".partition("?")[0])
        found.add(match.url_name or match.route.removeprefix("admin/"))
    existing = set()
    for pattern in admin.site.get_urls():
        prefix = str(pattern.pattern) if isinstance(pattern, URLResolver) else ""
        for one in pattern.url_patterns if isinstance(pattern, URLResolver) else [pattern]:
            existing.add(getattr(one, "name", None) or f"{prefix}{one.pattern}")

    assert existing - found - ELSEWHERE.keys() == set()
    assert ELSEWHERE.keys() <= existing


def test_every_action_of_the_admin_has_a_case(rf: Any, superuser: User) -> None:
    request = rf.get("/admin/")
    request.user = superuser
    existing = {
        (model._meta.model_name, name)
        for model, one in admin.site._registry.items()
        for name in one.get_actions(request)
    }

    assert existing == {
        ("entry", "move_to_trash"),
        ("entry", "restore"),
        ("token", "revoke"),
        ("lock", "break_locks"),
        ("upload", "cancel"),
        ("user", "delete_selected"),
        ("group", "delete_selected"),
    }


@pytest.mark.parametrize("action", ["move_to_trash", "restore"])
def test_actions_on_what_the_list_does_not_have_change_nothing(action: str, world: World) -> None:
    client = signed_in(make_staff("clerk", "files.change_entry"))
    Entry.objects.filter(pk=world.folder.pk).update(parent=None)  # detached: nobody sees it
    before = state()

    for key in (world.root.pk, world.folder.pk, 999_999, -1):
        form = {"action": action, "_selected_action": [key]}
        assert client.post("/admin/files/entry/", form).status_code == 302, key

    assert state() == before


@pytest.mark.parametrize(
    "model", ["files/entry", "files/lock", "files/upload", "auth/user", "auth/group"]
)
@pytest.mark.parametrize("key", ["x", "1 OR 1=1", "9" * 30])
def test_actions_on_what_is_no_key_are_refused(model: str, key: str, superuser: User) -> None:
    actions = {"files/entry": "restore", "files/lock": "break_locks", "files/upload": "cancel"}
    action = actions.get(model, "delete_selected")
    form = {"action": action, "_selected_action": [key], "post": "yes"}

    answer = signed_in(superuser).post(f"/admin/{model}/", form)

    assert answer.status_code == 422
    assert "This value is not possible here." in answer.content.decode()


def test_doors_open_to_no_single_permission(world: World, superuser: User) -> None:
    everything = Permission.objects.values_list("content_type__app_label", "codename")
    for app, codename in everything:
        permission = f"{app}.{codename}"
        with undone():
            clerk = make_staff("clerk", permission)
            with pytest.raises(ForbiddenError):
                CONTENT.reader(actor_of(clerk), world.file.pk)
            if permission == "files.add_entry":
                UPLOAD.actor(actor_of(clerk))
                continue
            with pytest.raises(ForbiddenError):
                UPLOAD.actor(actor_of(clerk))

    UPLOAD.actor(actor_of(superuser))
    CONTENT.reader(actor_of(superuser), world.file.pk)


def test_sign_out_ends_the_session(superuser: User) -> None:
    client = signed_in(superuser)

    assert client.get("/admin/logout/").status_code == 405
    client.post("/admin/logout/")

    assert client.get("/admin/").status_code == 302


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


@pytest.mark.parametrize(
    ("held", "page"),
    [
        ("view_entry", lambda w: f"entry/{w.file.pk}/change/"),
        ("view_event", lambda _w: "event/"),
        ("view_version", lambda _w: "version/"),
        ("view_blob", lambda _w: f"blob/{Blob.objects.order_by('pk')[0].pk}/change/"),
        ("view_space", lambda w: f"space/{w.space.pk}/change/"),
    ],
)
def test_pages_link_to_nothing_that_is_forbidden(held: str, page: Address, world: World) -> None:
    Entry.objects.update(created_by=world.bob)
    Version.objects.update(created_by=world.bob)
    client = signed_in(make_staff("clerk", f"files.{held}"))

    text = client.get(f"/admin/files/{page(world)}").content.decode()

    links = {link for link in re.findall(r'href="(/admin/[^"#]*)"', text) if "logout" not in link}
    assert links
    refused = {link for link in links if client.get(html.unescape(link)).status_code >= 400}
    assert refused == set()
