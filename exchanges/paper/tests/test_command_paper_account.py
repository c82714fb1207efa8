"""manage.py paper_account: a fresh account, its keys on the last line."""

import io
import json
from decimal import Decimal
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import CommandError, call_command

from accounts.models import User
from exchanges import services as exchanges
from exchanges.paper.models import PaperAccount
from exchanges.paper.services import PaperKeys
from exchanges.paper.tests.support import DATABASES, Client

pytestmark = pytest.mark.django_db(databases=DATABASES)


def output(*options: str) -> str:
    out = io.StringIO()
    call_command("paper_account", *options, stdout=out)
    return out.getvalue()


def test_its_keys_are_the_last_line_as_json() -> None:
    keys = json.loads(output("--usdt", "5000", "--asset", "btc=0.5", "--asset", "ETH=2", "--json").splitlines()[-1])
    assert list(keys) == ["api_key", "api_secret"]
    client = Client(PaperKeys(**keys))
    assert client.balances() == {
        "BTC": ("0.50000000", "0.00000000"),
        "ETH": ("2.00000000", "0.00000000"),
        "USDT": ("5000.00000000", "0.00000000"),
    }
    assert client.audit() == []


def test_in_words_it_has_the_starting_balance() -> None:
    lines = output("--label", "Mine").splitlines()
    assert lines[0] == "Mine: 10000 USDT"
    assert [line.split()[:2] for line in lines[1:]] == [["API", "key"], ["API", "secret"]]


def test_with_a_public_key_there_is_no_secret(tmp_path: Path) -> None:
    pem = Ed25519PrivateKey.generate().public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    options = ("--usdt", "1", "--public-key", str(tmp_path / "key.pem"), "--bnb-burn")
    keys = json.loads(output(*options, "--json"))
    row = PaperAccount.objects.get(api_key=keys["api_key"])
    assert (keys["api_secret"], row.public_key, row.burns_bnb) == ("", pem.decode(), True)
    assert "none: requests are signed with the private key" in output(*options)


def test_funds_are_moved_into_an_account_and_out_of_it() -> None:
    keys = PaperKeys(**json.loads(output("--usdt", "100", "--json")))
    lines = output("--key", keys.api_key, "--deposit", "usdt=50.5", "--deposit", "BTC=1", "--withdraw", "BTC=0.25")
    assert lines.splitlines() == ["Deposited 50.5 USDT.", "Deposited 1 BTC.", "Withdrew 0.25 BTC."]
    client = Client(keys)
    assert client.balances() == {"BTC": ("0.75000000", "0.00000000"), "USDT": ("150.50000000", "0.00000000")}
    assert client.audit() == []


def test_funds_of_a_connected_account_are_moved_by_its_number(alice: User) -> None:
    account = exchanges.connect_account(alice, label="Paper", venue="paper", paper_balances={"USDT": Decimal(100)})
    output("--account", str(account.pk), "--withdraw", "USDT=40")
    assert [(row.asset, row.free) for row in exchanges.adapter_for(account).account_info().balances] == [("USDT", 60)]


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--deposit", "BTC=1"], "Say whose: --account ID or --key KEY."),
        (["--key", "x" * 64], "Say what to move: --deposit BTC=0.5 or --withdraw BTC=0.5."),
        (["--key", "x" * 64, "--deposit", "BTC=1"], "There is no such paper account."),
        (
            ["--account", "999999", "--deposit", "BTC=1"],
            "There is no connected account 999999 that has traded on paper.",
        ),
        (["--key", "x" * 64, "--deposit", "BTC=1", "--usdt", "5"], "--usdt and --asset are for a fresh account"),
        (["--key", "", "--deposit", "BTC=1", "--deposit", "btc=2"], "BTC is given twice."),
    ],
)
def test_a_move_that_makes_no_sense_is_refused_in_a_sentence(options: list[str], text: str) -> None:
    with pytest.raises(CommandError) as refusal:
        output(*options)
    assert text in str(refusal.value)


def test_more_than_is_free_cannot_be_withdrawn() -> None:
    keys = PaperKeys(**json.loads(output("--usdt", "100", "--json")))
    with pytest.raises(CommandError, match=r"Less than 100\.01 USDT is free"):
        output("--key", keys.api_key, "--withdraw", "USDT=100.01")
    assert Client(keys).balances() == {"USDT": ("100.00000000", "0.00000000")}


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--usdt", "lots"], "--usdt: 'lots' is no amount."),
        (["--usdt", "-1"], "USDT: The amount must be 0 or more."),
        (["--usdt", "1e30"], "USDT: This is too much: the amount must be less than 1,000,000,000,000,000,000."),
        (["--asset", "BTC"], "--asset is like BTC=0.5, not 'BTC'."),
        (["--asset", "BTC=1", "--asset", "btc=2"], "BTC is given twice."),
        (["--usdt", "1", "--asset", "USDT=2"], "USDT is given twice."),
        (["--asset", "NOPE=1"], "NOPE: This asset does not trade on the paper exchange."),
        (["--asset", "BTC=0.000000001"], "BTC: At most eight decimals."),
        (["--public-key", "/nowhere"], "--public-key: /nowhere cannot be read: No such file or directory."),
        (["--public-key", __file__], "The public key cannot be used: this is no public key in PEM form"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options: list[str], text: str) -> None:
    with pytest.raises(CommandError) as refusal:
        output(*options)
    assert text in str(refusal.value)
    assert not PaperAccount.objects.exists()
