"""REPORT sync-collection: what changed since a client asked last (RFC 6578)."""

import pytest
from defusedxml.ElementTree import fromstring

from files.dav.asked import MOST_NAMES
from files.models import Entry, Event
from files.operations.entries import move_within_space, rename_entry, trash_entries
from files.operations.trash import restore_entries
from tests.dav.client import D, DavClient, Response, condition_of, document, multistatus
from tests.factories import SYSTEM, make_file, make_folder, reread


def body_for(token: str = "", more: str = "", level: str = "1") -> str:
    """Write the request."""
    return document(
        "sync-collection",
        f"<D:sync-token>{token}</D:sync-token><D:sync-level>{level}</D:sync-level>{more}"
        "<D:prop><D:getetag/></D:prop>",
    )


def ask(dav: DavClient, token: str = "", more: str = "") -> tuple[dict[str, Response], str]:
    """Ask what changed; give it, and the token for the next time."""
    answer = dav.request("REPORT", "/ada/", body_for(token, more))
    assert answer.status == 207, answer.text
    return multistatus(answer), str(fromstring(answer.text).findtext(f"{D}sync-token"))


def told(found: dict[str, Response]) -> dict[str, int | None]:
    """Give the statuses of what is gone, and None for what is there."""
    return {href.removeprefix("/dav/ada/"): response.status for href, response in found.items()}


def test_first_time_tells_of_all_members(dav: DavClient, root: Entry) -> None:
    make_file(make_folder(root, "folder"), "not a member")
    file = make_file(root, "a")

    found, token = ask(dav)

    assert told(found) == {"folder/": None, "a": None}
    assert found["/dav/ada/a"].text("getetag") == f'"v{file.version_id}"'
    assert token == dav.propfind("/ada/", "<D:sync-token/>")["/dav/ada/"].text("sync-token")
    assert ask(dav, token) == ({}, token)


def test_every_kind_of_change_is_told(dav: DavClient, root: Entry) -> None:
    folder = make_folder(root, "folder")
    for name in ("changed", "renamed", "trashed", "moved out", "same", "swapped"):
        make_file(root, name)
    inner = make_file(folder, "moved in")
    restored = make_file(root, "restored")
    trash_entries([restored], actor=SYSTEM)
    _found, token = ask(dav)
    by_name = {entry.name: entry for entry in Entry.objects.filter(parent=root)}

    make_file(root, "changed", b"new")
    make_file(root, "made")
    rename_entry(by_name["renamed"], name="new name", actor=SYSTEM)
    trash_entries([by_name["trashed"], by_name["swapped"]], actor=SYSTEM)
    make_file(root, "swapped")
    move_within_space([by_name["moved out"]], parent=folder, actor=SYSTEM)
    move_within_space([inner], parent=root, actor=SYSTEM)
    restore_entries([reread(restored)], actor=SYSTEM)

    found, _token = ask(dav, token)
    assert told(found) == {
        "changed": None,
        "made": None,
        "new%20name": None,
        "renamed": 404,
        "trashed": 404,
        "swapped": None,
        "moved%20out": 404,
        "moved%20in": None,
        "restored": None,
    }


def test_changes_come_in_parts_if_the_client_says_so(dav: DavClient, root: Entry) -> None:
    _found, token = ask(dav)
    for name in "abcde":
        make_file(root, name)
    seen: list[str] = []

    for _round in range(3):
        found, token = ask(dav, token, "<D:limit><D:nresults>2</D:nresults></D:limit>")
        cut = found.pop("/dav/ada/", None)
        assert (cut.status if cut else None) == (507 if len(seen) < 4 else None)
        seen += told(found)

    assert seen == list("abcde")


def test_old_events_that_are_gone_make_a_token_worthless(dav: DavClient, root: Entry) -> None:
    _found, token = ask(dav)
    make_file(root, "a")
    make_file(root, "b")
    Event.objects.filter(space=root.space).order_by("-seq").last().delete()  # type: ignore[union-attr]
    Event.objects.filter(space=root.space, entry_id=Entry.objects.get(name="a").pk).delete()

    answer = dav.request("REPORT", "/ada/", body_for(token))

    assert (answer.status, condition_of(answer)) == (403, "valid-sync-token")


def test_events_that_are_all_gone_make_a_token_worthless(dav: DavClient, root: Entry) -> None:
    _found, token = ask(dav)
    make_file(root, "a")
    Event.objects.filter(space=root.space).delete()

    answer = dav.request("REPORT", "/ada/", body_for(token))

    assert (answer.status, condition_of(answer)) == (403, "valid-sync-token")


def test_who_asks_for_all_levels_is_told_where_to_ask(dav: DavClient, root: Entry) -> None:
    make_file(make_folder(root, "folder"), "below")
    make_file(root, "a")

    answer = dav.request("REPORT", "/ada/", body_for(level="infinite"))

    folder = fromstring(answer.text).find(f"{D}response")
    assert set(multistatus(answer)) == {"/dav/ada/folder/", "/dav/ada/a"}
    assert folder is not None
    assert folder.findtext(f"{D}status") == "HTTP/1.1 403 Forbidden"
    assert folder.find(f"{D}error/{D}sync-traversal-supported") is not None
    assert folder.find(f"{D}propstat") is None


type Refused = tuple[str, str, dict[str, str], int, str]

REFUSED: list[Refused] = [
    ("/ada/", body_for("urn:strongroom:sync:999:1"), {}, 403, "valid-sync-token"),
    ("/ada/", body_for("urn:strongroom:sync:{space}:9999"), {}, 403, "valid-sync-token"),
    ("/ada/", body_for("nonsense"), {}, 403, "valid-sync-token"),
    ("/ada/", body_for(level="2"), {}, 400, ""),
    ("/ada/", document("expand-property", ""), {}, 403, "supported-report"),
    ("/ada/", "", {}, 403, "supported-report"),
    (
        "/ada/",
        body_for(more="<D:limit><D:nresults>1</D:nresults></D:limit>"),
        {},
        507,
        "number-of-matches-within-limits",
    ),
    ("/ada/", body_for(more="<D:limit><D:nresults>0</D:nresults></D:limit>"), {}, 400, ""),
    (
        "/ada/",
        body_for(more=f"<D:prop>{''.join(f'<a{n}/>' for n in range(MOST_NAMES))}</D:prop>"),
        {},
        400,
        "",
    ),
    ("/ada/", body_for(), {"Depth": "1"}, 400, ""),
    ("/ada/a", body_for(), {}, 409, ""),
    ("/ada/no", body_for(), {}, 404, ""),
    ("/", body_for(), {}, 404, ""),
]


def test_refusals(dav: DavClient, root: Entry, subtests: pytest.Subtests) -> None:
    make_file(root, "a")
    make_file(root, "b")

    for path, body, headers, status, condition in REFUSED:
        with subtests.test(path=path, body=body):
            sent = body.replace("{space}", str(root.space_id))
            answer = dav.request("REPORT", path, sent, **headers)

            assert answer.status == status, answer.text
            assert not condition or condition_of(answer) == condition
