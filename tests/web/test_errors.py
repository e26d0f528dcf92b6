import pytest
from django.contrib.auth.models import AnonymousUser
from django.template.loader import get_template
from django.test import Client, RequestFactory

from files import errors
from files.errors import FilesError
from files.models import Entry
from files.web.errors import error_response, sentence
from tests.factories import make_file

from .pages import Looker, client_of

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type)
    and issubclass(cls, FilesError)
    and cls not in {FilesError, errors.SignInRequiredError, errors.FilesRefusedError}
]


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_error_is_a_readable_page_with_its_status(
    cls: type[FilesError], rf: RequestFactory
) -> None:
    request = rf.get("/")
    request.user = AnonymousUser()

    response = error_response(request, cls())

    assert response.status_code == cls.status
    assert str(cls.message) in response.content.decode()


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errors.FileTooLargeError(limit=2**20), "The limit is 1\N{NO-BREAK SPACE}MiB."),
        (errors.BodyTooLargeError(limit=10), "The limit is 10 bytes."),
        (errors.TooManyFilesError(limit=100), "The limit is 100."),
        (errors.TooDeepError(limit=64), "The limit is 64."),
        (
            errors.QuotaExceededError(quota=9, used=4, needed=6),
            "6 bytes is needed, 5 bytes is left.",
        ),
        (errors.DiskFullError(free=1, needed=2), "2 bytes is needed, 1 byte is left."),
        (errors.DiskFullError(free=1), "enough disk space left for this."),
        (errors.InvalidNameError(reason="slash"), "A name cannot contain a slash."),
        (errors.InvalidNameError(reason="new"), "may have."),
        (errors.NotAFileError(), "This is not a file."),
        (errors.TypeRefusedError(media_type="video/mp4"), "By its content it is video/mp4."),
    ],
)
def test_a_sentence_has_the_figures(error: FilesError, said: str) -> None:
    assert sentence(error).endswith(said)


def test_sign_in_is_asked_for_with_the_way_back(rf: RequestFactory) -> None:
    got = error_response(rf.get("/folders/1/?sort=size"), errors.SignInRequiredError())
    sent = error_response(rf.post("/move/"), errors.SignInRequiredError())

    assert (got.status_code, got["Location"]) == (
        303,
        "/accounts/login/?next=%2Ffolders%2F1%2F%3Fsort%3Dsize",
    )
    assert (sent.status_code, sent["Location"]) == (303, "/accounts/login/")


def test_a_wrong_method_is_told_which_ones_there_are(root: Entry) -> None:
    response = client_of(root.space.owner).post(f"/folders/{root.pk}/")

    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, HEAD"


def test_an_address_without_a_page_is_readable(client: Client, db: None) -> None:
    response = client.get("/no/such/page")

    assert response.status_code == 404
    assert "There is no page at this address." in response.content.decode()


@pytest.mark.parametrize("name", ["500.html", "400.html"])
def test_pages_for_broken_requests_need_no_database(name: str) -> None:
    # No database is allowed in this test, and Django renders these without a request.
    text = get_template(name).render()

    assert Looker(text).all("h1")
    assert "Strongroom" in text
    assert not Looker(text).all("form")


def test_a_form_without_its_token_is_refused_readably(root: Entry) -> None:
    file = make_file(root, "a")
    client = Client(enforce_csrf_checks=True)
    assert root.space.owner is not None
    client.force_login(root.space.owner)

    response = client.post(f"/entries/{file.pk}/rename/", {"name": "b"})

    assert response.status_code == 403
    assert "Go back, reload the page" in response.content.decode()
