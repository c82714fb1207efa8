"""The autopilot in words and shapes for pages and the API, in the reader's language."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from botbalance.lib.moments import clock_time
from botbalance.lib.numbers import amount, count, in_words, money
from exchanges.domain import Venue
from exchanges.models import ExchangeAccount
from orders.models import Tick
from orders.outlook import Outlook, Reason, State, View, at, is_late, reason_of, state_of
from orders.presentation import Words, duration, short
from orders.standings import Standing
from strategies.models import Strategy
from strategies.presentation import first_time_in_words, rhythm_in_words
from strategies.ticks import TICK_REASONS

STATE_WORDS: Mapping[State, Words] = {
    State.OFF: Words("", _("off"), _("Nothing is traded by itself.")),
    State.ON: Words("ok", _("on"), _("It looks by itself, and trades as the strategy says.")),
    State.HELD: Words(
        "warn", _("on, held back"), _("It looks by itself, and trades again when nothing holds it back.")
    ),
    State.PAUSED: Words("bad", _("paused"), _("It trades nothing, and waits for you to let it go on.")),
}

TICK_WORDS: Mapping[str, Words] = {
    Tick.Status.IDLE: Words("", _("nothing to do"), _("It looked, and there was nothing to trade.")),
    Tick.Status.WAITING: Words("info", _("waiting"), _("It waits for orders, or for the exchange.")),
    Tick.Status.ACTED: Words("ok", _("traded"), _("It began a rebalance, or saw one end.")),
    Tick.Status.HELD: Words("warn", _("held back"), _("Something would be traded, and a guard held it back.")),
    Tick.Status.FAILED: Words("bad", _("failed"), _("It could not go on; it is tried again.")),
    Tick.Status.PAUSED: Words("bad", _("paused"), _("It paused, and waits for you to let it go on.")),
}

MARKETS: Mapping[Venue, str | Promise] = {
    Venue.PAPER: _("PAPER, without real money"),
    Venue.TESTNET: _("TESTNET, without real money"),
    Venue.MAINNET: _("LIVE, with real money"),
}

# Values of a reason that are moments in ISO 8601.
MOMENTS = frozenset({"at"})


# --- Moments ---------------------------------------------------------------------------------------------


def relative(moment: datetime) -> str:
    """How long ago, or how soon: 8 s ago, in 3 min 5 s, 2 days ago."""
    now = timezone.now()
    days = abs(moment - now).days
    if days >= 2:
        length = ngettext("%(count)s day", "%(count)s days", days) % {"count": count(days)}
    else:
        length = duration(min(now, moment), max(now, moment))
    if moment > now:
        return gettext("in %(duration)s") % {"duration": length}
    return gettext("%(duration)s ago") % {"duration": length}


def upcoming(moment: datetime) -> str:
    """How soon something is due; what is due already happens any moment."""
    return relative(moment) if moment > timezone.now() else gettext("any moment")


# --- Reasons ---------------------------------------------------------------------------------------------


def sentence(reason: Reason) -> str:
    """A reason in the reader's language; its code where it is one that this version does not know any more."""
    template = TICK_REASONS.get(reason.code)
    if template is None:
        return reason.code
    values = _Values({name: _shown(name, value) for name, value in in_words(reason.values).items()})
    return gettext(template).format_map(values)


class _Values(dict[str, str]):
    """Rows are kept for ever, sentences are not: a value that a newer sentence asks for may not have been kept."""

    def __missing__(self, name: str) -> str:
        return "?"


def _shown(name: str, value: str) -> str:
    return clock_time(datetime.fromisoformat(value)) if name in MOMENTS and value else value


def tick_reason(tick: Tick) -> str:
    """Why a tick decided as it did."""
    return sentence(reason_of(tick))


@dataclass(frozen=True, slots=True)
class TickRow:
    """A line of the history. `actions`: what became of orders, in words."""

    tick: Tick
    words: Words
    reason: str
    ago: str
    actions: list[str]


def tick_rows(ticks: Iterable[Tick]) -> list[TickRow]:
    return [
        TickRow(tick, TICK_WORDS[tick.status], tick_reason(tick), relative(tick.ended_at), actions(tick.actions))
        for tick in ticks
    ]


_ACTIONS: Mapping[str, str | Promise] = {
    "placed": _("%(count)s placed"),
    "filled": _("%(count)s filled"),
    "cancelled": _("%(count)s cancelled"),
    "rejected": _("%(count)s refused"),
    "adopted": _("%(count)s adopted"),
}


def actions(counts: Mapping[str, int]) -> list[str]:
    """What became of orders: 3 placed, 1 cancelled."""
    return [_ACTIONS[name] % {"count": count(number)} for name, number in counts.items() if name in _ACTIONS]


# --- The badge -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Badge:
    """How an autopilot stands, in short. `why`: what holds it, why it has paused, or what it decided last."""

    strategy_id: int
    state: State
    words: Words
    why: str
    last_look_at: datetime | None
    next_look_at: datetime | None
    is_late: bool


