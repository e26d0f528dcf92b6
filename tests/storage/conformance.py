"""What every backend behind Blob.file must do; a backend's tests subclass it and give a storage."""

from hashlib import sha256
from uuid import uuid4
from zlib import crc32

import pytest
from django.core.exceptions import SuspiciousFileOperation
from django.core.files.base import ContentFile

from files.storage.base import blob_name
from files.storage.filesystem import HEAD_SIZE, WRITE_BACK_SIZE, BlobStorage

NO_BLOB_NAMES = [
    "",
    "blobs",
    "blobs/00/" + "0" * 31,
    "blobs/01/" + "0" * 32,
    "blobs/00/" + "0" * 32 + "/x",
    "blobs/00/" + "0" * 32 + "_copy",
    "blobs/00/" + "A" * 32,
    "previews/00/" + "0" * 32,
    "../blobs/00/" + "0" * 32,
    "blobs/../blobs/00/" + "0" * 32,
    "/etc/passwd",
    "blobs/00/" + "0" * 32 + "\n",
]


class StorageConformance:
    """The tests; `storage` is a fixture."""

    def test_save_keeps_the_bytes_under_the_name_given(self, storage: BlobStorage) -> None:
        name = blob_name(uuid4())

        saved = storage.save(name, ContentFile(b"content"))

        assert saved == name
        with storage.open(name) as file:
            assert file.read() == b"content"

    def test_save_refuses_a_taken_name_and_keeps_what_is_there(self, storage: BlobStorage) -> None:
        name = storage.save(blob_name(uuid4()), ContentFile(b"first"))

        with pytest.raises(FileExistsError):
            storage.save(name, ContentFile(b"second"))
        assert storage.open(name).read() == b"first"

    @pytest.mark.parametrize("name", NO_BLOB_NAMES)
    def test_every_call_refuses_a_name_that_is_no_blobs(
        self, storage: BlobStorage, name: str
    ) -> None:
        refusals = (ValueError, SuspiciousFileOperation)

        with pytest.raises(refusals):
            storage.save(name or "\0", ContentFile(b"content"))
        for call in (storage.open, storage.exists, storage.size, storage.delete, storage.unlink):
            with pytest.raises(refusals):
                call(name)

    def test_open_for_writing_is_refused(self, storage: BlobStorage) -> None:
        name = storage.save(blob_name(uuid4()), ContentFile(b"content"))

        for mode in ("wb", "ab", "r+b", "r"):
            with pytest.raises(ValueError, match="immutable"):
                storage.open(name, mode)
        assert storage.size(name) == 7

    def test_open_seeks_and_reads_a_part(self, storage: BlobStorage) -> None:
        name = storage.save(blob_name(uuid4()), ContentFile(b"0123456789"))

        with storage.open(name) as file:
            file.seek(3)

            assert file.read(4) == b"3456"

    def test_missing_bytes_are_told_as_missing(self, storage: BlobStorage) -> None:
        name = blob_name(uuid4())

        assert not storage.exists(name)
        assert storage.stored_size(name) is None
        assert not storage.unlink(name)
        storage.delete(name)
        for call in (storage.open, storage.size, storage.open_blob):
            with pytest.raises(FileNotFoundError):
                call(name)

    def test_size_and_existence_follow_a_blob_until_it_is_deleted(
        self, storage: BlobStorage
    ) -> None:
        name = storage.save(blob_name(uuid4()), ContentFile(b"content"))

        assert storage.exists(name)
        assert storage.size(name) == storage.stored_size(name) == 7
        assert storage.unlink(name)
        assert not storage.exists(name)

    def test_delete_removes_the_bytes(self, storage: BlobStorage) -> None:
        name = storage.save(blob_name(uuid4()), ContentFile(b"content"))

        storage.delete(name)

        assert not storage.exists(name)

    @pytest.mark.parametrize("size", [0, 1, HEAD_SIZE, HEAD_SIZE + 1, WRITE_BACK_SIZE + 1])
    def test_writer_counts_and_hashes_what_it_wrote(self, storage: BlobStorage, size: int) -> None:
        content = bytes(range(256)) * (size // 256 + 1)
        content = content[:size]
        writer = storage.writer(uuid4())

        for start in range(0, size, 700_001):
            writer.write(content[start : start + 700_001])
        writer.start_sync()
        writer.sync()

        assert writer.size == storage.size(writer.name) == size
        assert writer.sha256 == sha256(content).hexdigest()
        assert writer.crc32 == crc32(content)
        assert writer.head == content[:HEAD_SIZE]
        assert storage.open(writer.name).read() == content

    def test_writer_takes_every_kind_of_buffer(self, storage: BlobStorage) -> None:
        writer = storage.writer(uuid4())

        for piece in (b"ab", bytearray(b"cd"), memoryview(b"xefx")[1:3]):
            writer.write(piece)
        writer.sync()

        assert storage.open(writer.name).read() == b"abcdef"

    def test_writer_refuses_an_id_that_is_taken(self, storage: BlobStorage) -> None:
        writer = storage.writer(uuid4())
        writer.sync()

        with pytest.raises(FileExistsError):
            storage.writer(writer.blob_id)

    def test_discard_removes_a_blob_written_or_synced(self, storage: BlobStorage) -> None:
        writer, synced = storage.writer(uuid4()), storage.writer(uuid4())
        writer.write(b"content")
        synced.sync()

        for each in (writer, synced, synced):
            each.discard()

        assert list(storage.scan()) == []

    def test_scan_finds_every_blob_once(self, storage: BlobStorage) -> None:
        names = {storage.save(blob_name(uuid4()), ContentFile(b"content")) for _ in range(20)}

        found = list(storage.scan())

        assert {item.name for item in found} == names
        assert len(found) == 20
        for item in found:
            assert item.blob_id is not None
            assert blob_name(item.blob_id) == item.name
            assert item.size == 7
            assert item.is_regular

    def test_free_bytes_is_a_figure(self, storage: BlobStorage) -> None:
        assert storage.free_bytes() > 0
