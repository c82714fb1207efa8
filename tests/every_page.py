"""Every page of the site, with whom it is shown to and what of the scene (tests/scene.py) is on it.

Who adds a route adds its page here, or says in ELSEWHERE why it has none: tests/test_every_page.py walks the URL conf.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NOBODY, NEWCOMER, OWNER = "", "empty", "rich"


@dataclass(frozen=True)
class Entry:
    """A route filled with ids of the scene; `ids` names others than those its parameters are called by."""

    name: str
    route: str
    who: str = OWNER
    query: str = ""
    status: int = 200
    ids: Mapping[str, str] = field(default_factory=dict)
    # What is pressed before the page is looked at: a form that was sent empty says what is wrong with it.
    press: str = ""

    def __str__(self) -> str:
        return self.name

    def path(self, scene_ids: Mapping[str, Any]) -> str:
        path = self.route
        for parameter in _parameters(self.route):
            path = path.replace(f"<{parameter}>", str(scene_ids[self.ids.get(_name(parameter), _name(parameter))]))
        return path + self.query.format(**scene_ids)


def _parameters(route: str) -> list[str]:
    return [part.split(">")[0] for part in route.split("<")[1:]]


def _name(parameter: str) -> str:
    return parameter.split(":")[-1]


SUBMIT = "main form:not(.languages) button.primary"
ACCOUNT, STRATEGY = "<int:account_id>", "<int:strategy_id>"
REFUSED, PAUSED = {"account_id": "refused_account_id"}, {"strategy_id": "paused_strategy_id"}
MODEL = {"strategy_id": "model_strategy_id"}
RESET = "/auth/password/reset/key/<uidb36>-<key>/"

PAGES = (
    # Signing in
    Entry("sign-in", "/auth/sign-in/", NOBODY),
    Entry("sign-up", "/auth/sign-up/", NOBODY),
    Entry("sign-out", "/auth/sign-out/", NEWCOMER),
    Entry("inactive", "/auth/inactive/", NOBODY),
    Entry("password-change", "/auth/password/change/", NEWCOMER),
    Entry("password-reset", "/auth/password/reset/", NOBODY),
    Entry("password-reset-sent", "/auth/password/reset/sent/", NOBODY),
    Entry("password-reset-key", RESET, NOBODY, ids={"key": "reset_key"}),
    Entry("password-reset-key-wrong", RESET, NOBODY),
    Entry("password-reset-done", "/auth/password/reset/done/", NOBODY),
    Entry("api-docs", "/api/docs/", NOBODY),
    # Before there is anything
    Entry("guide-empty", "/guide/", NEWCOMER),
    Entry("tokens-empty", "/auth/account/tokens/", NEWCOMER),
    Entry("notifications-empty", "/auth/account/notifications/", NEWCOMER),
    Entry("dashboard-empty", "/", NEWCOMER),
    Entry("exchange-accounts-empty", "/exchange-accounts/", NEWCOMER),
    Entry("strategies-empty", "/strategies/", NEWCOMER),
    Entry("strategy-new-empty", "/strategies/new/", NEWCOMER),
    Entry("backtests-empty", "/backtests/", NEWCOMER),
    Entry("sweeps-empty", "/backtests/sweeps/", NEWCOMER),
    Entry("orders-empty", "/orders/", NEWCOMER),
    Entry("runs-empty", "/orders/runs/", NEWCOMER),
    Entry("account-empty", "/auth/account/", NEWCOMER),
    Entry("notices-empty", "/auth/account/notices/", NEWCOMER),
    # As full as it gets
    Entry("dashboard", "/"),
    Entry("dashboard-refused", "/", query="?account={refused_account_id}"),
    Entry("exchange-accounts", "/exchange-accounts/"),
    Entry("connect", "/exchange-accounts/connect/"),
    Entry("connect-wrong", "/exchange-accounts/connect/", press=SUBMIT, status=400),
    Entry("rename", f"/exchange-accounts/{ACCOUNT}/rename/"),
    Entry("disconnect", f"/exchange-accounts/{ACCOUNT}/disconnect/"),
    Entry("reset", f"/exchange-accounts/{ACCOUNT}/reset/"),
    Entry("performance", f"/performance/{ACCOUNT}/"),
    Entry("performance-little", f"/performance/{ACCOUNT}/", ids=REFUSED),
    Entry("dust", f"/dust/{ACCOUNT}/"),
    Entry("dust-offer", f"/dust/{ACCOUNT}/offer/"),
    Entry("strategies", "/strategies/"),
    Entry("strategy-new", "/strategies/new/"),
    Entry("strategy-new-wrong", "/strategies/new/", press=SUBMIT, status=400),
    Entry("strategy", f"/strategies/{STRATEGY}/"),
    Entry("strategy-delete", f"/strategies/{STRATEGY}/delete/"),
    Entry("model", f"/strategies/{STRATEGY}/model/", ids=MODEL),
    Entry("backtests", "/backtests/"),
    Entry("backtest-new", "/backtests/new/", query="?strategy={strategy_id}"),
    Entry("backtest-compare", "/backtests/compare/", query="?run={backtest_id}&run={other_backtest_id}"),
    Entry("backtest-compare-choose", "/backtests/compare/"),
    Entry("backtest", "/backtests/<int:backtest_id>/"),
    Entry("backtest-failed", "/backtests/<int:backtest_id>/", ids={"backtest_id": "failed_backtest_id"}),
    Entry("backtest-apply", "/backtests/<int:backtest_id>/apply/"),
    Entry("sweeps", "/backtests/sweeps/"),
    Entry("sweep-new", "/backtests/sweeps/new/"),
    Entry("sweep", "/backtests/sweeps/<int:sweep_id>/"),
    Entry("orders", "/orders/"),
    Entry("orders-none-match", "/orders/", query="?symbol=NOSUCHUSDT"),
    Entry("order", "/orders/<int:order_id>/"),
    Entry("order-open", "/orders/<int:order_id>/", ids={"order_id": "open_order_id"}),
    Entry("preview", f"/orders/preview/{STRATEGY}/"),
    Entry("preview-other", f"/orders/preview/{STRATEGY}/", ids=MODEL),
    Entry("autopilot", f"/orders/autopilot/{STRATEGY}/"),
    Entry("autopilot-paused", f"/orders/autopilot/{STRATEGY}/", ids=PAUSED),
    Entry("asset", f"/assets/{ACCOUNT}/<str:asset>/"),
    Entry("runs", "/orders/runs/"),
    Entry("run", "/orders/runs/<int:run_id>/"),
    Entry("run-ended", "/orders/runs/<int:run_id>/", ids={"run_id": "ended_run_id"}),
    Entry("account", "/auth/account/"),
    Entry("notices", "/auth/account/notices/"),
    Entry("tokens", "/auth/account/tokens/"),
    Entry("guide", "/guide/"),
    Entry("notifications", "/auth/account/notifications/"),
    Entry("channel-choose", "/auth/account/notifications/add/"),
    Entry("channel-add", "/auth/account/notifications/add/", query="?sort=webhook"),
    Entry("channel-add-wrong", "/auth/account/notifications/add/", query="?sort=telegram", press=SUBMIT, status=400),
    Entry("channel", "/auth/account/notifications/<int:channel_id>/"),
    # Errors
    Entry("error-400", "/broken/400/", status=400),
    Entry("error-403", "/broken/403/", status=403),
    Entry("error-403-csrf", "/broken/csrf/", status=403),
    Entry("error-404", "/nowhere/", status=404),
    Entry("error-404-nobody", "/nowhere/", NOBODY, status=404),
    Entry("error-409", "/broken/409/", status=409),
    Entry("error-429", "/broken/429/", status=429),
    Entry("error-500", "/broken/500/", status=500),
    Entry("error-503", "/broken/503/", status=503),
)

ACTION = "takes POST only"
ELSEWHERE = {
    f"/exchange-accounts/{ACCOUNT}/check/": ACTION,
    f"/performance/{ACCOUNT}/tax-lots": "a file",
    f"/strategies/{STRATEGY}/model/refresh/": ACTION,
    f"/strategies/{STRATEGY}/model/proposals/<int:proposal_id>/apply/": ACTION,
    f"/strategies/{STRATEGY}/model/proposals/<int:proposal_id>/dismiss/": ACTION,
    f"/strategies/{STRATEGY}/activate/": ACTION,
    f"/strategies/{STRATEGY}/deactivate/": ACTION,
    "/backtests/<int:backtest_id>/cancel/": ACTION,
    "/backtests/<int:backtest_id>/again/": ACTION,
    "/backtests/<int:backtest_id>/rename/": ACTION,
    "/backtests/<int:backtest_id>/delete/": ACTION,
    "/backtests/sweeps/<int:sweep_id>/cancel/": ACTION,
    "/backtests/sweeps/<int:sweep_id>/again/": ACTION,
    "/backtests/sweeps/<int:sweep_id>/delete/": ACTION,
    "/backtests/sweeps/<int:sweep_id>/settings/<int:number>/": ACTION,
    "/orders/refresh/": ACTION,
    "/orders/cancel-all/": ACTION,
    "/orders/<int:order_id>/cancel/": ACTION,
    f"/orders/execute/{STRATEGY}/": ACTION,
    f"/orders/autopilot/{STRATEGY}/start/": ACTION,
    f"/orders/autopilot/{STRATEGY}/stop/": ACTION,
    "/orders/runs/<int:run_id>/stop/": ACTION,
    f"/dust/{ACCOUNT}/convert/": ACTION,
    "/auth/password/set/": "for users without a password, whom nothing here makes: it leads to the change of one",
    "/auth/account/language/": ACTION,
    "/auth/account/tokens/create/": ACTION,
    "/auth/account/tokens/revoke-all/": ACTION,
    "/auth/account/tokens/<slug:key>/revoke/": ACTION,
    "/auth/account/notices/seen/": ACTION,
    "/auth/account/notices/<int:notice_id>/seen/": ACTION,
    "/auth/account/time-zone/": ACTION,
    "/auth/account/notifications/<int:channel_id>/test/": ACTION,
    "/auth/account/notifications/<int:channel_id>/rotate/": ACTION,
    "/auth/account/notifications/<int:channel_id>/delete/": ACTION,
    "/guide/next/": "leads to the page of the next step",
    "/guide/switch/": ACTION,
    "/live/": "a part of every page: the status bar",
    "/auth/set-up/": "shown by a server that has no user yet: tests/e2e/test_first_run.py",
    "/language/": "sends the browser back to where it was",
    "/health/live": "for machines",
    "/metrics": "for machines",
}
