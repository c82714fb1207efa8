"""How many users an address serves is what the ledger lets through, and not what the exchange would allow."""

import pytest

from bench import rate


@pytest.mark.django_db(databases=["default", "paper"])
def test_users_have_what_orders_and_the_servers_own_reads_leave_of_a_minute() -> None:
    """Of 6,000 a tenth is for orders and cancels, and a twentieth of the rest for the server: 5,130 at 200 each."""
    found = rate.measure_naive(users=1, minutes=2)
    assert (found["weight_per_user_minute"], found["users_per_ip"]) == (200, 25)
