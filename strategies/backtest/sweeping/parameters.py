"""The settings a sweep tries: which parameters, which values of each, all of them or a seeded choice. Pure.

A space is numbered: setting 0 has the first value of every parameter, and the last parameter changes soonest. So it is
counted without being made, any part of it can be made anywhere, and a random search draws numbers, none of them twice.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from functools import cached_property
from hashlib import sha256

from botbalance.lib.money import exact, plain
from strategies.domain import BandType, TradeTo, Trigger

Value = Decimal | int | str

MOST_SETTINGS = 10_000
MOST_VALUES = 1_000
KEY_LENGTH = 20
_FURTHEST_DIGIT = 30


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


PROBLEMS: dict[str, str] = {
    "no_parameters": _("There is nothing to try: name at least one parameter and its values."),
    "unknown": _("{name} cannot be tried. Known are: {known}."),
    "twice": _("{name} is named twice; put all its values in one place."),
    "no_values": _("{name} has no values to try."),
    "repeated": _("{name} has the value {value} twice."),
    "not_a_number": _("{value} is not a number."),
    "not_whole": _("{value} is not a whole number."),
    "out_of_range": _("{value} is out of range: {name} goes from {low} to {high}."),
    "decimals": _("{value} has more than {decimals} decimals."),
    "not_a_choice": _("{value} is not one of {choices}."),
    "step": _("The step must be above 0."),
    "backwards": _("The range begins at {low} and ends at {high}: the end must not be below the beginning."),
    "too_many_values": _("{name} has {count} values; at most {limit} are tried. Take a larger step."),
    "too_many": _("That makes {count} settings; at most {limit} are tried. Take larger steps, or a random search."),
    "no_count": _("A random search tries at least one setting."),
    "count": _("There are only {size} settings; a random search cannot try {count} different ones."),
}


class SpaceError(ValueError):
    """What is wrong with a space. `field` is the parameter it is about, or "parameters", "count" for the whole."""

    def __init__(self, field: str, code: str, **facts: str) -> None:
        super().__init__(PROBLEMS[code].format(**facts))
        self.field = field
        self.code = code
        self.facts = facts


@dataclass(frozen=True, slots=True)
class Percent:
    """Decimals from `low` to `high`, in percent, as a strategy keeps them."""

    low: Decimal
    high: Decimal
    decimals: int = 4

    def read(self, name: str, value: Value) -> Decimal:
        try:
            number = Decimal(value)
        except InvalidOperation:
            raise SpaceError(name, "not_a_number", value=_shown(value)) from None
        if not number.is_finite() or abs(number.adjusted()) > _FURTHEST_DIGIT or len(number.as_tuple().digits) > 100:
            raise SpaceError(name, "not_a_number", value=_shown(value))  # 1E+999999999 is one, of a gigabyte of digits
        _check_range(name, number, self.low, self.high)
        exponent = number.as_tuple().exponent
        if isinstance(exponent, int) and -exponent > self.decimals and number != round(number, self.decimals):
            raise SpaceError(name, "decimals", value=plain(number), decimals=str(self.decimals))
        return Decimal(plain(number))


@dataclass(frozen=True, slots=True)
class Whole:
    """Integers from `low` to `high`."""

    low: int
    high: int

    def read(self, name: str, value: Value) -> int:
        number = Percent(Decimal(self.low), Decimal(self.high), 0)
        try:
            return int(number.read(name, value))
        except SpaceError as error:
            if error.code != "decimals":
                raise
            raise SpaceError(name, "not_whole", value=_shown(value)) from None


@dataclass(frozen=True, slots=True)
class Choice:
    """One of these words."""

    words: tuple[str, ...]

    @classmethod
    def of(cls, words: type[StrEnum]) -> "Choice":
        return cls(tuple(word.value for word in words))

    def read(self, name: str, value: Value) -> str:
        if value not in self.words:
            raise SpaceError(name, "not_a_choice", value=_shown(value), choices=", ".join(self.words))
        return str(value)


Kind = Percent | Whole | Choice

# What a sweep may vary, by the names a strategy has for them, within the bounds a strategy has.
KNOWN: Mapping[str, Kind] = {
    "min_delta_pct": Percent(Decimal("0.05"), Decimal(50)),
    "band_type": Choice.of(BandType),
    "trade_to": Choice.of(TradeTo),
    "trigger_mode": Choice.of(Trigger),
    "interval_minutes": Whole(30, 40_320),
    "order_size_pct": Percent(Decimal("0.1"), Decimal(100)),
    "order_step_pct": Percent(Decimal(-5), Decimal(5)),
    "quote_reserve_pct": Percent(Decimal(0), Decimal(100)),
    "max_orders": Whole(1, 50),
    "max_turnover_pct": Percent(Decimal(1), Decimal(1000)),
    "order_lifetime_seconds": Whole(10, 86_400),
    "reprice_distance_pct": Percent(Decimal("0.05"), Decimal(50)),
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A name and the values it is tried with, in their order. Made by `values_of` or `range_of`, which check them."""

    name: str
    values: tuple[Value, ...]


def values_of(name: str, values: Sequence[Value], *, known: Mapping[str, Kind] = KNOWN) -> Parameter:
    """A parameter with these values; numbers may be given as text. SpaceError for a wrong, missing or repeated one."""
    kind = _kind(name, known)
    if not values:
        raise SpaceError(name, "no_values", name=name)
    _check_count(name, len(values))
    read: dict[Value, None] = {}
    for value in values:
        checked = kind.read(name, value)
        if checked in read:
            raise SpaceError(name, "repeated", name=name, value=_text(checked))
        read[checked] = None
    return Parameter(name, tuple(read))


