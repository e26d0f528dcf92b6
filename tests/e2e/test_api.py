"""The API on a running installation, by a token, straight from the backend and through nginx."""

import json
from collections.abc import Callable

import pytest

from tests.e2e.conftest import Session, Stack
from tests.e2e.wire import Reply, exchange, head
from tests.processes import manage

type Ask = Callable[..., Reply]

BIG = bytes(range(256)) * 8000  # more than is kept in memory, or than nginx streams where it lands


@pytest.fixture(scope="module")
def secret(stack: Stack) -> str:
    """Give a token of the administrator."""
    made = manage(
        "create_token", "admin", "--scope", "read", "--scope", "write", data=stack.server.data
    )
    assert made.returncode == 0, made.stderr
    return made.stdout.strip()


@pytest.fixture
def ask(secret: str, port: int) -> Ask:
    """Give somebody who asks with the token, and no cookie."""

    def asked(method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        sent = {"Authorization": f"Bearer {secret}", "Connection": "close", **headers}
        if body:
            sent["Content-Length"] = str(len(body))
        return exchange(port, head(method, f"/api/v1{path}", **sent), body, method=method)

    return asked


@pytest.mark.parametrize("content", [b"small", BIG], ids=["small", "big"])
def test_a_file_goes_in_and_comes_out(ask: Ask, folder: int, content: bytes) -> None:
    made = ask("PUT", f"/folders/{folder}/content/a%20b.bin", content)
    address = made.headers["location"].removeprefix("/api/v1")
    etag = made.headers["etag"]
    whole = ask("GET", f"{address}/content")
    part = ask("GET", f"{address}/content", Range="bytes=1-3")
    stale = ask("PUT", f"{address}/content", content, If_Match='"v0"')
    replaced = ask("PUT", f"{address}/content", content + b"!", If_Match=etag)

    assert (made.status, whole.status, part.status) == (201, 200, 206)
    assert (whole.body, part.body) == (content, content[1:4])
    assert whole.headers["etag"] == etag
    assert (stale.status, json.loads(stale.body)["code"]) == (412, "precondition-failed")
    assert replaced.status == 204
    assert json.loads(ask("GET", address).body)["size"] == len(content) + 1


@pytest.mark.parametrize("size", [2**20 + 1, 2**22])
def test_a_document_that_is_too_long_is_refused_in_the_form_of_the_api(
    ask: Ask, folder: int, size: int
) -> None:
    answer = ask("POST", f"/folders/{folder}/folders", b" " * size, Content_Type="application/json")

    assert (answer.status, json.loads(answer.body)["code"]) == (413, "body-too-large")
    assert answer.headers["content-type"] == "application/problem+json"


def test_a_session_counts_only_on_our_own_pages(admin: Session, folder: int, port: int) -> None:
    path, kind = f"/api/v1/folders/{folder}/folders", "application/json"
    own = admin.request("POST", path, b'{"name": "a"}', port=port, Content_Type=kind)
    foreign = admin.request(
        "POST", path, b'{"name": "b"}', port=port, Content_Type=kind, Sec_Fetch_Site="cross-site"
    )

    assert own.status == 201
    assert (foreign.status, json.loads(foreign.body)["code"]) == (403, "cross-site-request")
