"""The Russian catalogue: complete, faithful to its placeholders, compiled, and in step with the code."""

import ast
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.template.base import Lexer, TokenType
from django.utils.translation.template import templatize

from orders.domain import RUN_REASONS
from strategies.domain import REASONS
from strategies.ticks import TICK_REASONS
from tests.support import ROOT

FOLDER = ROOT / "locale" / "ru" / "LC_MESSAGES"
APPS = ("accounts", "botbalance", "exchanges", "orders", "portfolio", "strategies")
CALLS = {"_", "gettext", "gettext_lazy", "gettext_noop", "ngettext", "ngettext_lazy", "pgettext"}
# Words that are the same in both languages.
SAME = {"API", "Binance Spot", "%(label)s: %(reason)s", "%(number)s%%", "%(symbol)s: %(reason)s"}
# What is to be typed, or copied, just so.
TYPED_SO = ("0.5 BTC, 2 ETH", "2:20:0.5", "33,5%")
# What a string is filled with: %(name)s of Python and templates, {name} of the tables of reasons.
PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w+\}")
PERCENT = re.compile(r"(?<!%)%%(?!%)")


def _catalogue() -> Catalog:
    with (FOLDER / "django.po").open("rb") as file:
        return read_po(file, locale="ru", abort_invalid=True)


CATALOGUE = _catalogue()
MESSAGES = [message for message in CATALOGUE if message.id]


def _texts(value: object) -> tuple[str, ...]:
    return tuple(value) if isinstance(value, list | tuple) else (str(value),)


def _key(message: Message) -> tuple[str, ...]:
    return _texts(message.id)


def _context(value: object) -> object:
    """Babel leaves the contexts of a compiled catalogue in bytes."""
    return value.decode() if isinstance(value, bytes) else value


def _sources(text: str) -> Iterator[str]:
    """Literal texts of the calls that mark one for translation in Python code: the first argument, or that behind the
    context.
    """
    for node in ast.walk(ast.parse(text)):
        if not isinstance(node, ast.Call) or not node.args:
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        first = node.args[1 if name == "pgettext" else 0]
        if name in CALLS and isinstance(first, ast.Constant) and isinstance(first.value, str):
            yield first.value


def _code() -> list[Path]:
    found = [path for app in APPS for path in (ROOT / app).rglob("*.py")]
    return [path for path in found if not {"tests", "migrations"} & set(path.relative_to(ROOT).parts)]


def _templates() -> list[Path]:
    folders = [ROOT / "templates", *(ROOT / app / name for app in APPS for name in ("templates", "jinja2"))]
    return [path for folder in folders for path in folder.rglob("*") if path.suffix in (".html", ".txt")]


def _marked(template: str) -> Iterator[str]:
    """The calls `templatize` turns a template's tags into; the rest of its output is filler and no Python."""
    literal = r"u?(\"\"\".*?\"\"\"|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")"
    text = templatize(template)
    for call in re.finditer(rf" (?:n?gettext|_)\(\s*{literal}", text, re.DOTALL):
        yield ast.literal_eval(call[1])
    for call in re.finditer(rf" n?pgettext\(\s*{literal},\s*{literal}", text, re.DOTALL):
        yield ast.literal_eval(call[2])  # behind its context


def test_every_text_is_translated_and_none_is_a_guess() -> None:
    assert len(MESSAGES) > 500
    untranslated = [message.id for message in MESSAGES if not all(_texts(message.string))]
    assert untranslated == []
    assert [message.id for message in MESSAGES if message.fuzzy] == []
    assert not CATALOGUE.obsolete


def test_a_translation_is_in_russian() -> None:
    assert [
        message.id
        for message in MESSAGES
        if message.id not in SAME
        and not all(re.search("[а-яё]", text, re.IGNORECASE) for text in _texts(message.string))
    ] == []


def test_a_count_has_its_three_russian_forms() -> None:
    assert CATALOGUE.num_plurals == 3
    counted = [message for message in MESSAGES if message.pluralizable]
    assert counted
    assert [message.id for message in counted if len(_texts(message.string)) != 3] == []


def test_a_translation_has_the_placeholders_of_its_text() -> None:
    wrong = []
    for message in MESSAGES:
        wanted = {name for text in _texts(message.id) for name in PLACEHOLDER.findall(text)}
        for text in _texts(message.string):
            if set(PLACEHOLDER.findall(text)) != wanted:
                wrong.append((message.id, text))
    assert wrong == []


def test_a_percent_sign_is_doubled_where_its_text_doubles_it() -> None:
    wrong = []
    for message in MESSAGES:
        doubled = bool(PERCENT.search(_texts(message.id)[0]))
        for text in _texts(message.string):
            single = re.search(r"%(?![%(])", text.replace("%%", "")) is not None
            if bool(PERCENT.search(text)) != doubled or (doubled and single):
                wrong.append((message.id, text))
    assert wrong == []


def test_a_percentage_is_written_as_the_language_does() -> None:
    """12.5% in English; in Russian with a space before the sign that does not break."""
    number = r"(?:\d|\)s|\})"
    assert [one.id for one in MESSAGES if any(re.search(rf"{number}\s%(?!\()", text) for text in _texts(one.id))] == []
    close = re.compile(rf"{number} ?%(?!\()")
    assert [one.id for one in MESSAGES if any(close.search(_told(text)) for text in _texts(one.string))] == []


