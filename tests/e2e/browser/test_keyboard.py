"""Working without a mouse."""

from pathlib import Path

from playwright.sync_api import Locator

from tests.e2e.browser import samples
from tests.e2e.browser.visitor import Visitor

STOPS = 80  # more than any page here has
IS_FOCUSED = "(element) => element === document.activeElement"
# What has the focus is on the screen, and differs from what has not.
IS_SHOWN = """() => {
  const { width, height, top, bottom } = document.activeElement.getBoundingClientRect();
  const style = getComputedStyle(document.activeElement);
  const is_marked = style.outlineStyle !== "none" || style.boxShadow !== "none";
  return width > 0 && height > 0 && bottom > 0 && top < innerHeight &&
    style.opacity !== "0" && is_marked;
}"""


def tab_to(visitor: Visitor, wanted: Locator, key: str = "Tab") -> None:
    """Walk to an element, past others that must be seen to have the focus."""
    for _stop in range(STOPS):
        visitor.page.keyboard.press(key)
        assert visitor.page.evaluate(IS_SHOWN), visitor.page.evaluate(
            "() => document.activeElement.outerHTML"
        )
        if wanted.evaluate(IS_FOCUSED):
            return
    raise AssertionError(f"{wanted} cannot be reached")


def test_skip_link_leads_past_the_header(visitor: Visitor) -> None:
    visitor.open("/")
    link = visitor.page.get_by_role("link", name="Skip to the content")

    visitor.page.keyboard.press("Tab")
    assert link.evaluate(IS_FOCUSED)
    assert link.evaluate("(link) => link.getBoundingClientRect().top >= 0")
    visitor.page.keyboard.press("Enter")
    visitor.page.keyboard.press("Tab")

    assert visitor.page.evaluate("() => document.activeElement.closest('main') !== null")


def test_folder_is_made_and_filled_rows_are_worked_with(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    files = {f"{letter}.txt": letter.encode() for letter in "abc"}
    visitor.upload(folder, *samples.write(tmp_path, files))
    page, keyboard = visitor.page, visitor.page.keyboard

    tab_to(visitor, page.get_by_role("link", name="New folder"))
    visitor.press_enter()
    tab_to(visitor, page.get_by_label("Name", exact=True))
    keyboard.type("made by keys")
    visitor.press_enter()
    assert visitor.heading() == "made by keys"

    visitor.open(f"/folders/{folder}/")
    tab_to(visitor, page.get_by_role("checkbox", name="Select a.txt"))
    keyboard.press("Space")
    tab_to(visitor, page.get_by_role("link", name="b.txt", exact=True))
    tab_to(visitor, page.get_by_role("link", name="Rename b.txt"))
    tab_to(visitor, page.get_by_role("button", name="Trash", exact=True), "Shift+Tab")
    visitor.press_enter()

    assert visitor.names() == ["made by keys", "b.txt", "c.txt"]


def test_menu_is_opened_and_left(visitor: Visitor) -> None:
    visitor.open(f"/folders/{visitor.make_folder()}/")
    page, keyboard = visitor.page, visitor.page.keyboard

    tab_to(visitor, page.locator("main summary"))
    keyboard.press("Enter")
    tab_to(visitor, page.get_by_role("link", name="Rename"))
    visitor.press_enter()

    assert visitor.heading().startswith("Rename")
