"""What models say of their weights, as sentences. Numbers in percent are of a year where the sentence says so."""


def _(sentence: str) -> str:
    """Mark a sentence for translation; it is translated where it is shown, since a pure module knows no language."""
    return sentence


# Why an asset has its weight.
MODEL_REASONS: dict[str, str] = {
    "equal": _("One of {count} equal shares."),
    "market_cap": _("Its market capitalisation is {market_cap}, {share}% of all in the list."),
    "market_cap_root": _("Its market capitalisation is {market_cap}; by the square roots its share would be {share}%."),
    "market_cap_capped": _(
        "Its market capitalisation would give it {share}% of what the model divides, and the cap cuts it; the excess "
        "goes to the others."
    ),
    "inverse_volatility": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was {volatility}% a year over {days} days; the calmer an asset, the larger its weight."
    ),
    "inverse_volatility_capped": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was only {volatility}% a year over {days} days; the cap cuts its weight, and the excess goes "
        "to the others."
    ),
    "risk_parity": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was {volatility}% a year over {days} days; with this weight it brings {risk}% of the risk of "
        "all, as much as every other."
    ),
    "minimum_variance": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was {volatility}% a year over {days} days; all together, as weighted, had {together}%."
    ),
    "minimum_variance_capped": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was {volatility}% a year over {days} days. More of it would be calmer still, but the cap cuts "
        "its weight."
    ),
    "minimum_variance_none": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Its volatility was {volatility}% a year over {days} days; holding any of it would make the whole less calm."
    ),
    "momentum": _("Number {rank} of {count}: its price changed by {change}% in {days} days."),
    "momentum_scaled": _(
        # xgettext:no-python-format  # noqa: ERA001  (an order to xgettext: "% a" is no placeholder)
        "Number {rank} of {count}: its price changed by {change}% in {days} days. Its volatility was {volatility}% a "
        "year; the calmer of those chosen weigh more."
    ),
    "momentum_to_quote": _(
        "Number {rank} of {count}, but its price changed by {change}% in {days} days: its share stays in the quote."
    ),
    "momentum_not_chosen": _(
        "Number {rank} of {count}: its price changed by {change}% in {days} days, and only the best {top} are held."
    ),
    # Nothing, because too little is known.
    "not_priced": _("There is no latest price of it, so it gets nothing."),
    "no_history": _("It has closing prices of {days} of the {needed} days that are needed, so it gets nothing."),
    "no_movement": _("Its price did not move in {days} days: its risk cannot be measured, so it gets nothing."),
}

# Why a model gives no weights at all.
REFUSALS: dict[str, str] = {
    "no_assets": _("There are no assets to divide anything among."),
    "too_little_history": _("No asset has the closing prices of {needed} days that the model needs."),
    "nothing_moves": _("No price moved in {days} days: there is no risk to weigh by."),
    "nothing_priced": _("No asset has a latest price."),
    "no_market_cap": _("The market capitalisation of these assets is not known: {assets}."),
    "not_solved": _("The search for the best weights did not come to an end; nothing can be said."),
}
