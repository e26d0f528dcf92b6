"""URLs of the HTML pages, and of the bytes that the doors in front of Django answer."""

from django.urls import path

from .views import (
    actions,
    browse,
    entry,
    known,
    locks,
    search,
    tokens,
    transfer,
    trash,
    upload,
    uploads,
)

app_name = "web"
urlpatterns = [
    path("", browse.spaces, name="spaces"),
    path("search/", search.search, name="search"),
    path("folders/<int:entry_id>/", browse.folder, name="folder"),
    path("folders/<int:entry_id>/new/", entry.create, name="create-folder"),
    path("folders/<int:entry_id>/actions", actions.actions, name="actions"),
    path("folders/<int:entry_id>/archive", upload.answered_by_door, name="archive"),
    path("folders/<int:folder_id>/files/<path:name>", upload.put_by_door, name="put"),
    path("upload/<int:folder_id>", upload.upload, name="upload"),
    path("uploads/", uploads.uploads, name="uploads"),
    path("uploads/confirm/", uploads.confirm, name="confirm-upload"),
    path("uploads/discard/", uploads.discard, name="discard-upload"),
    path("uploads/known", known.known, name="known"),
    path("entries/<int:entry_id>/", entry.show, name="entry"),
    path("entries/<int:entry_id>/content", upload.answered_by_door, name="content"),
    path("entries/<int:entry_id>/rename/", entry.rename, name="rename"),
    path("tokens/", tokens.tokens, name="tokens"),
    path("tokens/new/", tokens.create, name="create-token"),
    path("tokens/<int:token_id>/revoke/", tokens.revoke, name="revoke-token"),
    path("locks/<int:lock_id>/break/", locks.break_, name="break-lock"),
    path("move/", transfer.move, name="move"),
    path("copy/", transfer.copy, name="copy"),
    path("trash/<int:space_id>/", trash.trash, name="trash"),
    path("trash/<int:space_id>/actions", trash.actions, name="trash-actions"),
    path("trash/<int:space_id>/delete/", trash.delete, name="delete"),
    path("trash/<int:space_id>/empty/", trash.empty, name="empty-trash"),
]
