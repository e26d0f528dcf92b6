"""Finding one's way, and putting things in order."""

from pathlib import Path

from playwright.sync_api import expect

from tests.e2e.browser import samples
from tests.e2e.browser.visitor import Visitor, unique


def fill(visitor: Visitor, folder: int, tmp_path: Path, *names: str) -> None:
    """Put small files into a folder, and stay on its page."""
    visitor.upload(folder, *samples.write(tmp_path, {name: name.encode() for name in names}))


def make_folder_here(visitor: Visitor, name: str) -> None:
    """Make a folder in the one that is open, and go into it."""
    visitor.follow("New folder")
    visitor.page.get_by_label("Name", exact=True).fill(name)
    visitor.click("Make the folder")


def test_headings_sort_folders_first(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    files = {"b.txt": b"22", "a.txt": b"333", "c.png": samples.png()}
    visitor.upload(folder, *samples.write(tmp_path, files))
    make_folder_here(visitor, "z")
    visitor.open(f"/folders/{folder}/")
    assert visitor.names() == ["z", "a.txt", "b.txt", "c.png"]
    column = visitor.page.locator("th[aria-sort]")

    visitor.follow("Name")
    assert visitor.names() == ["z", "c.png", "b.txt", "a.txt"]
    assert column.get_attribute("aria-sort") == "descending"
    visitor.follow("Size")
    assert visitor.names() == ["z", "c.png", "a.txt", "b.txt"]
    visitor.follow("Size")
    assert visitor.names() == ["z", "b.txt", "a.txt", "c.png"]
    assert column.get_attribute("aria-sort") == "ascending"
    visitor.follow("Type")
    assert visitor.names()[0] == "z"
    assert column.inner_text() == "Type"
    visitor.follow("Modified")
    assert visitor.names()[0] == "z"
    assert column.get_attribute("aria-sort") == "descending"


def test_folder_and_file_are_renamed(visitor: Visitor, tmp_path: Path) -> None:
    visitor.open(f"/folders/{visitor.make_folder()}/")
    make_folder_here(visitor, "drafts")
    assert visitor.notice() == "The folder “drafts” was made."
    visitor.open_menu()
    visitor.follow("Rename")
    visitor.page.get_by_label("Name", exact=True).fill("papers")
    visitor.click("Rename")
    assert visitor.heading() == "papers"
    fill(visitor, int(visitor.page.url.rstrip("/").rpartition("/")[2]), tmp_path, "a.txt", "b.txt")
    visitor.follow("a.txt")
    visitor.follow("Rename")
    field = visitor.page.get_by_label("Name", exact=True)
    visitor.refusals = {409}

    field.fill("b.txt")
    visitor.click("Rename")
    expect(visitor.page.locator(".errorlist")).to_be_visible()
    field.fill("c.txt")
    visitor.click("Rename")

    assert visitor.heading() == "c.txt"
    visitor.page.get_by_role("navigation", name="Breadcrumb").get_by_text("papers").click()
    assert visitor.names() == ["b.txt", "c.txt"]


def test_things_are_moved_and_copied_by_walking_to_a_folder(
    visitor: Visitor, tmp_path: Path
) -> None:
    folder = visitor.make_folder()
    visitor.open(f"/folders/{folder}/")
    make_folder_here(visitor, "outer")
    make_folder_here(visitor, "inner")
    fill(visitor, folder, tmp_path, "a.txt", "b.txt", "c.txt")

    visitor.tick("a.txt", "b.txt")
    visitor.click("Move")
    visitor.follow("outer")
    visitor.follow("inner")
    visitor.click("Move here")
    assert visitor.heading() == "inner"
    assert visitor.notice() == "2 items were moved here."
    assert visitor.names() == ["a.txt", "b.txt"]
    visitor.open(f"/folders/{folder}/")
    assert visitor.names() == ["outer", "c.txt"]
    visitor.tick("outer", "c.txt")
    visitor.click("Copy")
    visitor.click("Copy here")

    assert visitor.notice() == "2 items were copied here."
    assert len(visitor.names()) == 4


def test_file_is_copied_from_its_page(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    visitor.open(f"/folders/{folder}/")
    make_folder_here(visitor, "copies")
    fill(visitor, folder, tmp_path, "a.txt")

    visitor.follow("a.txt")
    visitor.follow("Copy")
    visitor.follow("copies")
    visitor.click("Copy here")

    assert visitor.heading() == "copies"
    assert visitor.names() == ["a.txt"]


def test_trash_gives_back_and_takes_for_good(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    kept, dropped, left = (unique(stem) for stem in ("kept", "dropped", "left"))
    fill(visitor, folder, tmp_path, kept, dropped, left)

    visitor.tick(kept, dropped)
    visitor.click("Trash")
    assert visitor.names() == [left]
    visitor.follow("Open the trash")
    visitor.tick(kept)
    visitor.click("Restore")
    assert f"“{kept}” was restored." in visitor.notice()
    visitor.tick(dropped)
    visitor.click("Delete for good")
    assert visitor.heading() == "Delete 1 item for good?"
    visitor.click("Delete for good")
    assert visitor.notice() == "1 item was deleted for good."
    trash = visitor.page.url
    visitor.open(f"/folders/{folder}/")
    assert visitor.names() == [kept, left]
    visitor.follow(left)
    visitor.click("Trash")
    visitor.page.goto(trash)
    assert left in visitor.names()
    visitor.follow("Empty the trash")
    visitor.click("Empty the trash")

    expect(visitor.page.get_by_role("heading", name="The trash is empty")).to_be_visible()


def test_nothing_ticked_is_said(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    fill(visitor, folder, tmp_path, "a.txt")
    # The buttons hide until something is ticked; a browser without :has() shows them.
    visitor.tick("a.txt")
    button = visitor.page.get_by_role("button", name="Move", exact=True)
    expect(button).to_be_visible()

    visitor.page.get_by_role("checkbox", name="Select a.txt").uncheck()

    expect(button).to_be_hidden()
    expect(visitor.page.get_by_text("Tick files and folders")).to_be_visible()


def test_search_finds_by_a_part_of_the_name(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    name = unique("Ежегодный Отчёт")
    fill(visitor, folder, tmp_path, name, unique("other"))
    field = visitor.page.get_by_role("searchbox")

    field.fill(name[5:].lower())
    visitor.press_enter()
    assert visitor.names() == [name]
    visitor.follow(name)
    assert visitor.heading() == name
    field.fill(unique("nowhere"))
    visitor.press_enter()

    expect(visitor.page.get_by_role("heading", name="Nothing was found")).to_be_visible()
