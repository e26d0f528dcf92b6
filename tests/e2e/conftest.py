"""One installation as `manage.py serve` runs it, for all tests that only talk to it."""

import re
import sqlite3
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from tests.e2e.wire import Reply, exchange, head
from tests.multiparts import MAX_FILES
from tests.processes import Server, wait_until

PASSWORD = "correct horse battery staple"


@dataclass
class Session:
    """Somebody who is signed in; cookies are the same whichever way requests take."""

    stack: "Stack"
    cookies: dict[str, str] = field(default_factory=dict)
    root: int = 0  # the top folder of the personal space

    @property
    def cookie(self) -> str:
        """Give the header."""
        return "; ".join(f"{name}={value}" for name, value in self.cookies.items())

    @property
    def token(self) -> str:
        """Give the token that belongs to the cookie."""
        return self.cookies["csrftoken"]

    def request(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        port: int | None = None,
        **headers: str | None,
    ) -> Reply:
        """Send a request as a page of ours would."""
        sent = {"Cookie": self.cookie, "Sec-Fetch-Site": "same-origin", **headers}
        if body:
            sent = {"Content-Length": str(len(body)), **sent}
        data = head(method, path, **sent)
        return exchange(port or self.stack.nginx_port, data, body, method=method)

    def post_form(self, path: str, **fields: str) -> Reply:
        """Send a small form."""
        body = urlencode({"csrfmiddlewaretoken": self.token, **fields}).encode()
        content_type = "application/x-www-form-urlencoded"
        return self.request("POST", path, body, Content_Type=content_type)

    def make_folder(self) -> int:
        """Make a folder for one test, and give its id."""
        name = uuid.uuid4().hex
        assert self.post_form(f"/folders/{self.root}/new/", name=name).status == 303
        ((number,),) = self.stack.rows("SELECT id FROM files_entry WHERE name = ?", name)
        return int(str(number))


@dataclass
class Stack:
    """The installation: where it answers, and what it keeps."""

    server: Server

    @property
    def nginx_port(self) -> int:
        """Give the port that people use."""
        return self.server.port

    @property
    def backend_port(self) -> int:
        """Give the port behind nginx."""
        return self.server.backend_port

    @property
    def nginx_url(self) -> str:
        """Give the address that people use."""
        return f"http://localhost:{self.nginx_port}"

    @property
    def backend_url(self) -> str:
        """Give the address behind nginx."""
        return f"http://localhost:{self.backend_port}"

    def port(self, way: str) -> int:
        """Give the port of a way in: nginx or backend."""
        return self.nginx_port if way == "nginx" else self.backend_port

    def login(self, username: str = "admin", password: str = PASSWORD) -> Session:
        """Sign in through the form."""
        session = Session(self)
        _take_cookies(session, self.get_raw("/accounts/login/"))
        answer = session.post_form("/accounts/login/", login=username, password=password)
        assert answer.status in {302, 303}, answer.text
        _take_cookies(session, answer)
        page = session.request("GET", "/")
        match = re.search(r'href="/folders/(\d+)/"', page.text)
        assert match is not None, page.text
        session.root = int(match[1])
        return session

    def get_raw(self, path: str) -> Reply:
        """Ask as nobody."""
        return exchange(self.nginx_port, head("GET", path, Connection="close"))

    def rows(self, sql: str, *values: object) -> list[tuple[object, ...]]:
        """Ask the database."""
        path = self.server.data / "strongroom.sqlite3"
        with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as database:
            return database.execute(sql, values).fetchall()

    def write(self, sql: str, *values: object) -> None:
        """Change the database, as nobody else may."""
        path = self.server.data / "strongroom.sqlite3"
        with closing(sqlite3.connect(path, timeout=30)) as database, database:
            database.execute(sql, values)

    def stored(self) -> set[str]:
        """List what lies on the disk, by the ids of the blobs."""
        return {path.name for path in (self.server.data / "uploads" / "blobs").glob("??/*")}

    def recorded(self) -> set[str]:
        """List the ids of the blobs that the database knows."""
        return {str(row[0]).replace("-", "") for row in self.rows("SELECT id FROM files_blob")}

    def log(self) -> str:
        """Give what the backend has logged."""
        return self.server.output

    def backends(self) -> list[int]:
        """Give the processes of the backend, the first of them the master."""
        return self.server.pids("gunicorn")


def _take_cookies(session: Session, answer: Reply) -> None:
    """Keep the cookies that an answer sets."""
    for name, value in re.findall(r"(csrftoken|sessionid)=([^;]+)", "\n".join(answer.set_cookies)):
        session.cookies[name] = value


def make_stack(folder: Path, **settings: str) -> Stack:
    """Make an installation that is not started yet."""
    return Stack(Server(folder, {"FILES_ADMIN_PASSWORD": PASSWORD, **settings}))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Run an installation, which no test may stop or fill."""
    stack = make_stack(
        tmp_path_factory.mktemp("stack") / "data", FILES_MAX_UPLOAD_FILES=str(MAX_FILES)
    )
    stack.server.start()
    yield stack
    log = stack.log()
    assert stack.server.stop() == 0
    assert "Traceback" not in log
    assert "must consume synchronous iterators" not in log


@pytest.fixture(scope="session")
def admin(stack: Stack) -> Session:
    """Give the administrator, signed in."""
    return stack.login()


@pytest.fixture
def folder(admin: Session) -> int:
    """Give a folder of this test's own."""
    return admin.make_folder()


@pytest.fixture(params=["backend", "nginx"])
def port(request: pytest.FixtureRequest, stack: Stack) -> int:
    """Give both ways in, one after the other."""
    return stack.port(request.param)


@pytest.fixture
def nothing_left(stack: Stack) -> Iterator[None]:
    """Check that a test leaves disk and database as they were."""
    before = stack.stored(), stack.recorded()
    yield
    wait_until(lambda: (stack.stored(), stack.recorded()) == before)
