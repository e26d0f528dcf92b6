"""Set-up for tests, through the operations: ada owns, bob is a member, eve is a stranger."""

import zlib
from dataclasses import replace
from hashlib import sha256
from typing import Any
from uuid import uuid4

from django.contrib.auth.models import User
from django.db.models import Model

from files.access import Actor, Limit, locate
from files.errors import FilesError
from files.models import Entry, Event, Grant, Lock, Right, Scope, Space, Token, Upload, Version
from files.operations.blobs import NewBlob, blob_storage
from files.operations.entries import create_folder
from files.operations.locks import lock_entry
from files.operations.naming import set_name
from files.operations.spaces import create_space, ensure_personal_space, set_member
from files.operations.tokens import create_token
from files.operations.uploads import (
    Progress,
    begin_append,
    create_upload,
    end_append,
    progress_saved,
)
from files.operations.versions import Clash, NewFile, Refusal, point_at_newest, put_files
from files.operations.wanted import Wanted
from files.storage.partial import PartialBlob

SYSTEM = Actor.system(Event.Door.COMMAND)
PASSWORD = "correct horse battery staple"


def reread[M: Model](row: M) -> M:
    """Read a row afresh."""
    return type(row)._default_manager.get(pk=row.pk)


def paths_in(folder: Entry) -> dict[str, bytes | None]:
    """Give all that is visible below a folder: paths, with the content of files."""
    found: dict[str, bytes | None] = {}
    for entry in Entry.objects.children_of(folder).select_related("version__blob"):
        if entry.is_folder:
            found[entry.name] = None
            found |= {f"{entry.name}/{path}": what for path, what in paths_in(entry).items()}
        else:
            assert entry.version is not None
            with entry.version.blob.file.open() as file:
                found[entry.name] = file.read()
    return found


def last_events(space: Space, count: int = 1) -> list[Event]:
    """Give the newest events of a space, oldest first."""
    return list(Event.objects.filter(space=space).order_by("-seq")[:count])[::-1]


def make_user(username: str = "ada", **more: Any) -> User:
    """Make a user, whose password is PASSWORD only where a test needs one (hashing is slow)."""
    return User.objects.create_user(username, **more)


def actor_of(user: User) -> Actor:
    """Act as a user through the web."""
    return Actor(user, Event.Door.WEB)


def limited(user: User, scopes: Scope, top: Entry | None = None) -> Actor:
    """Act as a user by a token of some scopes, in a tree or everywhere."""
    limit = Limit(scopes.rights, top.pk if top else None)
    return Actor(user, Event.Door.API, limit=limit)


def make_token(
    user: User, scopes: Scope = Scope.ALL, top: Entry | None = None, **more: Any
) -> tuple[Token, str]:
    """Make a token, and give it with its secret."""
    actor = actor_of(user)
    return create_token(user, name="laptop", scopes=scopes, top=top, actor=actor, **more)


def make_member(folder: Entry, role: Grant.Role, username: str = "bob") -> Actor:
    """Make a user who has a role on a folder and all below it."""
    user = make_user(username)
    Grant.objects.create(entry=folder, user=user, role=role)
    return actor_of(user)


def make_space(owner: User | None = None, *, quota: int | None = None) -> Space:
    """Make a personal space."""
    owner = owner or make_user()
    space = ensure_personal_space(owner, actor=actor_of(owner))
    if quota is not None:
        space.quota_bytes = quota
        space.save(update_fields=["quota_bytes"])
    return space


def make_shared_space(name: str = "Team", **members: Grant.Role) -> Space:
    """Make a shared space; members are given as username=role, and made if they are missing."""
    space = create_space(name, manager=None, actor=SYSTEM)
    for username, role in members.items():
        user = User.objects.filter(username=username).first() or make_user(username)
        set_member(space, user=user, role=role, actor=SYSTEM)
    return space


def root_of(space: Space) -> Entry:
    """Read the root folder of a space afresh."""
    assert space.root_id is not None
    return locate(SYSTEM, space.root_id, Right.READ).entry


def make_blob(content: bytes = b"content", media_type: str = "text/plain") -> NewBlob:
    """Put bytes at rest without recording them."""
    writer = blob_storage().writer(uuid4())
    writer.write(content)
    writer.sync()
    assert writer.sha256 == sha256(content).hexdigest()
    return NewBlob(writer.blob_id, len(content), writer.sha256, zlib.crc32(content), media_type)


def new_file(path: str, content: bytes = b"content") -> NewFile:
    """Put bytes at rest, to be put under a path with "/" between its names."""
    return NewFile(tuple(path.split("/")), make_blob(content))


