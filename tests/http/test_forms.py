"""The upload door and forms of every shape: the right answer, and nothing left behind."""

import os
from typing import Any

import pytest

from files.models import Entry
from files.storage.filesystem import BlobStorage
from tests.http.client import SECRET, Answer, DoorsClient
from tests.http.forms import Scene, contents, stored_files
from tests.multiparts import CASES, FormCase


def post(browser: DoorsClient, root: Entry, case: FormCase, piece: int = 0) -> Answer:
    """Post a form whole, or chunked in pieces of so many bytes."""
    body = case.with_token(SECRET)
    pieces = [body[at : at + piece] for at in range(0, len(body), piece)] if piece else body
    headers: dict[str, Any] = {name.replace("-", "_"): value for name, value in case.headers}
    return browser.request(
        "POST", f"/upload/{root.pk}", pieces, content_type=case.content_type, **headers
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_form_is_answered(scene: Scene, case: FormCase) -> None:
    answer = post(scene.browser, scene.root, case)

    assert answer.status == case.status
    assert answer.is_whole
    if case.stored:
        assert answer.headers["location"].startswith(f"/folders/{scene.root.pk}/?uploaded=")
        assert contents(scene.root, scene.storage) == case.stored
        assert len(stored_files(scene.storage)) == len(case.stored)
    else:
        assert "<h1" in answer.text
        assert "Traceback" not in answer.text
        scene.assert_nothing_came()


SMALL = [case for case in CASES if len(case.body) < 3000]


@pytest.mark.parametrize("piece", [1, 61])
@pytest.mark.parametrize("case", SMALL, ids=lambda case: case.name)
def test_form_in_pieces_is_answered_the_same(
    browser: DoorsClient, root: Entry, storage: BlobStorage, case: FormCase, piece: int
) -> None:
    answer = post(browser, root, case, piece)

    assert answer.status == case.status
    assert contents(root, storage) == case.stored


def test_descriptors_are_given_back(browser: DoorsClient, root: Entry) -> None:
    def run() -> int:
        for case in SMALL:
            post(browser, root, case)
        return len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - names only

    run()
    assert run() <= run()
