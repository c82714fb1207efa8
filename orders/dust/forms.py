"""The forms of small balances. They only parse; the services judge."""

from typing import Any

from django import forms


class AssetsField(forms.Field):
    """Assets that are named more than once in a form, or divided by commas."""

    widget = forms.MultipleHiddenInput

    def to_python(self, value: Any) -> list[str]:
        given = value if isinstance(value, list | tuple) else [value or ""]
        return [name.strip().upper() for text in given for name in str(text).split(",") if name.strip()]


class LookForm(forms.Form):
    """Whether targets of the active strategy may be converted as well."""

    with_targets = forms.BooleanField(required=False)


class SweepForm(LookForm):
    """What was looked at and is to be converted."""

    assets = AssetsField()
    idempotency_key = forms.CharField(max_length=100)
