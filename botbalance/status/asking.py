"""What open pages ask again and again: has anything changed since?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from django.http import HttpResponse
from django.utils.cache import add_never_cache_headers, patch_vary_headers

from botbalance.status import marks, remembering, selectors

# Of what the bar tells; how much the money is worth, it does not.
OF_THE_BAR = frozenset({"orders", "looks"})


@dataclass(frozen=True, slots=True)
class News:
    """Which kinds of marks have changed, what all marks asked for are now, and what the account is worth, where that
    has changed and is known.
    """

    changed: tuple[str, ...]
    marks: Mapping[str, str]
    worth: str | None

    @property
    def needs_bar(self) -> bool:
        """Whether the status bar may look different."""
        return not OF_THE_BAR.isdisjoint(self.changed)

    def answer(self, response: HttpResponse | None = None) -> HttpResponse:
        """`response`, or a 204 without a body; where anything has changed the header HX-Trigger says what, and how to
        ask next time, for static/live.js.
        """
        if response is None:
            response = HttpResponse(status=204)
        if self.changed:
            told: dict[str, object] = {"changed": self.changed, "marks": self.marks}
            if "worth" in self.changed:
                told["worth"] = self.worth
            response["HX-Trigger"] = json.dumps({"live": told})
        add_never_cache_headers(response)
        patch_vary_headers(response, ("Cookie",))
        return response


def news_of(user_id: int, asked: Mapping[str, str]) -> News:
    """What has changed of what a page has seen. `asked`: the mark of every kind that it shows, and its account."""
    found = {name: mark for name, mark in marks.marks_of(user_id, remembering.server_facts()).items() if name in asked}
    if "jobs" in asked:
        found["jobs"] = marks.mark_of_jobs(user_id)
    changed = tuple(name for name, mark in found.items() if asked[name] != mark)
    worth = selectors.worth_of(user_id, asked.get("account", "")) if "worth" in changed else None
    return News(changed, found, worth)
