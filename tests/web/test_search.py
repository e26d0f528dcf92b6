import pytest
from django.contrib.auth.models import User

from files.models import Entry, Grant
from files.operations.entries import trash_entries
from tests.factories import SYSTEM, make_file, make_folder, make_shared_space, root_of

from .pages import Looker, client_of


def test_search_finds_by_a_part_of_the_name_in_any_case(root: Entry) -> None:
    make_file(make_folder(root, "trips"), "Отпуск.txt")
    make_file(root, "other.txt")

    text = client_of(root.space.owner).get("/search/", {"q": "отпуСК"}).content.decode()

    assert "Отпуск.txt" in text
    assert ">trips</bdi>" in text
    assert "other.txt" not in text


def test_search_looks_only_where_one_may_read(root: Entry) -> None:
    make_file(root, "report")
    team = make_shared_space("Team", eve=Grant.Role.VIEWER)
    make_file(root_of(team), "report of the team")
    eve = client_of(User.objects.get(username="eve"))

    page = Looker(eve.get("/search/?q=report").content.decode())

    assert len([a for a in page.all("a") if "entry-name" in a.get("class", "")]) == 1


def test_search_leaves_out_what_lies_below_a_trashed_folder(root: Entry) -> None:
    folder = make_folder(root, "old")
    make_file(folder, "report")
    trash_entries([folder], actor=SYSTEM)

    assert (
        "Nothing was found" in client_of(root.space.owner).get("/search/?q=report").content.decode()
    )


@pytest.mark.parametrize("query", ["", "q=", "q=%20%20"])
def test_search_for_nothing_shows_how_to(root: Entry, query: str) -> None:
    make_file(root, "a")

    text = client_of(root.space.owner).get(f"/search/?{query}").content.decode()

    assert "Type a part of a name" in text
    assert "<table" not in text


def test_search_is_safe_from_what_is_typed(root: Entry) -> None:
    make_file(root, "100%")
    client = client_of(root.space.owner)

    assert "100%" in client.get("/search/", {"q": "0%"}).content.decode()
    text = client.get("/search/", {"q": '"><script>alert(1)</script>'}).content.decode()
    assert "<script>" not in text


def test_search_has_pages(root: Entry) -> None:
    for i in range(102):
        make_folder(root, f"f{i}")
    client = client_of(root.space.owner)

    first = Looker(client.get("/search/?q=f").content.decode())
    (following,) = [a["href"] for a in first.all("a") if a.get("rel") == "next"]
    second = Looker(client.get(f"/search/{following}").content.decode())

    counts = [
        len([a for a in page.all("a") if "entry-name" in a.get("class", "")])
        for page in (first, second)
    ]
    assert counts == [100, 2]


def test_search_with_a_broken_page_is_400(root: Entry) -> None:
    assert client_of(root.space.owner).get("/search/?q=a&after=x").status_code == 400
