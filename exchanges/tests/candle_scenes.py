"""Candles for tests: plain ones, drawn ones, and an exchange made of a list of them."""

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from pathlib import Path

from hypothesis import strategies as st

from exchanges.candles.columns import CandleColumns, CandleRow
from exchanges.candles.fetching import CandleSource
from exchanges.candles.store import MARKET
from exchanges.domain import Candle
from tests.support import SHARED, skip_or_fail

HOUR = 3_600_000
DAY = 24 * HOUR
START = 1_704_067_200_000
"""2024-01-01T00:00Z."""
NOW = START + 1000 * DAY


def row(number: int, price: str = "100", volume: str = "1.5", *, interval_ms: int = HOUR) -> CandleRow:
    """The candle `number` intervals after START: it opens at `price`, and rises and falls by one."""
    opened = Decimal(price)
    return CandleRow(START + number * interval_ms, opened, opened + 1, opened - 1, opened, Decimal(volume))


def candles(numbers: Iterable[int], price: str = "100", symbol: str = "BTCUSDT") -> CandleColumns:
    return CandleColumns.from_rows(symbol, HOUR, [row(number, price) for number in numbers])


def lines(rows: Iterable[CandleRow], *, header: bool = True) -> str:
    """The rows as our own CSV files have them."""
    body = [",".join([str(one.open_time_ms), *(f"{value:f}" for value in one[1:])]) for one in rows]
    return "\n".join([*(["open_time,open,high,low,close,volume"] if header else []), *body]) + "\n"


def shared_market() -> Path:
    """The real candles; the test that needs them is skipped where they are not."""
    if not (SHARED / "market").is_dir():
        skip_or_fail("../shared/market is not there")
    return SHARED / "market"


amounts = st.decimals(min_value=0, max_value=10**7, places=8).map(abs)
prices = st.one_of(
    st.decimals(min_value=Decimal("0.00000001"), max_value=Decimal("0.01"), places=8),
    st.decimals(min_value=1, max_value=10**6, places=2),
)


@st.composite
def drawn_rows(draw: st.DrawFn, *, most: int = 40, interval_ms: int = HOUR) -> list[CandleRow]:
    """Candles that can be, with gaps between them, ascending."""
    numbers = sorted(draw(st.sets(st.integers(0, 3 * most), max_size=most)))
    found = []
    for number in numbers:
        four = sorted(draw(st.lists(prices, min_size=4, max_size=4)))
        opened, close = draw(st.permutations(four[1:3]))
        found.append(CandleRow(START + number * interval_ms, opened, four[3], four[0], close, draw(amounts)))
    return found


class ListedExchange:
    """Answers klines from a list, as Binance does: from the start time on the oldest, up to the end time.

    `before_answer` is called with the number of each page before it is answered, and may raise.
    """

    def __init__(
        self,
        rows: Sequence[CandleRow],
        *,
        now_ms: int = NOW,
        interval_ms: int = HOUR,
        before_answer: Callable[[int], None] = lambda number: None,
    ) -> None:
        self.rows = list(rows)
        self.now_ms = now_ms
        self.asked: list[tuple[int, int]] = []
        self._interval_ms = interval_ms
        self._before_answer = before_answer

    def server_time(self) -> int:
        return self.now_ms

    def klines(
        self, symbol: str, interval: str, start_ms: int | None = None, end_ms: int | None = None, limit: int = 500
    ) -> list[Candle]:
        assert start_ms is not None
        assert end_ms is not None
        self.asked.append((start_ms, end_ms))
        self._before_answer(len(self.asked))
        page = [one for one in self.rows if start_ms <= one.open_time_ms <= end_ms][:limit]
        return [Candle(*one, one.open_time_ms + self._interval_ms - 1, Decimal(0), 0) for one in page]

    @property
    def source(self) -> CandleSource:
        return CandleSource(self, MARKET, ends_at_empty=True)  # type: ignore[arg-type]  # the two methods that are used
