"""Every page of ours, as it looks: light, dark, on a phone, in both languages, to axe."""

import re
import socket
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Route

from files.web.urls import urlpatterns
from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Open, make_account
from tests.e2e.browser.visitor import PHONE, Visitor, unique
from tests.e2e.conftest import Session, Stack
from tests.e2e.wire import head
from tests.multiparts import MAX_FILES, TOKEN, TYPE, file, form
from tests.processes import manage, wait_until

# Addresses that answer with bytes, or lead on to another page.
NOT_PAGES = {"actions", "archive", "confirm-upload", "content", "known", "put", "trash-actions"}
LONG_NAME = f"{'A very long name of a file, as somebody gave it; ' * 4}.txt"
LONG_WORD = f"{'Donaudampfschifffahrtsgesellschaft' * 5}.bin"
SHOWN = {
    LONG_NAME: b"text",
    LONG_WORD: b"\0\1\2",
    "a.png": samples.png(64, 48),
    "b.wav": samples.wav(),
    "c.pdf": samples.pdf(),
}


@dataclass
class Site:
    """Somebody's space with something of everything, and its pages by the names of their URLs."""

    session: Session
    pages: dict[str, list[str]]
    folder: int
    file: int


def put(session: Session, folder: int, contents: dict[str, bytes]) -> None:
    """Put files into a folder as the form does."""
    body = form(*(file(name, content) for name, content in contents.items()))
    body = body.replace(TOKEN.encode(), session.token.encode())
    answer = session.request("POST", f"/upload/{folder}", body, Content_Type=TYPE)
    assert answer.status == 303, answer.text


