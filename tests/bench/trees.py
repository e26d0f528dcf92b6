"""The bench's own look into the installation it measures: large trees, ids, memory."""

import os
import time
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


def peak_memory(serve_pid: int) -> int:
    """Give the largest peak of resident memory among the backend's processes, in bytes."""
    peaks = [_peak(pid) for pid in _descendants(serve_pid)]
    return max(peaks, default=0)


def _peak(pid: int) -> int:
    """Give the peak memory of a process, if it is one of gunicorn's."""
    process = Path(f"/proc/{pid}")
    try:
        if b"gunicorn" not in (process / "cmdline").read_bytes():
            return 0
        lines = (process / "status").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM"))


def _descendants(pid: int) -> list[int]:
    """Give the processes below one."""
    found, pending = [], [pid]
    while pending:
        parent = pending.pop()
        try:
            children = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        except OSError:
            continue
        found += [int(child) for child in children]
        pending += [int(child) for child in children]
    return found
