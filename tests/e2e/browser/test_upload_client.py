"""What the script of the upload pages does with files, whatever happens on the way."""

import hashlib
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Request, Route, expect

from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Open
from tests.e2e.browser.line import Line
from tests.e2e.browser.test_keyboard import tab_to
from tests.e2e.browser.visitor import PHONE, Visitor
from tests.e2e.conftest import Session, Stack
from tests.processes import LANDING, wait_until

MIB = 2**20
WAIT = 90_000  # ms
# How much a long run drops at once: `make torture` says 2,000 files and 1 GiB.
MANY = int(os.environ.get("TEST_BROWSER_FILES", "300"))
LARGE = int(os.environ.get("TEST_BROWSER_BYTES", str(40 * MIB)))
# Every task of the page that takes longer than 50 ms is told.
WATCH_TASKS = """
window.longTasks = [];
new PerformanceObserver((list) => longTasks.push(
  ...list.getEntries().map(({ startTime, duration }) => [Math.round(startTime), duration])))
  .observe({ type: "longtask" });
"""


class Sent:
    """What the browser sends to uploads: where each piece begins."""

    def __init__(self, visitor: Visitor) -> None:
        self.offsets: list[int] = []
        visitor.page.on("request", self._see)

    def _see(self, request: Request) -> None:
        if request.method == "PATCH":
            self.offsets.append(int(request.headers["upload-offset"]))


@pytest.fixture
def visitor(open_browser: Open, ada: Session) -> Visitor:
    return open_browser(ada)


@pytest.fixture
def line(stack: Stack) -> Iterator[Line]:
    # Tests cut chunks in their middle: past an nginx that would lose them whole.
    line = Line(stack.nginx_port if LANDING == "false" else stack.backend_port)
    yield line
    line.close()


def put_on(line: Line, visitor: Visitor) -> Visitor:
    """Let a browser reach the installation over a line that a test breaks."""
    visitor.url, visitor.outages = line.url, True
    return visitor


def choose(visitor: Visitor, *paths: Path) -> None:
    """Choose files on the upload page; they go at once."""
    visitor.page.get_by_label("Files", exact=True).set_input_files(list(paths))


def row_of(visitor: Visitor, name: str) -> Locator:
    """Find a file in the list."""
    return visitor.page.locator(".transfer").filter(has_text=name)


def finished(visitor: Visitor) -> Locator:
    """Find the link that is shown when all is done."""
    return visitor.page.get_by_role("link", name="Show the folder")


def received(stack: Stack, name: str) -> int:
    """Give how many bytes of an unfinished upload lie on the disk."""
    rows = stack.rows("SELECT id FROM files_upload WHERE path = ? AND state = 'open'", name)
    if not rows:
        return 0
    blob = str(rows[0][0]).replace("-", "")
    found = (stack.server.data / "uploads" / "blobs").glob(f"??/{blob}")
    return sum(path.stat().st_size for path in found)  # none before the first byte


def content_of(session: Session, folder: int, name: str) -> bytes:
    """Fetch a file as it is in the end."""
    ((number,),) = session.stack.rows(
        "SELECT id FROM files_entry WHERE name = ? AND parent_id = ?", name, folder
    )
    return session.request("GET", f"/entries/{number}/content?download").body


def is_same(session: Session, folder: int, path: Path) -> bool:
    """Tell whether a file has arrived as it was."""
    came = hashlib.sha256(content_of(session, folder, path.name)).digest()
    return came == hashlib.sha256(path.read_bytes()).digest()


