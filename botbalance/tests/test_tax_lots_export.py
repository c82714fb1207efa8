"""Tax lots as a file: from the page, the API, and `manage.py tax_lots`."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from rest_framework.test import APIClient

from accounts.models import User
from botbalance.account_performance.exporting import COLUMNS
from botbalance.tests.recorded_scene import NOW, ago, came, filled, record
from exchanges import services as exchanges
from exchanges.models import ExchangeAccount
from strategies.models import Strategy
from tests.refusals import refusal

pytestmark = pytest.mark.django_db(databases=["default", "paper"])
D = Decimal
PATH = "/api/me/portfolio/tax-lots"


@pytest.fixture
def account(
    alice: User, paper_account: Callable[..., ExchangeAccount], strategy: Callable[..., Strategy]
) -> ExchangeAccount:
    account = paper_account(alice, {"USDT": 1})
    targets = strategy(account)
    record(targets)
    filled(targets, ago(2), "SELL", "ETH/USDT", "0.01", 2_500)
    return account


@pytest.fixture
def api(alice: User, api_for: Callable[[User], APIClient]) -> APIClient:
    return api_for(alice)


def lines(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text)))


def run(*arguments: str) -> str:
    output = io.StringIO()
    call_command("tax_lots", *arguments, stdout=output)
    return output.getvalue()


def test_json_has_what_was_closed_and_what_is_held(api: APIClient, account: ExchangeAccount) -> None:
    body = api.get(PATH, {"year": 2026}).json()
    assert (body["account"], body["method"], body["year"], body["currency"]) == (account.pk, "fifo", 2026, "USDT")
    fee, sale, _unknown = body["closed"]
    assert (fee["asset"], fee["kind"], fee["proceeds"]) == ("BNB", "fee", "2")
    assert (sale["quantity"], sale["cost"], sale["proceeds"], sale["gain"]) == ("0.02", "1200", "1723.275", "523.275")
    assert (sale["held_days"], sale["basis"], sale["estimated"]) == (35, "market", True)
    assert {row["asset"] for row in body["held"]} == {"BNB", "BTC"}


def test_a_sale_of_what_was_never_seen_to_come_has_an_unknown_cost_not_none_at_all(
    api: APIClient, account: ExchangeAccount
) -> None:
    sale = api.get(PATH).json()["closed"][-1]
    assert (sale["asset"], sale["proceeds"], sale["cost"], sale["gain"]) == ("ETH", "25", None, None)
    assert (sale["basis"], sale["acquired_at"], sale["held_days"]) == ("unknown", None, None)


def test_both_methods_agree_on_quantities_and_not_on_costs(api: APIClient, account: ExchangeAccount) -> None:
    fifo, average = (api.get(PATH, {"year": 2026, "method": method}).json() for method in ("fifo", "average"))
    assert [row["quantity"] for row in fifo["closed"]] == [row["quantity"] for row in average["closed"]]
    costs = [next(row["cost"] for row in body["closed"] if row["kind"] == "sale") for body in (fifo, average)]
    assert D(costs[0]) == 1_200
    assert D(costs[1]) == pytest.approx(D("0.02") / D("0.09") * (3_000 + 3_002), abs=D("1e-15"))


def test_csv_has_a_line_for_every_lot(api: APIClient, account: ExchangeAccount) -> None:
    answer = api.get(PATH, {"output": "csv"})
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"] == f'attachment; filename="tax-lots-{account.pk}-all-fifo.csv"'
    assert answer["Cache-Control"] == "no-store"
    rows = lines(answer.content.decode())
    assert tuple(rows[0]) == COLUMNS
    assert [row["kind"] for row in rows] == ["fee", "sale", "sale", "held", "held", "held"]
    assert (rows[1]["gain"], rows[1]["estimated"], rows[1]["currency"]) == ("523.275", "yes", "USDT")
    assert (rows[2]["cost"], rows[2]["gain"], rows[2]["acquired_at"]) == ("", "", "")
    in_year = lines(api.get(PATH, {"output": "csv", "year": 2026}).content.decode())
    assert [row["kind"] for row in in_year] == ["fee", "sale", "sale"]
    assert lines(api.get(PATH, {"output": "csv", "year": 2025}).content.decode()) == []


def test_a_coin_with_the_name_of_a_formula_is_none_and_losses_stay_numbers(
    api: APIClient, account: ExchangeAccount
) -> None:
    came(account, ago(1), "=1+2", "3", "7")
    came(account, NOW, "BTC", "-0.01", "-900", kind="withdrawal")
    filled(Strategy.objects.get(), ago(1), "SELL", "BTC/USDT", "0.01", 20_000)
    rows = lines(api.get(PATH, {"output": "csv"}).content.decode())
    assert [row["quantity"] for row in rows if row["asset"] == "'=1+2"] == ["3"]
    assert min(D(row["gain"]) for row in rows if row["gain"]) < 0
    assert "=1+2" in {row["asset"] for row in api.get(PATH).json()["held"]}


def test_the_page_gives_the_same_files(
    alice: User, api: APIClient, account: ExchangeAccount, client_for: Callable[[User], Client]
) -> None:
    browser, path = client_for(alice), f"/performance/{account.pk}/tax-lots"
    query = {"year": "2026", "method": "average", "output": "csv"}
    assert browser.get(path, query).content == api.get(PATH, query).content
    answer = browser.get(path, {"year": "", "method": "fifo", "output": "json"})
    assert {"account": account.pk, **answer.json()} == api.get(PATH).json()
    assert "attachment" in answer["Content-Disposition"]
    assert browser.get(path, {"method": "lifo"}).status_code == 400


@pytest.mark.parametrize(("name", "value"), [("method", "lifo"), ("year", "0"), ("output", "xml"), ("account", "x")])
def test_what_there_is_not_is_refused(name: str, value: str, api: APIClient, account: ExchangeAccount) -> None:
    assert set(refusal(api.get(PATH, {name: value}), 400, "invalid")) == {name}


def test_a_disconnected_account_keeps_its_lots(api: APIClient, account: ExchangeAccount) -> None:
    exchanges.archive_account(account)
    assert len(api.get(PATH, {"account": account.pk}).json()["closed"]) == 3


def test_charlie_sees_nothing(
    account: ExchangeAccount, charlie: User, api_for: Callable[[User], APIClient], client_for: Callable[[User], Client]
) -> None:
    refusal(api_for(charlie).get(PATH, {"account": account.pk}), 404, "not_found")
    refusal(api_for(charlie).get(PATH), 404, "no_account")
    assert client_for(charlie).get(f"/performance/{account.pk}/tax-lots").status_code == 404


# --- manage.py tax_lots ----------------------------------------------------------------------------------


def test_the_command_gives_the_same_files(api: APIClient, account: ExchangeAccount) -> None:
    assert json.loads(run("alice@example.org", "--json", "--year", "2026")) == api.get(PATH, {"year": 2026}).json()
    written = run("alice@example.org", "--csv", "--method", "average")
    assert written.encode() == api.get(PATH, {"output": "csv", "method": "average"}).content


def test_the_command_says_it_in_words(account: ExchangeAccount) -> None:
    came(account, NOW, "BTC", "-0.01", "-900", kind="withdrawal")
    said = run("alice@example.org").splitlines()
    assert said[0] == "2026-05-12 0.004 BNB of 2026-04-22: fee, gain 0"
    assert said[1] == "2026-05-27 0.02 BTC of 2026-04-22: sale, gain 523.28"
    assert said[2] == "2026-05-30 0.01 ETH of unknown: sale, unknown gain"
    assert said[3] == "2026-06-01 0.01 BTC of 2026-04-22: withdrawn, no gain"
    assert said[-2].startswith("4 lots closed, gain 523.2")
    assert said[-1] == "1 of them have an unknown gain and are not in that sum."


def test_the_command_wants_to_know_which_account(
    account: ExchangeAccount, alice: User, bob: User, paper_account: Callable[..., ExchangeAccount]
) -> None:
    other = paper_account(alice, {"USDT": 1}, label="Other")
    with pytest.raises(CommandError, match=f"{account.pk} \\(Paper\\), {other.pk} \\(Other\\)"):
        run("alice@example.org")
    assert run("alice@example.org", "--account", str(other.pk)).startswith("0 lots closed")
    with pytest.raises(CommandError, match="There is no such exchange account"):
        run("bob@example.org", "--account", str(account.pk))
    with pytest.raises(CommandError, match="There is no user nobody"):
        run("nobody@example.org")
