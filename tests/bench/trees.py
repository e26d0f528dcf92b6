"""The bench's own look into the installation it measures: large trees, ids, uploads."""

import os
import sqlite3
import time
from contextlib import closing
from itertools import batched
from pathlib import Path

import django


def attach(data: Path) -> None:
    """Set Django up in this process on the data folder of the running stack."""
    os.environ["FILES_DATA_DIR"] = str(data)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "project.settings")
    django.setup()


def root_id() -> int:
    """Give the id of the administrator's root folder."""
    from files.models import Space

    root = Space.objects.get(kind=Space.Kind.PERSONAL).root_id
    assert root is not None
    return root


def entry_id(name: str) -> int:
    """Give the id of the newest entry of a name."""
    from files.models import Entry

    return Entry.objects.filter(name=name).order_by("-pk").values_list("pk", flat=True)[0]


def _insert(parent: int, names: list[str], kind: int) -> None:
    """Insert bare entries; what is measured with them looks at no bytes."""
    from files.models import Entry

    space = Entry.objects.values_list("space", flat=True).get(pk=parent)
    for some in batched(names, 5000):
        Entry.objects.bulk_create(
            Entry(
                space_id=space,
                parent_id=parent,
                kind=kind,
                name=name,
                name_key=name,
                name_fold=name,
            )
            for name in some
        )


def _folder(name: str, parent: int) -> int:
    """Make a folder and give its id."""
    from files.models import Entry

    _insert(parent, [name], Entry.Kind.FOLDER)
    return entry_id(name)


def make_flat(count: int) -> int:
    """Make a folder with that many members; give its id."""
    folder = _folder("flat", root_id())
    _insert(folder, [f"file {number}.txt" for number in range(count)], 1)
    return folder


def move_seconds(descendants: int, rounds: int) -> list[float]:
    """Move a folder with that many descendants to and fro; give the seconds of each move."""
    from files.access import Actor, locate
    from files.models import Entry, Event
    from files.operations.transfer import move_entries

    actor = Actor.system(Event.Door.COMMAND)
    ways = [_folder("here", root_id()), _folder("there", root_id())]
    tree = _folder("tree", ways[0])
    _insert(tree, [f"folder {number}" for number in range(1000)], Entry.Kind.FOLDER)
    for inner in Entry.objects.filter(parent=tree).values_list("pk", flat=True):
        _insert(inner, [f"{n}.txt" for n in range(descendants // 1000 - 1)], Entry.Kind.FILE)
    seconds = []
    for number in range(max(5, rounds)):
        started = time.perf_counter()
        parent = locate(actor, ways[(number + 1) % 2]).entry
        move_entries([locate(actor, tree).entry], parent=parent, actor=actor)
        seconds.append(time.perf_counter() - started)
    return seconds


def nearly_whole(upload_id: str, length: int, rest: int) -> None:
    """Make an upload of rest bytes one of length bytes, of which only the rest is missing.

    The file is sparse: what finishing costs does not depend on what is in it.
    """
    from django.db import transaction

    from files.models import Upload
    from files.operations.blobs import blob_storage
    from files.operations.journal import charge, lock_spaces
    from files.storage.base import blob_name
    from files.storage.partial import PartialBlob

    upload = Upload.objects.get(pk=upload_id)
    partial = PartialBlob(blob_storage(), upload.pk)
    partial.close()
    path = Path(blob_storage().path(blob_name(upload.pk)))
    os.truncate(path, length - rest)
    with transaction.atomic():
        space = lock_spaces(upload.space_id)[upload.space_id]
        charge(space, length - upload.reserved_bytes)
        space.save(update_fields=["used_bytes"])
        upload.length = upload.reserved_bytes = length
        upload.offset = length - rest
        upload.save()


def discard(name: str) -> None:
    """Remove the bytes of a file, which nothing needs any more."""
    from files.models import Entry

    entry = Entry.objects.select_related("version__blob").filter(name=name).latest("pk")
    assert entry.version is not None
    Path(entry.version.blob.file.path).unlink()


def wait_for_digests(database: Path) -> None:
    """Wait until the job has taken the digests of all that was stored, for two minutes at most."""
    deadline = time.monotonic() + 120
    lacking = "SELECT COUNT(*) FROM files_blob WHERE sha256 = ''"
    with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
        while connection.execute(lacking).fetchone()[0]:
            if time.monotonic() > deadline:
                raise RuntimeError("the digests do not come")
            time.sleep(0.1)