def digest_of(path: Path) -> str:
    """Give the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def digests_in(stack: Stack, folder: int) -> dict[object, object]:
    """Give the digests of the files in a folder, as far as they have been taken."""
    rows = stack.rows(
        "SELECT e.name, v.sha256 FROM files_entry e JOIN files_version v ON v.id = e.version_id"
        " WHERE e.parent_id = ?",
        folder,
    )
    return {name: sha256 for name, sha256 in rows}  # noqa: C416 - rows are of any length


def shape_of(stack: Stack, folder: int) -> set[str]:
    """List the paths below a folder."""
    found = stack.rows(
        """WITH RECURSIVE tree(id, path) AS (
             SELECT id, name FROM files_entry WHERE parent_id = ?
             UNION ALL SELECT e.id, tree.path || '/' || e.name
             FROM files_entry e JOIN tree ON e.parent_id = tree.id)
           SELECT path FROM tree""",
        folder,
    )
    return {str(path) for (path,) in found}


@pytest.mark.parametrize("page", ["/upload/{}", "/folders/{}/"])
def test_folder_is_dropped_with_the_empty_folders_in_it(
    visitor: Visitor, ada: Session, stack: Stack, tmp_path: Path, page: str
) -> None:
    folder = visitor.make_folder()
    tree = {"trip/plan.txt": b"plan", "trip/photos/1.txt": b"one", "trip/film.bin": bytes(2 * MIB)}
    samples.write(tmp_path, tree)
    (tmp_path / "trip" / "empty" / "inner").mkdir(parents=True)
    visitor.open(page.format(folder))

    visitor.drop(tmp_path / "trip")
    finished(visitor).click()
    visitor.page.wait_for_load_state()

    assert visitor.notice() == "3 files were uploaded."
    folders = {"trip", "trip/photos", "trip/empty", "trip/empty/inner"}
    assert shape_of(stack, folder) == folders | tree.keys()


def test_many_files_and_a_large_one_get_through_a_bad_line(
    visitor: Visitor, line: Line, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    folder = put_on(line, visitor).make_folder()
    small = samples.write(tmp_path, {f"{n:04}.txt": os.urandom(500) for n in range(MANY)})
    (large,) = samples.write(tmp_path, {"large.bin": os.urandom(LARGE)})
    visitor.page.add_init_script(WATCH_TASKS)
    visitor.refusals = {413}  # more files than this server takes in one form
    sent = Sent(visitor)
    visitor.open(f"/upload/{folder}")

    line.limit(10 * MIB)
    # Dropped, not chosen: Playwright's way of choosing is one long task of its own.
    visitor.drop(*small, large)
    wait_until(lambda: received(stack, large.name) > 8 * MIB)
    line.cut()
    expect(row_of(visitor, large.name)).to_contain_text("Next try")
    line.limit(0)
    line.mend()
    expect(finished(visitor)).to_be_visible(timeout=WAIT + 1000 * LARGE / MIB)

    assert is_same(ada, folder, large)
    assert len(shape_of(stack, folder)) == MANY + 1
    assert sent.offsets[0] == 0
    assert min(sent.offsets[1:]) > 8 * MIB
    tasks = visitor.page.evaluate("() => longTasks")
    assert [task for task in tasks if task[1] >= 200] == []


def test_what_the_server_has_is_not_sent_again(
    visitor: Visitor, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    first, again = visitor.make_folder(), visitor.make_folder()
    known, new, largest = (
        tmp_path / "film.bin", tmp_path / "new.bin", tmp_path / "largest.bin",
    )  # fmt: skip
    known.write_bytes(os.urandom(40 * MIB))
    new.write_bytes(os.urandom(3 * MIB))
    largest.write_bytes(os.urandom(64 * MIB))
    visitor.page.add_init_script(WATCH_TASKS)
    visitor.open(f"/upload/{first}")
    choose(visitor, known)
    finished(visitor).wait_for(timeout=WAIT)
    wait_until(lambda: digests_in(stack, first) == {known.name: digest_of(known)}, seconds=30)

    visitor.open(f"/upload/{again}")
    sent = Sent(visitor)
    visitor.drop(known, new, largest)
    finished(visitor).wait_for(timeout=WAIT)

    assert all(is_same(ada, again, path) for path in (known, new, largest))
    begun = stack.rows("SELECT path FROM files_upload WHERE folder_id = ? ORDER BY path", again)
    assert begun == [(largest.name,), (new.name,)]
    assert sent.offsets.count(0) == 2
    tasks = visitor.page.evaluate("() => longTasks")
    assert [task for task in tasks if task[1] >= 200] == []


def test_file_is_sent_where_nobody_can_be_asked_for_it(
    visitor: Visitor, ada: Session, tmp_path: Path
) -> None:
    folder, file = visitor.make_folder(), tmp_path / "film.bin"
    file.write_bytes(os.urandom(3 * MIB))
    visitor.outages = True
    visitor.page.route("**/uploads/known", lambda route: route.abort())
    visitor.open(f"/upload/{folder}")

    choose(visitor, file)
    finished(visitor).wait_for(timeout=WAIT)

    assert is_same(ada, folder, file)


def test_reload_and_another_browser_go_on_with_the_rest(
    open_browser: Open, line: Line, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    first, second = put_on(line, open_browser(ada)), put_on(line, open_browser(ada))
    folder = first.make_folder()
    (large,) = samples.write(tmp_path, {"film.bin": os.urandom(24 * MIB)})
    first.open(f"/upload/{folder}")
    line.limit(6 * MIB)

    choose(first, large)
    wait_until(lambda: received(stack, large.name) > 6 * MIB)
    first.page.reload()
    waiting = first.page.get_by_role("region", name="Begun earlier")
    expect(waiting).to_contain_text(re.compile(r"film\.bin\s*[1-9]\d?% of 24.MiB received"))
    sent = Sent(first)
    choose(first, large)
    expect(waiting).to_be_hidden()
    wait_until(lambda: received(stack, large.name) > 15 * MIB)
    first.page.context.close()
    # All that the first browser knew is gone.
    last = Sent(second)
    second.open(f"/upload/{folder}")
    expect(second.page.get_by_text("film.bin")).to_be_visible()
    line.limit(0)
    before = line.sent_bytes
    choose(second, large)
    expect(finished(second)).to_be_visible(timeout=WAIT)

    assert is_same(ada, folder, large)
    assert line.sent_bytes - before < 9 * MIB + MIB // 2
    assert sent.offsets[0] > 6 * MIB
    assert last.offsets[0] > 15 * MIB
    second.page.reload()
    expect(second.page.get_by_role("region", name="Begun earlier")).to_be_hidden()


def test_file_that_was_changed_is_begun_anew(
    visitor: Visitor, line: Line, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    folder = put_on(line, visitor).make_folder()
    (large,) = samples.write(tmp_path, {"changing.bin": os.urandom(8 * MIB)})
    visitor.open(f"/upload/{folder}")
    line.limit(2 * MIB)
    choose(visitor, large)
    wait_until(lambda: received(stack, large.name) > 2 * MIB)
    visitor.page.reload()
    line.limit(0)
    samples.write(tmp_path, {"changing.bin": os.urandom(8 * MIB)})
    sent = Sent(visitor)

    choose(visitor, large)
    expect(finished(visitor)).to_be_visible(timeout=WAIT)

    assert is_same(ada, folder, large)
    assert sent.offsets[0] == 0
    assert (
        stack.rows("SELECT 1 FROM files_upload WHERE path = ? AND state = 'open'", large.name) == []
    )


def test_backend_that_is_killed_costs_nothing(
    visitor: Visitor, line: Line, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    folder = put_on(line, visitor).make_folder()
    (large,) = samples.write(tmp_path, {"killed.bin": os.urandom(24 * MIB)})
    sent = Sent(visitor)
    visitor.refusals = {502, 503} if LANDING == "false" else {409}  # nginx says the former
    visitor.open(f"/upload/{folder}")
    line.limit(6 * MIB)

    choose(visitor, large)
    wait_until(lambda: received(stack, large.name) > 6 * MIB)
    for worker in stack.backends()[1:]:
        os.kill(worker, signal.SIGKILL)
    line.limit(0)
    expect(finished(visitor)).to_be_visible(timeout=WAIT)

    assert is_same(ada, folder, large)
    assert sent.offsets[-1] > 6 * MIB


def test_chunks_shrink_until_a_proxy_lets_them_through(
    visitor: Visitor, ada: Session, tmp_path: Path
) -> None:
    folder = visitor.make_folder()
    (large,) = samples.write(tmp_path, {"proxied.bin": os.urandom(12 * MIB)})
    visitor.refusals = {413}
    sent, refusals = Sent(visitor), 4

    def refuse(route: Route) -> None:
        nonlocal refusals
        if route.request.method == "PATCH" and refusals:
            refusals -= 1
            route.fulfill(status=413, content_type="text/html", body="<h1>Too large</h1>")
        else:
            route.continue_()

    visitor.page.route("**/uploads/*", refuse)
    visitor.open(f"/upload/{folder}")
    choose(visitor, large)
    expect(finished(visitor)).to_be_visible(timeout=WAIT)

    assert is_same(ada, folder, large)
    # Half of what was refused, of what there was to send at first: 12 → 6 → 3 → 1.5 → 0.75 MiB.
    assert sent.offsets[:4] == [0] * 4
    assert sent.offsets[4:] == [at * 3 * MIB // 4 for at in range(16)]


def test_files_that_are_refused_say_why_and_the_others_arrive(
    visitor: Visitor, stack: Stack, tmp_path: Path
) -> None:
    folder = visitor.make_folder()
    visitor.refusals = {422}
    visitor.open(f"/upload/{folder}")

    good = [{"name": f"{n}.txt", "mimeType": "", "buffer": b"x"} for n in range(5)]
    bad = {"name": "a\tb.txt", "mimeType": "", "buffer": b"x"}
    visitor.page.locator("#files").set_input_files([*good[:3], bad, *good[3:]])  # type: ignore[arg-type]
    expect(finished(visitor)).to_be_visible()

    assert shape_of(stack, folder) == {f"{n}.txt" for n in range(5)}
    expect(row_of(visitor, "a b.txt")).to_contain_text("cannot contain line breaks")
    expect(visitor.page.locator("[data-part=summary]")).to_have_text(
        "Files uploaded: 5. Not uploaded: 1."
    )
    assert visitor.axe_violations() == []


def test_who_is_signed_out_signs_in_again_and_goes_on(
    open_browser: Open, stack: Stack, newcomer: str, tmp_path: Path
) -> None:
    session = stack.login(newcomer)
    visitor = open_browser(session)
    visitor.refusals = {401}
    visitor.open(f"/upload/{session.root}")
    visitor.page.context.clear_cookies(name="sessionid")
    files = samples.write(tmp_path, {"a.txt": b"small", "b.bin": os.urandom(2 * MIB)})

    choose(visitor, *files)
    alert = visitor.page.get_by_text("You are signed out.")
    expect(alert).to_be_visible()
    again = stack.login(newcomer)
    visitor.page.context.add_cookies(
        [{"name": n, "value": v, "url": visitor.url} for n, v in again.cookies.items()]
    )
    visitor.refusals |= {403}  # the token of the page is that of the old cookie
    visitor.click("Resume all")
    expect(finished(visitor)).to_be_visible()

    expect(alert).to_be_hidden()
    assert is_same(again, session.root, files[1])


def begin_slowly(visitor: Visitor, line: Line, stack: Stack, folder: int, path: Path) -> None:
    """Begin an upload that takes its time."""
    put_on(line, visitor)
    visitor.open(f"/upload/{folder}")
    line.limit(MIB)
    choose(visitor, path)
    wait_until(lambda: received(stack, path.name) > MIB // 2)


def test_upload_is_paused_resumed_and_cancelled_by_keys(
    visitor: Visitor, line: Line, stack: Stack, tmp_path: Path
) -> None:
    folder = visitor.make_folder()
    (large,) = samples.write(tmp_path, {"keys.bin": os.urandom(8 * MIB)})
    begin_slowly(visitor, line, stack, folder, large)
    page, row = visitor.page, row_of(visitor, "keys.bin")
    button: Callable[[str], Locator] = lambda name: page.get_by_role("button", name=name)  # noqa: E731

    tab_to(visitor, button("Pause keys.bin"))
    page.keyboard.press("Enter")
    expect(row).to_contain_text("Paused at")
    expect(button("Resume keys.bin")).to_be_focused()
    there = received(stack, large.name)
    page.keyboard.press("Enter")
    expect(row).not_to_contain_text("Paused at")
    wait_until(lambda: received(stack, large.name) > there)
    tab_to(visitor, button("Cancel keys.bin"))
    page.keyboard.press("Enter")

    expect(row).to_have_count(0)
    wait_until(lambda: stack.rows("SELECT 1 FROM files_upload WHERE path = 'keys.bin'") == [])
    assert shape_of(stack, folder) == set()


def test_page_tells_how_far_it_is_and_warns_before_it_is_left(
    visitor: Visitor, line: Line, stack: Stack, tmp_path: Path
) -> None:
    folder = visitor.make_folder()
    (large,) = samples.write(tmp_path, {"told.bin": os.urandom(6 * MIB)})
    warnings: list[str] = []
    visitor.page.on("dialog", lambda dialog: warnings.append(dialog.type))

    begin_slowly(visitor, line, stack, folder, large)
    summary = visitor.page.locator("[data-part=summary]")
    expect(summary).to_contain_text(re.compile(r"Files: 0 of 1 · .* of 6.MiB · .*/s · .* left"))
    expect(visitor.page).to_have_title(re.compile(r"^\d+% · Upload to"))
    expect(visitor.page.get_by_role("status")).to_have_text("Uploading has begun.")
    assert visitor.axe_violations() == []
    visitor.page.reload()
    assert warnings == ["beforeunload"]
    line.limit(0)
    choose(visitor, large)
    expect(finished(visitor)).to_be_visible()

    expect(visitor.page).to_have_title(re.compile(r"^Upload to"))
    expect(visitor.page.get_by_role("status")).to_have_text("Files uploaded: 1.")
    assert visitor.axe_violations() == []


def test_panel_fits_a_dark_phone(
    open_browser: Open, line: Line, ada: Session, stack: Stack, tmp_path: Path
) -> None:
    visitor = open_browser(ada, viewport=PHONE, is_mobile=True, color_scheme="dark")
    folder = visitor.make_folder()
    name = f"{'a very long name of a film ' * 6}.bin"
    (large,) = samples.write(tmp_path, {name: os.urandom(8 * MIB)})

    begin_slowly(visitor, line, stack, folder, large)
    assert visitor.too_wide() + visitor.axe_violations() == []
    visitor.page.reload()
    visitor.page.get_by_role("region", name="Begun earlier").wait_for()
    assert visitor.too_wide() + visitor.axe_violations() == []
    line.limit(0)
    choose(visitor, large)

    expect(finished(visitor)).to_be_visible()
