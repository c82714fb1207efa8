"""The house keeps its rules, and the checker that says so sees what it ought to see."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests import architecture
from tests.sources import Tree
from tests.support import ROOT

# Where a float is right, and why: a path, or a path and how the line begins. Amounts of money are in none of them.
FLOATS_ALLOWED = {
    "exchanges/paper/market/": "the market walk; its prices leave as whole ticks, its volumes as whole lots",
    "botbalance/settings.py: EXCHANGE_": "timeouts in seconds",
    "botbalance/lib/system_settings.py: _known:": "seconds of the monotonic clock",
    "exchanges/adapters/answers.py: def pause_seconds": "seconds",
    "exchanges/adapters/answers.py: def read_body": "seconds of the monotonic clock",
    "exchanges/adapters/binance.py: timeout:": "seconds",
    "exchanges/adapters/binance.py: sleep:": "seconds",
    "exchanges/adapters/binance.py: backoff_seconds:": "seconds",
    "exchanges/adapters/wire.py: timeout:": "seconds",
    "exchanges/adapters/wire.py: sleep:": "seconds",
    "exchanges/adapters/wire.py: backoff_seconds:": "seconds",
    "exchanges/adapters/wire.py: def _wait": "seconds",
    "exchanges/adapters/wire.py: def _admit": "seconds of the monotonic clock",
    "exchanges/candles/locks.py: _PAUSE_SECONDS": "seconds",
    "exchanges/management/commands/candles.py: DRAWN_EVERY_SECONDS": "seconds",
    "exchanges/errors.py: retry_after:": "seconds",
    "exchanges/ledger/redis_store.py: ANSWER_SECONDS": "seconds",
    "exchanges/ledger/services.py: TRIAL_NAP_SECONDS": "seconds",
    "exchanges/ledger/services.py: MOST_JITTER_SECONDS": "seconds",
    "exchanges/ledger/services.py: sleep:": "seconds",
    "exchanges/ledger/services.py: waited:": "seconds",
    "exchanges/ledger/services.py: def _nap_seconds": "seconds",
    "exchanges/markets.py: _rules:": "seconds of the monotonic clock",
    "exchanges/markets.py: time.sleep": "seconds",
    "exchanges/smoke.py: Sleep": "seconds",
    "botbalance/chaos/drill.py: _PAUSE_SECONDS": "seconds",
    "botbalance/chaos/drill.py: settle_s:": "seconds",
    "botbalance/chaos/settling.py: _PAUSE_SECONDS": "seconds",
    "botbalance/chaos/settling.py: seconds:": "seconds",
    "botbalance/chaos/settling.py: cancelled_at:": "seconds of the monotonic clock",
    "exchanges/paper/drawn_faults.py: def _seconds": "seconds",
    "exchanges/paper/drawn_faults.py: def _hide": "seconds",
    "exchanges/paper/faults.py: seconds:": "seconds",
    "exchanges/paper/http.py: expiration_interval": "seconds",
    "exchanges/paper/transport.py: timeout:": "seconds",
    "exchanges/paper/transport.py: def _read_timeout": "seconds",
    "exchanges/paper/transport.py: def _meet": "seconds",
    "orders/management/commands/rebalance.py: PAUSE_SECONDS": "seconds",
    "botbalance/drawing.py": "charts: floats say where something is drawn, and decide nothing",
    "strategies/backtest/charts/": "geometry",
    "strategies/backtest/pages/sweep_results.py: best:": "statistics of a heat map",
    "strategies/backtest/pages/sweep_results.py: if value is not None and value > best": "statistics of a heat map",
    "strategies/backtest/services/monte_carlo.py: NEXT_TO_NOTHING": "a growth that is drawn",
    "strategies/backtest/services/sweep_processes.py: LOOK_SECONDS": "seconds",
    "strategies/backtest/services/sweep_work.py: BEAT_SECONDS": "seconds",
    "strategies/backtest/services/sweep_work.py: NAP_SECONDS": "seconds",
    "strategies/backtest/sweep_meaning.py: def _percent": "a statistic on its way to text",
    "strategies/backtest/sweep_meaning.py: def _ratio": "a statistic on its way to text",
    "strategies/backtest/sweep_text.py: def _texts": "statistics on their way to text",
    "strategies/backtest/sweep_text.py: def statistic": "a statistic on its way to text",
    "strategies/backtest/statistics/bootstrap.py": "paths of growth that are drawn, and are yet to become prices",
    "strategies/backtest/statistics/overfitting.py": "statistics of returns",
    "strategies/backtest/statistics/walk_forward.py": "growth rates and curves for display",
    "strategies/backtest/sweeping/judging.py": "statistics of growth, by which settings are ranked",
    "strategies/backtest/sweeping/packing.py": "growth curves as bytes",
    "strategies/backtest/sweeping/paths.py": "prices of other pasts, which leave as whole units of their candles",
    "strategies/backtest/sweeping/trying.py": "growth day by day and its statistics; amounts are exact",
    "strategies/backtest/figures/": "statistics and curves; amounts are exact decimals",
    "strategies/backtest/pages/drawing.py": "charts: floats say where something is drawn, and decide nothing",
    "strategies/backtest/services/outcome.py: def _line": "curves for charts",
    "strategies/backtest/services/outcome.py: def _numbers": "curves for charts",
    "strategies/backtest/services/outcome.py: def _short": "curves for charts",
    "strategies/backtest/services/outcome.py: def ratio": "a ratio for display",
    "strategies/backtest/services/outcome.py: return float": "curves for charts",
    "strategies/backtest/services/reports.py: def _or_gap": "curves for charts",
    "strategies/backtest/services/reports.py: return float": "curves for charts",
    "strategies/backtest/engine/history.py": "closes for the scan; amounts come from whole numbers",
    "strategies/backtest/engine/scan.py": "it finds the next moment; the planner decides what is traded",
    "strategies/backtest/engine/targets.py": "closes as a target model is shown them; weights leave as Decimals",
    "strategies/backtest/engine/outlook.py": "it finds the rows of past midnights",
    "strategies/backtest/engine/result.py": "curves for figures and charts; balances and fees beside them are exact",
    "portfolio/performance/": "ratios, rates of return and curves; amounts beside them are exact",
    "strategies/market_caps.py: TIMEOUT": "seconds",
    "strategies/variances.py": "statistics; variances leave as decimals of fixed places",
    "strategies/target_models/": "returns, volatilities and ratios; weights leave as Decimals",
    "strategies/drift.py": "the batch scan: it finds who is to be looked at, and the planner decides what is traded",
}
LONG_FILES_ALLOWED: dict[str, str] = {}


@pytest.fixture(scope="module")
def tree() -> Tree:
    return Tree.read(ROOT)


def test_the_house_keeps_its_rules() -> None:
    found = architecture.violations(ROOT, floats_allowed=FLOATS_ALLOWED, long_allowed=LONG_FILES_ALLOWED)
    assert not found, "\n" + "\n".join(str(violation) for violation in found)


def test_the_checker_has_read_the_whole_house(tree: Tree) -> None:
    assert {module.app for module in tree.product} == set(architecture.FLOORS)
    pure = {module.name for module in tree.product if module.is_pure}
    assert pure >= {
        "botbalance.lib.money",
        "exchanges.domain",
        "exchanges.errors",
        "exchanges.schemas",
        "exchanges.signing",
        "exchanges.paper.engine.matching",
        "portfolio.domain",
        "strategies.domain",
        "strategies.planner",
        "strategies.planner.rounds",
        "strategies.ticks",
        "orders.domain",
    }


def test_no_permission_outlives_its_use(tree: Tree) -> None:
    assert architecture.stale_permissions(tree, FLOATS_ALLOWED) == []
    assert [path for path in LONG_FILES_ALLOWED if path not in {module.path for module in tree.modules.values()}] == []


# --- Tests of the test -----------------------------------------------------------------------------------

Make = Callable[[Mapping[str, str]], Path]

CLEAN = {
    "botbalance/__init__.py": "from botbalance.celery import app\n",
    "botbalance/celery.py": "import os\nfrom celery import Celery\n",
    "botbalance/lib/__init__.py": "",
    "botbalance/lib/money.py": "from decimal import Decimal\nZERO = Decimal(0)\n",
    "botbalance/pages.py": "from orders import services\nfrom exchanges.models import Account\n",
    "accounts/__init__.py": "",
    "accounts/models.py": "from django.db import models\n",
    "exchanges/__init__.py": "",
    "exchanges/domain.py": "from decimal import Decimal\nfrom botbalance.lib.money import ZERO\n",
    "exchanges/models.py": "from django.db import models\nuser = models.ForeignKey('accounts.User')\n",
    "portfolio/__init__.py": "",
    "portfolio/domain.py": "from exchanges.domain import Decimal\nfrom botbalance.lib.money import ZERO\n",
    "strategies/__init__.py": "",
    "strategies/planner.py": "from portfolio.domain import ZERO\n",
    "orders/__init__.py": "",
    "orders/models.py": "from exchanges.models import Account\n",
    "orders/selectors.py": "from orders.models import Order\n",
    "orders/services/__init__.py": "from orders.services.runs import execute\n",
    "orders/services/runs.py": "from orders import selectors\nselectors.Order.objects.create()\n",
    "orders/api.py": "from orders import selectors, services\nservices.execute()\n",
    "orders/tasks.py": "from botbalance.celery import app\n",
    "orders/management/commands/rebalance.py": "from orders import services\n",
    "orders/tests/__init__.py": "",
    "orders/tests/test_rebalance.py": "from botbalance import pages\ncall_command('rebalance', '--json')\nx = 0.5\n",
}


@pytest.fixture
def make(tmp_path: Path) -> Make:
    """A clean tree with these files over it."""

    def write(files: Mapping[str, str]) -> Path:
        for path, source in {**CLEAN, **files}.items():
            file = tmp_path / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
        return tmp_path

    return write


def found(root: Path) -> list[tuple[str, int, str]]:
    return [(violation.path, violation.line, violation.rule) for violation in architecture.violations(root)]


def test_a_clean_tree_passes(make: Make) -> None:
    assert architecture.violations(make({})) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("exchanges/services.py", "import os\nfrom orders.models import Order\n"),
        ("exchanges/services.py", "import os\nimport strategies.domain\n"),
        ("exchanges/services.py", "import os\nfrom orders import models as theirs\n"),
        ("exchanges/services.py", "def late():\n    from portfolio import services\n"),
        ("exchanges/services.py", "from importlib import import_module\nimport_module('orders.models')\n"),
        ("portfolio/selectors.py", "if TYPE_CHECKING:\n    from strategies.models import Strategy\n"),
        ("orders/services/sending.py", "import os\nfrom botbalance import selectors\n"),
        ("orders/services/sending.py", "import os\nimport botbalance.pages\n"),
        ("botbalance/lib/api.py", "import os\nfrom accounts.models import User\n"),
        ("botbalance/lib/api.py", "import os\nfrom .. import pages\n"),
        ("accounts/services.py", "import os\nfrom orders.tests import scenes\n"),
    ],
)
def test_an_upward_import_is_found(make: Make, path: str, source: str) -> None:
    assert found(make({path: source})) == [(path, 2, "imports")]


@pytest.mark.parametrize("kind", ["ForeignKey", "OneToOneField", "ManyToManyField"])
def test_an_upward_foreign_key_is_found(make: Make, kind: str) -> None:
    source = "from django.db import models\nclass Account(models.Model):\n    order = models.%s(to='orders.Order')\n"
    assert found(make({"exchanges/models.py": source % kind})) == [("exchanges/models.py", 3, "imports")]


@pytest.mark.parametrize(
    "source",
    [
        "import django\n",
        "from django.conf import settings\n",
        "import requests\n",
        "from celery import shared_task\n",
        "import time\n",
        "from random import choice\n",
        "def late():\n    import django\n",
        "from datetime import datetime\nmoment = datetime.now()\n",
        "from datetime import date\nmoment = date.today()\n",
        "from exchanges.models import Account\n",
    ],
)
@pytest.mark.parametrize(
    "path",
    ["strategies/domain.py", "strategies/planner.py", "exchanges/paper/engine/matching.py", "exchanges/signing.py"],
)
def test_what_is_not_pure_in_a_pure_module_is_found(make: Make, path: str, source: str) -> None:
    problems = found(make({path: source}))
    assert "purity" in {rule for _path, _line, rule in problems}
    assert {place for place, _line, _rule in problems} == {path}


def test_django_is_found_through_another_module(make: Make) -> None:
    root = make({"exchanges/symbols.py": "from exchanges.table import ROWS\n", "exchanges/table.py": "import django\n"})
    (root / "portfolio/domain.py").write_text("from decimal import Decimal\nfrom exchanges.symbols import ROWS\n")
    problems = architecture.violations(root)
    # Whoever imports the module that reaches Django reaches it too: the planner does.
    assert [(problem.path, problem.line) for problem in problems] == [
        ("portfolio/domain.py", 2),
        ("strategies/planner.py", 1),
    ]
    assert "exchanges.symbols -> exchanges.table" in problems[0].text


def test_django_is_found_in_the_package_a_pure_module_lies_in(make: Make) -> None:
    problems = found(make({"exchanges/__init__.py": "import django\n"}))
    assert {path for path, _line, rule in problems if rule == "purity"} >= {"exchanges/domain.py"}


@pytest.mark.parametrize(
    "source",
    [
        "rate = 0.001\n",
        "rate = float('0.001')\n",
        "rate: float\n",
        "def fee(amount: float) -> Decimal: ...\n",
        "def fee(amount: Decimal) -> float | None: ...\n",
        "rate = list(map(float, rows))\n",
        "rate = numpy.float64(1)\n",
        "price = Decimal(1) * 1e-8\n",
    ],
)
@pytest.mark.parametrize(
    "path", ["strategies/domain.py", "orders/models.py", "orders/services/runs.py", "orders/api.py"]
)
def test_a_float_in_money_code_is_found(make: Make, path: str, source: str) -> None:
    assert (path, 1, "money") in found(make({path: source}))


def test_floating_point_mathematics_in_a_pure_module_is_found(make: Make) -> None:
    assert found(make({"strategies/domain.py": "from math import floor\n"})) == [("strategies/domain.py", 1, "money")]


def test_a_float_is_allowed_only_on_the_lines_that_are_named(make: Make) -> None:
    root = make({"exchanges/client.py": "timeout: float = 3.0\nprice: float = 3.0\n"})
    allowed = {"exchanges/client.py: timeout": "seconds"}
    assert {problem.line for problem in architecture.violations(root, floats_allowed=allowed)} == {2}
    tree = Tree.read(root)
    assert architecture.stale_permissions(tree, {**allowed, "exchanges/client.py: gone": ""}) == [
        "exchanges/client.py: gone"
    ]


@pytest.mark.parametrize("path", ["orders/models.py", "orders/migrations/0001_initial.py"])
def test_a_float_field_is_found(make: Make, path: str) -> None:
    source = "from django.db import models\nprice = models.FloatField()\n"
    assert found(make({path: source})) == [(path, 2, "money")]


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("orders/services/runs.py", "from orders.api import body\n"),
        ("orders/services/runs.py", "from orders.tasks import hurry\n"),
        ("orders/selectors.py", "from orders import services\n"),
        ("orders/models.py", "from orders.selectors import orders_of\n"),
        ("orders/api.py", "order.save()\n"),
        ("orders/pages.py", "Order.objects.create(user=user)\n"),
        ("orders/tasks.py", "order.fills.all().delete()\n"),
        ("orders/management/commands/rebalance.py", "Order.objects.bulk_create(rows)\n"),
        ("orders/api.py", "Order.objects.filter(pk=1).update(status='NEW')\n"),
        ("orders/selectors.py", "Order.objects.get_or_create(pk=1)\n"),
    ],
)
def test_a_broken_layer_is_found(make: Make, path: str, source: str) -> None:
    assert found(make({path: source})) == [(path, 1, "layers")]


@pytest.mark.parametrize(
    "source", ["from django.dispatch import receiver\n", "from django.db.models.signals import post_save\n"]
)
def test_a_signal_is_found(make: Make, source: str) -> None:
    assert found(make({"orders/apps.py": source})) == [("orders/apps.py", 1, "signals")]


def test_a_file_that_has_outgrown_400_lines_is_found(make: Make) -> None:
    root = make({"orders/services/runs.py": "x = 1\n" * 401, "orders/services/sending.py": "x = 1\n" * 400})
    assert found(root) == [("orders/services/runs.py", 401, "size")]
    assert architecture.violations(root, long_allowed={"orders/services/runs.py": "a reason"}) == []


def test_a_command_that_no_test_names_is_found(make: Make) -> None:
    command = "orders/management/commands/track.py"
    assert found(make({command: "", "orders/tests/test_words.py": "x = 'track', 'call_command'\n"})) == [
        (command, 1, "commands")
    ]


@pytest.mark.parametrize(
    "source", ["call_command('track')\n", "run([python, 'manage.py', 'track'])\n", "# manage.py track\n"]
)
def test_a_command_is_named_by_a_call_or_by_a_command_line(make: Make, source: str) -> None:
    root = make({"orders/management/commands/track.py": "", "orders/tests/test_track.py": source})
    assert architecture.violations(root) == []