def break_off(session: Session, folder: int, names: Iterable[str]) -> None:
    """Send a form as a browser does whose line breaks before the end of the last file."""
    body = form(*(file(name, b"x" * 2000) for name in names), file("cut.bin", b"x" * 9), end=b"")
    body = body.replace(TOKEN.encode(), session.token.encode())[:-5]
    sent = {"Cookie": session.cookie, "Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
    length = str(len(body) + 100)
    data = head("POST", f"/upload/{folder}", **sent, Content_Type=TYPE, Content_Length=length)
    with socket.create_connection(("127.0.0.1", session.stack.nginx_port)) as line:
        line.sendall(data + body)
        time.sleep(0.3)  # it is read before the end of the line is seen


def unfinished(session: Session, folder: int) -> None:
    """Have uploads of all kinds: received, half there, without a place any more."""
    names = ("received.txt", LONG_WORD, "half.bin", "lost.bin")
    break_off(session, folder, names)
    count = "SELECT count(*) FROM files_upload WHERE folder_id = ?"  # others upload here, too
    wait_until(lambda: session.stack.rows(count, folder) == [(len(names),)])
    grow = "UPDATE files_upload SET length = 5 * length WHERE path IN (?, ?)"
    session.stack.write(grow, LONG_WORD, "half.bin")
    session.stack.write("UPDATE files_upload SET folder_id = NULL WHERE path = ?", "lost.bin")


def make_token(session: Session, folder: int) -> int:
    """Make two tokens, one of which is revoked, and give the id of the other."""
    for name in ("old", LONG_WORD[:100]):
        wanted = {"name": name, "scopes": "read", "top": str(folder), "folder": str(folder)}
        session.post_form("/tokens/new/", **wanted)
    found = "SELECT id FROM files_token ORDER BY id DESC LIMIT 2"
    (new,), (old,) = session.stack.rows(found)
    session.post_form(f"/tokens/{old}/revoke/")
    return int(str(new))


def lock(session: Session, username: str, folder: int) -> int:
    """Lock a folder at the top as a WebDAV client does, and give the id of the lock."""
    stack = session.stack
    scopes = ("--scope", "read", "--scope", "write")
    made = manage("create_token", username, *scopes, data=stack.server.data)
    ((name, slug),) = stack.rows(
        "SELECT e.name, s.slug FROM files_entry e JOIN files_space s ON s.id = e.space_id"
        " WHERE e.id = ?",
        folder,
    )
    body = (
        b'<?xml version="1.0"?><D:lockinfo xmlns:D="DAV:"><D:lockscope><D:exclusive/></D:lockscope>'
        b"<D:locktype><D:write/></D:locktype></D:lockinfo>"
    )
    bearer = f"Bearer {made.stdout.strip()}"
    answer = session.request("LOCK", f"/dav/{slug}/{name}/", body, Authorization=bearer)
    assert answer.status == 200, answer.text
    ((number,),) = stack.rows("SELECT id FROM files_lock WHERE entry_id = ?", folder)
    return int(str(number))


def number_of(session: Session, name: str, folder: int) -> int:
    """Find an entry by its name."""
    ((number,),) = session.stack.rows(
        "SELECT id FROM files_entry WHERE name = ? AND parent_id = ?", name, folder
    )
    return int(str(number))


@pytest.fixture(scope="session")
def site(stack: Stack, admin: Session) -> Site:
    username = make_account(admin)
    session = stack.login(username)
    ((space,),) = stack.rows("SELECT id FROM files_space WHERE root_id = ?", session.root)
    assert manage("set_quota", str(space), "1MiB", data=stack.server.data).returncode == 0
    folder, many, empty = (session.make_folder() for _ in range(3))
    put(session, folder, {**SHOWN, "old.txt": b"old"})
    for start in range(0, 120, MAX_FILES):
        put(session, many, {f"{start + n:03}.txt": b"x" for n in range(MAX_FILES)})
    old = number_of(session, "old.txt", folder)
    session.post_form(f"/folders/{folder}/actions", entry=str(old), action="trash")
    files = [number_of(session, name, folder) for name in SHOWN]
    session.post_form(f"/folders/{folder}/new/", name=LONG_WORD[:100])
    unfinished(session, folder)
    one = f"entry={files[0]}"
    token = make_token(session, folder)
    pages = {
        "spaces": ["/"],
        "search": ["/search/", "/search/?q=a", "/search/?q=zzz"],
        "folder": [f"/folders/{number}/" for number in (session.root, folder, many, empty)],
        "create-folder": [f"/folders/{folder}/new/"],
        "upload": [f"/upload/{folder}"],
        "uploads": ["/uploads/"],
        "discard-upload": ["/uploads/discard/?upload=received"],
        "entry": [f"/entries/{number}/" for number in files],
        "rename": [f"/entries/{files[0]}/rename/"],
        "move": [f"/move/?{one}", f"/move/?{one}&entry={files[1]}&to={session.root}"],
        "copy": [f"/copy/?{one}&to={empty}"],
        "trash": [f"/trash/{space}/"],
        "delete": [f"/trash/{space}/delete/?entry={old}"],
        "empty-trash": [f"/trash/{space}/empty/"],
        "break-lock": [f"/locks/{lock(session, username, empty)}/break/"],
        "tokens": ["/tokens/"],
        "create-token": ["/tokens/new/", f"/tokens/new/?folder={folder}"],
        "revoke-token": [f"/tokens/{token}/revoke/"],
        "api": ["/api/v1/docs"],
        "account": ["/accounts/password/change/", "/accounts/logout/"],
        "errors": ["/no/such/page", "/entries/999999999/", f"/folders/{files[0]}/new/"],
    }
    return Site(session, pages, folder, files[0])


def signed_in(visitor: Visitor, site: Site) -> Iterator[None]:
    """Open one page after the other, then those that answer a form that was refused."""
    visitor.refusals = {404, 409, 413, 422}
    for paths in site.pages.values():
        for path in paths:
            visitor.open(path)
            yield
    page = visitor.page
    visitor.open(f"/entries/{site.file}/rename/")
    page.locator("#id_name").fill("a.png")
    page.locator("main form button").click()
    page.locator(".errorlist").first.wait_for()
    yield
    visitor.open("/accounts/password/change/")
    for field in page.locator("main input[type=password]").all():
        field.fill("short")
    page.locator("main form button").click()
    page.locator(".errorlist").first.wait_for()
    yield
    visitor.open(f"/upload/{site.folder}")
    too_many = [{"name": f"{n}.txt", "mimeType": "", "buffer": b""} for n in range(MAX_FILES + 1)]
    page.locator("#files").set_input_files(too_many)  # type: ignore[arg-type]
    if visitor.has_scripts:
        page.locator("[data-part=finished]").wait_for()
    else:
        page.locator("main form button").last.click()
        page.get_by_role("alert").wait_for()
    yield
    visitor.open(f"/folders/{site.folder}/")
    page.locator("tbody input").first.check()
    yield
    visitor.open_menu()
    yield
    page.locator("header summary").click()
    yield


def signed_out(visitor: Visitor) -> Iterator[None]:
    """Open the pages that everybody may see."""
    visitor.refusals = {404}
    for path in ("/accounts/login/", "/accounts/inactive/", "/no/such/page"):
        visitor.open(path)
        yield


def try_a_wrong_password(visitor: Visitor) -> None:
    """Stay on the form for signing in; only so many may be tried in a minute."""
    visitor.open("/accounts/login/")
    visitor.page.locator("#id_login").fill(unique("nobody"))
    visitor.page.locator("#id_password").fill("not the password")
    visitor.page.locator("main form button").click()
    visitor.page.get_by_role("alert").wait_for()


def test_every_page_is_among_those_that_are_looked_at(site: Site) -> None:
    names = {pattern.name for pattern in urlpatterns} - NOT_PAGES

    assert names - site.pages.keys() == set()


def test_axe_objects_to_no_page(open_browser: Open, site: Site) -> None:
    found = []
    visitor, stranger = open_browser(site.session), open_browser()

    for _page in signed_in(visitor, site):
        found += visitor.axe_violations()
    for _page in signed_out(stranger):
        found += stranger.axe_violations()
    try_a_wrong_password(stranger)
    found += stranger.axe_violations()

    assert found == []


def test_dark_pages_can_be_read(open_browser: Open, site: Site) -> None:
    found = []
    visitor = open_browser(site.session, color_scheme="dark")
    stranger = open_browser(color_scheme="dark")

    for _page in signed_in(visitor, site):
        found += visitor.axe_violations("color-contrast")
    for _page in signed_out(stranger):
        found += stranger.axe_violations("color-contrast")

    assert found == []
    ground = visitor.page.evaluate("() => getComputedStyle(document.body).backgroundColor")
    assert max(map(int, re.findall(r"\d+", ground))) < 64


def test_pages_fit_a_phone(open_browser: Open, site: Site) -> None:
    found = []
    options: dict[str, object] = {"viewport": PHONE, "is_mobile": True, "has_touch": True}
    visitor, stranger = open_browser(site.session, **options), open_browser(**options)

    for _page in signed_in(visitor, site):
        found += visitor.too_wide() + visitor.axe_violations()
    for _page in signed_out(stranger):
        found += stranger.too_wide() + stranger.axe_violations()

    assert found == []


def test_russian_pages_fit_a_phone(open_browser: Open, site: Site, kind: dict[str, object]) -> None:
    found = []
    options = {"viewport": PHONE, "is_mobile": True, "locale": "ru-RU", **kind}
    visitor, stranger = open_browser(site.session, **options), open_browser(**options)

    for _page in signed_in(visitor, site):
        found += visitor.too_wide()
    for _page in signed_out(stranger):
        found += stranger.too_wide()

    assert found == []
    assert stranger.page.locator("html").get_attribute("lang") == "ru"


def test_what_a_page_does_wrong_is_noticed(visitor: Visitor, kind: dict[str, object]) -> None:
    """Show that the other tests would fail."""
    wrong = (
        "<script>1</script><p style='color: red'>wrong</p><img src='/no/such.png'>"
        "<img src='http://foreign.test/a.png'>"
    )

    def spoil(route: Route) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=answer.text().replace("</main>", f"{wrong}</main>"))

    visitor.page.route(f"{visitor.url}/", spoil)
    visitor.open("/")

    problems = "\n".join(visitor.problems)
    visitor.problems.clear()
    assert ("script-src" in problems) == kind["java_script_enabled"]
    assert "style-src" in problems
    assert "foreign.test" in problems
    assert "status 404" in problems
