"""Why two coins are, or are not, traded for each other, as sentences of `strategies.domain.REASONS`. Pure."""


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


DIRECT_REASONS: dict[str, str] = {
    "direct": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% i" is no placeholder)
        "{sold} for {bought} directly: {cost}% instead of {instead}%."
    ),
    "direct_unfilled": _(
        "No other order is placed on {symbol}: one has not filled. The rest of this rebalance goes through {quote}."
    ),
    "direct_rest": _("Traded directly for another coin, but for {rest} {quote}: too little for an order on {symbol}."),
    "direct_dearer": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% i" is no placeholder)
        "{sold} for {bought} directly would not be cheaper: {cost}% instead of {instead}%."
    ),
    "direct_too_good": _(
        "{sold} for {bought} directly would be {pct}% better than through {quote}, more than both ways cost: such a "
        "price is not believed."
    ),
    "direct_too_small": _(
        "{sold} for {bought} directly: {amount} {quote} is under the smallest {symbol} order, {minimum} {quote}."
    ),
    "direct_leaves": _("{sold} for {bought} directly would leave a rest of {asset} that is too small to be traded."),
    "direct_refused": _("{sold} for {bought} directly: the exchange would refuse the order ({filter})."),
}