def badge(strategy: Strategy, standing: Standing | None) -> Badge:
    """The short form for lists and the dashboard, from rows alone; no standing: it was never switched on."""
    standing = standing or Standing(None, None, None)
    state, reason = state_of(strategy, standing)
    if state == State.OFF:
        return Badge(strategy.pk, state, STATE_WORDS[state], "", None, None, is_late=False)
    if reason is None and standing.last is not None:
        reason = reason_of(standing.last)
    watch = standing.watch
    return Badge(
        strategy_id=strategy.pk,
        state=state,
        words=STATE_WORDS[state],
        why=sentence(reason) if reason else gettext("It has not looked yet."),
        last_look_at=at(watch.looked_at_ms) if watch else None,
        next_look_at=at(watch.due_ms) if watch and state != State.PAUSED else None,
        is_late=is_late(standing),
    )


# --- What it will do -------------------------------------------------------------------------------------


def habit(strategy: Strategy) -> str:
    """What the autopilot does with a strategy while it is on."""
    values = {
        "seconds": count(settings.AUTOPILOT_PERIOD_SECONDS),
        "rhythm": rhythm_in_words(strategy),
        "band": amount(strategy.min_delta_pct),
    }
    texts = _HABITS[strategy.trigger_mode]
    text = texts[strategy.band_type == Strategy.Band.RELATIVE] % values
    if strategy.deploy_deposits:
        text = " ".join((text, gettext("What is paid in is invested soon after, buying only.")))
    return text


# Absolute and relative bands, by trigger.
_HABITS: Mapping[str, tuple[str | Promise, str | Promise]] = {
    Strategy.Trigger.THRESHOLD: (
        _(
            "Every %(seconds)s s it looks whether a weight is off its target by more than %(band)s%% of the "
            "portfolio. If one is, it trades."
        ),
        _(
            "Every %(seconds)s s it looks whether a weight is off its target by more than %(band)s%% of the target. "
            "If one is, it trades."
        ),
    ),
    Strategy.Trigger.PERIODIC: (
        _("By schedule, %(rhythm)s, it trades everything to its target, whatever the band."),
        _("By schedule, %(rhythm)s, it trades everything to its target, whatever the band."),
    ),
    Strategy.Trigger.BOTH: (
        _(
            "By schedule, %(rhythm)s, it looks whether a weight is off its target by more than %(band)s%% "
            "of the portfolio. If one is, it trades."
        ),
        _(
            "By schedule, %(rhythm)s, it looks whether a weight is off its target by more than %(band)s%% "
            "of the target. If one is, it trades."
        ),
    ),
}


def now_line(outlook: Outlook) -> str:
    """How far the portfolio is from its targets; why that is not known where it is not."""
    if outlook.view is None:
        return outlook.problem
    drift = outlook.view.drift
    if not drift.asset:
        return gettext("Now there is nothing to divide: the account holds nothing that the targets are about.")
    values = {"asset": drift.asset, "points": short(drift.points)}
    if drift.is_outside:
        return gettext("Now: %(asset)s is %(points)s points from its target, outside its band.") % values
    return gettext("Now: everything is within its band; the largest drift is %(asset)s, %(points)s points.") % values


def next_line(outlook: Outlook) -> str:
    """What it will do next, and when, as things stand; and what orders it does not mind any more may still do."""
    return " ".join(text for text in (_coming(outlook), _left_open(outlook)) if text)


def _left_open(outlook: Outlook) -> str:
    if not outlook.left_open or outlook.state not in (State.OFF, State.PAUSED):
        return ""
    text = ngettext(
        "%(count)s order of its rebalances is still open at the exchange and may fill.",
        "%(count)s orders of its rebalances are still open at the exchange and may fill.",
        outlook.left_open,
    ) % {"count": count(outlook.left_open)}
    if outlook.state == State.PAUSED:
        remedy = gettext("Switching it off cancels what is open.")
    else:
        remedy = gettext("What is open can be cancelled among the orders.")
    return f"{text} {remedy}"


def _coming(outlook: Outlook) -> str:
    if outlook.state == State.OFF:
        return _when_switched_on(outlook)
    if outlook.state == State.PAUSED:
        return gettext("It trades nothing until you let it go on.")
    if outlook.is_late:
        return gettext(
            "It should have looked by now: the background work of this server seems to stand still. "
            "Tell whoever runs it."
        )
    if outlook.state == State.HELD:
        return _while_held(outlook)
    if outlook.run is not None:
        return gettext("A rebalance is under way: it minds its orders until it has ended.")
    moment = outlook.scheduled_at or outlook.next_look_at
    if moment is None or outlook.view is None:
        return gettext("It looks again within %(seconds)s s.") % {"seconds": count(settings.AUTOPILOT_PERIOD_SECONDS)}
    is_due = moment <= timezone.now()
    when = gettext("any moment") if is_due else gettext("at %(time)s") % {"time": clock_time(moment)}
    strategy, drift = outlook.strategy, outlook.view.drift
    if outlook.scheduled_at is None and strategy.trigger_mode != Strategy.Trigger.THRESHOLD:
        begins = gettext("Its schedule begins at its next look, %(when)s; its first time is %(first)s.")
        return begins % {"when": when, "first": first_time_in_words(strategy)}
    would_trade = drift.is_outside or bool(drift.asset and strategy.trigger_mode == Strategy.Trigger.PERIODIC)
    text = _NEXT[outlook.scheduled_at is not None, would_trade]
    return text % {"when": when, **_order_values(outlook, outlook.view)}


