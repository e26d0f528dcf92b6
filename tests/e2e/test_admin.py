"""The admin in a real browser: every page under the strict CSP, light, dark and on a phone."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.test import Client
from playwright.sync_api import Browser, ConsoleMessage, Page, sync_playwright
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from files.models import Entry, Grant, Space
from files.operations.entries import trash_entries
from files.operations.spaces import set_quota
from tests.e2e.browser.conftest import CHROMIUM, FLAGS
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, make_user, root_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("asynchronous")]


@pytest.fixture(scope="module")
def asynchronous() -> Iterator[None]:
    """Let the database be used beside Playwright's event loop."""
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "true"
    yield
    del os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Start a browser for the tests here."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH")
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())


@pytest.fixture
def addresses(settings: Settings, tmp_path: Path) -> list[str]:
    """Fill an installation, and name the pages of its admin."""
    settings.STATIC_ROOT = tmp_path
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    space: Space = make_shared_space("Team", bob=Grant.Role.EDITOR)
    set_quota(space, quota_bytes=2**30, actor=SYSTEM)
    folder = make_folder(root_of(space), "Photos")
    file: Entry = make_file(folder, "beach.txt")
    trashed = make_file(folder, "old.txt")
    trash_entries([trashed], actor=SYSTEM)
    root = make_user("root", is_staff=True, is_superuser=True)
    assert file.version is not None
    return [
        "",
        "password_change/",
        "auth/user/",
        "auth/user/add/",
        f"auth/user/{root.pk}/change/",
        f"auth/user/{root.pk}/password/",
        f"auth/user/{User.objects.get(username='bob').pk}/delete/",
        "auth/group/add/",
        "files/blob/",
        f"files/blob/{file.version.blob_id}/change/",
        "files/entry/",
        "files/entry/?q=beach&trash=no",
        "files/entry/?q=nothing&size_from=1+MiB",
        "files/entry/?size_from=much&modified_at_from=x",
        "files/entry/add/",
        "files/entry/add/?q=photo",
        f"files/entry/add/?q=nothing&space={space.pk}",
        f"files/entry/{folder.pk}/change/",
        f"files/entry/{file.pk}/change/",
        f"files/entry/{trashed.pk}/change/",
        f"files/entry/{trashed.pk}/delete/",
        f"files/entry/{folder.pk}/upload/",
        "files/event/",
        f"files/event/?entry_id={file.pk}&who=(system)&at_from=2020-01-01",
        f"files/entry/{file.pk}/history/",
        f"files/event/{space.events.latest('pk').pk}/change/",
        "files/space/",
        "files/space/add/",
        f"files/space/{space.pk}/change/",
        f"files/space/{space.pk}/members/",
        "files/version/",
        f"files/version/?entry={file.pk}",
        f"files/version/{file.version_id}/change/",
    ]


def signed_in(browser: Browser, live_server: LiveServer, **options: object) -> Page:
    """Open a window in which the superuser is signed in."""
    client = Client()
    client.force_login(User.objects.get(username="root"))
    context = browser.new_context(base_url=live_server.url, **options)  # type: ignore[arg-type]
    session = client.cookies["sessionid"].value
    context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
    return context.new_page()


def test_no_page_breaks_the_content_security_policy(
    browser: Browser, live_server: LiveServer, addresses: list[str]
) -> None:
    page = signed_in(browser, live_server)
    said: list[tuple[str, str]] = []

    def hear(message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            said.append((page.url, message.text))

    page.on("console", hear)
    page.on("pageerror", lambda error: said.append((page.url, str(error))))
    # Shows that a breach would be heard.
    page.goto("/admin/")
    page.evaluate("document.body.setAttribute('style', 'color: red')")
    page.wait_for_timeout(100)
    assert "Content Security Policy" in said.pop()[1]

    for address in addresses:
        answer = page.goto(f"/admin/{address}")
        assert answer is not None
        assert answer.status == 200, address
        assert answer.header_value("content-security-policy"), address
    assert said == []


@pytest.mark.parametrize("language", ["en", "ru"])
def test_no_page_is_wider_than_a_phone(
    language: str, browser: Browser, live_server: LiveServer, addresses: list[str]
) -> None:
    page = signed_in(
        browser,
        live_server,
        viewport={"width": 360, "height": 740},
        is_mobile=True,
        locale=language,
    )

    wide = []
    for address in addresses:
        page.goto(f"/admin/{address}")
        if page.evaluate("document.documentElement.scrollWidth > innerWidth"):
            wide.append(address)
    assert wide == []


def test_theme_follows_the_system_and_the_choice_of_staff(
    browser: Browser, live_server: LiveServer, addresses: list[str]
) -> None:
    page = signed_in(browser, live_server, color_scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    page.goto("/admin/")

    assert page.evaluate(colour) == "rgb(15, 20, 19)"
    page.click(".theme-toggle")  # from automatic, on a dark system, to light
    assert page.evaluate(colour) == "rgb(247, 248, 248)"


def test_an_entry_is_trashed_and_restored_by_its_buttons(
    browser: Browser, live_server: LiveServer, addresses: list[str]
) -> None:
    file = Entry.objects.get(name="beach.txt")
    page = signed_in(browser, live_server)
    page.goto(f"/admin/files/entry/{file.pk}/change/")

    page.click("text=Move to the trash")
    page.click("text=Restore from the trash")

    assert page.locator(".messagelist").inner_text() == "1 entry was restored."
    file.refresh_from_db()
    assert file.trashed_at is None
