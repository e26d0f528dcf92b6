import asyncio
import shutil
import subprocess
import tracemalloc
import zipfile
import zlib
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from files.http.archive import (
    PIECE_BYTES,
    Member,
    MemberChangedError,
    archive_length,
    stream_archive,
)
from files.http.archive_records import end_of_archive
from tests.names_corpus import NAMES

AT = datetime(2024, 2, 29, 13, 37, 43, 123456, tzinfo=UTC)
GIB = 2**30


def opener(*pieces: bytes) -> Callable[[], AsyncIterator[bytes]]:
    async def content() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return content


def file(
    name: str, content: bytes = b"hello", *, has_crc: bool = True, modified_at: datetime = AT
) -> Member:
    crc32 = zlib.crc32(content) if has_crc else None
    return Member(name, len(content), crc32, modified_at, open=opener(content))


def folder(name: str) -> Member:
    return Member(name, 0, None, AT, is_folder=True)


def pieces_of(members: Iterable[Member]) -> list[bytes]:
    async def collect() -> list[bytes]:
        return [piece async for piece in stream_archive(members)]

    return asyncio.run(collect())


def archive_of(*members: Member) -> bytes:
    return b"".join(pieces_of(members))


def read(archive: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        return {info.filename: opened.read(info) for info in opened.infolist()}


def foreign_tests(archive: Path) -> Iterator[list[str]]:
    """Give the commands by which other unpackers test an archive, of those that are installed."""
    commands = (["unzip", "-tqq"], ["7z", "t", "-bd"], ["bsdtar", "-tf"])
    return ([*command, str(archive)] for command in commands if shutil.which(command[0]))


TREE = (
    folder("photos"),
    file("photos/a.jpg", b"\xff\xd8" * 1000),
    folder("photos/empty"),
    file("photos/deep/er/b.txt", has_crc=False),
    file("c.txt", b""),
    file("d.txt", b"", has_crc=False),
)


def test_an_archive_holds_files_and_folders() -> None:
    assert read(archive_of(*TREE)) == {
        "photos/": b"",
        "photos/a.jpg": b"\xff\xd8" * 1000,
        "photos/empty/": b"",
        "photos/deep/er/b.txt": b"hello",
        "c.txt": b"",
        "d.txt": b"",
    }


@pytest.mark.parametrize("members", [(), TREE, TREE[1:2]], ids=["none", "tree", "one"])
def test_an_archive_is_read_by_other_unpackers(members: tuple[Member, ...], tmp_path: Path) -> None:
    archive = tmp_path / "a.zip"
    archive.write_bytes(archive_of(*members))

    with zipfile.ZipFile(archive) as opened:
        assert opened.testzip() is None
    # Of an archive with nothing in it unzip says so, with status 1.
    results = [subprocess.run(c, capture_output=True, check=False) for c in foreign_tests(archive)]
    assert {result.returncode for result in results} <= ({0} if members else {0, 1})


def test_members_have_modes_times_and_utf_8_names() -> None:
    at = AT.astimezone(timezone(timedelta(hours=9)))

    with zipfile.ZipFile(BytesIO(archive_of(folder("ü"), file("ü/a", modified_at=at)))) as opened:
        directory, member = opened.infolist()

    assert directory.external_attr == 0o040755 << 16 | 0x10
    assert member.external_attr >> 16 == 0o100644
    assert (member.create_system, member.flag_bits) == (3, 1 << 11)
    assert member.date_time == (2024, 2, 29, 13, 37, 42)
    assert member.extra == b"UT\5\0\1" + int(AT.timestamp()).to_bytes(4, "little")


@pytest.mark.parametrize(
    ("moment", "date_time", "has_timestamp"),
    [
        (datetime(1970, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0), True),
        (datetime(1901, 1, 1, tzinfo=UTC), (1980, 1, 1, 0, 0, 0), False),
        (datetime(2040, 5, 6, 7, 8, 9, tzinfo=UTC), (2040, 5, 6, 7, 8, 8), False),
        (datetime(2500, 1, 1, tzinfo=UTC), (2107, 12, 31, 23, 59, 58), False),
    ],
    ids=str,
)
def test_times_beyond_the_format_are_cut(
    moment: datetime, date_time: tuple[int, ...], *, has_timestamp: bool
) -> None:
    archive = archive_of(file("a", modified_at=moment))

    (member,) = zipfile.ZipFile(BytesIO(archive)).infolist()
    assert member.date_time == date_time
    assert (b"UT" in member.extra) is has_timestamp
    assert len(archive) == archive_length([file("a", modified_at=moment)])


@pytest.mark.parametrize("name", NAMES)
def test_names_survive_but_for_what_leads_elsewhere(name: str) -> None:
    # zipfile itself makes a backslash a slash on Windows only.
    wanted = name.replace("\\", "_")
    wanted = "C_" + wanted[2:] if wanted.startswith("C:") else wanted

    assert read(archive_of(file(name), file(f"folder/{name}"))) == {
        wanted: b"hello",
        "folder/" + name.replace("\\", "_"): b"hello",
    }


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("../../etc/passwd", "__/__/etc/passwd"),
        ("/etc/passwd", "etc/passwd"),
        ("//a//b", "a/b"),
        ("./a", "_/a"),
        ("a/..", "a/__"),
        ("C:/Windows/a", "C_/Windows/a"),
        ("a\\..\\b", "a_.._b"),
        ("", "_"),
        ("/", "_"),
    ],
)
def test_no_path_leads_out_of_the_archive(name: str, path: str) -> None:
    assert list(read(archive_of(file(name)))) == [path]


