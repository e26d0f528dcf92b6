"""An upload is given up by DELETE."""

import pytest

from files.models import Entry, Space, Upload
from tests.factories import make_user, paths_in, reread
from tests.uploads.ietf import VERSIONS, Ietf

pytestmark = pytest.mark.usefixtures("consistent")


@pytest.mark.parametrize("version", VERSIONS)
def test_open_upload_goes_with_its_bytes(ietf: Ietf, space: Space, version: str | None) -> None:
    url = ietf.begin(b"first", Upload_Length="100")

    answer = ietf.client.request("DELETE", url, Upload_Draft_Interop_Version=version)

    assert (answer.status, answer.body) == (204, b"")
    assert (Upload.objects.count(), reread(space).used_bytes) == (0, 0)
    assert ietf.head(url).status == 404


def test_file_of_a_finished_upload_stays(ietf: Ietf, root: Entry) -> None:
    url = ietf.begin()
    ietf.patch(url, b"whole", last=True)

    assert ietf.client.request("DELETE", url).status == 204
    assert paths_in(root) == {"a": b"whole"}


def test_upload_of_somebody_else_stays(ietf: Ietf) -> None:
    url = ietf.begin(b"first")
    eve = ietf.client.sign_in(make_user("eve"))

    assert eve.request("DELETE", url).status == 404
    assert ietf.head(url).status == 204


def test_page_of_another_site_gives_nothing_up(ietf: Ietf) -> None:
    url = ietf.begin(b"first")

    answer = ietf.client.request(
        "DELETE", url, Origin="https://evil.example", Sec_Fetch_Site="cross-site"
    )

    assert (answer.status, ietf.head(url).status) == (403, 204)
