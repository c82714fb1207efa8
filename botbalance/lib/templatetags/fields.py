"""A whole form field in a template."""

from django import template
from django.forms import BoundField
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from botbalance.lib.form_renderer import FIELD

register = template.Library()


@register.simple_tag
def field(bound: BoundField, *, label_hidden: bool = False) -> SafeString:
    """Label, widget, errors and help: {% field form.email %}, {% field row.asset label_hidden=True %}."""
    context = {"field": bound, "label_hidden": label_hidden, "optional": _("optional")}
    return mark_safe(bound.form.renderer.render(FIELD, context))  # noqa: S308  (written by an engine that escapes)
