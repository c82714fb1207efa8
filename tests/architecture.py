"""The rules of docs/architecture.md as a program: it reads the source of a tree and says where a rule is broken.

Nothing is imported and nothing is run, so it works on any tree, also on the fake ones of its own tests.

    imports      between apps point downwards only; foreign keys likewise
    layers       inside an app: interfaces -> services -> selectors -> models -> domain; interfaces never write rows
    purity       pure modules reach no Django, network or clock, not even through another module
    money        no float where money is computed or kept
    signals      apps do not talk through signals
    size         a file that outgrows 400 lines becomes a package
    commands     every management command has a test that names it
"""

import ast
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.sources import FLOORS, LAYERS, Module, Tree, app_of, called

APP_LABELS = {
    "backtest": "strategies",
    "idempotency": "accounts",
    "lib": "botbalance.lib",
    "paper": "exchanges",
    "tokens": "accounts",
}  # where Django's label is not the app's name
# The task registry is wiring: every process loads it with the package `botbalance`, as Celery asks of a Django project.
OPEN_TO_ALL = frozenset({"botbalance.celery"})
TOP_LEVEL = frozenset({"conftest", "manage", "tests"})

IMPURE = frozenset(
    {
        "asyncio", "celery", "concurrent", "django", "django_celery_beat", "environ", "httpx", "importlib", "io",
        "kombu", "logging", "multiprocessing", "os", "pathlib", "psycopg", "random", "redis", "requests",
        "rest_framework", "secrets", "socket", "solo", "sqlite3", "subprocess", "tempfile", "threading", "time",
        "urllib3", "uuid",
    }
)  # fmt: skip
FLOAT_MODULES = frozenset({"math", "numpy", "statistics"})
CLOCK_CALLS = frozenset({"now", "utcnow", "today"})

LAYER_NAMES = ["domain", "models", "selectors", "services", "an interface", "a list of addresses"]
INTERFACES = frozenset({"tasks", "api", "pages", "commands", "forms"})
WRITES = frozenset(
    {
        "create",
        "get_or_create",
        "update_or_create",
        "bulk_create",
        "bulk_update",
        "save",
        "delete",
        "acreate",
        "asave",
        "adelete",
    }
)
FOREIGN_KEYS = frozenset({"ForeignKey", "OneToOneField", "ManyToManyField"})
SIGNAL_MODULES = ("django.dispatch", "django.db.models.signals", "django.core.signals")
MOST_LINES = 400


@dataclass(frozen=True, order=True)
class Violation:
    path: str
    line: int
    rule: str
    text: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.rule}: {self.text}"


# --- imports and foreign keys ----------------------------------------------------------------------------


def upward_imports(tree: Tree) -> Iterator[Violation]:
    for module in tree.product:
        for name, line in tree.imports(module):
            other = app_of(name)
            if name.split(".")[0] in TOP_LEVEL or (other and "tests" in name.split(".")):
                yield Violation(module.path, line, "imports", f"the product imports tests: {name}")
            elif other and FLOORS[other] > FLOORS[module.app] and name not in OPEN_TO_ALL:
                yield Violation(module.path, line, "imports", f"{module.app} imports {name}, which is above it")


def upward_foreign_keys(tree: Tree) -> Iterator[Violation]:
    """Keys named by strings; a key to an imported class is an import."""
    for module in tree.product:
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call) or called(node) not in FOREIGN_KEYS:
                continue
            targets = [
                *node.args[:1],
                *(keyword.value for keyword in node.keywords if keyword.arg in ("to", "through")),
            ]
            for target in targets:
                if not isinstance(target, ast.Constant) or not isinstance(target.value, str) or "." not in target.value:
                    continue
                label = target.value.split(".")[0]
                app = APP_LABELS.get(label, label)
                if app in FLOORS and FLOORS[app] > FLOORS[module.app]:
                    text = f"a key of {module.app} points up, to {target.value}"
                    yield Violation(module.path, node.lineno, "imports", text)


# --- layers ----------------------------------------------------------------------------------------------


def broken_layers(tree: Tree) -> Iterator[Violation]:
    for module in tree.product:
        if not module.layer or module.is_migration:
            continue
        for name, line in tree.imports(module):
            other = tree.modules.get(name)
            if other is None or other.app != module.app or not other.layer:
                continue
            if _package(other) == _package(module) and LAYERS[other.layer] > LAYERS[module.layer]:
                mine, theirs = LAYER_NAMES[LAYERS[module.layer]], LAYER_NAMES[LAYERS[other.layer]]
                yield Violation(module.path, line, "layers", f"{mine} imports {theirs}: {name}")


def _package(module: Module) -> tuple[str, ...]:
    """The (sub-)app whose layers a module belongs to: exchanges, or exchanges.paper within it."""
    parts = module.parts
    return parts[: parts.index(module.layer)] if module.layer != "commands" else parts[: parts.index("management")]


def writing_interfaces(tree: Tree) -> Iterator[Violation]:
    """Only services write. The admin is apart, where Django itself does it."""
    for module in tree.product:
        if module.layer not in INTERFACES | {"selectors"}:
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name = node.func.attr
            through_manager = ".objects." in f"{ast.unparse(node.func)}."
            if name in WRITES or (name in ("update", "aupdate") and through_manager):
                text = f"{module.layer} writes rows itself: {ast.unparse(node.func)}(…)"
                yield Violation(module.path, node.lineno, "layers", text)


def signals(tree: Tree) -> Iterator[Violation]:
    for module in tree.product:
        for name, line in tree.imports(module):
            if name.startswith(SIGNAL_MODULES):
                yield Violation(module.path, line, "signals", f"{name}: apps do not talk through signals")


