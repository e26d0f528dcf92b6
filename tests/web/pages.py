"""What tests of pages share: a client that is somebody, and a look at the HTML."""

from html.parser import HTMLParser

from django.contrib.auth.models import User
from django.test import Client


def client_of(user: User | None) -> Client:
    """Give a browser in which a user is signed in, often the owner of a personal space."""
    assert user is not None
    client = Client()
    client.force_login(user)
    return client


class Looker(HTMLParser):
    """Collects the start tags of a page, with their attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def all(self, tag: str) -> list[dict[str, str]]:
        """Give the attributes of each element of a kind."""
        return [attrs for name, attrs in self.tags if name == tag]

    def links(self) -> list[str]:
        """Give where the page leads."""
        return [attrs["href"] for attrs in self.all("a")]

    def names(self, tag: str = "input") -> list[str]:
        """Give the names of the fields, in their order."""
        return [attrs.get("name", "") for attrs in self.all(tag)]
