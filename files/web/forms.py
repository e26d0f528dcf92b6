"""Forms: what a browser may send, checked for shape only."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from files.operations.tokens import NAME_LENGTH


class NameForm(forms.Form):
    """The name of a new folder, or the new name of an entry."""

    # Spaces at the ends are part of a name; files/names.py decides what a name may be.
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class TokenForm(forms.Form):
    """What a new token is called, what it is for, and how far and how long it reaches."""

    name = forms.CharField(
        label=_("Name"),
        max_length=NAME_LENGTH,
        help_text=_("What it is for, to know it again: “Laptop”, “Nightly backup”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    scopes = forms.MultipleChoiceField(
        label=_("It may"),
        initial=["read", "write"],
        choices=[
            ("read", _("read: list, open, download, search")),
            ("write", _("write: put in; together with reading also change and trash")),
            ("share", _("share: say who else may")),
            ("admin", _("administer: name spaces, delete for good")),
        ],
        widget=forms.CheckboxSelectMultiple,
    )
    top = forms.ChoiceField(label=_("Where"), required=False)
    expires = forms.ChoiceField(
        label=_("Valid for"),
        required=False,
        initial="90",
        choices=[
            ("7", _("a week")),
            ("30", _("30 days")),
            ("90", _("90 days")),
            ("365", _("a year")),
            ("", _("as long as it is not revoked")),
        ],
    )

    def __init__(self, data: Any, *, places: list[tuple[str, str]], place: str = "") -> None:
        """Offer what a token can be limited to, with one place chosen."""
        super().__init__(data, initial={"top": place})
        top = self.fields["top"]
        assert isinstance(top, forms.ChoiceField)  # noqa: S101 - as above
        top.choices = places

    def clean_name(self) -> str:
        """Refuse a name that cannot be shown in a line."""
        name: str = self.cleaned_data["name"]
        if not name.isprintable():
            raise forms.ValidationError(_("A name cannot contain line breaks."))
        return name
