"""How forms are written: by Django's Jinja2 templates of its widgets, and one of ours for a whole field. A form of
fifty fields takes several hundred small templates, which Django's own engine needs most of a page's time for.
"""

from functools import cached_property

from django.forms.renderers import DjangoTemplates, Jinja2
from django.template import TemplateDoesNotExist

FIELD = "forms/field.html"


class FormRenderer(Jinja2):
    """FORM_RENDERER of the settings. The admin's own widgets have no Jinja2 templates and keep Django's."""

    field_template_name = FIELD

    def get_template(self, template_name: str) -> object:
        try:
            return super().get_template(template_name)
        except TemplateDoesNotExist:
            return self._others.get_template(template_name)

    @cached_property
    def _others(self) -> DjangoTemplates:
        return DjangoTemplates()
