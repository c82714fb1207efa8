"""How a back-test and its settings are put into words."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from django import forms as django_forms
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from botbalance.lib.numbers import amount, count, exact_percent
from strategies.backtest import forms
from strategies.backtest.domain import PlannedFlow, RunSettings, every_text
from strategies.backtest.models import BacktestRun
from strategies.backtest.pages.figuring import number, share
from strategies.backtest.services.model_words import figures_text, model_text
from strategies.backtest.services.reading import values_of
from strategies.domain import Target
from strategies.models import Strategy
from strategies.presentation import interval_in_words

State = BacktestRun.State


@dataclass(frozen=True, slots=True)
class Words:
    """A state in a word, its badge's class, and what it means."""

    label: str | Promise
    badge: str
    title: str | Promise


RUN_WORDS: dict[str, Words] = {
    State.QUEUED: Words(State.QUEUED.label, "info", gettext_lazy("It begins as soon as a worker is free.")),
    State.RUNNING: Words(State.RUNNING.label, "info", gettext_lazy("It is being computed.")),
    State.DONE: Words(State.DONE.label, "ok", gettext_lazy("The result is there.")),
    State.FAILED: Words(State.FAILED.label, "bad", gettext_lazy("It has no result; its page says why.")),
    State.CANCELLED: Words(State.CANCELLED.label, "", gettext_lazy("You have ended it. It has no result.")),
}


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting by the name services.reading knows, and how a person reads it."""

    name: str
    label: str
    text: str


def settings_rows(settings: RunSettings) -> list[SettingRow]:
    """Every setting of a back-test, in the order of its form."""
    values = values_of(settings)
    order = ("quote", *forms.BASICS, *forms.START, *_limit_names(), *forms.FILLS)
    rows = [
        SettingRow("targets", _("Targets"), _targets_text(settings)),
        SettingRow("target_model", _("Weights"), model_text(settings.model)),
        SettingRow("market_caps", _("Market capitalisations"), figures_text(settings) or "–"),
    ]
    rows += [SettingRow(name, label_of(name), _text(name, values)) for name in order if name in values]
    rows.append(SettingRow("flows", _("Deposits and withdrawals"), _flows_text(settings)))
    return rows


def label_of(name: str) -> str:
    """What the form calls a setting."""
    if name in ("from", "to"):
        return _("From") if name == "from" else _("To")
    if name == "interval_minutes":
        return _("Interval")
    return str(forms.RunForm.base_fields[name].label)


def value_text(name: str, value: Any) -> str:
    """A value of a setting as the form shows it, for reading."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "start_holdings":
        return ", ".join(f"{amount(held)} {asset}" for asset, held in value.items()) or "–"
    if isinstance(value, datetime):
        return forms.moment_text(value)
    if name == "interval_minutes":
        return interval_in_words(value)
    field = forms.RunForm.base_fields.get(name)
    if name == "interval":
        return interval_in_words_of_candles(str(value))
    if isinstance(field, django_forms.ChoiceField) and not isinstance(field, django_forms.ModelChoiceField):
        return str(dict(field.choices).get(value, value))  # type: ignore[arg-type]
    if value is None or value == "":
        return "–"
    return amount(value) if isinstance(value, Decimal | int) else str(value)


def interval_in_words_of_candles(interval: str) -> str:
    """ "1h" -> "1 hour"."""
    choices = dict(forms.interval_choices())
    return str(choices.get(interval, interval))


def _text(name: str, values: dict[str, Any]) -> str:
    return value_text(name, values[name])


def _limit_names() -> list[str]:
    """Limits as the form groups them."""
    return [name for _title, names in forms.limit_groups() for name in names]


def _targets_text(settings: RunSettings) -> str:
    return ", ".join(_target_text(target) for target in settings.targets)


def _target_text(target: Target) -> str:
    text = f"{target.asset} {exact_percent(target.weight_pct)}"
    if not target.keep:
        return text
    kept = _("never below %(keep)s") % {"keep": amount(target.keep)}
    return f"{text} ({kept})"


def _flows_text(settings: RunSettings) -> str:
    return "; ".join(flow_text(flow) for flow in settings.flows) or "–"


def flow_text(flow: PlannedFlow) -> str:
    """A payment in words: pay in 500 USDT, on the first of a month."""
    way = _("pay in") if flow.amount > 0 else _("pay out")
    if flow.at is not None:
        when = forms.moment_text(flow.at)
    else:
        assert flow.every is not None
        text = every_text(flow.every)
        turns = dict(forms.TURNS)
        when = str(turns[text]) if text in turns else _("every %(interval)s") % {"interval": text}
    return f"{way} {amount(abs(flow.amount))} {flow.asset}, {when}"


# --- the list, and one under way ------------------------------------------------------------------------------


def run_row(run: BacktestRun) -> dict[str, Any]:
    """A line of the list: its state, and the key figures of one that is done."""
    return {
        "run": run,
        "words": RUN_WORDS[run.state],
        "interval": interval_in_words_of_candles(run.interval),
        "is_done": run.state == State.DONE,
        **(_key_figures(run.summary) if run.summary else {}),
    }


def _key_figures(summary: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "quote": summary["quote"],
        "time_weighted": share(summary["time_weighted_return"]),
        "held": share(summary["against"]["hold_targets"]["time_weighted_return"]),
        "max_drawdown": share(summary["max_drawdown"]),
        "fees": number(summary["fees"]),
        "trades": Decimal(summary["trades"]["orders_filled"]),
    }


def progress(run: BacktestRun, now: datetime) -> dict[str, Any]:
    """How far a back-test is, in words."""
    since = run.started_at or run.created_at
    seconds = max(0, int(((run.finished_at or now) - since).total_seconds()))
    return {
        "percent": run.progress_pct,
        "lasted": ngettext("%(count)s second", "%(count)s seconds", seconds) % {"count": count(seconds)},
        "interval": interval_in_words_of_candles(run.interval),
    }


# --- applying ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A setting of a strategy before and after."""

    name: str
    label: str
    before: str
    after: str


def limit_changes(strategy: Strategy, settings: RunSettings) -> list[ChangeRow]:
    """What would change of a strategy if it took over the limits of a back-test, in the order of its form."""
    limits = limits_of(settings)
    return [
        ChangeRow(name, label_of(name), value_text(name, getattr(strategy, name)), value_text(name, limits[name]))
        for name in _limit_names()
        if name in limits and getattr(strategy, name) != limits[name]
    ]


def limits_of(settings: RunSettings) -> dict[str, Any]:
    """The limits of a back-test as fields of a Strategy."""
    values = values_of(settings)
    return {name: values[name] for name in forms.STRATEGY_FIELDS if name in values}
