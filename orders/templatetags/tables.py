"""Tables of orders."""

from collections.abc import Iterable

from django import template
from django.template import Context
from django.utils.safestring import SafeString

from botbalance.lib.jinja import written
from orders.presentation import OrderRow
from orders.templatetags.ago import day_and_time

register = template.Library()


@register.simple_tag(takes_context=True)
def order_rows(
    context: Context, rows: Iterable[OrderRow], *, with_time: bool = False, with_account: bool = False
) -> SafeString:
    """A table of orders with their states, each with a way to cancel it while it is open."""
    return written(
        "orders/rows.html",
        {
            "rows": rows,
            "with_time": with_time,
            "with_account": with_account,
            "here": context.get("here", ""),
            "csrf_token": context.get("csrf_token", ""),
            "day_and_time": day_and_time,
        },
    )
