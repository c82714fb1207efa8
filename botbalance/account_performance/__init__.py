"""How a live account has done: its valuations, flows and fills put together. Read-only; the figures themselves are
computed in portfolio.performance, as those of a back-test are.
"""
