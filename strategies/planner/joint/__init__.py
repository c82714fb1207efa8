"""Which orders of one round leave the least drift, where not all can be had. Pure, deterministic; integers inside.

A round is given as wishes: per asset the drift `delta` (its target less what is held, in the quote), the way it is to
go, and its legal quantities. A wish is *ample* where its smallest order fits into the way to go: any multiple of the
step from the smallest order up to the way, or to the largest order, may be ordered, so that no order passes the aim.
It is *small* where its smallest order is more than the way to go: that one order, or none, and only where it leaves
strictly less of the asset's own drift, and too little of it to be traded back (see `Wish.smallest_back`). So an asset
is never traded to and fro, and repeated rounds come to an end.

What is minimised, over all legal quantities of all wishes together:

    sum of |delta - what the order moves, at mid|  +  what is lost  +  the drift of the quote

subject to: the buys with their fees cost no more than `budget` (sales of the same round pay for nothing yet), the
notional of all orders is at most `turnover`, there are at most `max_orders` of them. Of equal choices the one with
fewer orders is taken, then the one with less turnover, then the one that gives more to the asset whose name comes
first.

**The drift of the quote** is its distance from its own target once the rebalance is over, not after this round.
Between a sale and the purchase it pays for, money sits in the quote; to call that drift would make every sale look
useless, by a hair that depends on fee and spread, and a rebalance without free cash would stand still for ever. So the
ample wishes are reckoned as carried out in full (as far as `attainable`), at their prices and with their fees,
whatever part of them this round orders; only the orders of small wishes, whose surplus nothing will bring back, move
the figure:

    end = |quote_delta + cost of all ample buys - proceeds of all ample sales + cash flow of the small orders|

Where cash will fall short by `lack` (ample buys less budget less ample sales), there are two cases, and the better
counts:

* *kept*: what small sales bring stays in the quote. The lack remains as drift of the buys, and the quote's distance is
  that without the part that cannot be paid: lack + |quote_delta + affordable buys - ample sales + small orders|.
* *spent*: it pays for buys that lack it, and `end` holds as it stands, which is never more. Believed only where the
  purchase can follow for certain: the lack, and what this round's buys leave of the budget plus the net proceeds of
  its small sales, are each at least the smallest order of every ample buy. (Two symbols with the same minimum are the
  common case, and the sale of one, less its fee, does not pay for the other.)

**What is lost** is the rest of an ample order that is too small for another one: a buy of 6 where 9 are wanted and 5
is the least leaves 3 for good, and the same money in the quote. It weighs `LOST_WEIGHS` times, because what a later
round can finish is only late. It does not count as far as the lack leaves it unpaid anyway (nor for any buy where cash
lacks and no sale will bring more), and an order that the caps of the round hold below the aim is not blamed for that
where two orders would not fit either.

**Why the result is the optimum of the discrete problem and not of an approximation.** The drift of the quote depends
on the small orders alone, and they are yes or no. So the search decides them first (`search`); for each decision, what
is left is to move as much value as possible, less what is lost, with the ample ones (`filling`), and that is solved
for itself. Nothing is rounded: all amounts are integers of 10^-40 of the quote, all quantities whole steps. A branch
is given up only when a bound proves that it holds nothing better:

* small orders: for any l in [-1, 1], |Q + x| >= l (Q + x), and with that right side each order is judged alone. The
  highest of these bounds, over the l at which one order tips from yes to no, is the bound of the linear relaxation.
* ample orders: without whole steps, smallest orders, losses and the number of orders, the caps are nested (buys within
  the budget, buys and sales within the turnover, and a buy uses both in the same proportion), so that taking them in
  the order of value per notional is optimal (the greedy rule on a polymatroid; Edmonds 1970). Boxes of quantities are
  divided where that solution is not legal, until none can hold anything better.

Small wishes are yes or no, so with nothing scarce up to 12 of them take at most 8,191 nodes, below the default limit:
the answer is proven. Where cash, turnover or orders are scarce, filling a budget to the last step of several grids is
a subset-sum problem. There the search does not look for less than `tolerance`: by default a tenth of the least
smallest order; 0 asks for the last digit. It starts from what wishes get one by one (sales first, the largest drift
first) and only ever replaces that by something better, so it is never worse, also where the limit ends it.
`Solution.gap` says what has been proven.
"""

from strategies.planner.joint.search import NODE_LIMIT, solve
from strategies.planner.joint.wishes import Choice, Solution, Wish, needs_joint_choice

__all__ = ["NODE_LIMIT", "Choice", "Solution", "Wish", "needs_joint_choice", "solve"]
