"""Files in and out: the upload form, previews, downloads, ZIPs."""

import hashlib
import os
import zipfile
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.e2e.browser import samples
from tests.e2e.browser.conftest import Open
from tests.e2e.browser.visitor import Visitor
from tests.e2e.conftest import Session, Stack
from tests.multiparts import MAX_FILES
from tests.processes import manage, wait_until

ODD_NAMES = ("Отчёт №1.txt", 'say "hi" & 100%25.txt', "a+b #1 [ü].txt", "🗝.txt")


def contents_of(path: Path) -> dict[str, bytes]:
    """Read a ZIP whole, checked."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {
            info.filename: archive.read(info) for info in archive.infolist() if not info.is_dir()
        }


def test_twenty_files_come_back_as_they_were(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    names = [*ODD_NAMES, *(f"file {number:02}.bin" for number in range(16))]
    contents = {name: os.urandom(1 + 40_000 * number) for number, name in enumerate(names)}

    visitor.upload(folder, *samples.write(tmp_path, contents))
    assert visitor.notice() == "20 files were uploaded."
    assert sorted(visitor.names()) == sorted(names)
    visitor.open_menu()
    download = visitor.download(visitor.page.get_by_role("link", name="Download as ZIP"))

    found = contents_of(download.path())
    assert {name.rpartition("/")[2]: content for name, content in found.items()} == contents


def test_folder_keeps_its_shape(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    tree = {"trip/plan.txt": b"plan", "trip/photos/1.txt": b"one", "trip/photos/raw/2.txt": b"two"}
    samples.write(tmp_path, tree)
    visitor.open(f"/upload/{folder}")

    visitor.page.get_by_label("Or a whole folder").set_input_files(tmp_path / "trip")
    visitor.send_chosen()
    visitor.follow("trip")
    assert visitor.names() == ["photos", "plan.txt"]
    visitor.follow("photos")
    visitor.follow("raw")
    assert visitor.names() == ["2.txt"]
    visitor.page.get_by_role("navigation", name="Breadcrumb").get_by_text("trip").click()
    assert visitor.heading() == "trip"
    visitor.open_menu()
    download = visitor.download(visitor.page.get_by_role("link", name="Download as ZIP"))

    assert download.suggested_filename == "trip.zip"
    assert contents_of(download.path()) == tree


def test_selection_is_downloaded_together(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    contents = {f"{letter}.bin": os.urandom(1000) for letter in "abcd"}
    visitor.upload(folder, *samples.write(tmp_path, contents))

    visitor.tick("a.bin", "c.bin")
    download = visitor.download(visitor.page.get_by_role("button", name="Download"))

    found = contents_of(download.path())
    assert {name.rpartition("/")[2]: content for name, content in found.items()} == {
        name: contents[name] for name in ("a.bin", "c.bin")
    }


@pytest.mark.parametrize("name", ["plain.bin", ODD_NAMES[1]])
def test_file_is_downloaded_under_its_name(name: str, visitor: Visitor, tmp_path: Path) -> None:
    content = os.urandom(3_000_001)
    visitor.upload(visitor.make_folder(), *samples.write(tmp_path, {name: content}))
    visitor.follow(name)
    digest = hashlib.sha256(content).hexdigest()
    assert visitor.page.locator(".details__digest").inner_text().replace("\n", "") == digest

    link = visitor.page.locator(".toolbar").get_by_role("link", name="Download", exact=True)
    download = visitor.download(link)

    assert download.suggested_filename.replace("_", '"') == name  # which no system allows
    assert hashlib.sha256(download.path().read_bytes()).hexdigest() == digest


def test_second_upload_of_a_name_is_a_version(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    for content in (b"first", b"the second"):
        visitor.upload(folder, *samples.write(tmp_path, {"a.txt": content}))
    visitor.open(f"/upload/{folder}")
    visitor.page.get_by_label("Keep both, the new file under another name").check()
    visitor.page.get_by_label("Files", exact=True).set_input_files(tmp_path / "a.txt")
    visitor.send_chosen()

    assert len(visitor.names()) == 2
    visitor.follow("a.txt")
    assert visitor.page.locator(".versions li").count() == 2
    assert "10 bytes" in visitor.page.locator(".versions__current").inner_text()


def test_picture_sound_and_text_are_shown(visitor: Visitor, tmp_path: Path) -> None:
    folder = visitor.make_folder()
    files = {"a.png": samples.png(), "b.wav": samples.wav(), "c.txt": b"read me", "d.pdf": b""}
    files["d.pdf"] = samples.pdf()
    visitor.upload(folder, *samples.write(tmp_path, files))
    page = visitor.page

    visitor.follow("a.png")
    picture = page.get_by_role("img", name="a.png")
    wait_until(lambda: bool(picture.evaluate("(image) => image.naturalWidth === 8")))
    page.go_back()
    visitor.follow("b.wav")
    player = page.locator("audio")
    wait_until(lambda: bool(player.evaluate("(audio) => audio.duration === 1")))
    page.go_back()
    visitor.follow("c.txt")
    expect(page.frame_locator("iframe").locator("body")).to_have_text("read me")
    page.go_back()
    with page.expect_response(lambda answer: answer.url.endswith("/content")) as waiting:
        visitor.follow("d.pdf")
    assert waiting.value.header_value("content-type") == "application/pdf"
    assert (waiting.value.header_value("content-disposition") or "").startswith("inline")
    assert page.locator("iframe").get_attribute("title") == "Preview of d.pdf"


def test_markup_of_users_is_never_run(visitor: Visitor, tmp_path: Path) -> None:
    files = {"page.html": samples.MARKUP, "tale.txt": samples.MARKUP}
    files["drawing.svg"] = (
        b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    )
    visitor.upload(visitor.make_folder(), *samples.write(tmp_path, files))

    for name in files:
        visitor.follow(name)
        if visitor.page.locator("iframe").count():
            shown = visitor.page.frame_locator("iframe").locator("body")
            expect(shown).to_contain_text("<script>")
        else:
            expect(visitor.page.get_by_role("heading", name="No preview")).to_be_visible()
        visitor.page.go_back()


def test_too_many_files_for_one_form_are_refused_readably(
    open_browser: Open, ada: Session, tmp_path: Path
) -> None:
    visitor = open_browser(ada, java_script_enabled=False)
    folder = visitor.make_folder()
    files = {f"{number}.txt": b"x" for number in range(MAX_FILES + 1)}
    visitor.refusals = {413}

    visitor.upload(folder, *samples.write(tmp_path, files))

    assert visitor.heading().startswith("Upload to")
    assert "Nothing was uploaded." in visitor.page.get_by_role("alert").inner_text()
    visitor.open(f"/folders/{folder}/")
    assert visitor.names() == []


def test_what_is_over_the_quota_is_refused_readably(
    open_browser: Open, kind: dict[str, object], newcomer: str, stack: Stack, tmp_path: Path
) -> None:
    session = stack.login(newcomer)
    ((space,),) = stack.rows("SELECT id FROM files_space WHERE root_id = ?", session.root)
    assert manage("set_quota", str(space), "1MiB", data=stack.server.data).returncode == 0
    visitor = open_browser(session, **kind)
    visitor.refusals = {413, 507}
    visitor.open(f"/upload/{session.root}")
    expect(visitor.page.get_by_text("The space has room for 1 MiB more.")).to_be_visible()

    # Much more than the sockets on the way hold: the answer comes while the browser still sends.
    (big,) = samples.write(tmp_path, {"big.bin": bytes(40_000_000)})
    visitor.page.get_by_label("Files", exact=True).set_input_files(big)
    if visitor.has_scripts:
        row = visitor.page.get_by_role("listitem").filter(has_text="big.bin")
        expect(row).to_contain_text("not enough room")
    else:
        visitor.click("Upload")
        alert = visitor.page.get_by_role("alert").inner_text()
        assert "Nothing was uploaded." in alert
        assert "not enough room" in alert
    visitor.upload(session.root, *samples.write(tmp_path, {"small.bin": bytes(1_000_000)}))
    assert visitor.notice() == "1 file was uploaded."
