from django.test import Client

from files.models import Space
from tests.factories import PASSWORD, make_user

from .pages import Looker, client_of


def test_signing_in_makes_the_personal_space_and_leads_back(db: None, client: Client) -> None:
    user = make_user()
    user.set_password(PASSWORD)
    user.save()

    response = client.post(
        "/accounts/login/", {"login": "ada", "password": PASSWORD, "next": "/search/"}
    )

    assert response.status_code == 302
    assert response.headers["Location"] == "/search/"
    assert Space.objects.get(owner=user).name == "ada"


def test_a_wrong_password_is_told_on_the_form(db: None, client: Client) -> None:
    make_user()

    response = client.post("/accounts/login/", {"login": "ada", "password": "wrong"})

    assert response.status_code == 200
    assert 'role="alert"' in response.content.decode()


def test_signing_in_does_not_lead_to_another_host(db: None, client: Client) -> None:
    user = make_user()
    user.set_password(PASSWORD)
    user.save()

    response = client.post(
        "/accounts/login/", {"login": "ada", "password": PASSWORD, "next": "https://evil.example/"}
    )

    assert response.headers["Location"] == "/"


def test_the_sign_in_page_is_ours_and_offers_no_sign_up(db: None, client: Client) -> None:
    text = client.get("/accounts/login/").content.decode()

    assert 'class="sign-in"' in text
    assert "signup" not in text


def test_nobody_can_sign_up(db: None, client: Client) -> None:
    response = client.get("/accounts/signup/")

    if response.status_code != 404:
        assert "No sign-up here" in response.content.decode()
    client.post(
        "/accounts/signup/",
        {"username": "eve", "password1": PASSWORD, "password2": PASSWORD},
    )
    assert "_auth_user_id" not in client.session


def test_signing_out_takes_a_post(db: None) -> None:
    client = client_of(make_user())

    asked = client.get("/accounts/logout/")
    assert "Sign out?" in asked.content.decode()
    assert "_auth_user_id" in client.session
    client.post("/accounts/logout/")
    assert "_auth_user_id" not in client.session


def test_the_password_can_be_changed(db: None) -> None:
    user = make_user()
    user.set_password(PASSWORD)
    user.save()
    client = client_of(user)

    page = Looker(client.get("/accounts/password/change/").content.decode())
    client.post(
        "/accounts/password/change/",
        {"oldpassword": PASSWORD, "password1": "a new long one 7", "password2": "a new long one 7"},
    )

    user.refresh_from_db()
    assert {"oldpassword", "password1", "password2"} <= set(page.names())
    assert user.check_password("a new long one 7")


def test_the_language_can_be_switched_without_a_script(db: None) -> None:
    client = client_of(make_user())
    client.get("/")

    response = client.post("/i18n/setlang/", {"language": "ru", "next": "/"}, follow=True)

    text = response.content.decode()
    assert '<html lang="ru">' in text
    assert "Пространства" in text
    switch = [b for b in Looker(text).all("button") if b.get("name") == "language"]
    assert [b["value"] for b in switch if b.get("aria-current")] == ["ru"]


def test_staff_find_the_administration_and_others_do_not(db: None) -> None:
    ada = client_of(make_user("ada", is_staff=True)).get("/").content.decode()
    bob = client_of(make_user("bob")).get("/").content.decode()

    assert "/admin/" in Looker(ada).links()
    assert "/admin/" not in Looker(bob).links()
