"""Proposals, back-tests and sweeps in the admin: found by their owner's address, opened, and changed by nobody."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db.models import Model
from django.test import Client
from django.utils import timezone

from accounts import services as accounts
from accounts.models import User
from exchanges.models import ExchangeAccount
from strategies.backtest.models import BacktestRun, Sweep, SweepChunk
from strategies.models import Strategy, TargetProposal
from strategies.tests.model_scenes import entries, make

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture
def office(client_for: Callable[[User], Client]) -> Client:
    admin, _created = accounts.ensure_superadmin("admin@example.org", "correct horse battery")
    return client_for(admin)


@pytest.fixture
def strategy(alice: User, paper_account: Callable[..., ExchangeAccount]) -> Strategy:
    """Its first weights are given by its model, which leaves a proposal."""
    return make(paper_account(alice, {"USDT": 1000}), entries(("BTC", None), ("ETH", None)), target_model="equal")


@pytest.fixture
def _asked_for(alice: User, strategy: Strategy) -> None:
    now = timezone.now()
    BacktestRun.objects.create(
        user=alice, strategy=strategy, name="A year", settings={}, interval="1h", from_at=now, to_at=now
    )  # fmt: skip
    sweep = Sweep.objects.create(
        user=alice, name="Bands", settings={}, space={}, rules={}, notes={}, fingerprint="", objective="sharpe",
        held_out_ms=0, windows=0, paths=0, seed=1, settings_total=20, state="running", created_at=now,
    )  # fmt: skip
    pieces: list[dict[str, Any]] = [
        {"is_done": True, "claim": "one"},
        {"claim": "two", "lease_until": now + timedelta(minutes=1), "attempts": 3},
    ]
    for number, piece in enumerate(pieces):
        SweepChunk.objects.create(sweep=sweep, stage=0, first=number * 10, count=10, **piece)


@pytest.mark.usefixtures("_asked_for")
@pytest.mark.parametrize(
    ("model", "filters", "shown"),
    [
        (TargetProposal, "state__exact=applied", "One of 2 equal shares."),
        (BacktestRun, "state__exact=queued", "A year"),
        (Sweep, "user__isempty=0", "settings are tried: 1 of 2 pieces, 1 in hand, begun at most 3 times"),
    ],
)
def test_it_is_found_and_opened_and_changed_by_nobody(
    model: type[Model], filters: str, shown: str, office: Client, alice: User, bob: User
) -> None:
    base = f"/admin/{model._meta.app_label}/{model._meta.model_name}"
    row = model._default_manager.get()
    found = office.get(f"{base}/?{filters}&q={alice.email}")
    assert found.context["cl"].result_count == 1
    assert alice.email in found.content.decode()
    assert office.get(f"{base}/", {"q": bob.email}).context["cl"].result_count == 0
    page = office.get(f"{base}/{row.pk}/change/").content.decode()
    assert shown in page
    assert 'name="_save"' not in page
    assert office.get(f"{base}/add/").status_code == 403
    assert office.post(f"{base}/{row.pk}/change/", {}).status_code == 403


@pytest.mark.usefixtures("_asked_for")
def test_sweeps_may_be_deleted_and_proposals_may_not(office: Client) -> None:
    """Those of the command line belong to nobody who could."""
    sweep, proposal = Sweep.objects.get(), TargetProposal.objects.get()
    assert office.post(f"/admin/backtest/sweep/{sweep.pk}/delete/", {"post": "yes"}).status_code == 302
    assert not Sweep.objects.exists()
    assert office.post(f"/admin/strategies/targetproposal/{proposal.pk}/delete/", {"post": "yes"}).status_code == 403
