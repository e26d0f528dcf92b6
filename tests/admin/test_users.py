"""Accounts in the admin: rights are handed out by superusers, and nobody's files go with one."""

import pytest
from django.contrib.auth.models import Group, Permission, User

from tests.admin.conftest import World, make_staff, signed_in
from tests.factories import make_space, make_user

USERS = "/admin/auth/user/"


@pytest.fixture
def clerk(db: None) -> User:
    """Give staff who may do with accounts what permissions give."""
    verbs = ("view", "add", "change", "delete")
    return make_staff("clerk", *(f"auth.{v}_{m}" for v in verbs for m in ("user", "group")))


def form_of(user: User, **more: object) -> dict[str, object]:
    """Fill in the form of an account."""
    since = {"date_joined_0": "2026-01-01", "date_joined_1": "00:00:00"}
    return {"username": user.username, "is_active": "on", "_save": "1", **since, **more}


def test_staff_without_all_rights_cannot_give_any(clerk: User) -> None:
    bob, group = make_user("bob"), Group.objects.create(name="all")
    rights = {
        "is_staff": "on",
        "is_superuser": "on",
        "groups": [group.pk],
        "user_permissions": [Permission.objects.values_list("pk", flat=True)[0]],
    }

    signed_in(clerk).post(f"{USERS}{bob.pk}/change/", form_of(bob, first_name="Bob", **rights))

    bob.refresh_from_db()
    assert (bob.first_name, bob.is_staff, bob.is_superuser) == ("Bob", False, False)
    assert not bob.groups.exists()
    assert not bob.user_permissions.exists()


def test_staff_without_all_rights_cannot_fill_a_group_with_rights(clerk: User) -> None:
    group = Group.objects.create(name="all")
    some = Permission.objects.values_list("pk", flat=True)[0]

    signed_in(clerk).post(
        f"/admin/auth/group/{group.pk}/change/", {"name": "some", "permissions": [some]}
    )

    group.refresh_from_db()
    assert group.name == "some"
    assert not group.permissions.exists()


@pytest.mark.parametrize("page", ["change", "password", "delete"])
def test_accounts_of_staff_are_for_superusers(page: str, clerk: User, superuser: User) -> None:
    client = signed_in(clerk)

    for target in (superuser, clerk, make_staff("other")):
        before = User.objects.get(pk=target.pk).password
        form = form_of(target, password1="correct horse 9", password2="correct horse 9", post="yes")
        assert client.post(f"{USERS}{target.pk}/{page}/", form).status_code in {302, 403, 404}
        assert User.objects.get(pk=target.pk).password == before


def test_bulk_deletion_leaves_staff_out(clerk: User, superuser: User) -> None:
    bob = make_user("bob")
    form = {
        "action": "delete_selected",
        "_selected_action": [bob.pk, superuser.pk, clerk.pk],
        "post": "yes",
    }

    signed_in(clerk).post(USERS, form)

    assert set(User.objects.values_list("username", flat=True)) == {"clerk", "root"}


def test_an_account_with_a_space_is_not_deleted_and_the_page_says_why(superuser: User) -> None:
    ada = make_user("ada")
    make_space(ada)
    client = signed_in(superuser)

    page = client.get(f"{USERS}{ada.pk}/delete/").content.decode()
    client.post(f"{USERS}{ada.pk}/delete/", {"post": "yes"})

    assert "cannot be deleted, because a space belongs to it" in page
    assert User.objects.filter(pk=ada.pk).exists()


def test_a_member_is_not_deleted(world: World, superuser: User) -> None:
    signed_in(superuser).post(f"{USERS}{world.bob.pk}/delete/", {"post": "yes"})

    assert User.objects.filter(pk=world.bob.pk).exists()


def test_an_account_without_anything_is_deleted(superuser: User) -> None:
    eve = make_user("eve")

    signed_in(superuser).post(f"{USERS}{eve.pk}/delete/", {"post": "yes"})

    assert not User.objects.filter(pk=eve.pk).exists()
