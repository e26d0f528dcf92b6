"""Signing in and out, the password, the language, addresses that lead nowhere."""

from playwright.sync_api import expect

from tests.e2e.browser.visitor import Visitor, unique
from tests.e2e.conftest import PASSWORD, Session


def sign_in(visitor: Visitor, username: str, password: str) -> None:
    visitor.page.get_by_label("Username").fill(username)
    visitor.page.get_by_label("Password").fill(password)
    visitor.click("Sign in")


def sign_out(visitor: Visitor) -> None:
    visitor.open_menu("header")
    visitor.click("Sign out", within="header")


def test_signing_in_leads_to_the_page_that_was_asked_for(stranger: Visitor, ada: Session) -> None:
    stranger.open(f"/folders/{ada.root}/")
    assert stranger.heading() == "Sign in"

    sign_in(stranger, unique("nobody"), "not the password")
    expect(stranger.page.get_by_role("alert")).to_contain_text("are not correct")
    (name,) = ada.stack.rows(
        "SELECT username FROM auth_user JOIN files_space ON owner_id = auth_user.id"
        " WHERE root_id = ?",
        ada.root,
    )
    sign_in(stranger, str(name[0]), PASSWORD)

    assert stranger.page.url == f"{stranger.url}/folders/{ada.root}/"
    assert stranger.heading() == name[0]


def test_first_page_has_a_space_of_ones_own(stranger: Visitor, newcomer: str) -> None:
    stranger.open("/")
    sign_in(stranger, newcomer, PASSWORD)

    assert stranger.heading() == "Spaces"
    stranger.follow(newcomer)
    expect(stranger.page.get_by_role("heading", name="Nothing here yet")).to_be_visible()


def test_signing_out_closes_the_door(stranger: Visitor, newcomer: str) -> None:
    stranger.open("/")
    sign_in(stranger, newcomer, PASSWORD)
    stranger.follow(newcomer)
    folder = stranger.page.url

    sign_out(stranger)

    stranger.page.goto(folder)
    assert stranger.heading() == "Sign in"


def test_changed_password_is_the_one_that_counts(stranger: Visitor, newcomer: str) -> None:
    changed = "staple battery horse correct"
    stranger.open("/")
    sign_in(stranger, newcomer, PASSWORD)
    stranger.open_menu("header")
    stranger.follow("Change password", within="header")

    stranger.page.get_by_label("Current password").fill(PASSWORD)
    stranger.page.get_by_label("New Password", exact=True).fill(changed)
    stranger.page.get_by_label("New password (again)").fill(changed)
    stranger.click("Change password")
    assert "changed" in stranger.notice()
    sign_out(stranger)
    stranger.open("/accounts/login/")
    sign_in(stranger, newcomer, PASSWORD)
    expect(stranger.page.get_by_role("alert")).to_contain_text("are not correct")
    sign_in(stranger, newcomer, changed)

    assert stranger.heading() == "Spaces"


def test_token_is_made_copied_used_and_revoked(visitor: Visitor, ada: Session) -> None:
    def read(secret: str) -> int:
        path, header = f"/folders/{ada.root}/archive", f"Bearer {secret}"
        return ada.request("GET", path, Cookie=None, Authorization=header).status

    name = unique("Backup")
    visitor.open("/")
    visitor.open_menu("header")
    visitor.follow("Tokens", within="header")
    visitor.follow("New token")
    visitor.page.get_by_label("Name", exact=True).fill(name)
    visitor.page.get_by_label("write: put in").uncheck()
    visitor.page.get_by_label("Valid for").select_option("30")
    visitor.click("Make the token")
    secret = visitor.page.get_by_label("Secret").input_value()
    assert read(secret) == 200

    visitor.follow("Done")
    assert secret not in visitor.page.content()
    visitor.page.get_by_role("link", name=name).click()
    visitor.click("Revoke")

    assert "was revoked" in visitor.notice()
    assert read(secret) == 401


def test_language_changes_on_the_page_one_is_on(visitor: Visitor) -> None:
    visitor.open("/search/?q=nothing")

    visitor.click("Русский", within="footer")
    assert visitor.page.locator("html").get_attribute("lang") == "ru"
    assert visitor.page.get_by_role("searchbox").input_value() == "nothing"
    assert visitor.heading() != "Found for “nothing”"
    visitor.click("English", within="footer")

    assert visitor.page.locator("html").get_attribute("lang") == "en"
    assert visitor.heading() == "Found for “nothing”"


def test_address_that_leads_nowhere_says_so_and_leads_home(visitor: Visitor) -> None:
    visitor.refusals = {404}
    for path in ("/no/such/page", "/folders/999999999/", "/entries/999999999/content"):
        visitor.open(path)

        assert visitor.heading() == "Not found"

    visitor.follow("Go to your spaces")
    assert visitor.heading() == "Spaces"
