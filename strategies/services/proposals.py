"""What models propose, and what becomes of it. Writers of proposals; all but the deciding ones inside a transaction."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from botbalance.lib.errors import Conflict
from botbalance.lib.money import ZERO
from strategies.models import Allocation, ProposedWeight, Strategy, TargetProposal
from strategies.services.entries import Entry
from strategies.services.weighing import Answer

State = TargetProposal.State


def record(
    strategy: Strategy, before: Sequence[Entry], answer: Answer, now: datetime, state: str = State.OPEN
) -> TargetProposal:
    """Write down what the model gives; an open proposal before it must have been superseded."""
    decided_at = None if state == State.OPEN else now
    proposal = TargetProposal.objects.create(
        strategy=strategy,
        state=state,
        target_model=answer.kind.value,
        closes_until=answer.closes_until,
        created_at=now,
        decided_at=decided_at,
    )
    weights = {entry.asset: entry.target.weight_pct for entry in before}
    ProposedWeight.objects.bulk_create(
        ProposedWeight(
            proposal=proposal,
            asset=row.asset,
            before_pct=weights.get(row.asset, ZERO),
            after_pct=answer.given.weights[row.asset],
            code=row.code,
            values=dict(row.values),
        )
        for row in answer.given.explanations
    )
    return proposal


def record_applied(strategy: Strategy, before: Sequence[Entry], answer: Answer) -> TargetProposal:
    """Weights that were taken over as they were given, because their owner left them to the model."""
    return record(strategy, before, answer, timezone.now(), State.APPLIED)


def supersede(strategy: Strategy) -> None:
    """What is proposed is out of date: the strategy, or its model's opinion, is another now."""
    TargetProposal.objects.filter(strategy=strategy, state=State.OPEN).update(
        state=State.SUPERSEDED, decided_at=timezone.now()
    )


def dismiss_proposal(proposal: TargetProposal) -> TargetProposal:
    """Leave the weights as they are. Raises Conflict for a proposal that is not open any more."""
    with transaction.atomic():
        _decide(proposal, State.DISMISSED)
    return proposal


def apply_proposal(proposal: TargetProposal, *, is_automatic: bool = False) -> TargetProposal:
    """Make the proposed weights the strategy's targets. Nothing is traded by that: the next plan heads for them.

    Raises Conflict for a proposal that is not open any more, or whose strategy is not what it was made for.
    """
    with transaction.atomic():
        strategy = (
            Strategy.objects.select_for_update(no_key=True).filter(pk=proposal.strategy_id, archived_at=None).first()
        )
        if strategy is None:
            raise Conflict(_("The strategy was deleted."), code="proposal_closed")
        _decide(proposal, State.APPLIED, is_automatic=is_automatic)
        rows = list(proposal.rows.all())
        stored = {row.asset: row for row in Allocation.objects.filter(strategy=strategy)}
        if {row.asset: row.before_pct for row in rows} != {asset: row.weight_pct for asset, row in stored.items()}:
            # Whoever changes rows supersedes the proposal, so this is a change made behind the services' back.
            raise Conflict(
                _("The targets are not those the proposal was made for. Ask for new weights."), code="proposal_closed"
            )
        for row in rows:
            stored[row.asset].weight_pct = row.after_pct
        Allocation.objects.bulk_update(stored.values(), ["weight_pct"])
        Strategy.objects.filter(pk=strategy.pk).update(updated_at=timezone.now())
    return proposal


def _decide(proposal: TargetProposal, state: str, *, is_automatic: bool = False) -> None:
    """Close the proposal if it is still open: of two who decide at once only one does."""
    now = timezone.now()
    decided = TargetProposal.objects.filter(pk=proposal.pk, state=State.OPEN).update(
        state=state, decided_at=now, is_automatic=is_automatic
    )
    if not decided:
        raise Conflict(_("This proposal is not open any more."), code="proposal_closed")
    proposal.state, proposal.decided_at, proposal.is_automatic = state, now, is_automatic
