"""Every refusal with its HTTP status, its code and its text; and a refusal has changed nothing."""

from decimal import Decimal

import pytest

from exchanges.paper.models import RequestWeight
from exchanges.paper.tests.cases import BALANCE, CASES, Case
from exchanges.paper.tests.support import DATABASES, client_with

pytestmark = pytest.mark.django_db(databases=DATABASES)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_it_is_refused(case: Case) -> None:
    client = client_with(USDT=BALANCE)
    response = case.act(client)
    body = response.json()
    assert (response.status_code, body["code"], body["msg"]) == (case.status, case.code, case.text)
    RequestWeight.objects.using("paper").all().delete()  # some cases have used it up
    assert sum(Decimal(amount) for amount in client.balances()["USDT"]) == Decimal(BALANCE)
    assert client.audit() == []


@pytest.mark.parametrize("path", ["/api/v1/ping", "/api/v3/nothing", "/", "/sapi/v1/account/apiRestrictions"])
def test_an_unknown_path_is_not_found(path: str) -> None:
    client = client_with()
    assert client.public(path).status_code == 404
    page = client.session.get(f"https://paper.botbalance.invalid{path}", headers={"Accept": "text/html"}, timeout=5)
    assert page.headers["Content-Type"] == "text/html"
