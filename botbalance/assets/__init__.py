"""One asset of one account: what it costs, what is held of it and what it had cost, and what was done with it."""