# By whether it has a schedule, and whether it would trade as things stand.
_NEXT: Mapping[tuple[bool, bool], str | Promise] = {
    (True, True): _(
        "By schedule it next trades %(when)s, with orders of at most %(size)s%% of the portfolio (about %(amount)s), "
        "on %(market)s."
    ),
    (True, False): _("By schedule its next time is %(when)s; as things stand it would trade nothing then."),
    (False, True): _(
        "It would trade at its next look, %(when)s, with orders of at most %(size)s%% of the portfolio "
        "(about %(amount)s), on %(market)s."
    ),
    (False, False): _("It next looks %(when)s; as things stand it would trade nothing then."),
}

# What its owner has to mend.
_KEY_CODES = frozenset({"account_not_ready", "credentials_refused"})


def _while_held(outlook: Outlook) -> str:
    code = outlook.hold.code if outlook.hold else ""
    if code == "account_not_ready" and outlook.strategy.account.status == ExchangeAccount.Status.PAUSED:
        return gettext(
            "Whoever runs this server has paused this account. It trades nothing until they let the account go on."
        )
    if code in _KEY_CODES:
        return gettext(
            "It trades nothing until you have mended the key and checked the account under Exchange accounts, or "
            "connected it again."
        )
    if code == "user_suspended":
        return gettext("It trades nothing until whoever runs this server lifts the suspension.")
    return gettext("It trades nothing while this holds it back, and goes on by itself.")


def _when_switched_on(outlook: Outlook) -> str:
    strategy = outlook.strategy
    if strategy.trigger_mode != Strategy.Trigger.THRESHOLD:
        text = gettext("It is off. Switched on, its schedule begins then: its first time is %(first)s.")
        return text % {"first": first_time_in_words(strategy)}
    values: dict[str, object] = {"seconds": count(settings.AUTOPILOT_PERIOD_SECONDS)}
    if outlook.view is None or not outlook.view.drift.is_outside:
        return gettext("It is off. Switched on, it first looks within %(seconds)s s.") % values
    text = gettext(
        "It is off. Switched on, it looks within %(seconds)s s and would trade, with orders of at most %(size)s%% of "
        "the portfolio (about %(amount)s), on %(market)s."
    )
    return text % {**values, **_order_values(outlook, outlook.view)}


def _order_values(outlook: Outlook, view: View) -> dict[str, str]:
    strategy = outlook.strategy
    size = min(strategy.order_size_pct, outlook.effective.max_order_nav_pct)
    return {
        "size": amount(size),
        "amount": f"{money(view.largest_order)} {strategy.quote}",
        "market": str(MARKETS[outlook.venue]) if outlook.venue else gettext("no exchange"),
    }


# --- Guards ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Guard:
    """A limit that is in force. `is_yours`: the strategy's own, and not the server's."""

    name: str
    value: str
    is_yours: bool = False


def guards(outlook: Outlook) -> Sequence[Guard]:
    """What an order of this strategy has to pass, in words."""
    strategy, effective, autopilot = outlook.strategy, outlook.effective, outlook.standing.autopilot
    largest = min(strategy.order_size_pct, effective.max_order_nav_pct)
    failures = {"most": effective.failures_before_pause, "count": autopilot.failures_in_a_row if autopilot else 0}
    jump = {"pct": amount(effective.price_jump_pct), "minutes": count(effective.price_jump_minutes)}
    oldest = {"seconds": count(effective.stale_price_seconds)}
    return [
        Guard(gettext("Largest order"), _of_portfolio(largest), is_yours=largest == strategy.order_size_pct),
        Guard(gettext("Most traded in 24 hours"), _of_portfolio(strategy.max_turnover_pct), is_yours=True),
        Guard(gettext("Worst price"), _worst_price(strategy.worst_price_pct), is_yours=True),
        Guard(gettext("Most open orders"), count(effective.max_open_orders)),
        Guard(gettext("Oldest price traded on"), gettext("%(seconds)s s") % oldest),
        Guard(gettext("Price jump"), gettext("%(pct)s%% from the median of the last %(minutes)s min") % jump),
        Guard(gettext("Failures before it pauses"), gettext("%(most)s in a row; now %(count)s") % failures),
    ]


def _of_portfolio(value: Decimal | None) -> str:
    if value is None:
        return gettext("no limit")
    return gettext("%(pct)s%% of the portfolio") % {"pct": amount(value)}


def _worst_price(value: Decimal | None) -> str:
    if value is None:
        return gettext("no limit")
    return gettext("%(pct)s%% from the price at the start of a rebalance") % {"pct": amount(value)}
