"""Who may touch the world: rules never, the environment in two places, the database's rows by flows only."""

import ast
import re

import pytest

# What a rule may import beside other rules: nothing here opens, waits, or asks the time. `datetime`
# is a type and arithmetic here; the calls that read the clock or the machine's chance are refused below.
PURE = {
    "__future__", "abc", "base64", "collections", "dataclasses", "datetime", "decimal", "email.utils", "enum",
    "fnmatch", "functools", "hashlib", "hmac", "html", "http.HTTPStatus", "ipaddress", "itertools", "json", "math",
    "msgspec", "operator", "pydantic", "re", "shlex", "string", "textwrap", "types", "typing", "unicodedata",
    "urllib.parse", "yaml",
}  # fmt: skip
PURE_OF_OURS = (
    "zekt_backend.rules",
    "zekt_backend.errors",
    "zekt_action.wire",
    "zekt_action.limits",
    "zekt_action.strict_json",
    "zekt_workflows",
)
IMPURE_CALLS = {"now", "utcnow", "today", "uuid4", "token_hex", "urandom", "urlopen", "SystemRandom"}

WRITING_SQL = re.compile(
    r"\b(INSERT\s+INTO|UPDATE\s+(ONLY\s+)?[\w.\"{}]+\s+(AS\s+)?(\w+\s+)?SET|DELETE\s+FROM|TRUNCATE\s|MERGE\s+INTO)\b",
    re.IGNORECASE,
)


def _is_rule(module: str) -> bool:
    return module.startswith("zekt_backend.rules.")


def test_rules_import_nothing_that_does_io(imports: dict[str, set[str]]) -> None:
    wrong = [
        f"{module} imports {target}"
        for module, targets in imports.items()
        for target in targets
        if _is_rule(module)
        and not any(target == pure or target.startswith(f"{pure}.") for pure in {*PURE, *PURE_OF_OURS})
    ]
    assert not wrong


def test_rules_take_time_and_chance_as_arguments(modules: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module} line {node.lineno}: {name}()"
        for module, tree in modules.items()
        for node in ast.walk(tree)
        if _is_rule(module) and isinstance(node, ast.Call)
        if (name := getattr(node.func, "attr", None) or getattr(node.func, "id", None))
        in {*IMPURE_CALLS, "open", "print"}
    ]
    assert not wrong


# The readers of the environment. The action has one for its inputs, and the receiving half, which may import
# nothing of the rest, has its own.
READERS = {"zekt_backend.settings", "zekt_action.inputs", "zekt_action.receive.inputs"}


def _environment_readers(tree: ast.Module) -> list[int]:
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in {"environ", "environb", "getenv"}:
            lines.append(node.lineno)
        elif isinstance(node, ast.ImportFrom) and node.module == "os":
            lines += [node.lineno for alias in node.names if alias.name in {"environ", "environb", "getenv"}]
        elif isinstance(node, ast.keyword) and node.arg == "envvar":
            lines.append(node.value.lineno)
    return lines


def test_the_environment_is_read_in_one_place_each(modules: dict[str, ast.Module]) -> None:
    wrong = [
        f"{module} line {line}"
        for module, tree in modules.items()
        if module.startswith(("zekt_action", "zekt_backend")) and module not in READERS
        for line in _environment_readers(tree)
    ]
    assert not wrong


def _statements(node: ast.AST) -> list[str]:
    """Every string in it that is not a docstring."""
    docstrings = {
        id(inner.body[0].value)
        for inner in ast.walk(node)
        if isinstance(inner, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and inner.body
        and isinstance(inner.body[0], ast.Expr)
    }
    return [
        inner.value
        for inner in ast.walk(node)
        if isinstance(inner, ast.Constant) and isinstance(inner.value, str) and id(inner) not in docstrings
    ]


def _writes(node: ast.AST) -> bool:
    return any(WRITING_SQL.search(text) for text in _statements(node))


def test_sql_that_writes_stands_in_the_store_only(modules: dict[str, ast.Module]) -> None:
    wrong = [
        module
        for module, tree in modules.items()
        if module.startswith("zekt_backend") and not module.startswith("zekt_backend.store") and _writes(tree)
    ]
    assert not wrong


def _enqueues(node: ast.AST) -> bool:
    """Calls the engine's own `enqueue`, which writes a job's row."""
    return any(isinstance(inner, ast.Attribute) and inner.attr == "enqueue" for inner in ast.walk(node))


def _writers(tree: ast.Module) -> set[str]:
    """The functions that write: by a statement of theirs, a constant they name, or calling one of these."""
    functions = {n.name: n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    constants = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and _writes(node)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = {name for name, node in functions.items() if _writes(node) or _enqueues(node)}
    names = {fn: {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} for fn, node in functions.items()}
    while True:
        more = {fn for fn, used in names.items() if used & (constants | found)} | found
        if more == found:
            return found
        found = more


def test_only_flows_call_what_writes(modules: dict[str, ast.Module], imports: dict[str, set[str]]) -> None:
    """A store function that writes is never named above or beside the flows.

    It is one of the store's functions whose body has, names or calls an INSERT, UPDATE, DELETE, TRUNCATE, MERGE
    or the engine's enqueue. Nothing but a flow or another store module may import it by name, or use it as an
    attribute of its imported module. Reading is free for all: an endpoint that only shows things needs no flow.
    """
    writers = {
        f"{module}.{name}"
        for module, tree in modules.items()
        if module.startswith("zekt_backend.store.") and ".migrations" not in module
        for name in _writers(tree)
    }
    assert writers, "the law above finds nothing to guard"
    wrong = [
        f"{module} uses {used}"
        for module, tree in modules.items()
        if not module.startswith(("zekt_backend.store", "zekt_backend.flows"))
        for used in _used(tree, imports[module]) & writers
    ]
    assert not wrong


def _used(tree: ast.Module, imported: set[str]) -> set[str]:
    """The dotted names a module uses: imported themselves, or as an attribute of an imported module."""
    aliases = {
        alias.asname or alias.name: f"{node.module}.{alias.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    attributes = {
        f"{aliases[node.value.id]}.{node.attr}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in aliases
    }
    return imported | attributes


@pytest.mark.parametrize(
    ("source", "writers"),
    [
        ("async def a(tx): await tx.execute('INSERT INTO t VALUES (1)')", {"a"}),
        ("SQL = 'update deliveries d set x = 1'\ndef a(): return SQL", {"a"}),
        ("def a(): return f'DELETE FROM {t}'\ndef b(): a()", {"a", "b"}),
        ("async def a(queries): await queries.enqueue('deliver', None)", {"a"}),
        ("def a(): 'Runs DELETE FROM t.'\n", set()),
        ("def a(): return 'SELECT 1 FOR UPDATE SKIP LOCKED'", set()),
    ],
)
def test_that_check_sees_what_writes(source: str, writers: set[str]) -> None:
    assert _writers(ast.parse(source)) == writers
