"""Forms look as Django writes them, whichever engine does it."""

import re
from typing import Any

import pytest
from django import forms
from django.contrib.admin.widgets import AdminSplitDateTime
from django.forms.renderers import DjangoTemplates
from django.template import Context, Template
from django.utils import translation


class Wishes(forms.Form):
    name = forms.CharField(help_text="As you like <b>it</b>.", max_length=40)
    amount = forms.DecimalField(required=False)
    colour = forms.ChoiceField(choices=[("r", "Red"), ("g", "<Green>")], widget=forms.RadioSelect)
    size = forms.ChoiceField(choices=[("s", "Small"), ("Big", [("l", "Large")])])
    many = forms.MultipleChoiceField(choices=[("a", "A"), ("b", "B")], widget=forms.CheckboxSelectMultiple)
    agreed = forms.BooleanField()
    words = forms.CharField(widget=forms.Textarea)
    hidden = forms.CharField(widget=forms.HiddenInput)


def form(**kept: Any) -> Wishes:
    return Wishes({"name": '"><script>', "size": "l", "colour": "r"}, **kept)


def squeezed(html: str) -> str:
    """Without the space between tags, and with one spelling of a quotation mark."""
    html = re.sub(r">\s+|\s+<", lambda found: found[0].strip(), html).replace("&#34;", "&quot;")
    return re.sub(r"\s+", " ", html)


@pytest.mark.parametrize("name", list(Wishes.base_fields))
def test_a_widget_and_its_errors_are_those_of_djangos_own_engine(name: str) -> None:
    ours, djangos = form()[name], form(renderer=DjangoTemplates())[name]
    assert squeezed(str(ours)) == squeezed(str(djangos))
    assert squeezed(str(ours.errors)) == squeezed(str(djangos.errors))


def shown(name: str, tag: str = "{% field form.{} %}") -> str:
    text = tag.replace("{}", name, 1)
    return squeezed(Template(text).render(Context({"form": form()})))


def test_a_field_has_its_label_widget_errors_and_help() -> None:
    assert shown("name").startswith('<div class="field"><label for="id_name">Name</label><input type="text"')
    assert 'value="&quot;&gt;&lt;script&gt;"' in shown("name")
    assert '<div class="helptext" id="id_name_helptext">As you like<b>it</b>.</div></div>' in shown("name")
    assert '<ul class="errorlist" id="id_words_error"><li>This field is required.</li></ul>' in shown("words")


def test_what_need_not_be_filled_in_says_so_in_the_readers_language() -> None:
    assert '<span class="optional">(optional)</span></label>' in shown("amount")
    assert "optional" not in shown("name") + shown("agreed")
    with translation.override("ru"):
        assert '<span class="optional">(необязательно)</span></label>' in shown("amount")


def test_several_choices_are_a_group_with_a_legend() -> None:
    assert '<fieldset class="field"' in shown("colour")
    assert "<legend>Colour</legend>" in shown("colour")
    assert '<legend class="visually-hidden">Colour</legend>' in shown("colour", "{% field form.{} label_hidden=True %}")


def test_a_label_can_be_for_screen_readers_only() -> None:
    assert '<label for="id_name" class="visually-hidden">' in shown("name", "{% field form.{} label_hidden=True %}")


def test_what_is_hidden_shows_nothing_but_what_is_wrong() -> None:
    assert shown("hidden").startswith('<input type="hidden" name="hidden"')
    assert "label" not in shown("hidden")


def test_widgets_without_such_templates_keep_djangos() -> None:
    assert 'class="vDateField"' in AdminSplitDateTime().render("at", None)
