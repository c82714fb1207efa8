"""Prices on their way through the cache: the same afterwards, to the last digit."""

import pickle
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchanges.domain import Price, PriceSnapshot

amounts = st.decimals(min_value=0, max_value=10**12, places=10, allow_nan=False, allow_infinity=False)
symbols = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789币", min_size=1, max_size=20)
prices = st.builds(Price, symbols, amounts, amounts, amounts, st.sampled_from(["", "crossed", "empty"]))


@given(st.lists(prices, max_size=30))
def test_every_price_comes_back_as_it_was(rows: list[Price]) -> None:
    snapshot = PriceSnapshot("paper", "mid", 1, {row.symbol: row for row in rows})
    back = pickle.loads(pickle.dumps(snapshot.packed()))  # noqa: S301  (our own)
    assert dict(back.prices) == snapshot.prices
    assert (back.venue, back.source, back.at_ms) == ("paper", "mid", 1)


def test_an_unknown_symbol_has_no_price() -> None:
    packed = PriceSnapshot(
        "paper", "mid", 1, {"BTCUSDT": Price("BTCUSDT", Decimal(1), Decimal(1), Decimal(1))}
    ).packed()
    assert packed.price("ETHUSDT") is None
    with pytest.raises(KeyError):
        packed.prices["ETHUSDT"]
