"""Talks to the API as a program does: documents in, documents out."""

import json
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.test import Client

PREFIX = "/api/v1"
JSON = "application/json"


@dataclass
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        """Give the code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self.body
        document = self.json
        assert set(document) == {"type", "title", "status", "code", "detail", "data"}
        assert document["status"] == self.status
        return str(document["code"])

    @property
    def etag(self) -> str:
        return self.headers["etag"]


@dataclass
class Api:
    """Somebody's client."""

    client: Client

    def send(self, method: str, path: str, document: Any = None, **headers: str) -> Reply:
        """Send a request; headers are given with underscores."""
        body = "" if document is None else json.dumps(document)
        return self.send_raw(method, path, body, **headers)

    def send_raw(
        self,
        method: str,
        path: str,
        body: str | bytes,
        kind: str = "application/json",
        **headers: str,
    ) -> Reply:
        """Send a body as it is."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = self.client.generic(method, PREFIX + path, body, kind, headers=named)
        fields = {name.lower(): value for name, value in answer.headers.items()}
        return Reply(answer.status_code, fields, b"".join(answer))

    def get(self, path: str, **headers: str) -> Reply:
        return self.send("GET", path, **headers)

    def post(self, path: str, document: Any = None, **headers: str) -> Reply:
        return self.send("POST", path, document, **headers)

    def patch(self, path: str, document: Any = None, **headers: str) -> Reply:
        return self.send("PATCH", path, document, **headers)

    def put(self, path: str, document: Any = None, **headers: str) -> Reply:
        return self.send("PUT", path, document, **headers)

    def delete(self, path: str, **headers: str) -> Reply:
        return self.send("DELETE", path, **headers)


def client_of(user: User | None) -> Api:
    """Give the client of a user, or of nobody."""
    client = Client()
    if user is not None:
        client.force_login(user)
    return Api(client)


def read_all(api: Api, path: str) -> list[dict[str, Any]]:
    """Read a list page by page, to its end."""
    found: list[dict[str, Any]] = []
    cursor: str | None = ""
    while cursor is not None:
        page = api.get(f"{path}&cursor={cursor}").json
        found += page["items"]
        cursor = page["next"]
        assert page["items"] or cursor is None
    return found