def make_files(parent: Entry, *paths: str, actor: Actor = SYSTEM, **more: Any) -> list[Entry]:
    """Put files in one call; more goes to put_files."""
    entries = put_files(parent, [new_file(path) for path in paths], actor=actor, **more)
    assert all(isinstance(entry, Entry) for entry in entries)
    return [locate(SYSTEM, entry.pk).entry for entry in entries if isinstance(entry, Entry)]


def grow(parent: Entry, *, folders: int, files: int) -> int:
    """Put folders with that many files in each into a folder, quickly; give how many rows.

    Not through the operations: all files share the content of one that is put first.
    """
    seed = make_file(parent, f"seed of {parent.pk}")
    assert seed.version is not None
    blob = seed.version.blob
    rows = [_row(parent, f"grown {n}", Entry.Kind.FOLDER) for n in range(folders)]
    Entry.objects.bulk_create(rows)
    leaves = [
        _row(row, f"file {n}", Entry.Kind.FILE, blob.size) for row in rows for n in range(files)
    ]
    Entry.objects.bulk_create(leaves)
    Version.objects.bulk_create([Version(entry=leaf, blob=blob, size=blob.size) for leaf in leaves])
    point_at_newest([leaf.pk for leaf in leaves])
    space = Space.objects.get(pk=parent.space_id)
    space.used_bytes += blob.size * len(leaves)
    space.save(update_fields=["used_bytes"])
    return 1 + len(rows) + len(leaves)


def _row(parent: Entry, name: str, kind: Entry.Kind, size: int = 0) -> Entry:
    entry = Entry(space_id=parent.space_id, parent=parent, kind=kind, size=size)
    set_name(entry, name)
    return entry


def make_folder(parent: Entry, name: str, *, actor: Actor = SYSTEM) -> Entry:
    """Make a folder."""
    return create_folder(parent, name=name, actor=actor)


def make_file(
    parent: Entry,
    name: str,
    content: bytes = b"content",
    *,
    media_type: str = "text/plain",
    actor: Actor = SYSTEM,
) -> Entry:
    """Put a file, as a new version if the name is taken."""
    new = NewFile((name,), make_blob(content, media_type))
    (entry,) = put_files(parent, [new], actor=actor, clash=Clash.NEW_VERSION)
    assert isinstance(entry, Entry)
    return locate(SYSTEM, entry.pk).entry


def make_tree(parent: Entry, name: str = "tree") -> Entry:
    """Make a folder with two files, one of which has two versions, and a folder in it."""
    tree = make_folder(parent, name)
    make_file(tree, "a", b"old one")
    make_file(tree, "a", b"new")
    make_file(make_folder(tree, "inner"), "b", b"bb")
    return tree


# What make_tree makes, as paths_in tells it.
TREE = {"tree": None, "tree/a": b"new", "tree/inner": None, "tree/inner/b": b"bb"}


def codes(results: list[Entry | FilesError]) -> list[str]:
    """Give the code of each refused file, and the name of each that was put."""
    return [result.name if isinstance(result, Entry) else result.code for result in results]


def put_each(folder: Entry, *paths: str, clash: Clash = Clash.NEW_VERSION) -> list[str]:
    """Put files one and all, and say what became of each."""
    files = [new_file(path) for path in paths]
    return codes(put_files(folder, files, actor=SYSTEM, clash=clash, refusal=Refusal.EACH))


def make_lock(entry: Entry, *, actor: Actor = SYSTEM, **more: Any) -> Lock:
    """Lock an entry: exclusively and alone, unless more says otherwise."""
    return lock_entry(entry.pk, actor=actor, **more)


def holding(actor: Actor, *locks: Lock) -> Actor:
    """Let an actor submit the tokens of locks."""
    return replace(actor, held=frozenset(lock.token for lock in locks))


def make_upload(folder: Entry, path: str = "a.bin", *, actor: Actor, **more: Any) -> Upload:
    """Begin an upload of 10 bytes, or of what more says of Wanted."""
    wanted = Wanted(tuple(path.split("/")), **{"length": 10, **more})
    return create_upload(folder, wanted, actor=actor)


def receive(upload: Upload, content: bytes) -> Upload:
    """Let bytes come to the end of an upload over a connection that is over, and give it afresh."""
    partial = PartialBlob(blob_storage(), upload.pk)
    try:
        begun = begin_append(upload, until=None, length=None, checked=False)
        saved = progress_saved(begun)
        partial.start_at(saved.offset, saved.crc32, saved.hash_state)
        partial.write(content)
        partial.sync()
        end_append(begun, Progress(partial.size, partial.crc32, partial.hash_state))
    finally:
        partial.close()
    return reread(upload)
