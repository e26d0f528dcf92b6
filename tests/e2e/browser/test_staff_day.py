"""A day of somebody on the staff, from finding a file to the events of the week as CSV."""

import csv
import io
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Open
from tests.e2e.browser.visitor import PHONE, Visitor, unique
from tests.e2e.conftest import Session

LOOKS: dict[str, dict[str, object]] = {
    "light": {},
    "dark": {"color_scheme": "dark"},
    "phone": {"viewport": PHONE, "is_mobile": True},
    "no scripts": {"java_script_enabled": False},
}


@pytest.fixture(params=LOOKS)
def staff(request: pytest.FixtureRequest, open_browser: Open, admin: Session) -> Visitor:
    """Give the superuser's window, in each look."""
    return open_browser(admin, **LOOKS[request.param])


def open_filters(page: Page) -> None:
    """Open the panel of filters where it is closed, as on a phone."""
    summary = page.locator("#changelist-filter .panel > summary")
    if summary.is_visible():
        summary.click()


def apply(page: Page, name: str, value: str) -> None:
    """Type an end of a range, and apply the filter."""
    open_filters(page)
    field = page.locator(f"[name={name}]:not([type=hidden])")
    field.fill(value)
    with page.expect_navigation():
        field.press("Enter")


def entries(page: Page) -> list[str]:
    """Read the names in the list."""
    return page.locator("#result_list .entry-name bdi").all_text_contents()


def test_a_day_of_the_staff(staff: Visitor, tmp_path: Path) -> None:
    page, stem = staff.page, unique("budget")
    folder_id = staff.make_folder()
    contents = {f"{stem} small.txt": b"a" * 10, f"{stem} large.bin": b"b" * 3_000_000}
    ((folder,),) = staff.session.stack.rows(  # type: ignore[union-attr]  # somebody is signed in
        "SELECT name FROM files_entry WHERE id = ?", folder_id
    )

    # A folder is chosen, and files are put into it by the admin's form.
    staff.open("/admin/files/entry/")
    page.get_by_role("link", name="Upload files").click()
    page.get_by_label("A part of the folder's name").fill(str(folder)[:12])
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=str(folder)).first.click()
    page.get_by_label("Files", exact=True).set_input_files(samples.write(tmp_path, contents))
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator(".messagelist")).to_contain_text("2 files were uploaded.")

    # One of them is found by a part of its name and by its size.
    page.locator("#searchbar").fill(stem.upper())
    with page.expect_navigation():
        page.locator("#searchbar").press("Enter")
    assert sorted(entries(page)) == sorted(contents)
    apply(page, "size_from", "2 MB")
    assert entries(page) == [f"{stem} large.bin"]

    # Who put it there is said on its page; it is trashed, found in the trash and restored.
    page.get_by_role("link", name=f"{stem} large.bin").click()
    expect(page.locator(".field-latest_events")).to_contain_text("file created · admin")
    page.get_by_role("button", name="Move to the trash").click()
    expect(page.locator(".messagelist")).to_contain_text("1 entry was moved to the trash.")
    staff.open(f"/admin/files/entry/?trash=yes&q={stem}")
    assert entries(page) == [f"{stem} large.bin"]
    page.get_by_role("link", name=f"{stem} large.bin").click()
    page.get_by_role("button", name="Restore from the trash").click()
    expect(page.locator(".messagelist")).to_contain_text("1 entry was restored.")

    # The week's events of this one entry go into a CSV.
    page.locator(".object-tools").get_by_role("link", name="Events").click()
    today = datetime.now(UTC).date()
    apply(page, "at_from", (today - timedelta(days=6)).isoformat())
    download = staff.download(page.get_by_role("link", name="Export as CSV"))
    assert download.suggested_filename == f"events-{today}.csv"
    text = download.path().read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["kind"] for row in rows] == ["file-created", "entry-trashed", "entry-restored"]
    assert {(row["actor"], row["name"]) for row in rows} == {("admin", f"{stem} large.bin")}
    assert {row["door"] for row in rows} == {"admin"}

    assert staff.too_wide() == []


def test_a_quota_is_raised(staff: Visitor) -> None:
    page, name = staff.page, unique("Design")
    staff.open("/admin/files/space/add/")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Quota").fill("1 GiB")
    page.get_by_role("button", name="Save", exact=True).click()

    staff.open(f"/admin/files/space/?q={name}")
    page.get_by_role("link", name=name).click()
    page.get_by_label("Quota").fill("a lot")
    page.get_by_role("button", name="Save and continue editing").click()
    expect(page.locator(".errorlist")).to_have_text(
        "Please enter a size such as 500 MiB or 10 GiB."
    )
    page.get_by_label("Quota").fill("1.5 TiB")
    page.get_by_role("button", name="Save and continue editing").click()

    expect(page.locator(".usage")).to_have_text("0 bytes of 1.5\N{NO-BREAK SPACE}TiB")
    page.locator(".object-tools").get_by_role("link", name="Events").click()
    expect(page.locator("#result_list tbody tr").first).to_contain_text(
        "quota: 1\N{NO-BREAK SPACE}GiB → 1.5\N{NO-BREAK SPACE}TiB"
    )


def test_a_size_that_cannot_be_understood_is_said_where_it_was_typed(staff: Visitor) -> None:
    staff.open("/admin/files/entry/")
    apply(staff.page, "size_to", "huge")

    expect(staff.page.locator("#fault-size")).to_be_visible()
    expect(staff.page.locator(".empty-list")).to_be_visible()
    assert staff.page.locator("[name=size_to]:not([type=hidden])").input_value() == "huge"
