"""Targets to begin with instead of typing them row by row: usual portfolios, equal parts, and pasted lists."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_DOWN, Decimal, InvalidOperation

import numpy as np
from django.db.models import TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from botbalance.lib.errors import Conflict
from botbalance.lib.money import HUNDRED, ZERO, strip_zeros
from botbalance.lib.numbers import amount
from exchanges import services as exchanges
from exchanges.domain import STABLECOINS
from exchanges.models import ExchangeAccount
from portfolio import services as portfolio
from strategies.domain import MAX_TARGETS
from strategies.target_models import ModelKind, ModelSettings, weights_of

BITCOIN_AND_ETHER = {"BTC": Decimal(60), "ETH": Decimal(40)}
# Chosen by hand in November 2026 among those with the deepest order books at Binance; a list, not a ranking, so that
# the same click gives the same targets on every server and on every day.
TEN_LARGE = ("BTC", "ETH", "BNB", "SOL", "XRP", "DOGE", "ADA", "LINK", "AVAX", "LTC")
QUANTUM = Decimal("0.0001")
MOST_CHARACTERS = 20_000
MOST_OF_A_LINE = 200
# What is written behind a large figure: 1.2T, 350 B.
SCALES = {"": 1, "K": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}


class Preset(TextChoices):
    BITCOIN_AND_ETHER = "60-40", gettext_lazy("60% BTC, 40% ETH")
    TEN_LARGE = "ten-large", gettext_lazy("Ten large coins, equal")
    HELD = "held", gettext_lazy("What I hold, equal")


class Unit(TextChoices):
    """What the numbers of a pasted list are."""

    PERCENT = "percent", gettext_lazy("weights in percent")
    MARKET_CAP = "market_cap", gettext_lazy("market capitalisations: weights in proportion to them")


@dataclass(frozen=True, slots=True)
class Row:
    asset: str
    weight_pct: Decimal
    market_cap: Decimal | None = None


@dataclass(slots=True)
class Pasted:
    """What a pasted list comes to: rows, or what is wrong with it, and what its owner should know besides."""

    rows: list[Row] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)


# --- Presets ---------------------------------------------------------------------------------------------


def rows_of(preset: Preset, account: ExchangeAccount) -> list[Row]:
    """The targets of a preset for an account, adding up to exactly 100 %; coins that its exchange does not trade for
    its quote are left out. Raises Conflict where none are left, another AppError where the exchange cannot be asked.
    """
    if preset == Preset.HELD:
        rows = _equal(_held(account))
        if not rows:
            raise Conflict(_("The account holds no coin that could be a target yet."), code="nothing_held")
        return rows
    info = exchanges.exchange_info_for(account)
    wanted = BITCOIN_AND_ETHER if preset == Preset.BITCOIN_AND_ETHER else dict.fromkeys(TEN_LARGE, ZERO)
    traded = [asset for asset in wanted if info.pair(asset, account.quote) is not None]
    if not traded or (preset == Preset.BITCOIN_AND_ETHER and len(traded) < len(wanted)):
        raise Conflict(_("The exchange does not trade these coins for %(quote)s.") % {"quote": account.quote})
    if preset == Preset.BITCOIN_AND_ETHER:
        return [Row(asset, weight) for asset, weight in wanted.items()]
    return _equal(traded)


def _held(account: ExchangeAccount) -> list[str]:
    """Coins of which there is enough to be traded, the largest first; stablecoins are none."""
    valuation, _known = portfolio.value_account(account)
    info = exchanges.exchange_info_for(account)
    found = []
    for holding in valuation.holdings:
        rule = info.pair(holding.asset, account.quote)
        if rule is None or holding.asset in STABLECOINS or holding.value is None:
            continue
        if holding.value >= rule.min_notional:
            found.append(holding.asset)
    return found[:MAX_TARGETS]


def _equal(assets: Sequence[str]) -> list[Row]:
    return _weighed(ModelSettings(ModelKind.EQUAL), assets, {}) if assets else []


def _weighed(model: ModelSettings, assets: Sequence[str], market_caps: Mapping[str, Decimal]) -> list[Row]:
    """By the arithmetic of the target models, which ends at exactly 100 %."""
    found = weights_of(model, assets, np.empty((0, len(assets))), market_caps)
    return [Row(asset, strip_zeros(found.weights[asset]), market_caps.get(asset)) for asset in assets]


# --- Pasted lists ------------------------------------------------------------------------------------------

# One asset, one separator (comma, semicolon, tab, or spaces), and the rest is its number.
_LINE = re.compile(r"^\s*\"?(?P<asset>[^\s,;\t\"]+)\"?\s*(?:[,;\t]|\s)\s*(?P<number>.*?)\s*$")
_NUMBER = re.compile(r"^(?P<sign>[-−+]?)(?P<digits>[\d\s.,'’]*\d)\s*(?P<scale>[KMBT]?)$", re.IGNORECASE)


def pasted(text: str, unit: Unit, quote: str) -> Pasted:
    """Read a list of `BTC,60` lines. Every line that cannot be read is named; where one cannot, there are no rows."""
    found = Pasted()
    if len(text) > MOST_CHARACTERS:
        found.problems.append(_("This list is too long."))
        return found
    numbers: dict[str, Decimal] = {}
    lines: dict[str, int] = {}
    may_be_head = True
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip(" \t,;"):
            continue
        asset, figure, problem = _read(line, unit)
        if problem and may_be_head and not any(letter.isdigit() for letter in line):
            may_be_head = False
            text = _("Line %(line)s has no number and was taken for titles: %(text)s")
            found.remarks.append(text % {"line": number, "text": line.strip()[:80]})
            continue
        may_be_head = False
        if not problem and asset in numbers:
            problem = _("%(asset)s stands on line %(line)s already.") % {"asset": asset, "line": lines[asset]}
        if problem:
            found.problems.append(_("Line %(line)s: %(problem)s") % {"line": number, "problem": problem})
            continue
        numbers[asset], lines[asset] = figure, number
    if not found.problems:
        _weigh(found, numbers, unit, quote)
    if found.problems:
        found.rows, found.remarks = [], []
    return found


def _weigh(found: Pasted, numbers: dict[str, Decimal], unit: Unit, quote: str) -> None:
    if not numbers:
        found.problems.append(_("There is nothing to read: paste lines like BTC,60."))
        return
    if len(numbers) > MAX_TARGETS:
        text = _("%(count)s assets are too many; the most is %(most)s.")
        found.problems.append(text % {"count": len(numbers), "most": MAX_TARGETS})
        return
    total = sum(numbers.values(), ZERO)
    if unit == Unit.PERCENT and total > HUNDRED:
        text = _("The weights add up to %(total)s%%; the most is 100%%.")
        found.problems.append(text % {"total": amount(total)})
        return
    if numbers.pop(quote, None) is not None:
        text = _("%(asset)s is the quote: its line is left out, and it gets what the other targets leave.")
        if unit == Unit.MARKET_CAP:
            text = _("%(asset)s is the quote: its line is left out.")
        found.remarks.append(text % {"asset": quote})
    if unit == Unit.MARKET_CAP and numbers:
        found.rows = _weighed(ModelSettings(ModelKind.MARKET_CAP), list(numbers), numbers)
        return
    found.rows = [
        Row(asset, strip_zeros(weight.quantize(QUANTUM, rounding=ROUND_DOWN))) for asset, weight in numbers.items()
    ]
    if any(row.weight_pct != numbers[row.asset] for row in found.rows):
        found.remarks.append(_("Weights have four decimals at most: further ones are cut off."))


def _read(line: str, unit: Unit) -> tuple[str, Decimal, str]:
    """Asset and number of a line, and what is wrong with it, "" when nothing is."""
    match = _LINE.match(line) if len(line) <= MOST_OF_A_LINE else None
    if match is None or not match["number"]:
        return "", ZERO, _("write an asset and a number, like BTC,60.")
    asset = match["asset"].upper()
    if not (asset.isalnum() and len(asset) <= 20):
        return asset, ZERO, _("%(asset)s is no asset.") % {"asset": asset[:40]}
    typed = match["number"].strip("\"' \t,;").removesuffix("%").removeprefix("$").strip()
    figure = _figure(typed, unit)
    if figure is None:
        return asset, ZERO, _("%(text)s is no number.") % {"text": typed[:40] or match["number"][:40]}
    if unit == Unit.PERCENT and not ZERO <= figure <= HUNDRED:
        return asset, ZERO, _("a weight is between 0 and 100%.")
    if unit == Unit.MARKET_CAP and not ZERO < figure < Decimal(10) ** 28:
        return asset, ZERO, _("a market capitalisation is more than 0.")
    return asset, figure, ""


def _figure(text: str, unit: Unit) -> Decimal | None:
    """A number as people write it: 33.5, 33,5, 1 234 567,89, 1,234,567.89, 1.2T. None where it is none, or could be
    two: a capitalisation of 1,234.
    """
    match = _NUMBER.match(text)
    if match is None or (match["scale"] and unit == Unit.PERCENT):
        return None
    digits = re.sub(r"[\s'’]", "", match["digits"])
    marks = [mark for mark in digits if mark in ".,"]
    if len(set(marks)) == 2:  # the last kind is the decimal point
        group, point = (",", ".") if digits.rfind(".") > digits.rfind(",") else (".", ",")
        if marks.count(point) > 1 or not _is_grouped(digits.split(point)[0], group):
            return None
        digits = digits.replace(group, "").replace(point, ".")
    elif len(marks) > 1:
        if not _is_grouped(digits, marks[0]):
            return None
        digits = digits.replace(marks[0], "")
    elif marks:
        is_either = unit == Unit.MARKET_CAP and not match["scale"] and re.fullmatch(r"[1-9]\d{0,2}[.,]\d{3}", digits)
        if is_either:
            return None
        digits = digits.replace(",", ".")
    try:
        figure = Decimal(digits) * SCALES[match["scale"].upper()]
    except InvalidOperation:
        return None
    return -figure if match["sign"] in ("-", "−") and match["sign"] else figure


def _is_grouped(digits: str, group: str) -> bool:
    """Whether thousands are set off by this mark: 1,234,567."""
    return re.fullmatch(rf"\d{{1,3}}(?:{re.escape(group)}\d{{3}})+", digits) is not None
