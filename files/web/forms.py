"""Forms: what a browser may send, checked for shape only."""

from django import forms
from django.utils.translation import gettext_lazy as _


class NameForm(forms.Form):
    """The name of a new folder, or the new name of an entry."""

    # Spaces at the ends are part of a name; files/names.py decides what a name may be.
    name = forms.CharField(
        label=_("Name"),
        max_length=255,
        strip=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