# --- purity ----------------------------------------------------------------------------------------------


def impurities(tree: Tree) -> Iterator[Violation]:
    """Pure modules and everything they reach: no Django, network, threads, clock, chance or settings."""
    for module in tree.product:
        if not module.is_pure:
            continue
        for reached, chain, line in _closure(tree, module):
            for name, at in tree.imports(reached):
                if name.split(".")[0] in IMPURE:
                    via = f" (through {' -> '.join(chain)})" if chain else ""
                    yield Violation(module.path, line or at, "purity", f"a pure module reaches {name}{via}")
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_CALLS:
                text = f"a pure module reads the clock: {ast.unparse(node.func)}()"
                yield Violation(module.path, node.lineno, "purity", text)


def _closure(tree: Tree, start: Module) -> Iterator[tuple[Module, list[str], int]]:
    """Every module that importing `start` runs, with the chain to it and the line of `start` that begins the chain."""
    packages = [name for name in tree.reached(start.name) if name != start.name]
    seen = {start.name, *packages}
    queue: list[tuple[Module, list[str], int]] = [(start, [], 0)]
    queue += [(tree.modules[name], [name], 1) for name in packages]
    while queue:
        module, chain, line = queue.pop(0)
        yield module, chain, line
        for name, at in tree.imports(module):
            for reached in tree.reached(name):
                if reached not in seen and reached not in OPEN_TO_ALL:
                    seen.add(reached)
                    queue.append((tree.modules[reached], [*chain, reached], line or at))


# --- money -----------------------------------------------------------------------------------------------


def floats(tree: Tree, allowed: Mapping[str, str]) -> Iterator[Violation]:
    """No float anywhere but in `allowed`: "path" or the beginning of "path: source of the line" -> reason."""
    for module in tree.product:
        yield from _float_fields(module)
        for line, place, text in _float_uses(module):
            if not any(place.startswith(entry) for entry in allowed):
                yield Violation(module.path, line, "money", text)
        if module.is_pure and module.path not in allowed:
            for name, line in _float_imports(tree, module):
                yield Violation(module.path, line, "money", f"{name} computes in floats")


def _float_imports(tree: Tree, module: Module) -> Iterator[tuple[str, int]]:
    """Libraries that compute in floats, where a module imports one."""
    return ((name, line) for name, line in tree.imports(module) if name.split(".")[0] in FLOAT_MODULES)


def stale_permissions(tree: Tree, allowed: Iterable[str]) -> list[str]:
    """Entries of the allow-list that allow nothing any more."""
    places = [place for module in tree.product for _line, place, _text in _float_uses(module)]
    places += [module.path for module in tree.product if module.is_pure and list(_float_imports(tree, module))]
    return [entry for entry in allowed if not any(place.startswith(entry) for place in places)]


def _float_uses(module: Module) -> Iterator[tuple[int, str, str]]:
    """Every use of float as (line, "path: source of the line", what it is)."""
    lines = module.source.splitlines()
    for node in ast.walk(module.tree):
        text = _float_use(node)
        if text:
            line = int(node.lineno)  # type: ignore[attr-defined]
            yield line, f"{module.path}: {lines[line - 1].strip()}", text


def _float_use(node: ast.AST) -> str:
    if isinstance(node, ast.Constant) and isinstance(node.value, float):
        return f"a float literal: {node.value}"
    if isinstance(node, ast.Name) and node.id == "float":
        return "float, as a type or as a call"
    if isinstance(node, ast.Attribute) and node.attr in ("float64", "float32"):
        return ast.unparse(node)
    return ""


def _float_fields(module: Module) -> Iterator[Violation]:
    for node in ast.walk(module.tree):
        name = getattr(node, "attr", None) or getattr(node, "id", None)
        if isinstance(node, ast.Attribute | ast.Name) and name == "FloatField":
            yield Violation(module.path, node.lineno, "money", "a FloatField: amounts are MoneyField, numbers Decimal")


# --- size and commands -----------------------------------------------------------------------------------


def long_files(tree: Tree, allowed: Mapping[str, str]) -> Iterator[Violation]:
    for module in tree.modules.values():
        count = module.source.count("\n")
        if count > MOST_LINES and not module.is_migration and module.path not in allowed:
            yield Violation(module.path, count, "size", f"{count} lines; at {MOST_LINES} a file becomes a package")


def untested_commands(tree: Tree) -> Iterator[Violation]:
    tests = [module.source for module in tree.modules.values() if module.is_test]
    for module in tree.product:
        name = module.parts[-1]
        if module.parts[-3:-1] != ("management", "commands") or name.startswith("_"):
            continue
        named = re.compile(rf"""(command|manage)\w*\(\s*["']{re.escape(name)}["']|manage\.py\W+{re.escape(name)}\b""")
        if not any(named.search(source) for source in tests):
            yield Violation(module.path, 1, "commands", f"no test names the command {name}")


def violations(
    root: Path, *, floats_allowed: Mapping[str, str] | None = None, long_allowed: Mapping[str, str] | None = None
) -> list[Violation]:
    """Everything that breaks a rule below `root`."""
    tree = Tree.read(root)
    found = [
        *upward_imports(tree),
        *upward_foreign_keys(tree),
        *broken_layers(tree),
        *writing_interfaces(tree),
        *signals(tree),
        *impurities(tree),
        *floats(tree, floats_allowed or {}),
        *long_files(tree, long_allowed or {}),
        *untested_commands(tree),
    ]
    return sorted(set(found))
