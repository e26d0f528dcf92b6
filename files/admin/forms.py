"""Forms of the admin: what staff types, checked before an operation is called."""

from django import forms
from django.contrib.auth.models import Group, User
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from files.errors import InvalidValueError
from files.models import Grant, Space
from files.operations.sizes import format_size, parse_size
from files.operations.type_rules import parse_globs


class SizeField(forms.CharField):
    """A size as people type it; empty is None."""

    def clean(self, value: object) -> int | None:
        """Give the size in bytes."""
        text = super().clean(value)
        if not text:
            return None
        try:
            return parse_size(text)
        except InvalidValueError:
            raise ValidationError(_("Please enter a size such as 500 MiB or 10 GiB.")) from None

    def prepare_value(self, value: object) -> object:
        """Show a size in the unit that divides it."""
        return format_size(value) if isinstance(value, int) else value

    def has_changed(self, initial: int | None, data: str | None) -> bool:
        """Compare sizes, not texts: 10G and 10 GiB are the same."""
        try:
            return bool(initial != self.clean(data))
        except ValidationError:
            return True


class UserNameField(forms.CharField):
    """The name of an account; a list of all of them could be long."""

    def clean(self, value: object) -> User | None:
        """Give the account."""
        text = super().clean(value)
        if not text:
            return None
        user = User.objects.filter(username=text).first()
        if user is None:
            raise ValidationError(_("There is no account of this name."))
        return user


class TypesField(forms.CharField):
    """Globs over media types, a line each."""

    widget = forms.Textarea(attrs={"rows": 3, "spellcheck": "false"})

    def clean(self, value: object) -> str:
        """Give the globs as they are kept."""
        try:
            return "\n".join(parse_globs(super().clean(value)))
        except InvalidValueError as error:
            said = _("“%(glob)s” is no type such as video/* or application/zip.")
            raise ValidationError(said, params={"glob": error.data["reason"]}) from None


class SpaceForm(forms.ModelForm[Space]):
    """What can be changed of a space."""

    quota = SizeField(
        label=_("Quota"), required=False, help_text=_("Such as 500 MiB or 10 GiB; empty: no limit.")
    )

    allowed_types = TypesField(
        label=_("Allowed types"),
        required=False,
        help_text=_(
            "If something stands here, only files of these types come in: image/*, one a line."
        ),
    )
    forbidden_types = TypesField(
        label=_("Forbidden types"),
        required=False,
        help_text=_("Files of these types do not come in. What is there already stays."),
    )

    class Meta:
        model = Space
        fields = ("name", "refuses_case_twins", "allowed_types", "forbidden_types")

    def __init__(self, *args: object, **more: object) -> None:
        super().__init__(*args, **more)  # type: ignore[arg-type]  # passed on as they came
        if "quota" in self.fields:
            self.fields["quota"].initial = self.instance.quota_bytes

    def clean_name(self) -> str:
        """Refuse what the operation would."""
        name: str = self.cleaned_data["name"].strip()
        if not name or not name.isprintable():
            raise ValidationError(_("A name is one line of visible characters."))
        return name


class NewSpaceForm(SpaceForm):
    """What a new shared space needs."""

    manager = UserNameField(
        label=_("Manager"),
        required=False,
        help_text=_("The name of the account that will manage the space."),
    )

    class Meta:
        model = Space
        fields = ("name",)


ROLES = [(int(role), role.label) for role in Grant.Role]


class MemberForm(forms.Form):
    """Somebody, and the role they get or keep; none takes it away."""

    user = UserNameField(label=_("Account"), required=False)
    group = forms.ModelChoiceField(
        Group.objects.order_by("name"), label=_("Or group"), required=False
    )
    role = forms.TypedChoiceField(
        label=_("Role"),
        choices=[*ROLES, (0, _("not a member"))],
        coerce=lambda value: Grant.Role(int(value)) if int(value) else None,
        empty_value=None,
    )

    def clean(self) -> dict[str, object]:
        """Ask for exactly one, an account or a group."""
        data = super().clean() or self.cleaned_data
        if not self.errors and (data.get("user") is None) == (data.get("group") is None):
            raise ValidationError(_("Please name either an account or a group."))
        return data
