"""Grants: who else may do what, on an entry and all below it."""

import enum

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models
from django.db.models.functions import Now
from django.utils.translation import gettext_lazy as _


class Right(enum.IntFlag):
    """What an actor may do with an entry and all below it."""

    NONE = 0
    READ = 1  # list, open, download, search
    ADD = 2  # put new names into a folder, without seeing what is there
    EDIT = 4  # rename, move, replace, trash and restore
    MANAGE = 8  # name and limit the space, delete for good
    SHARE = 16  # say who else may; no role has it by itself, MANAGE brings it
    ALL = 31

    @classmethod
    def of_role(cls, role: int) -> "Right":
        """Give the rights that a stored role brings; 0 is none."""
        rights = cls(role)
        return rights | cls.SHARE if cls.MANAGE in rights else rights


class Grant(models.Model):
    """A role for a user or a group on an entry and all below it.

    A grant on the root of a space makes a member of the space.
    """

    class Role(models.IntegerChoices):
        """A named set of rights; the value is the set, so that a union is a bit-wise or."""

        VIEWER = int(Right.READ), _("viewer")
        UPLOADER = int(Right.ADD), _("uploader")
        EDITOR = int(Right.READ | Right.ADD | Right.EDIT), _("editor")
        MANAGER = int(Right.READ | Right.ADD | Right.EDIT | Right.MANAGE), _("manager")

    entry = models.ForeignKey(
        "files.Entry", on_delete=models.CASCADE, related_name="grants", verbose_name=_("entry")
    )
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        null=True,
        blank=True,
        # No key to a user cascades by itself: deleting a user goes through an operation.
        on_delete=models.PROTECT,
        related_name="grants",
        verbose_name=_("user"),
    )
    group = models.ForeignKey(
        Group,
        null=True,
        blank=True,
        on_delete=models.PROTECT,
        related_name="grants",
        verbose_name=_("group"),
    )
    role = models.PositiveSmallIntegerField(_("role"), choices=Role)
    created_at = models.DateTimeField(_("created"), db_default=Now())

    class Meta:
        verbose_name = _("grant")
        verbose_name_plural = _("grants")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) ^ models.Q(group__isnull=True),
                name="grant_user_xor_group",
            ),
            models.UniqueConstraint(
                fields=["entry", "user"],
                condition=models.Q(user__isnull=False),
                name="grant_one_per_user",
            ),
            models.UniqueConstraint(
                fields=["entry", "group"],
                condition=models.Q(group__isnull=False),
                name="grant_one_per_group",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user or self.group}: {self.get_role_display()}"

    @property
    def rights(self) -> Right:
        """Give the set of rights that the role names."""
        return Right.of_role(self.role)
