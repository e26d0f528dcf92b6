"""Spaces in the admin: made, changed, and given members, all through operations."""

import pytest
from django.contrib.auth.models import Group, User

from files.models import Event, Grant, Space
from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import make_space

SPACES = "/admin/files/space/"


@pytest.fixture
def clerk(db: None) -> User:
    """Give staff who may do what there is to do with spaces."""
    return make_staff("clerk", "files.add_space", "files.change_space")


def test_a_new_space_has_its_manager_and_quota(world: World, clerk: User) -> None:
    form = {"name": " Design ", "manager": "bob", "quota": "10 GiB", "_save": "1"}

    signed_in(clerk).post(f"{SPACES}add/", form)

    space = Space.objects.get(name="Design")
    assert (space.kind, space.quota_bytes) == (Space.Kind.SHARED, 10 * 2**30)
    grant = Grant.objects.get(entry=space.root_id)
    assert (grant.user, grant.role) == (world.bob, Grant.Role.MANAGER)
    assert set(Event.objects.filter(space=space).values_list("door", flat=True)) == {"admin"}


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "\n"),
        ("name", "a\u202eb"),
        ("manager", "nobody"),
        ("quota", "much"),
        ("quota", "-1"),
    ],
)
def test_what_cannot_be_is_said_at_the_field(field: str, value: str, clerk: User) -> None:
    form = {"name": "Design", "_save": "1", field: value}

    answer = signed_in(clerk).post(f"{SPACES}add/", form)

    assert field in answer.context["errors"].data or answer.context["adminform"].errors[field]
    assert not Space.objects.exists()


def test_a_change_is_one_event_for_what_was_changed(world: World, clerk: User) -> None:
    before = Event.objects.count()
    url = f"{SPACES}{world.space.pk}/change/"

    signed_in(clerk).post(url, {"name": "Team", "quota": "1.5G", "_save": "1"})

    world.space.refresh_from_db()
    assert world.space.quota_bytes == 3 * 2**29
    event = Event.objects.latest("pk")
    assert Event.objects.count() == before + 1
    assert (event.kind, event.actor_name) == (Event.Kind.SPACE_CHANGED, "clerk")


def test_an_unchanged_quota_in_other_words_is_no_change(world: World, clerk: User) -> None:
    client, url = signed_in(clerk), f"{SPACES}{world.space.pk}/change/"
    client.post(url, {"name": "Team", "quota": "1G", "_save": "1"})
    before = Event.objects.count()

    client.post(url, {"name": "Team", "quota": "1024 MiB", "_save": "1"})

    assert Event.objects.count() == before


def test_an_empty_quota_lifts_the_limit_and_twins_are_refused(world: World, clerk: User) -> None:
    client, url = signed_in(clerk), f"{SPACES}{world.space.pk}/change/"
    client.post(url, {"name": "Team", "quota": "1G", "_save": "1"})

    client.post(url, {"name": "Crew", "quota": "", "refuses_case_twins": "on", "_save": "1"})

    world.space.refresh_from_db()
    space = world.space
    assert (space.name, space.quota_bytes, space.refuses_case_twins) == ("Crew", None, True)


def test_pages_show_usage_as_a_bar(world: World, clerk: User) -> None:
    client, url = signed_in(clerk), f"{SPACES}{world.space.pk}/change/"
    client.post(url, {"name": "Team", "quota": "14", "_save": "1"})

    assert 'value="7"' in client.get(SPACES).content.decode()
    assert "<meter" in client.get(url).content.decode()


def test_who_may_only_look_sees_no_form(world: World) -> None:
    clerk = make_staff("looker", "files.view_space")

    page = signed_in(clerk).get(f"{SPACES}{world.space.pk}/change/").content.decode()

    assert 'name="quota"' not in page
    assert "bob</bdi>: editor" in page


def test_members_are_added_changed_and_removed(world: World, clerk: User) -> None:
    client, url = signed_in(clerk), f"{SPACES}{world.space.pk}/members/"
    group = Group.objects.create(name="Contractors")

    for form in ({"group": group.pk, "role": 2}, {"user": "bob", "role": 1}):
        assert client.post(url, form).status_code == 303
    roles = dict(Grant.objects.filter(entry=world.root).values_list("role", "group"))
    assert roles == {2: group.pk, 1: None}

    client.post(url, {"user": "bob", "role": 0})
    assert not Grant.objects.filter(user=world.bob).exists()
    assert Event.objects.latest("pk").kind == Event.Kind.MEMBER_REMOVED


@pytest.mark.parametrize(
    "form", [{"role": 1}, {"user": "nobody", "role": 1}, {"user": "bob", "role": 99}]
)
def test_members_form_says_what_is_wrong(
    form: dict[str, object], world: World, clerk: User
) -> None:
    answer = signed_in(clerk).post(f"{SPACES}{world.space.pk}/members/", form)

    assert answer.status_code == 422
    assert "errorlist" in answer.content.decode()


def test_members_page_lists_no_more_than_the_space_has(world: World, clerk: User) -> None:
    page = signed_in(clerk).get(f"{SPACES}{world.space.pk}/members/").content.decode()

    assert "bob" in page
    assert signed_in(clerk).get(f"{SPACES}999/members/").status_code == 404


def test_the_space_of_the_system_is_not_listed(world: World, superuser: User) -> None:
    make_space()
    system = Space.objects.get(kind=Space.Kind.SYSTEM)
    client = signed_in(superuser)

    assert ">System<" not in client.get(SPACES).content.decode()
    assert client.get(f"{SPACES}{system.pk}/change/").status_code == 302


def test_types_are_set_in_the_form_and_what_is_none_is_said(world: World, clerk: User) -> None:
    client, url = signed_in(clerk), f"{SPACES}{world.space.pk}/change/"
    form = {"name": "Team", "quota": "", "forbidden_types": "video/*\r\ntext/html", "_save": "1"}
    assert client.post(url, form).status_code == 302

    answer = client.post(url, {**form, "allowed_types": "pictures"})

    assert "“pictures” is no type" in answer.content.decode()
    world.space.refresh_from_db()
    assert (world.space.allowed_types, world.space.forbidden_types) == ("", "video/*\ntext/html")