@pytest.mark.parametrize(
    ("members", "paths"),
    [
        ([file("a.txt"), file("a.txt")], ["a.txt", "a (2).txt"]),
        ([file("u\u0308"), file("\u00fc")], ["u\u0308", "\u00fc (2)"]),
        ([file("a"), file("A")], ["a", "A"]),
        ([file("a\\b"), file("a_b"), file("a\\b")], ["a_b", "a_b (2)", "a_b (3)"]),
        ([file("x"), file("x (2)"), file("x")], ["x", "x (2)", "x (3)"]),
        ([folder("a"), folder("a"), folder("a/")], ["a/"]),
        ([folder(""), folder("/"), file("a")], ["a"]),
        ([folder("v1.2"), file("v1.2")], ["v1.2/", "v1 (2).2"]),
        (
            [folder("a\\b"), file("a\\b/x"), folder("a_b"), file("a_b/x"), folder("a_b/c")],
            ["a_b/", "a_b/x", "a_b (2)/", "a_b (2)/x", "a_b (2)/c/"],
        ),
        (
            [file("a"), folder("a"), folder("a/b"), file("a/b/c\\")],
            ["a", "a (2)/", "a (2)/b/", "a (2)/b/c_"],
        ),
        ([file("x\\y/z")], ["x_y/z"]),
    ],
)
def test_twins_are_numbered_and_contents_follow_their_folder(
    members: list[Member], paths: list[str]
) -> None:
    archive = archive_of(*members)

    assert list(read(archive)) == paths
    assert len(archive) == archive_length(members)


def test_many_twins_are_numbered_quickly() -> None:
    names = list(read(archive_of(*(file("a.txt") for _ in range(5000)))))
    assert names[-1] == "a (5000).txt"


@given(
    st.lists(
        st.builds(
            lambda name, content, has_crc, is_folder: (
                folder(name) if is_folder else file(name, content, has_crc=has_crc)
            ),
            st.text(st.sampled_from("ab_\\/.:é"), max_size=6),
            st.binary(max_size=20),
            st.booleans(),
            st.booleans(),
        ),
        max_size=12,
    )
)
def test_the_length_is_exact_and_names_are_unique(members: list[Member]) -> None:
    archive = archive_of(*members)

    assert len(archive) == archive_length(members)
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert opened.testzip() is None
        names = opened.namelist()
    assert len({name.removesuffix("/") for name in names}) == len(names)
    assert not any(
        part in {"", ".", ".."} for n in names for part in n.removesuffix("/").split("/")
    )


def test_members_may_come_asynchronously() -> None:
    async def members() -> AsyncIterator[Member]:
        for member in TREE:
            yield member

    async def collect() -> bytes:
        return b"".join([piece async for piece in stream_archive(members())])

    assert asyncio.run(collect()) == archive_of(*TREE)


def test_pieces_are_neither_large_nor_many() -> None:
    big = Member("big", 3_000_000, None, AT, open=opener(bytes(2_500_000), bytes(500_000)))
    small = [file(f"{n}") for n in range(5000)]

    pieces = pieces_of([*small[:2500], big, *small[2500:]])

    assert max(map(len, pieces)) == PIECE_BYTES
    assert len(pieces) < 40


@pytest.mark.parametrize("crc32", [None, zlib.crc32(b"hello")], ids=["no CRC", "CRC"])
@pytest.mark.parametrize(
    "content",
    [[], [b"hell"], [b"hello", b"!"], [b"hello!"], [b"hello" * 1000]],
    ids=["gone", "shorter", "longer", "longer at once", "much longer"],
)
def test_a_member_of_another_size_breaks_the_archive_off(
    content: list[bytes], crc32: int | None
) -> None:
    member = Member("a", 5, crc32, AT, open=opener(*content))
    with pytest.raises(MemberChangedError):
        archive_of(member)


def test_a_member_with_another_crc_breaks_the_archive_off() -> None:
    with pytest.raises(MemberChangedError):
        archive_of(Member("a", 5, zlib.crc32(b"hello"), AT, open=opener(b"hallo")))
    with pytest.raises(MemberChangedError):
        archive_of(Member("a", 0, 1, AT))