def range_of(name: str, low: Value, high: Value, step: Value, *, known: Mapping[str, Kind] = KNOWN) -> Parameter:
    """A parameter with every value from `low` on, `step` apart, that is not above `high`. SpaceError as `values_of`,
    and for a choice of words, which has no range.
    """
    kind = _kind(name, known)
    if isinstance(kind, Choice):
        raise SpaceError(name, "not_a_number", value=_shown(f"{low}:{high}:{step}"))
    first, last = Decimal(kind.read(name, low)), Decimal(kind.read(name, high))
    size = _step(name, kind, step)
    if first > last:
        raise SpaceError(name, "backwards", low=plain(first), high=plain(last))
    with exact():
        count = int((last - first) // size) + 1
        _check_count(name, count)
        return values_of(name, [first + size * place for place in range(count)], known=known)


def read_parameter(name: str, text: str, *, known: Mapping[str, Kind] = KNOWN) -> Parameter:
    """A parameter as people write it: "2:20:0.5" is a range with its step, "absolute,relative" are values."""
    parts = [part.strip() for part in text.split(":")]
    if len(parts) == 3:
        return range_of(name, *parts, known=known)
    return values_of(name, [part.strip() for part in text.split(",") if part.strip()], known=known)


@dataclass(frozen=True, slots=True)
class Setting:
    """One value for every parameter, by name."""

    values: Mapping[str, Value]

    @property
    def key(self) -> str:
        """The same for equal settings whatever the order and the writing of their values (2 and 2.0), in every process
        and release: results are found again by it.
        """
        text = ";".join(f"{name}={_text(value)}" for name, value in sorted(self.values.items()))
        return sha256(text.encode()).hexdigest()[:KEY_LENGTH]


@dataclass(frozen=True)
class Space:
    """All combinations of the values of some parameters, numbered from 0."""

    parameters: tuple[Parameter, ...]

    def __post_init__(self) -> None:
        if not self.parameters:
            raise SpaceError("parameters", "no_parameters")
        names: set[str] = set()
        for parameter in self.parameters:
            if parameter.name in names:
                raise SpaceError(parameter.name, "twice", name=parameter.name)
            if not parameter.values:
                raise SpaceError(parameter.name, "no_values", name=parameter.name)
            names.add(parameter.name)

    @cached_property
    def size(self) -> int:
        """How many settings there are."""
        count = 1
        for parameter in self.parameters:
            count *= len(parameter.values)
        return count

    def setting(self, number: int) -> Setting:
        """The setting of that number; IndexError where there is none."""
        if not 0 <= number < self.size:
            raise IndexError(f"there are {self.size} settings, and no setting {number}")
        values: dict[str, Value] = {}
        for parameter in reversed(self.parameters):
            number, place = divmod(number, len(parameter.values))
            values[parameter.name] = parameter.values[place]
        return Setting({parameter.name: values[parameter.name] for parameter in self.parameters})

    def grid(self, *, limit: int = MOST_SETTINGS) -> Iterator[Setting]:
        """Every setting, in order. SpaceError, at once, where there are more than `limit`."""
        _check_limit("parameters", self.size, limit)
        return map(self.setting, range(self.size))

    def sample(self, count: int, *, seed: int, limit: int = MOST_SETTINGS) -> Iterator[Setting]:
        """So many different settings at random, every choice as likely as any other. A larger `count` of the same seed
        begins with the same settings. SpaceError, at once, for more than there are, or than `limit`.
        """
        if count < 1:
            raise SpaceError("count", "no_count")
        if count > self.size:
            raise SpaceError("count", "count", count=str(count), size=str(self.size))
        _check_limit("count", count, limit)
        return map(self.setting, _draw(self.size, count, seed))


def _draw(size: int, count: int, seed: int) -> Iterator[int]:
    """So many different numbers below `size`: a shuffle of which only the beginning is done, and only the moved places
    are kept. The numbers come from a hash, since libraries change their generators and a sweep may be resumed later.
    """
    moved: dict[int, int] = {}
    for place in range(count):
        number = int.from_bytes(sha256(f"{seed}:{place}".encode()).digest())
        other = place + number % (size - place)
        drawn = moved.get(other, other)
        moved[other] = moved.pop(place, place)
        yield drawn


def _kind(name: str, known: Mapping[str, Kind]) -> Kind:
    if name not in known:
        raise SpaceError(name, "unknown", name=_shown(name), known=", ".join(sorted(known)))
    return known[name]


def _step(name: str, kind: Percent | Whole, step: Value) -> Decimal:
    """The step as a number of the parameter's kind, but for its range."""
    wide = Decimal(10) ** 9
    number = Percent(-wide, wide, kind.decimals) if isinstance(kind, Percent) else Whole(-int(wide), int(wide))
    size = Decimal(number.read(name, step))
    if size <= 0:
        raise SpaceError(name, "step")
    return size


def _check_range(name: str, number: Decimal, low: Decimal, high: Decimal) -> None:
    if not low <= number <= high:
        raise SpaceError(name, "out_of_range", name=name, value=plain(number), low=plain(low), high=plain(high))


def _check_count(name: str, count: int) -> None:
    if count > MOST_VALUES:
        raise SpaceError(name, "too_many_values", name=name, count=str(count), limit=str(MOST_VALUES))


def _check_limit(field: str, count: int, limit: int) -> None:
    if count > limit:
        raise SpaceError(field, "too_many", count=str(count), limit=str(limit))


def _text(value: Value) -> str:
    return plain(value) if isinstance(value, Decimal) else str(value)


def _shown(value: Value) -> str:
    """What somebody gave, no longer than a message can bear."""
    return str(value)[:40]
