"""An upload is given up by DELETE."""

import pytest

from files.models import Entry, Space, Upload
from tests.factories import make_user, paths_in, reread
from tests.uploads.tus import Tus, problem

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize(("method", "override"), [("DELETE", None), ("POST", "DELETE")])
def test_open_upload_goes_with_what_it_reserved(
    tus: Tus, space: Space, method: str, override: str | None
) -> None:
    url = tus.begin(b"first", length=100)
    assert reread(space).used_bytes == 100

    answer = tus.request(method, url, X_HTTP_Method_Override=override)

    assert (answer.status, answer.body) == (204, b"")
    assert answer.headers["tus-resumable"] == "1.0.0"
    assert (Upload.objects.count(), reread(space).used_bytes) == (0, 0)
    assert tus.head(url).status == 404
    assert problem(tus.request("DELETE", url))["code"] == "upload-not-found"


def test_file_of_a_finished_upload_stays(tus: Tus, root: Entry) -> None:
    url = tus.begin(b"whole", length=5)

    assert tus.request("DELETE", url).status == 204
    assert paths_in(root) == {"a": b"whole"}
    assert tus.head(url).status == 404


def test_upload_of_somebody_else_stays(tus: Tus) -> None:
    url = tus.begin(length=5)
    tus.client = tus.client.sign_in(make_user("eve"))

    assert tus.request("DELETE", url).status == 404
    assert Upload.objects.count() == 1


def test_page_of_another_site_gives_nothing_up(tus: Tus) -> None:
    url = tus.begin(length=5)

    answer = tus.request("DELETE", url, Origin="https://evil.example", Sec_Fetch_Site="cross-site")

    assert (answer.status, Upload.objects.count()) == (403, 1)
