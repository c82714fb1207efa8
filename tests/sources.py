"""The source of a tree, parsed and not run: its modules, where each stands in the house, and what it imports."""

import ast
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

FLOORS = {
    "botbalance.lib": 0,
    "accounts": 1,
    "exchanges": 2,
    "portfolio": 3,
    "strategies": 4,
    "orders": 5,
    "botbalance": 6,
}
PURE_FILES = frozenset(
    {
        "domain",
        "planner",
        "signing",
        "schemas",
        "errors",
        "money",
        "engine",
        "ticks",
        "schedules",
        "statistics",
        "sweeping",
    }
)
LAYERS = {
    **dict.fromkeys(("domain", "planner", "signing", "schemas", "errors", "money", "ticks"), 0),
    "models": 1,
    "selectors": 2,
    "services": 3,
    **dict.fromkeys(("tasks", "api", "pages", "forms", "admin", "commands"), 4),
    **dict.fromkeys(("urls", "api_urls"), 5),
}


@dataclass(frozen=True)
class Module:
    """One source file. `name` is what others import; a package is its __init__.py."""

    name: str
    path: str
    source: str
    is_package: bool

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.source, self.path)

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.name.split("."))

    @property
    def is_test(self) -> bool:
        return "tests" in self.parts or self.parts[-1] == "conftest"

    @property
    def is_migration(self) -> bool:
        return "migrations" in self.parts

    @property
    def app(self) -> str:
        """The floor it stands on; "" for what stands on none."""
        if self.name.startswith("botbalance.lib.") or self.name == "botbalance.lib":
            return "botbalance.lib"
        return self.parts[0] if self.parts[0] in FLOORS else ""

    @property
    def is_pure(self) -> bool:
        """Named as pure, or inside a package named so."""
        return (
            not self.is_test and not self.is_migration and not PURE_FILES.isdisjoint(self.parts[1:]) and bool(self.app)
        )

    @property
    def layer(self) -> str:
        """The layer its name puts it in, also as a package (`services/`); "" for a name that means none."""
        for part in self.parts[1:]:
            if part in LAYERS:
                return part
        return ""


@dataclass
class Tree:
    """All source files below `root`."""

    root: Path
    modules: dict[str, Module] = field(default_factory=dict)

    @classmethod
    def read(cls, root: Path) -> "Tree":
        tree = cls(root)
        tops = sorted({name.split(".")[0] for name in FLOORS} | {"tests"})
        files = [file for top in tops for file in sorted((root / top).rglob("*.py"))]
        for file in [*files, *sorted(root.glob("*.py"))]:
            path = file.relative_to(root)
            parts = list(path.with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            tree.modules[name] = Module(name, path.as_posix(), file.read_text(encoding="utf-8"), is_package)
        return tree

    @cached_property
    def product(self) -> list[Module]:
        """What runs on a server: neither tests nor conftest."""
        return [module for module in self.modules.values() if module.app and not module.is_test]

    def imports(self, module: Module) -> list[tuple[str, int]]:
        """What a module imports, wherever in the file, as (dotted name, line); also through import_module("...")."""
        found: list[tuple[str, int]] = []
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                found += [(alias.name, node.lineno) for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                base = self._base(module, node)
                for alias in node.names:
                    whole = f"{base}.{alias.name}"
                    found.append((whole if whole in self.modules or not node.module else base, node.lineno))
            elif isinstance(node, ast.Call) and called(node) in ("import_module", "import_string", "__import__"):
                found += [
                    (self._known(argument.value), node.lineno)
                    for argument in node.args[:1]
                    if isinstance(argument, ast.Constant) and isinstance(argument.value, str)
                ]
        return found

    def _known(self, name: str) -> str:
        """The module of a dotted name that may end in an attribute."""
        parts = name.split(".")
        while len(parts) > 1 and ".".join(parts) not in self.modules:
            parts.pop()
        return ".".join(parts) if ".".join(parts) in self.modules else name

    @staticmethod
    def _base(module: Module, node: ast.ImportFrom) -> str:
        if not node.level:
            return node.module or ""
        package = module.parts if module.is_package else module.parts[:-1]
        package = package[: len(package) - node.level + 1]
        return ".".join([*package, node.module] if node.module else package)

    def reached(self, name: str) -> list[str]:
        """The project's modules that importing `name` runs: itself, and the packages it lies in."""
        parts = name.split(".")
        names = [".".join(parts[:count]) for count in range(1, len(parts) + 1)]
        return [name for name in names if name in self.modules]


def called(node: ast.Call) -> str:
    function = node.func
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def app_of(name: str) -> str:
    """The app a dotted name belongs to; "" for a library."""
    if name == "botbalance.lib" or name.startswith("botbalance.lib."):
        return "botbalance.lib"
    top = name.split(".")[0]
    return top if top in FLOORS else ""