def test_a_number_in_a_russian_text_has_a_decimal_comma() -> None:
    decimal = re.compile(r"\d\.\d")
    assert [one.id for one in MESSAGES if any(decimal.search(_told(text)) for text in _texts(one.string))] == []


def _told(text: str) -> str:
    """A text without what it quotes."""
    for quoted in TYPED_SO:
        text = text.replace(quoted, "")
    return text


def test_the_compiled_catalogue_says_what_the_readable_one_says() -> None:
    compiled = read_mo(io.BytesIO((FOLDER / "django.mo").read_bytes()))
    says = {(_context(message.context), _key(message)): _texts(message.string) for message in compiled if message.id}
    assert says == {(message.context, _key(message)): _texts(message.string) for message in MESSAGES}
    assert compiled.num_plurals == 3


@pytest.mark.parametrize("table", [REASONS, RUN_REASONS, TICK_REASONS], ids=["REASONS", "RUN_REASONS", "TICK_REASONS"])
def test_every_reason_is_in_the_catalogue(table: dict[str, str]) -> None:
    known = {message.id for message in MESSAGES}
    assert [text for text in map(str, table.values()) if text and text not in known] == []


def test_every_text_of_the_code_is_in_the_catalogue() -> None:
    known = {_key(message)[0] for message in MESSAGES}
    marked = {(path.name, text) for path in _code() for text in _sources(path.read_text())}
    assert len(marked) > 200
    assert sorted(pair for pair in marked if pair[1] not in known) == []


def test_every_text_of_the_templates_is_in_the_catalogue() -> None:
    known = {_key(message)[0] for message in MESSAGES}
    marked = {
        (str(path.relative_to(ROOT)), text) for path in _templates() for text in _marked(path.read_text()) if text
    }
    assert len(marked) > 200
    assert sorted(pair for pair in marked if pair[1] not in known) == []


class _Untranslated(HTMLParser):
    """Words that a template itself says to its reader, in text and in what is read out or shown on pointing."""

    SAID = ("title", "alt", "aria-label", "placeholder", "label", "data-copied")
    NOT_PROSE = ("code", "pre", "script", "style")
    WORD = re.compile(r"[A-Za-z]{2,}")

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._inside: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in self.NOT_PROSE:
            self._inside.append(tag)
        for name, value in attrs:
            if name in self.SAID:
                self._look_at(value or "")

    def handle_endtag(self, tag: str) -> None:
        if tag in self._inside:
            self._inside.remove(tag)

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self._look_at(data)

    def _look_at(self, text: str) -> None:
        words = [word for word in text.split() if self.WORD.search(word) and word.strip(".,()") not in SAID_AS_IT_IS]
        if words:
            self.found.append(" ".join(words))


# Names, and what is the same in every language.
SAID_AS_IT_IS = {"BotBalance", "BNB", "CSV", "JSON", "YAML", "API", "OpenAPI", "EN", "RU", "English"}


def _untranslated(template: str) -> list[str]:
    """What a template says without asking the catalogue: all that is left when its tags and variables are gone."""
    kept, skipping = [], ""
    for token in Lexer(template).tokenize():
        word = token.contents.split()[0] if token.contents.split() else ""
        if skipping:
            skipping = "" if token.token_type == TokenType.BLOCK and word == skipping else skipping
        elif token.token_type == TokenType.TEXT:
            kept.append(token.contents)
        elif token.token_type == TokenType.BLOCK and word in ("blocktranslate", "comment"):
            skipping = f"end{word}"
        elif token.contents == "block width":  # the name of a class
            skipping = "endblock"
    parser = _Untranslated()
    parser.feed("".join(kept))
    parser.close()
    return parser.found


def test_no_template_says_a_word_that_is_not_marked_for_translation() -> None:
    found = {str(path.relative_to(ROOT)): _untranslated(path.read_text()) for path in _templates()}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("template", "found"),
    [
        ("<p>Hello there</p>", ["Hello there"]),
        ('<p>{% translate "Hello" %} {{ name }}</p>', []),
        ("{% if a %}<b>yes</b>{% endif %}", ["yes"]),
        ("{% blocktranslate count n=2 %}one{% plural %}many{% endblocktranslate %} left", ["left"]),
        ("{% comment %}for readers of the source{% endcomment %}{# and this #}", []),
        ('<a title="Over there" href="/somewhere/">{{ x }} %</a>', ["Over there"]),
        ('<img alt="{% translate "A chart" %}"><code>manage.py run</code>', []),
    ],
)
def test_the_search_for_such_words_finds_them(template: str, found: list[str]) -> None:
    assert _untranslated(template) == found


def test_the_catalogue_has_nothing_that_is_used_nowhere() -> None:
    used = {text for path in _code() for text in _sources(path.read_text())}
    used |= {text for path in _templates() for text in _marked(path.read_text())}
    assert [message.id for message in MESSAGES if _key(message)[0] not in used] == []
