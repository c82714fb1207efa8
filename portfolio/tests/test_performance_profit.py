"""Realised and unrealised profit of every asset."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal

from portfolio.performance.lots import Acquired, Basis, Disposed, Event, Kind, Method, settle
from portfolio.performance.profit import AssetProfit, profit_by_asset

D = Decimal
AT = datetime(2026, 5, 1, tzinfo=UTC)


def at(number: int) -> datetime:
    return AT + timedelta(days=number)


def profits(events: list[Event], prices: dict[str, str], fees: dict[str, str] | None = None) -> dict[str, AssetProfit]:
    report = settle(events, Method.FIFO)
    rows = profit_by_asset(
        report.closed,
        report.open,
        {asset: D(price) for asset, price in prices.items()},
        {asset: D(fee) for asset, fee in (fees or {}).items()},
    )
    return {row.asset: row for row in rows}


BOUGHT: list[Event] = [Acquired(at(0), "BTC", D(4), D(400), Basis.TRADE)]


def test_what_was_sold_is_realised_and_what_is_held_is_not() -> None:
    row = profits([*BOUGHT, Disposed(at(1), "BTC", D(1), D(150), Kind.SALE)], {"BTC": "130"}, {"BTC": "2"})["BTC"]
    assert (row.realised, row.quantity, row.cost, row.value, row.unrealised) == (50, 3, 300, 390, 90)
    assert (row.fees, row.moved_gain, row.is_estimated) == (2, 0, False)


def test_what_a_withdrawal_took_along_is_not_realised_and_not_forgotten() -> None:
    row = profits([*BOUGHT, Disposed(at(1), "BTC", D(1), D(150), Kind.MOVED)], {"BTC": "100"})["BTC"]
    assert (row.realised, row.moved_gain, row.unrealised) == (0, 50, 0)


def test_coins_that_went_as_fees_realise_their_gain() -> None:
    row = profits([*BOUGHT, Disposed(at(1), "BTC", D(1), D(90), Kind.FEE, estimated=True)], {"BTC": "100"})["BTC"]
    assert (row.realised, row.is_estimated) == (-10, False)


def test_without_a_price_the_value_is_not_known() -> None:
    row = profits(BOUGHT, {})["BTC"]
    assert (row.value, row.unrealised, row.cost) == (None, None, 400)


def test_what_is_all_gone_needs_no_price() -> None:
    row = profits([*BOUGHT, Disposed(at(1), "BTC", D(4), D(500), Kind.SALE)], {})["BTC"]
    assert (row.realised, row.quantity, row.value, row.unrealised) == (100, 0, 0, 0)


def test_what_has_no_known_cost_stands_apart() -> None:
    events: list[Event] = [
        *BOUGHT,
        Acquired(at(1), "BTC", D(2), None, Basis.UNKNOWN),
        Disposed(at(2), "BTC", D(1), None, Kind.SALE),
        Disposed(at(2), "ETH", D(7), D(70), Kind.SALE),
    ]
    rows = profits(events, {"BTC": "100"})
    btc = rows["BTC"]
    assert (btc.quantity, btc.unknown_quantity, btc.value, btc.unrealised) == (5, 2, 300, 0)
    assert (btc.unknown_gone, btc.realised) == (1, 0)
    assert (rows["ETH"].unknown_gone, rows["ETH"].realised) == (7, 0)


def test_a_market_value_in_place_of_a_price_paid_is_said() -> None:
    rows = profits([Acquired(at(0), "BTC", D(4), D(400), Basis.MARKET)], {"BTC": "100"})
    assert rows["BTC"].is_estimated


def test_an_asset_that_only_cost_fees_has_a_line() -> None:
    assert profits([], {}, {"BTC": "3"})["BTC"].fees == 3
