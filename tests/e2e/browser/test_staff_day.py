"""A day of staff in the admin, before nginx and the backend as they run, in a real browser."""

import csv
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.e2e.browser.conftest import Open
from tests.e2e.browser.visitor import DESK, PHONE, Visitor, unique
from tests.e2e.conftest import Session, Stack
from tests.multiparts import TOKEN, TYPE, file, form

LOOKS = [
    {"viewport": DESK, "color_scheme": "light"},
    {"viewport": DESK, "color_scheme": "dark"},
    {"viewport": PHONE, "color_scheme": "light", "is_mobile": True, "locale": "ru-RU"},
]


@pytest.fixture
def files(admin: Session, folder: int) -> str:
    """Put files into a folder, one of them larger; give the part of their names that is new."""
    name = unique("report")
    contents = {f"{name} {number}.txt": b"x" * number for number in range(40)}
    contents[f"{name} final.txt"] = b"y" * 5000
    body = form(*(file(path, content) for path, content in contents.items()))
    body = body.replace(TOKEN.encode(), admin.token.encode())
    answer = admin.request("POST", f"/upload/{folder}", body, Content_Type=TYPE)
    assert answer.status == 303, answer.text
    return name


def count(visitor: Visitor) -> int:
    """Count the rows of a list."""
    return visitor.page.locator("#result_list tbody tr").count()


def message(visitor: Visitor) -> str:
    """Read what the admin says."""
    return visitor.page.locator(".messagelist").inner_text()


def test_the_day_of_staff(
    open_browser: Open, stack: Stack, admin: Session, folder: int, files: str, tmp_path: Path
) -> None:
    visitor = open_browser(admin, accept_downloads=True)
    page = visitor.page

    visitor.open("/admin/files/entry/")
    page.fill("#searchbar", files)
    page.keyboard.press("Enter")
    page.wait_for_url("**q=**")
    assert count(visitor) == 41
    page.fill('input[name="size_from"]', "4 KiB")
    page.fill('input[name="size_to"]', "5000")
    page.locator(".filter-range", has=page.locator('input[name="size_from"]')).get_by_role(
        "button"
    ).click()
    page.wait_for_url("**size_from=**")
    assert count(visitor) == 1
    page.click(f"text={files} final.txt")
    assert page.input_value('input[name="name"]') == f"{files} final.txt"
    entry = page.url.split("/entry/")[1].split("/")[0]

    space = stack.rows("SELECT space_id FROM files_entry WHERE id = ?", int(entry))[0][0]
    visitor.open(f"/admin/files/space/{space}/change/")
    page.fill('input[name="quota"]', "12 GiB")
    page.click('input[name="_save"]')
    assert stack.rows("SELECT quota_bytes FROM files_space WHERE id = ?", space) == [(12 * 2**30,)]

    upload = tmp_path / f"{files} by staff.txt"
    upload.write_bytes(b"from the admin")
    visitor.open(f"/admin/files/entry/{folder}/upload/")
    page.set_input_files('input[type="file"]', upload)
    page.locator('#content button[type="submit"], #content input[type="submit"]').first.click()
    page.wait_for_url("**/admin/files/entry/?space=*")
    assert message(visitor) == "1 file was uploaded."

    page.click(f"text={upload.name}")
    page.locator(".object-tools").get_by_role("link", name="Events").click()
    assert count(visitor) == 1
    row = page.locator("#result_list tbody tr").inner_text()
    assert "admin" in row
    assert upload.name in row

    visitor.open(f"/admin/files/entry/{entry}/change/")
    page.click("text=Move to the trash")
    assert message(visitor) == "1 entry was moved to the trash."
    page.click("text=Restore from the trash")
    assert message(visitor) == "1 entry was restored."

    _export_a_week(visitor, entry, tmp_path)


def _export_a_week(visitor: Visitor, entry: str, folder: Path) -> None:
    """Export the events of the last seven days, and read what came."""
    page, today = visitor.page, datetime.now(UTC).date()
    visitor.open("/admin/files/event/")
    page.fill('input[name="at_from"]', str(today - timedelta(days=6)))
    page.fill('input[name="at_to"]', str(today + timedelta(days=1)))
    page.locator(".filter-range").get_by_role("button").click()
    page.wait_for_url("**at_from=**")
    with page.expect_download() as download:
        page.locator(".object-tools").get_by_role("link", name="Export as CSV").click()
    path = folder / "events.csv"
    download.value.save_as(path)
    with path.open(newline="", encoding="utf-8-sig") as file:
        rows = [row for row in csv.DictReader(file) if row["entry"] == entry]
    assert [row["kind"] for row in rows] == ["entry-restored", "entry-trashed", "file-created"]
    assert [json.loads(row["after"])["trashed"] for row in rows] == [False, True, False]


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
def test_the_pages_of_the_day_are_for_everybody(
    open_browser: Open,
    stack: Stack,
    admin: Session,
    folder: int,
    files: str,
    look: dict[str, object],
) -> None:
    visitor = open_browser(admin, **look)
    space = stack.rows("SELECT space_id FROM files_entry WHERE id = ?", folder)[0][0]

    for address in (
        f"entry/?q={files}&size_from=1",
        f"entry/{folder}/change/",
        f"entry/{folder}/upload/",
        f"space/{space}/change/",
        "event/",
        "blob/",
        "upload/",
    ):
        visitor.open(f"/admin/files/{address}")
        assert visitor.too_wide() == []
        assert visitor.axe_violations() == []
