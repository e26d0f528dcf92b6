"""Make an installation ready to serve; safe to run again, and by several at once."""

import os
import secrets
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction
from django.db.migrations.loader import MigrationLoader

from files.management.base import FilesCommand
from files.management.data_folder import exclusive, make_folder, refuse_remote, write_secret
from files.management.reporting import refusal
from files.storage.filesystem import prepare_folders

UMASK = 0o027


class Command(FilesCommand):
    """Folders, secret key, database, first administrator: each made if it is not there."""

    help = """
        Make an installation ready to serve: the data folder, the secret key, the database in the
        state of this release, and the first administrator, whose password it prints once unless
        FILES_ADMIN_PASSWORD gave it.

        What is there stays as it is, so it is safe to repeat, and several may run at once: they
        wait for each other. `serve` does it by itself. Run it after an update where the parts are
        services or containers of their own.
    """
    needs_database = False
    requires_system_checks: list[str] = []  # nothing is there yet that they could check

    def handle(self, **_options: Any) -> None:
        """Run the command; what cannot be made ends it with one line and exit status 1."""
        os.umask(UMASK)
        for folder in ("uploads", "logs"):
            make_folder(settings.FILES_DATA_DIR / folder)
        make_folder(settings.FILES_DB_DIR)
        with exclusive(settings.FILES_DB_DIR / "prepare.lock"):
            self.make_secret_key()
            prepare_folders(settings.FILES_DATA_DIR / "uploads")
            if connection.vendor == "sqlite":
                refuse_remote(settings.FILES_DB_DIR)
            self.migrate()
            self.make_administrator()

    def make_secret_key(self) -> None:
        """Write a secret key if neither the environment nor the file has one."""
        try:
            settings.SECRET_KEY  # noqa: B018 - Django raises when it is empty
        except ImproperlyConfigured:
            path, key = settings.FILES_DB_DIR / "secret_key", secrets.token_urlsafe(50)
            try:
                write_secret(path, key)
            except FileExistsError as error:
                # Another process has just made it, or it is empty, or another user's.
                key = path.read_text().strip() if os.access(path, os.R_OK) else ""
                if not key:
                    msg = f"The secret key in {path} cannot be read by this user, or is empty"
                    raise refusal(msg, "secret-key-unreadable") from error
            settings.SECRET_KEY = key

    def migrate(self) -> None:
        """Bring the database to this release's state; refuse one of a later release."""
        loader = MigrationLoader(connection)
        unknown = set(loader.applied_migrations) - set(loader.disk_migrations)
        if later := sorted(name for app, name in unknown if app == "files"):
            msg = f"The database was made by a later release of Strongroom: {later[-1]} is unknown"
            raise refusal(msg, "database-newer")
        call_command("migrate", interactive=False, verbosity=0)
        call_command("createcachetable", verbosity=0)

    def make_administrator(self) -> None:
        """Make the first administrator; print the password once unless the environment gave it."""
        users = get_user_model()._default_manager
        if users.filter(is_superuser=True).exists():
            return
        name = settings.FILES_ADMIN_USER
        if users.filter(username=name).exists():
            msg = f"There is no administrator, and {name} is another account: set FILES_ADMIN_USER"
            raise refusal(msg, "no-administrator")
        password = settings.FILES_ADMIN_PASSWORD or secrets.token_urlsafe(15)
        with transaction.atomic():
            get_user_model().objects.create_superuser(name, email="", password=password)
        if not settings.FILES_ADMIN_PASSWORD:
            self.print_box(
                f"Sign in as  {name}",
                f"Password    {password}",
                "",
                "Shown this once. Change it after signing in.",
            )

    def print_box(self, *lines: str) -> None:
        """Print lines so that they are not missed among the log's."""
        width = max(map(len, lines))
        rule = f"+{'-' * (width + 4)}+"
        self.stdout.write(rule)
        for line in lines:
            self.stdout.write(f"|  {line:<{width}}  |")
        self.stdout.write(rule)
        self.stdout.flush()
