"""A WebDAV client that talks to the doors, and reads what they answer."""

from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote
from xml.etree.ElementTree import Element

from defusedxml.ElementTree import fromstring
from django.contrib.auth.models import User

from tests.factories import make_token
from tests.http.client import Answer, DoorsClient

D = "{DAV:}"


@dataclass
class Response:
    """What a multistatus says of one resource: its status, or its properties by theirs."""

    status: int | None = None
    found: dict[str, Element] = field(default_factory=dict)
    failed: dict[str, int] = field(default_factory=dict)

    def text(self, tag: str) -> str:
        """Give the text of a property in DAV:, or of one with its namespace."""
        element = self.found[tag if tag.startswith("{") else D + tag]
        return "".join(element.itertext())


@dataclass
class DavClient:
    """Somebody with a program that speaks WebDAV, signed in by a token."""

    client: DoorsClient
    authorization: str | None

    def request(
        self,
        method: str,
        path: str,
        body: bytes | str | Iterable[bytes] = b"",
        **headers: str | None,
    ) -> Answer:
        """Send a request; path is as it is sent, with its percents, from the spaces on."""
        target = f"/dav{path}"
        sent = body.encode() if isinstance(body, str) else body
        scope = {"path": unquote(target), "raw_path": target.encode()}
        given: dict[str, Any] = {"Authorization": self.authorization, "Sec-Fetch-Site": None}
        return self.client.request(method, target, sent, scope=scope, **given | headers)

    def status(self, method: str, path: str, body: bytes | str = b"", **headers: str) -> int:
        """Send a request, and give the status of the answer alone."""
        return self.request(method, path, body, **headers).status

    def propfind(
        self, path: str, names: str = "", *, depth: str = "0", body: str = "", **headers: str
    ) -> dict[str, Response]:
        """Ask for properties, whose empty elements are given, or for all of them."""
        if names:
            body = document("propfind", f"<D:prop>{names}</D:prop>")
        answer = self.request("PROPFIND", path, body, Depth=depth, **headers)
        assert answer.status == 207, answer.text
        return multistatus(answer)

    def proppatch(self, path: str, inner: str, **headers: str) -> Response:
        """Change properties, and give what became of them."""
        answer = self.request("PROPPATCH", path, document("propertyupdate", inner), **headers)
        assert answer.status == 207, answer.text
        (told,) = multistatus(answer).values()
        return told

    def lock(self, path: str, *, scope: str = "exclusive", **headers: str) -> str:
        """Take a lock, and give its token."""
        answer = self.request("LOCK", path, lock_info(scope), **headers)
        assert answer.status in {200, 201}, answer.text
        return answer.headers["lock-token"].strip("<>")


def document(root: str, inner: str) -> str:
    """Write a document whose root is in DAV:."""
    return f'<?xml version="1.0"?><D:{root} xmlns:D="DAV:">{inner}</D:{root}>'


def lock_info(scope: str = "exclusive") -> str:
    """Write the body of a LOCK."""
    return document(
        "lockinfo",
        f"<D:lockscope><D:{scope}/></D:lockscope><D:locktype><D:write/></D:locktype>"
        "<D:owner>ada's laptop</D:owner>",
    )


def multistatus(answer: Answer) -> dict[str, Response]:
    """Read a multistatus, by the addresses as they are written."""
    root = fromstring(answer.text)
    assert root.tag == f"{D}multistatus"
    found: dict[str, Response] = {}
    for element in root.iterfind(f"{D}response"):
        response = Response(_status(element))
        for propstat in element.iterfind(f"{D}propstat"):
            status = _status(propstat)
            for prop in propstat.iterfind(f"{D}prop/*"):
                if status == 200:
                    response.found[prop.tag] = prop
                else:
                    response.failed[prop.tag] = status or 0
        href = element.findtext(f"{D}href")
        assert href is not None
        found[href] = response
    return found


def _status(element: Element) -> int | None:
    text = element.findtext(f"{D}status")
    return int(text.split()[1]) if text else None


def code_of(answer: Answer) -> str:
    """Read the code of an error."""
    root = fromstring(answer.text)
    assert root.tag == f"{D}error", answer.text
    code = root.findtext("{urn:strongroom:errors}code")
    assert code is not None
    return code


def condition_of(answer: Answer) -> str:
    """Read which condition of the standard an error tells of; an empty text where it is none."""
    return next(
        (child.tag.removeprefix(D) for child in fromstring(answer.text) if D in child.tag), ""
    )


def basic(user: User, secret: str | None = None) -> str:
    """Write the header of somebody with a token of their own, or with another secret."""
    token = secret if secret is not None else make_token(user)[1]
    return "Basic " + b64encode(f"{user.get_username()}:{token}".encode()).decode()
