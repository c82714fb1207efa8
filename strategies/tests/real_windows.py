"""Stretches of real candles, read from ../shared: a crash, a fall over days, a halt of the whole exchange."""

import gzip
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from exchanges.candles.columns import CandleColumns
from strategies.backtest.engine.history import History


@dataclass(frozen=True)
class Window:
    folder: str
    interval_ms: int
    since: datetime
    until: datetime
    assets: tuple[str, ...]

    @cache  # noqa: B019  (three windows, for as long as the tests run)
    def history(self, shared: Path) -> History:
        return History.of("USDT", {asset: self._columns(shared, asset) for asset in self.assets})

    def _columns(self, shared: Path, asset: str) -> CandleColumns:
        path = shared / "market" / self.folder / f"{asset}USDT.csv.gz"
        return CandleColumns.from_rows(f"{asset}USDT", self.interval_ms, self._rows(path))

    def _rows(self, path: Path) -> Iterator[tuple[int, str, str, str, str, str]]:
        first, last = (str(int(moment.timestamp() * 1000)) for moment in (self.since, self.until))
        with gzip.open(path, "rt") as file:
            next(file)  # the header
            for line in file:
                if line < first:  # times of one length sort as texts
                    continue
                if line >= last:
                    return
                opened, *numbers = line.rstrip().split(",")
                yield int(opened), numbers[0], numbers[1], numbers[2], numbers[3], numbers[4]


HOUR, FIVE_MINUTES = 3_600_000, 300_000
WINDOWS = {
    # Bitcoin lost half in a month; on the 19th, a third within hours, with a halt on the 19th as well.
    "2021-05": Window("1h", HOUR, datetime(2021, 5, 1, tzinfo=UTC), datetime(2021, 6, 1, tzinfo=UTC),
                      ("BTC", "ETH", "BNB", "ADA", "DOGE", "SOL", "LINK")),
    # The fall of FTX.
    "2022-11": Window("1h", HOUR, datetime(2022, 11, 1, tzinfo=UTC), datetime(2022, 12, 1, tzinfo=UTC),
                      ("BTC", "ETH", "BNB", "SOL", "XRP", "DOT", "LTC")),
    # No trade for 85 minutes on the 24th.
    "2023-03-24": Window("5m", FIVE_MINUTES, datetime(2023, 3, 23, tzinfo=UTC), datetime(2023, 3, 26, tzinfo=UTC),
                         ("BTC", "ETH", "SOL", "ADA", "XRP", "LINK")),
}  # fmt: skip
