"""Names inside an archive: relative, inside the folder they are unpacked into, and each once."""

import re
from array import array
from hashlib import blake2b
from typing import Final

from files.names import name_key, numbered_name

# Windows takes what follows a backslash for a name of its own, wherever it is unpacked. U+FF3C,
# which looks like one, is no way out: older Windows programs turn it back into a backslash.
_BACKSLASH: Final = "\\"
_DRIVE = re.compile(r"[A-Za-z]:")
_BUCKETS: Final = 8_192


class ArchiveNames:
    """Give each member of one archive its path there.

    Backslashes become "_", and so do "." and ".." and the colon of a drive letter in front. A path
    that this, or the choice of members, makes equal to another (in NFC) gets a number, and what is
    in a numbered folder follows it: a folder has to be asked for before its contents.

    Remembers some 8 bytes a file, 16 a folder, and the path of each folder that was changed.
    """

    def __init__(self) -> None:
        self._taken = _DigestSet()
        self._changed: dict[str, str] = {}  # paths of folders: as given, in the archive
        self._numbers: dict[str, int] = {}  # the last number given out for a path

    def file_path(self, path: str) -> str:
        """Give the path of a file."""
        return self._free_path(path.strip("/"), is_folder=False)

    def folder_path(self, path: str) -> str | None:
        """Give the path of a folder, ending in "/".

        None for the folder that the archive is of, and for one that has been given its path.
        """
        path = path.strip("/")
        # What was asked for is remembered apart from what came of it: "a\\b" and "a_b" are two.
        if not path or not self._taken.add(f"asked {path}"):
            return None
        archive_path = self._free_path(path, is_folder=True)
        if archive_path != path:
            self._changed[path] = archive_path
        return f"{archive_path}/"

    def _free_path(self, path: str, *, is_folder: bool) -> str:
        """Take the first path that nothing has: as it is, then with a number in it."""
        parent, name = self._split(path)
        wanted = free = parent + name
        while not self._taken.add(f"given {name_key(free)}"):
            # Counting goes on from the last twin, or ten thousand of them would take a minute.
            number = self._numbers[wanted] = self._numbers.get(wanted, 1) + 1
            free = parent + numbered_name(name, number, is_folder=is_folder)
        return free

    def _split(self, path: str) -> tuple[str, str]:
        """Split a path into that of its folder in the archive, and a safe name."""
        parent, _slash, name = path.rpartition("/")
        if parent in self._changed:
            return self._changed[parent] + "/", _safe_name(name)
        names = [_safe_name(part) for part in path.split("/") if part] or [_safe_name(name)]
        names[0] = names[0].replace(":", "_", 1) if _DRIVE.match(names[0]) else names[0]
        return "".join(f"{name}/" for name in names[:-1]), names[-1]


def _safe_name(name: str) -> str:
    """Give a name that is one step down, on any system."""
    return "_" * max(len(name), 1) if name in {"", ".", ".."} else name.replace(_BACKSLASH, "_")


class _DigestSet:
    """A set of texts that keeps 8 bytes of each, where Python's own would need a hundred.

    Two texts with one digest would only make a number appear that nobody needs. The digests are
    the same in every process, so that an archive has the same bytes and length in all of them.
    """

    def __init__(self) -> None:
        self._buckets: dict[int, array[int]] = {}

    def add(self, text: str) -> bool:
        """Add a text; False if it was there."""
        digest = int.from_bytes(blake2b(text.encode(errors="replace"), digest_size=8).digest())
        bucket = self._buckets.setdefault(digest % _BUCKETS, array("Q"))
        if digest in bucket:
            return False
        bucket.append(digest)
        return True
