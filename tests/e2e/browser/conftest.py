"""A browser in front of the installation, with scripts and without."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.e2e.browser.visitor import DESK, REPORT_BREACHES, Visitor, unique
from tests.e2e.conftest import PASSWORD, Session, Stack

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
FLAGS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking"
    " --disable-component-update --disable-sync"
)

Open = Callable[..., Visitor]


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Start the browser that the system has."""
    if CHROMIUM is None:
        pytest.skip("there is no chromium on PATH")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS.split())
        yield browser
        browser.close()


def make_account(admin: Session) -> str:
    """Have an account made that has no rights but its own space; give its name."""
    name = unique("person")
    answer = admin.post_form(
        "/admin/auth/user/add/",
        username=name,
        usable_password="true",
        password1=PASSWORD,
        password2=PASSWORD,
    )
    assert answer.status == 302, answer.text
    return name


@pytest.fixture(scope="session")
def ada(stack: Stack, admin: Session) -> Session:
    """Give somebody with a space of her own, signed in."""
    return stack.login(make_account(admin))


@pytest.fixture
def newcomer(admin: Session) -> str:
    """Give the name of an account of this test's own."""
    return make_account(admin)


@pytest.fixture
def open_browser(browser: Browser, stack: Stack) -> Iterator[Open]:
    """Give windows, for whom one likes; when the test is over, none may have had a problem."""
    visitors = []
    with ExitStack() as contexts:

        def open_window(session: Session | None = None, **options: object) -> Visitor:
            wanted = {"locale": "en-GB", "viewport": DESK, **options}
            context = browser.new_context(**wanted)  # type: ignore[arg-type]
            contexts.callback(context.close)
            context.set_default_timeout(20_000)
            context.add_init_script(REPORT_BREACHES)
            if session is not None:
                cookies = session.cookies.items()
                context.add_cookies(
                    [
                        {"name": name, "value": value, "url": stack.nginx_url}
                        for name, value in cookies
                    ]
                )
            visitor = Visitor(context.new_page(), stack.nginx_url, session)
            visitors.append(visitor)
            return visitor

        yield open_window
    assert [problem for visitor in visitors for problem in visitor.problems] == []


@pytest.fixture(params=["scripts", "no scripts"])
def kind(request: pytest.FixtureRequest) -> dict[str, object]:
    """Give the options of both kinds of browser, one after the other."""
    return {"java_script_enabled": request.param == "scripts"}


@pytest.fixture
def stranger(open_browser: Open, kind: dict[str, object]) -> Visitor:
    """Give a window in which nobody is signed in."""
    return open_browser(**kind)


@pytest.fixture
def visitor(open_browser: Open, kind: dict[str, object], ada: Session) -> Visitor:
    """Give a window in which ada is signed in."""
    return open_browser(ada, **kind)
