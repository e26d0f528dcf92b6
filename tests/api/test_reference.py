"""The reference as a page, and the contract in docs/api.md: both say what the schema says."""

import re
from pathlib import Path

from django.test import Client

from files.api.openapi import schema_of
from files.api.urls import api
from tests.web.pages import Looker

DOCS = Path("docs/api.md").read_text()
OPERATIONS = {
    (method.upper(), path.removeprefix("/api/v1"))
    for path, methods in schema_of(api)["paths"].items()
    for method in methods
}


def test_the_page_shows_each_operation_to_everybody(db: None, client: Client) -> None:
    page = client.get("/api/v1/docs")
    html = page.content.decode()

    assert page.status_code == 200
    for method, path in OPERATIONS:
        assert f"<b>{method}</b> /api/v1{path}</code>" in html


def test_links_of_the_page_lead_to_what_is_on_it(db: None, client: Client) -> None:
    page = Looker(client.get("/api/v1/docs").content.decode())
    there = {attrs["id"] for _tag, attrs in page.tags if "id" in attrs}

    assert {link[1:] for link in page.links() if link.startswith("#")} <= there
    assert len([attrs for _tag, attrs in page.tags if "id" in attrs]) == len(there)


def test_the_page_takes_nothing_from_elsewhere_and_runs_nothing_inline(
    db: None, client: Client
) -> None:
    page = Looker(client.get("/api/v1/docs").content.decode())
    sources = [attrs.get("src", "") for attrs in page.all("script")]
    links = [attrs["href"] for attrs in page.all("link")]

    assert all(address.startswith("/") for address in [*sources, *links])
    assert not any(name.startswith("on") for _tag, attrs in page.tags for name in attrs)


def test_the_contract_names_each_operation_and_no_other() -> None:
    named = set(re.findall(r"^\| `([A-Z]+)` \| `(/[^`?]*)`", DOCS, re.MULTILINE))

    assert named == OPERATIONS


def test_addresses_in_examples_are_those_of_the_schema() -> None:
    patterns = [re.sub(r"{\w+}", r"[^/]+", path) for _method, path in OPERATIONS]
    used = re.findall(r"(?:\$API|\{API\})(/[^\s\"'?\\]*)", DOCS)

    assert used
    assert [path for path in used if not any(re.fullmatch(one, path) for one in patterns)] == []
