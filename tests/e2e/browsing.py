"""A browser that says what is wrong with the pages it is shown, and the words of the pages in the reader's language."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from django.utils.translation import gettext, override, pgettext
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Locator, Page, Request, Response, Route

# What is loaded in a page stays on this machine, and nothing of the browser's own asks anybody.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]
WIDTHS = {"desktop": (1280, 900), "phone": (390, 844)}
LANGUAGES = ("en", "ru")
THEMES = ("light", "dark")

# In every page: a breach of the policy, and a page that is wider than its window, are said on the console as errors.
WATCHING = """
addEventListener("securitypolicyviolation", (event) =>
  console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sample}`));
const measure = () => {
  const page = document.documentElement;
  if (page.scrollWidth > innerWidth) console.error(`wider than its window: ${page.scrollWidth} > ${innerWidth}`);
};
addEventListener("load", measure);
addEventListener("htmx:afterSettle", measure);
"""


@dataclass
class Watch:
    """What went wrong in a browser's pages since it was opened."""

    origin: str
    problems: list[str] = field(default_factory=list)
    # Answers a test wants: a form that is refused comes back as 400 or 422.
    refusals: set[int] = field(default_factory=set)

    def on(self, context: BrowserContext) -> None:
        context.add_init_script(WATCHING)
        context.route(lambda address: not address.startswith(self.origin), self._away)
        context.on("request", self._request)
        context.on("response", self._response)
        context.on("console", self._console)
        context.on(
            "weberror", lambda error: self.problems.append(f"error in {error.page and error.page.url}: {error.error}")
        )

    def _away(self, route: Route) -> None:
        route.abort()

    def _request(self, request: Request) -> None:
        if not request.url.startswith((self.origin + "/", "data:")):
            self.problems.append(f"a request to another origin: {request.url}")

    def _response(self, response: Response) -> None:
        if response.status >= 400 and response.status not in self.refusals:
            self.problems.append(f"{response.status} for {response.request.method} {response.url}")

    def _console(self, said: ConsoleMessage) -> None:
        # What the server refused is counted as an answer; a poll that a navigation cut short is nobody's mistake.
        if said.type == "error" and not re.match(r"Failed to load resource|net::ERR_ABORTED", said.text):
            self.problems.append(f"{said.page and said.page.url}: {said.text}")


@dataclass(frozen=True)
class Words:
    """Texts of the pages in one language: `words("Switch on")`."""

    language: str

    def __call__(self, text: str, *, context: str = "", **values: Any) -> str:
        with override(self.language):
            said = pgettext(context, text) if context else gettext(text)
        return said % values if values else said

    def pattern(self, text: str) -> re.Pattern[str]:
        """The sentence with anything for what it is filled with."""
        return re.compile(re.sub(r"%\\?\((\w+)\\?\)s|\\?\{(\w+)\\?\}", ".*", re.escape(self(text))).replace("%%", "%"))


@contextmanager
def opened(browser: Browser, origin: str, look: "Look", **options: Any) -> Iterator[tuple[Page, Watch]]:
    """A fresh browser that looks like this, at this server; what went wrong in it is in its watch."""
    width, height = WIDTHS[look.width]
    context = browser.new_context(
        base_url=origin,
        viewport={"width": width, "height": height},
        color_scheme="dark" if look.theme == "dark" else "light",
        locale=look.language,
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(15_000)
    watch = Watch(origin)
    watch.on(context)
    try:
        yield context.new_page(), watch
    finally:
        context.close()


@dataclass(frozen=True)
class Look:
    """How wide a window is, what language its reader has chosen, and light or dark."""

    width: str = "desktop"
    language: str = "en"
    theme: str = "light"

    def __str__(self) -> str:
        return f"{self.width}-{self.language}" + ("-dark" if self.theme == "dark" else "")


def button(page: Page | Locator, name: str) -> Locator:
    """A button by the beginning of its name: what only screen readers are told comes behind."""
    return page.get_by_role("button", name=re.compile(f"^{re.escape(name)}")).first


def link(page: Page | Locator, name: str) -> Locator:
    return page.get_by_role("link", name=re.compile(f"^{re.escape(name)}")).first


def navigate(page: Page, words: Words, name: str) -> None:
    """Choose an entry of the navigation, which may stand behind “More” where there is little room."""
    nav = page.locator(".site-nav")
    more = nav.locator("summary", has_text=words("More", context="navigation"))
    if not link(nav, name).is_visible() and more.is_visible():
        more.click()
    link(nav, name).click()