def test_a_member_with_a_size_and_no_content_breaks_the_archive_off() -> None:
    with pytest.raises(MemberChangedError):
        archive_of(Member("a", 5, None, AT))


def test_an_error_of_the_storage_breaks_the_archive_off() -> None:
    async def content() -> AsyncIterator[bytes]:
        yield b"he"
        raise OSError

    with pytest.raises(OSError, match=r"^$"):
        archive_of(Member("a", 5, None, AT, open=content))


def test_a_content_that_is_no_generator_is_read_too() -> None:
    class Content:
        def __init__(self) -> None:
            self.left = [b"lo", b"hel"]

        def __aiter__(self) -> "Content":
            return self

        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop()

    assert read(archive_of(Member("a", 5, None, AT, open=Content))) == {"a": b"hello"}


def test_a_content_is_closed_when_the_client_goes_away() -> None:
    closed = []

    async def content() -> AsyncIterator[bytes]:
        try:
            while True:
                yield bytes(PIECE_BYTES)
        finally:
            closed.append("content")

    async def leave() -> None:
        stream = stream_archive([Member("a", GIB, None, AT, open=content)])
        await anext(stream)
        await stream.aclose()
        assert closed == ["content"]

    asyncio.run(leave())


def test_memory_grows_by_some_sixty_bytes_a_member() -> None:
    grown = []

    def members() -> Iterator[Member]:
        for n in range(20_000):
            if n == 10_000:
                tracemalloc.start()
            yield file(f"folder/{n:06}.txt", b"")
        grown.append(tracemalloc.get_traced_memory()[0])
        tracemalloc.stop()

    async def drain() -> None:
        async for _piece in stream_archive(members()):
            pass

    asyncio.run(drain())

    assert grown[0] < 10_000 * 60


def test_more_than_65535_members_take_zip64() -> None:
    members = [file(f"folder/{n:06}.txt", b"") for n in range(65_536)]

    archive = archive_of(*members)

    assert len(archive) == archive_length(members)
    assert b"PK\6\6" in archive[-98:]
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        assert len(opened.namelist()) == 65_536
        assert opened.read("folder/065535.txt") == b""


@pytest.mark.parametrize(
    ("offset", "size", "count", "is_64"),
    [
        (0, 0, 0, False),
        (2**32 - 2, 2**32 - 2, 65_534, False),
        (2**32 - 1, 0, 0, True),
        (0, 2**32 - 1, 0, True),
        (0, 0, 65_535, True),
    ],
)
def test_end_of_archive_takes_zip64_where_a_figure_needs_it(
    offset: int, size: int, count: int, *, is_64: bool
) -> None:
    assert end_of_archive(offset, size, count).startswith(b"PK\6\6") is is_64


@pytest.mark.parametrize(
    ("size", "growth", "descriptor"),
    [
        (4 * GIB - 100, 0, 16),
        (4 * GIB - 2, 76, 16),  # the directory begins beyond 32 bits
        (4 * GIB - 1, 76 + 20 + 20, 24),  # the size needs more in the header and in the entry
    ],
)
def test_zip64_begins_where_32_bits_end(size: int, growth: int, descriptor: int) -> None:
    has_crc, no_crc = ([Member("a", size, crc32, AT)] for crc32 in (1, None))

    small = archive_length([Member("a", 0, 1, AT)])
    assert archive_length(has_crc) == small + size + growth
    assert archive_length(no_crc) == archive_length(has_crc) + descriptor


def test_a_file_of_four_and_a_half_gib_is_readable_and_so_is_what_follows(tmp_path: Path) -> None:
    piece, times = bytes(PIECE_BYTES), 9 * 2**11

    async def content() -> AsyncIterator[bytes]:
        for _ in range(times):
            yield piece

    size = times * PIECE_BYTES
    members = [
        Member("big", size, None, AT, open=content),
        file("after.txt", b"after"),
        file("later.txt", b"later", has_crc=False),
    ]
    archive = tmp_path / "a.zip"

    async def write() -> None:
        with archive.open("wb") as file:
            async for part in stream_archive(members):
                # Zeros become a hole: the file takes some kilobytes of the disk.
                if part == piece:
                    file.seek(len(part), 1)
                else:
                    file.write(part)

    asyncio.run(write())

    assert archive.stat().st_size == archive_length(members)
    with zipfile.ZipFile(archive) as opened:
        big = opened.infolist()[0]
        assert (big.file_size, big.compress_size, big.header_offset) == (size, size, 0)
        with opened.open(big) as beginning:
            assert beginning.read(1000) == bytes(1000)
        assert opened.read("after.txt") == b"after"
        assert opened.read("later.txt") == b"later"
