"""Staff at the admin of an installation as it is served: pages, and a file put in and taken out."""

import hashlib
import os
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Open
from tests.e2e.browser.visitor import PHONE, Visitor
from tests.e2e.conftest import PASSWORD, Session

LISTS = [
    *(f"files/{model}/" for model in ("blob", "entry", "event", "space", "version")),
    "auth/user/",
    "auth/group/",
]
FORMS = [
    "",
    "files/space/add/",
    "files/entry/add/?q=a",
    "files/entry/?size_from=much&q=nothing",
    "files/event/?who=admin&at_from=2020-01-01",
    "auth/user/add/",
    "password_change/",
]


@pytest.fixture
def staff(open_browser: Open, admin: Session, kind: dict[str, object]) -> Visitor:
    return open_browser(admin, **kind)


def test_sign_in_leads_to_the_admin(stranger: Visitor) -> None:
    stranger.open("/admin/")

    stranger.page.get_by_label("Username").fill("admin")
    stranger.page.get_by_label("Password").fill(PASSWORD)
    stranger.click("Sign in")

    assert stranger.page.url == f"{stranger.url}/admin/"
    expect(stranger.page.get_by_role("link", name="Spaces")).to_be_visible()


def test_lists_lead_to_their_rows(staff: Visitor, tmp_path: Path) -> None:
    staff.upload(staff.make_folder(), *samples.write(tmp_path, {"a.txt": b"a"}))

    for path in LISTS:
        staff.open(f"/admin/{path}")
        rows = staff.page.locator("#result_list tbody th a")
        if path == "auth/group/":
            continue
        rows.first.click()
        expect(staff.page.locator("h1")).to_be_visible()
        assert "/change/" in staff.page.url


def test_file_is_put_in_by_the_form_of_the_admin(staff: Visitor, tmp_path: Path) -> None:
    content = os.urandom(1_000_000)
    folder = staff.make_folder()
    staff.open(f"/admin/files/entry/{folder}/change/")

    staff.page.get_by_role("link", name="Upload", exact=True).click()
    (path,) = samples.write(tmp_path, {"by staff.bin": content})
    staff.page.get_by_label("Files").set_input_files(path)
    staff.page.get_by_role("button", name="Upload").click()
    staff.page.wait_for_load_state()
    staff.open(f"/folders/{folder}/")
    assert staff.names() == ["by staff.bin"]
    staff.follow("by staff.bin")

    digest = hashlib.sha256(content).hexdigest()
    assert staff.page.locator(".details__digest").inner_text().replace("\n", "") == digest


def test_file_is_taken_out_by_the_page_of_the_admin(staff: Visitor, tmp_path: Path) -> None:
    content = os.urandom(1000)
    staff.upload(staff.make_folder(), *samples.write(tmp_path, {"a.bin": content}))
    number = staff.page.locator("tbody input").get_attribute("value")
    staff.open(f"/admin/files/entry/{number}/change/")

    download = staff.download(staff.page.get_by_role("link", name="Download"))

    assert download.suggested_filename == "a.bin"
    assert download.path().read_bytes() == content


@pytest.mark.parametrize("look", ["light", "dark", "phone"])
def test_axe_objects_to_no_page(look: str, open_browser: Open, admin: Session) -> None:
    options: dict[str, object] = {"color_scheme": "dark"} if look == "dark" else {}
    if look == "phone":
        options = {"viewport": PHONE, "is_mobile": True}
    staff = open_browser(admin, **options)
    folder = admin.make_folder()
    rules = ["color-contrast"] if look == "dark" else []
    found = []

    entry = [f"files/entry/{folder}/change/", f"files/entry/{folder}/upload/"]
    rows = []
    for path in LISTS:
        staff.open(f"/admin/{path}")
        row = staff.page.locator("#result_list tbody th a")
        rows += [row.first.get_attribute("href") or ""] if row.count() else []
    for path in [*FORMS, *LISTS, *entry, *(row.removeprefix("/admin/") for row in rows)]:
        staff.open(f"/admin/{path}")
        found += staff.axe_violations(*rules) + staff.too_wide()

    assert found == []
