"""Somebody at a browser, and all that the browser has to say about our pages."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import ConsoleMessage, Dialog, Download, Locator, Page, Request, Response

from tests.e2e.conftest import Session

DESK = {"width": 1280, "height": 800}
PHONE = {"width": 390, "height": 844}
# Told by the answers themselves, with their statuses.
TOLD_ELSEWHERE = "Failed to load resource: the server responded with a status"
FAILED = "Failed to load resource: net::"
# What the browser fetches from itself, such as its PDF viewer.
OWN_SCHEMES = ("chrome-extension:", "chrome:", "blob:", "data:")
# Pages may break the policy without a word on the console: in a script, for one.
REPORT_BREACHES = """
document.addEventListener("securitypolicyviolation", (event) =>
  console.error(`breach of ${event.violatedDirective}: ${event.blockedURI}`));
"""
AXE = Axe()


@dataclass
class Visitor:
    """A window of a browser in which somebody may be signed in."""

    page: Page
    url: str  # of the installation
    session: Session | None = None
    refusals: set[int] = field(default_factory=set)  # statuses that a test asks for
    outages: bool = False  # whether a test breaks connections, and leaves pages that object
    problems: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        """Listen to the browser."""
        self.page.on("console", self._hear)
        self.page.on("pageerror", lambda error: self._note(f"error in a script: {error}"))
        self.page.on("dialog", self._close)
        self.page.on("request", self._see_request)
        self.page.on("requestfailed", self._see_failure)
        self.page.on("response", self._see_response)

    def _note(self, problem: str) -> None:
        self.problems.append(f"{self.page.url}: {problem}")

    def _hear(self, message: ConsoleMessage) -> None:
        told = (TOLD_ELSEWHERE, FAILED) if self.outages else TOLD_ELSEWHERE
        if message.type in {"error", "warning"} and not message.text.startswith(told):
            self._note(message.text)

    def _close(self, dialog: Dialog) -> None:
        if self.outages and dialog.type == "beforeunload":
            dialog.accept()
            return
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _see_request(self, request: Request) -> None:
        if not request.url.startswith((f"{self.url}/", *OWN_SCHEMES)):
            self._note(f"request to another host: {request.url}")

    def _see_failure(self, request: Request) -> None:
        # The browser itself has ended it: the page was left, a player has enough, or a navigation
        # turned into a download.
        if request.failure != "net::ERR_ABORTED" and not self.outages:
            self._note(f"failed: {request.url} {request.failure}")

    def _see_response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refusals:
            self._note(f"status {response.status}: {response.url}")

    def open(self, path: str) -> None:
        """Go to an address of the installation."""
        self.page.goto(f"{self.url}{path}")

    def click(self, name: str, *, role: str = "button", within: str = "main") -> None:
        """Press what has a name."""
        self.page.locator(within).get_by_role(role, name=name, exact=True).click()  # type: ignore[arg-type]
        self.page.wait_for_load_state()

    def press_enter(self) -> None:
        """Press Enter where that leads to another page."""
        with self.page.expect_navigation():
            self.page.keyboard.press("Enter")

    def follow(self, name: str, *, within: str = "main") -> None:
        """Follow a link."""
        self.click(name, role="link", within=within)

    def open_menu(self, within: str = "main") -> None:
        """Open the menu of the page, or of the header."""
        self.page.locator(f"{within} summary").click()

    def upload(self, folder: int, *files: Path) -> None:
        """Put files into a folder through its page, and go to what the folder is then."""
        self.open(f"/upload/{folder}")
        self.page.get_by_label("Files", exact=True).set_input_files(list(files))
        self.send_chosen()

    @property
    def has_scripts(self) -> bool:
        """Tell whether the upload page has taken its form over, so that files go as chosen."""
        return self.page.locator("[data-scripted]").first.is_visible()

    def send_chosen(self) -> None:
        """Send the files that are chosen, and wait until they are there or refused."""
        if self.has_scripts:
            self.follow("Show the folder")
        else:
            self.click("Upload")

    def drop(self, *paths: Path) -> None:
        """Drop files and folders on the page, as from the desktop."""
        session = self.page.context.new_cdp_session(self.page)
        data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
        for kind in ("dragEnter", "dragOver", "drop"):
            event = {"type": kind, "x": 300, "y": 300, "data": data}
            session.send("Input.dispatchDragEvent", event)
        session.detach()

    def tick(self, *names: str) -> None:
        """Select rows of the table."""
        for name in names:
            self.page.get_by_role("checkbox", name=f"Select {name}", exact=True).check()

    def names(self) -> list[str]:
        """Read the names in the table, from top to bottom."""
        return self.page.locator("tbody .entry-name bdi").all_text_contents()

    def heading(self) -> str:
        """Read the heading of the page."""
        return self.page.locator("h1").inner_text()

    def notice(self) -> str:
        """Read what the page says has been done, or not."""
        return self.page.locator(".notices").inner_text()

    def download(self, link: Locator) -> Download:
        """Press what downloads, and wait for the whole file."""
        with self.page.expect_download() as waiting:
            link.click()
        waiting.value.path()  # waits for its end
        return waiting.value

    def make_folder(self) -> int:
        """Make a folder for one test, and give its id."""
        assert self.session
        return self.session.make_folder()

    def axe_violations(self, *rules: str) -> list[str]:
        """Give what axe objects to, by all its rules or these."""
        options: dict[str, object] = {"resultTypes": ["violations"]}
        if rules:
            options["runOnly"] = list(rules)
        found = AXE.run(self.page, options=options).response["violations"]
        return [
            f"{self.page.url}: {violation['id']}: {node['html'][:200]} {node['failureSummary']}"
            for violation in found
            for node in violation["nodes"]
        ]

    def too_wide(self) -> list[str]:
        """Give what is wider than the window, with the page."""
        excess: Sequence[str] = self.page.evaluate(
            """() => document.documentElement.scrollWidth <= innerWidth ? [] :
            [...document.body.querySelectorAll("*")]
              .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
              .map((element) => element.outerHTML.slice(0, 80)).slice(0, 5)"""
        )
        return [f"{self.page.url}: {element}" for element in excess]


def unique(stem: str) -> str:
    """Give a name that no other test has."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"
