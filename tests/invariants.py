"""What must be true after whatever happened; for any test to call when the dust has settled."""

from collections import Counter

from django.db.models import Count, F, Max, Min

from files.models import Blob, Entry, Event, Lock, Space, Upload, Version
from files.operations.blobs import blob_storage
from files.operations.usage import measure_usage
from files.storage.base import blob_name


def check_everything() -> None:
    """Check every invariant of the database, and of the database against the disk."""
    check_usage()
    check_events()
    check_trees()
    check_contents()
    check_blobs()
    check_uploads()
    check_locks()


def check_usage() -> None:
    for space in Space.objects.all():
        assert space.used_bytes == measure_usage(space), f"usage of space {space.pk} drifts"


def check_events() -> None:
    """Check that each space counts its events 1, 2, 3, up to last_seq."""
    figures = Event.objects.values("space").annotate(n=Count("pk"), low=Min("seq"), high=Max("seq"))
    by_space = {row["space"]: row for row in figures}
    for space in Space.objects.exclude(kind=Space.Kind.SYSTEM):
        row = by_space[space.pk]
        assert (row["low"], row["high"], row["n"]) == (1, space.last_seq, space.last_seq)


def check_trees() -> None:
    """Check that every chain of parents ends, within one space, and that names are unique."""
    parents = dict(Entry.objects.values_list("pk", "parent"))
    for entry_id, parent_id in parents.items():
        seen, step = {entry_id}, parent_id
        while step is not None:
            assert step not in seen, f"entry {entry_id} lies in a cycle"
            seen.add(step)
            step = parents[step]
    strangers = Entry.objects.filter(parent__isnull=False).exclude(space=F("parent__space"))
    assert not strangers.exists(), "an entry lies in another space than its folder"
    assert not Entry.objects.filter(parent__kind=Entry.Kind.FILE).exists(), "an entry in a file"
    live = Entry.objects.live().filter(parent__isnull=False)
    names = Counter(live.values_list("parent", "name_key"))
    assert not [name for name, n in names.items() if n > 1], "two of one name"


def check_contents() -> None:
    """Check that each file has a whole current version, its newest, and repeats what it says."""
    attached = Entry.objects.filter(parent__isnull=False)
    files = attached.filter(kind=Entry.Kind.FILE)
    assert not files.filter(version=None).exists(), "a file without a version"
    assert not files.exclude(version__entry=F("pk")).exists(), "a version of another file"
    assert not files.exclude(size=F("version__size")).exists(), "a size that is not its version's"
    newest = files.annotate(newest=Max("versions__pk"))
    assert not newest.exclude(version=F("newest")).exists(), "an old version is current"
    folders = attached.filter(kind=Entry.Kind.FOLDER)
    assert not folders.exclude(version=None, size=0).exists(), "a folder with content"


def check_blobs() -> None:
    """Check that each blob's state fits its references, and that what is pointed at has bytes."""
    storage = blob_storage()
    used = set(Version.objects.values_list("blob", flat=True))
    for blob in Blob.objects.all():
        is_live = blob.state == Blob.State.LIVE
        assert is_live == (blob.pk in used), f"blob {blob.pk} is {blob.state}"
        assert (blob.doomed_at is None) == is_live
        if is_live:
            assert blob.file.name == blob_name(blob.pk)
            assert storage.stored_size(blob_name(blob.pk)) == blob.size
    assert not Version.objects.exclude(size=F("blob__size")).exists(), "a version of another size"


def check_uploads() -> None:
    """Check that each open upload has its room, and that a finished one needs none."""
    blobs = set(Blob.objects.values_list("pk", flat=True))
    for upload in Upload.objects.all():
        if upload.is_finished:
            assert upload.reserved_bytes == 0, f"upload {upload.pk} reserves behind its end"
            assert upload.offset == upload.length, f"upload {upload.pk} is not whole"
            continue
        assert upload.reserved_bytes >= (upload.length or 0), f"upload {upload.pk} lacks its room"
        assert upload.reserved_bytes >= upload.offset, f"upload {upload.pk} has more than its room"
        assert upload.pk not in blobs, f"upload {upload.pk} is open and its bytes are recorded"


def check_locks() -> None:
    """Check that what is locked is there to be seen, and that its space knows of the lock."""
    for lock in Lock.objects.living().select_related("entry", "space"):
        step: Entry | None = lock.entry
        while step is not None:
            assert step.trashed_at is None, f"lock {lock.pk} is in the trash"
            last, step = step, step.parent
        assert last.pk == lock.space.root_id, f"lock {lock.pk} is out of its space"
        known_until = lock.space.locked_until
        assert known_until is not None, f"lock {lock.pk} is overlooked"
        assert known_until >= lock.expires_at, f"lock {lock.pk} is overlooked at its end"


def check_uploads_have_their_bytes() -> None:
    """Check that what was told as safe is on the disk."""
    storage = blob_storage()
    for upload in Upload.objects.filter(state=Upload.State.OPEN, offset__gt=0):
        stored = storage.stored_size(blob_name(upload.pk)) or 0
        assert stored >= upload.offset, f"upload {upload.pk} has lost bytes"


def check_disk_is_swept() -> None:
    """Check that every file below the blobs folder belongs to a row."""
    found = {item.blob_id for item in blob_storage().scan()}
    known = set(Blob.objects.values_list("pk", flat=True))
    known.update(Upload.objects.values_list("pk", flat=True))
    assert found <= known, "bytes that no row knows"
