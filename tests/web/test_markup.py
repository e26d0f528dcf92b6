"""What holds for the HTML of every page: no inline code, nothing from elsewhere, labels, order."""

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from files.models import Entry
from files.operations.entries import trash_entries
from files.operations.tokens import revoke_token
from files.templatetags.files import KIND_ICONS
from tests.factories import (
    PASSWORD,
    SYSTEM,
    make_file,
    make_folder,
    make_lock,
    make_shared_space,
    make_token,
    make_user,
)

from .pages import Looker, client_of

STATIC = Path(settings.BASE_DIR, "files", "static", "files")
PAGES = [
    "/",
    "/search/",
    "/search/?q=a",
    "/search/?q=nothing",
    "/folders/{root}/",
    "/folders/{folder}/",
    "/folders/{root}/new/",
    "/upload/{root}",
    "/entries/{file}/",
    "/entries/{file}/rename/",
    "/entries/{locked}/",
    "/locks/{lock}/break/",
    "/move/?entry={file}&to={folder}",
    "/copy/?entry={file}",
    "/trash/{space}/",
    "/trash/{space}/empty/",
    "/trash/{space}/delete/?entry={trashed}",
    "/uploads/",
    "/uploads/discard/?upload=received",
    "/upload/{root}?continue=00000000000000000000000000000000",
    "/folders/99999/",
    "/tokens/",
    "/tokens/new/",
    "/tokens/new/?folder={folder}",
    "/tokens/{token}/revoke/",
    "/nowhere",
    "/accounts/logout/",
]


@pytest.fixture
def ids(root: Entry) -> dict[str, int | None]:
    """Make something for each page to show."""
    make_shared_space("Team", ada=15)  # type: ignore[arg-type]  # a role is its number
    trashed = make_file(root, "gone")
    trash_entries([trashed], actor=SYSTEM)
    locked = make_file(root, "locked")
    assert root.space.owner is not None
    revoke_token(make_token(root.space.owner)[0], actor=SYSTEM)
    return {
        "token": make_token(root.space.owner, top=root)[0].pk,
        "root": root.pk,
        "folder": make_folder(root, "a folder").pk,
        "file": make_file(root, "a.txt").pk,
        "space": root.space_id,
        "trashed": trashed.pk,
        "locked": locked.pk,
        "lock": make_lock(locked).pk,
    }


def assert_strict(html: str) -> None:
    """Check what the content security policy would refuse, and what people need."""
    page = Looker(html)
    for tag, attrs in page.tags:
        assert "style" not in attrs, (tag, attrs)
        assert not [name for name in attrs if name.startswith("on")], (tag, attrs)
        for name in ("src", "href", "action"):
            assert not attrs.get(name, "").startswith(("http", "//", "data:", "javascript:"))
    assert page.all("style") == []
    # Data for scripts is no script.
    scripts = [tag for tag in page.all("script") if tag.get("type") != "application/json"]
    assert all(script.get("src") for script in scripts)
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert page.all("html")[0]["lang"]
    identifiers = [attrs["id"] for _tag, attrs in page.tags if "id" in attrs]
    assert len(identifiers) == len(set(identifiers))
    for field in page.all("input"):
        if field["type"] not in {"hidden", "radio"}:
            labels = [label.get("for") for label in page.all("label")]
            assert "aria-label" in field or field.get("id") in labels, field


@pytest.mark.parametrize("path", PAGES)
def test_pages_hold_to_the_rules(root: Entry, ids: dict[str, int], path: str) -> None:
    response = client_of(root.space.owner).get(path.format(**ids))

    assert response.status_code in {200, 404}
    assert_strict(response.content.decode())
    assert "default-src 'none'" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("path", PAGES)
def test_pages_are_whole_in_russian(root: Entry, ids: dict[str, int], path: str) -> None:
    client = client_of(root.space.owner)

    response = client.get(path.format(**ids), headers={"accept-language": "ru"})

    assert '<html lang="ru">' in response.content.decode()
    assert_strict(response.content.decode())


def test_the_sign_in_page_holds_to_the_rules(db: None, client: Client) -> None:
    assert_strict(client.get("/accounts/login/").content.decode())


def test_the_password_page_holds_to_the_rules(db: None) -> None:
    user = make_user()
    user.set_password(PASSWORD)
    user.save()

    assert_strict(client_of(user).get("/accounts/password/change/").content.decode())


def test_forms_that_change_something_carry_a_token(root: Entry, ids: dict[str, int]) -> None:
    for path in PAGES:
        html = client_of(root.space.owner).get(path.format(**ids)).content.decode()
        for form in re.findall(r"<form[^>]*method=\"post\".*?</form>", html, re.DOTALL):
            assert Looker(form).names()[0] == "csrfmiddlewaretoken", (path, form[:200])


def test_styles_load_nothing_and_scripts_are_small() -> None:
    for sheet in STATIC.rglob("*.css"):
        text = sheet.read_text()
        assert "@import" not in text, sheet
        assert "url(" not in text, sheet
        assert len(text.splitlines()) < 400, sheet
    for script in STATIC.rglob("*.js"):
        text = script.read_text()
        assert not re.search(r"innerHTML|eval\(|document\.write|\.style\b", text), script
        assert len(text.splitlines()) <= 200, script


def test_every_stylesheet_is_linked_and_every_link_has_its_file() -> None:
    templates = Path(settings.BASE_DIR, "files", "templates")
    linked = {
        name
        for template in templates.rglob("*.html")
        for name in re.findall(r'static "files/css/(\w+\.css)"', template.read_text())
    }

    ours = {path.name for path in (STATIC / "css").glob("*.css")}
    assert linked >= ours - {"admin.css"}
    assert linked <= ours


def test_no_icon_is_missing_or_left_over() -> None:
    templates = Path(settings.BASE_DIR, "files", "templates")
    icons = {path.stem for path in (templates / "files" / "icons").glob("*.html")}
    used = {
        name
        for template in templates.rglob("*.html")
        for name in re.findall(r'{% icon "([\w-]+)"', template.read_text())
    }

    assert used | {"folder", *KIND_ICONS.values()} == icons
