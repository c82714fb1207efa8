"""Rows of the back-test."""

from strategies.backtest.models.runs import BacktestDetail, BacktestRun
from strategies.backtest.models.sweeps import Sweep, SweepChunk

__all__ = ["BacktestDetail", "BacktestRun", "Sweep", "SweepChunk"]
