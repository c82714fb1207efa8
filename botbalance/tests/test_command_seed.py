"""`manage.py seed`: one superadmin, and on a paper server a demo user whose account is off its targets."""

import io
import re
import stat
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from accounts import services as accounts
from accounts.models import User
from botbalance.services import SignIns
from exchanges import selectors as exchanges
from exchanges import services as adapters
from strategies import selectors as strategies

pytestmark = pytest.mark.django_db(databases=["default", "paper"])


@pytest.fixture(autouse=True)
def _own_folder(settings, tmp_path: Path) -> None:
    settings.DATA_DIR = tmp_path


def seed(*arguments: str) -> str:
    out = io.StringIO()
    call_command("seed", *arguments, stdout=out)
    return out.getvalue()


def passwords(said: str) -> dict[str, str]:
    return dict(re.findall(r"(\S+@\S+) +password: (\S+)$", said, re.MULTILINE))


def test_it_makes_a_superadmin_who_can_sign_in_with_what_it_prints(client) -> None:
    shown = passwords(seed())
    user = User.objects.get()
    assert (user.email, user.is_superuser) == ("admin@example.com", True)
    assert client.login(email=user.email, password=shown["admin@example.com"])


def test_a_second_time_changes_nothing_and_prints_the_same() -> None:
    first = seed("--demo")
    before = {user.email: user.password for user in User.objects.all()}
    assert seed("--demo") == first
    assert {user.email: user.password for user in User.objects.all()} == before
    assert set(before) == {"admin@example.com", "demo@example.com"}
    demo = User.objects.get(email="demo@example.com")
    assert exchanges.accounts_of(demo).count() == 1
    assert len(strategies.strategies_of(demo)) == 1


def test_the_demo_user_has_a_paper_account_that_is_off_its_targets() -> None:
    seed("--demo")
    demo = User.objects.get(email="demo@example.com")
    assert not demo.is_superuser
    (account,) = exchanges.accounts_of(demo)
    assert account.venue == "paper"
    balances = {row.asset: row.free for row in adapters.adapter_for(account).account_info().balances}
    assert balances["USDT"] == Decimal(3000)
    (strategy,) = strategies.strategies_of(demo)
    assert strategy.is_active


@pytest.mark.parametrize("environment", ["testnet", "mainnet"])
def test_a_demo_user_is_refused_outside_mock(environment: str, settings) -> None:
    settings.EXCHANGE_ENV = environment
    with pytest.raises(CommandError, match="EXCHANGE_ENV=mock only"):
        seed("--demo")
    assert not User.objects.exists()
    seed()
    assert User.objects.get().is_superuser


def test_the_addresses_can_be_chosen() -> None:
    shown = passwords(seed("--email", "Root@Example.com", "--demo", "--demo-email", "Show@Example.com"))
    assert set(shown) == {"root@example.com", "show@example.com"}


def test_a_password_that_was_changed_is_not_shown() -> None:
    seed()
    user = User.objects.get()
    user.set_password("chosen by its owner")
    user.save()
    assert "(the one that was chosen)" in seed()
    assert user.check_password("chosen by its owner")


def test_an_existing_user_becomes_superadmin_with_their_own_password() -> None:
    accounts.register("admin@example.com", "correct horse battery")
    said = seed()
    user = User.objects.get()
    assert user.is_superuser
    assert user.check_password("correct horse battery")
    assert "(the one that was chosen)" in said


def test_generated_passwords_are_kept_for_the_owner_only(tmp_path: Path) -> None:
    seed("--demo")
    assert stat.S_IMODE((tmp_path / "sign-ins.json").stat().st_mode) == 0o600
    assert set(SignIns().read()) == {"admin@example.com", "demo@example.com"}
