"""OKX, behind ENABLE_OKX: the names of an adapter, and a sentence for each. Nothing is sent."""

from collections.abc import Mapping
from typing import Any, NoReturn

from exchanges.adapters.features import NoEarnNoFutures, refuse


class OKXAdapter(NoEarnNoFutures):
    """See ExchangeAdapter. Every method raises NotAvailable."""

    recv_window_ms = 5000
    used_limits: Mapping[str, int] = {}

    def _refuse(self, *args: Any, **options: Any) -> NoReturn:
        refuse("OKX", "ENABLE_OKX")

    ping = server_time = sync_clock = _refuse
    ticker_price = book_ticker = exchange_info = klines = depth = _refuse
    account_info = api_restrictions = commission = _refuse
    dust_offer = convert_dust = dust_history = _refuse
    test_order = test_order_commission = place_order = cancel_replace = _refuse
    get_order_status = get_open_orders = cancel_order = cancel_open_orders = my_trades = _refuse
