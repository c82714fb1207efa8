"""One answer for one key: claimed before anything is done, written down afterwards, forgotten a day later."""

import secrets
from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.idempotency.domain import KEPT, LEASE
from accounts.idempotency.models import IdempotencyKey
from accounts.models import User
from botbalance.lib.errors import Conflict

TRIES = 3


@dataclass(frozen=True, slots=True)
class Claim:
    """The right to answer a request, of which one sender has it at a time."""

    row_id: int
    claim: str


@dataclass(frozen=True, slots=True)
class Answered:
    """What was answered before: an HTTP status and a JSON body."""

    status: int
    body: str


class InProgress(Conflict):
    """The same request is being answered at this moment."""

    default_code = "idempotency_in_progress"


def claim(user: User, key: str, fingerprint: str) -> Claim | Answered:
    """The right to answer this request, or what was answered to it before.

    Raises Conflict(idempotency_key_reused) where the key was used for another request, InProgress where the same one is
    being answered. Who has died over it loses the claim after LEASE.
    """
    for _try in range(TRIES):
        now = timezone.now()
        mine = secrets.token_hex(16)
        IdempotencyKey.objects.filter(user=user, key=key, created_at__lte=now - KEPT).delete()
        try:
            with transaction.atomic():
                row = IdempotencyKey.objects.create(
                    user=user, key=key, fingerprint=fingerprint, claim=mine, claimed_at=now, created_at=now
                )
            return Claim(row.pk, mine)
        except IntegrityError:
            known = IdempotencyKey.objects.filter(user=user, key=key).first()
        if known is None:  # given up a moment ago
            continue
        if known.fingerprint != fingerprint:
            raise Conflict(_("This idempotency key was used for another request."), code="idempotency_key_reused")
        if known.status is not None:
            return Answered(known.status, known.body)
        taken = IdempotencyKey.objects.filter(
            pk=known.pk, claim=known.claim, status=None, claimed_at__lte=now - LEASE
        ).update(claim=mine, claimed_at=now)
        if taken:
            return Claim(known.pk, mine)
        break
    raise InProgress(_("The same request is being answered at this moment. Ask again in a few seconds."))


def keep(claimed: Claim, status: int, body: str) -> None:
    """Write a success down: from now on the key gives it again."""
    IdempotencyKey.objects.filter(pk=claimed.row_id, claim=claimed.claim).update(status=status, body=body)


def give_up(claimed: Claim) -> None:
    """It was refused or failed: the key is free, and the same request may be tried again with it."""
    IdempotencyKey.objects.filter(pk=claimed.row_id, claim=claimed.claim, status=None).delete()


def forget_old() -> int:
    """Delete keys older than a day; how many there were."""
    count, _per_model = IdempotencyKey.objects.filter(created_at__lte=timezone.now() - KEPT).delete()
    return count
