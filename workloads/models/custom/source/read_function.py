"""Reads a user's training function from its file, without what the file imports: Lightning alone takes seconds.

Of the module only that is run of which the function's interface is made: its signature, the literals and types in
it, and its attributes, as ``train.space``. Where more would have to run to know it, nothing is read.
"""

from __future__ import annotations

import ast
import copy
import importlib.util
import itertools
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import lru_cache
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

from search_spaces.types.module_path import code_packages
from workloads.models.custom.source.beside import BESIDE, READ

LIGHT = {
    *("__future__", "annotated_types", "collections", "dataclasses", "datetime", "decimal", "enum", "math"),
    *("numbers", "pathlib", "pydantic", "typing", "typing_extensions"),
}
"""Modules that take no time, or that Paceline has imported already."""
PURE = {
    "abs", "bool", "bytes", "complex", "dict", "float", "frozenset", "int", "len", "list", "max", "min", "object",
    "property", "range", "reversed", "round", "set", "sorted", "staticmethod", "str", "sum", "tuple", "type", "zip",
}  # fmt: skip
"""Built-in names without effects."""
ANY = {"eval", "exec", "globals", "locals", "modules", "vars"}
"""Names by which code may reach any other name of its module."""


class _Unknown(Exception):
    """The interface depends on more than the text."""


def read_function(path: Path, name: str, module: str = "") -> Callable[..., None] | None:
    """Return the function ``name`` of a file with an empty body, those of ``BESIDE`` in its globals, too.

    None where that may mislead, as statements of the file do more with them than the text tells, and where the
    import would fail, as Python's own message is the one to show.
    """
    try:
        content = path.read_bytes()
        return _read(str(path), content, name, module or path.stem, bool(code_packages()))
    except OSError:
        return None


@lru_cache(maxsize=8)
def _read(path: str, content: bytes, name: str, module_name: str, adds: bool) -> Callable[..., None] | None:
    """Read it as ``read_function`` does; ``adds``: with packages that need not be installed yet."""
    try:
        tree = ast.parse(content)
        module = _Module(tree)
        if not adds and not all(_is_there(imported, Path(path).parent) for imported in module.imported):
            return None
        names: dict[str, Any] = {"__name__": module_name, "__file__": path, READ: True}
        exec(compile(module.interface(name), path, "exec"), names)
    except Exception:  # noqa: BLE001 - _Unknown, or what the user's own statements raise: the import tells it
        return None
    found: Callable[..., None] = names[name]
    return found


class _Module:
    """The statements at a file's top, by the names that they define."""

    def __init__(self, tree: ast.Module) -> None:
        self._of: dict[str, list[ast.stmt]] = {}
        self._attributes: dict[str, list[ast.Assign]] = {}
        self._loose: set[str] = set()
        """Names in statements that may do anything with them."""
        self._touched: set[str] = set()
        """Names that code may reach which the file's import runs."""
        self.imported: list[str] = []
        self._tree = tree
        for statement in tree.body:
            self._sort(statement)
        self._touch()

    def _sort(self, statement: ast.stmt) -> None:
        match statement:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                self._define(name, statement)
                self._loose |= {used for each in statement.decorator_list for used in _used(each)}
            case ast.Import(names=names):
                self.imported += [each.name for each in names]
                for each in names:
                    self._define(each.asname or each.name.partition(".")[0], statement)
            case ast.ImportFrom(names=names, level=level):
                self.imported += [statement.module] if statement.module and not level else []
                for each in names:
                    self._define(each.asname or each.name, statement)
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id=owner))]):
                self._attributes.setdefault(owner, []).append(statement)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                self._define(name, statement)
                value = statement.value  # ``other = train`` is an alias, through which it may be changed
                self._loose |= {value.id} if isinstance(value, ast.Name) else set()
            case ast.Expr(value=ast.Constant()):
                pass
            case ast.If(
                test=ast.Compare(
                    left=ast.Name(id="__name__"), ops=[ast.Eq()], comparators=[ast.Constant(value="__main__")]
                ),
                orelse=[],
            ):
                pass
            case _:
                self._loose |= set(_used(statement))

    def _touch(self) -> None:
        """Follow the loose names, and those that are called, to what their values and bodies name."""
        statements = [*itertools.chain(*self._of.values(), *self._attributes.values())]
        pure = PURE | {name for name, found in self._of.items() if all(map(_is_light, found))}
        waiting = [*self._loose, *(name for each in statements for name in _called(each, pure))]
        while waiting:
            name = waiting.pop()
            if name in self._touched:
                continue
            self._touched.add(name)
            found = [each for each in self._of.get(name, []) if not isinstance(each, ast.Import | ast.ImportFrom)]
            waiting += [used for each in (*found, *self._attributes.get(name, [])) for used in _used(each)]

    def _define(self, name: str, statement: ast.stmt) -> None:
        self._of.setdefault(name, []).append(statement)

    def interface(self, wanted: str) -> ast.Module:
        """Return the module of the function ``wanted`` and of those beside it, without their bodies.

        Beside them it has all that their signatures and attributes name. Raises _Unknown.
        """
        functions = {wanted, *(name for name in BESIDE if name in self._of)}
        if (
            "*" in self._of
            or ANY & self._touched
            or not all(isinstance(self._only(name), ast.FunctionDef) for name in functions)
        ):
            raise _Unknown
        kept: dict[tuple[int, int], ast.stmt] = {}
        """Statements by their places in the file."""
        seen, waiting = set[str](), [*functions]
        while waiting:
            name = waiting.pop()
            if name in seen or (name in PURE and name not in self._of):
                continue
            seen.add(name)
            for place, statement in self._kept(name, name in functions):
                kept[place] = statement
                waiting += _needed(statement)
        body = [kept[place] for place in sorted(kept)]
        return ast.fix_missing_locations(ast.Module([*_future(self._tree), *body], []))

    def _kept(self, name: str, is_function: bool) -> Iterator[tuple[tuple[int, int], ast.stmt]]:
        """Yield what is kept of each statement that defines ``name``, with the place of the statement."""
        definition, attributes = self._only(name), self._attributes.get(name, [])
        if attributes and not is_function:
            raise _Unknown
        kept = _without_body(definition) if is_function else _harmless(definition)
        yield from zip(map(_place, [definition, *attributes]), [kept, *attributes], strict=True)

    def _only(self, name: str) -> ast.stmt:
        found = self._of.get(name, [])
        if len(found) != 1 or name in self._loose:
            raise _Unknown
        if name in self._touched and not isinstance(found[0], ast.Import | ast.ImportFrom):
            raise _Unknown
        return found[0]


def _place(statement: ast.stmt) -> tuple[int, int]:
    return statement.lineno, statement.col_offset


def _without_body(definition: ast.stmt) -> ast.stmt:
    """Return a function with its docstring alone. Raises _Unknown where it has a decorator."""
    if not isinstance(definition, ast.FunctionDef) or definition.decorator_list:
        raise _Unknown
    empty = copy.deepcopy(definition)
    empty.returns = None
    for given in (*empty.args.posonlyargs, *empty.args.args):
        given.annotation = None  # of ``run``, ``folder``, ``x``: nobody asks for it
    doc = ast.get_docstring(definition, clean=False)
    empty.body = [ast.Expr(ast.Constant(doc))] if doc else [ast.Pass()]
    return empty


def _harmless(definition: ast.stmt) -> ast.stmt:
    """Return an import of a light module, a class or an assignment as it is. Raises _Unknown for all else."""
    match definition:
        case ast.ClassDef(decorator_list=[]) | ast.Assign() | ast.AnnAssign():
            return definition
        case _ if _is_light(definition):
            return definition
    raise _Unknown


def _future(tree: ast.Module) -> Iterator[ast.stmt]:
    for statement in tree.body:
        if isinstance(statement, ast.ImportFrom) and statement.module == "__future__":
            yield statement


def _used(node: ast.AST) -> Iterator[str]:
    """Yield the names in a piece of code, those that it defines among them."""
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            yield each.id
        elif isinstance(each, ast.Attribute):
            yield each.attr  # as in ``sys.modules[__name__].train``
        elif isinstance(each, ast.Global):
            yield from each.names
        elif isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            yield each.name
        elif isinstance(each, ast.alias):
            yield each.asname or each.name.partition(".")[0]
        elif isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value.isidentifier():
            yield each.value  # as in ``globals()["train"]``


def _called(node: ast.AST, pure: Collection[str]) -> Iterator[str]:
    """Yield the names in calls that are run with a definition: not those in functions' bodies, nor of ``pure``."""
    if isinstance(node, ast.Call) and _root(node.func) not in pure:
        yield from _used(node)
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            inner: Iterable[ast.AST] = [node.args, *node.decorator_list]
        case ast.Lambda():
            inner = [node.args]
        case _:
            inner = ast.iter_child_nodes(node)
    for each in inner:
        yield from _called(each, pure)


def _root(node: ast.AST) -> str:
    """Return ``a`` of ``a.b.c``; empty for anything but a name."""
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _is_light(statement: ast.stmt) -> bool:
    """Whether a statement imports from ``LIGHT`` modules alone."""
    match statement:
        case ast.Import(names=names):
            return all(each.name.partition(".")[0] in LIGHT for each in names)
        case ast.ImportFrom(level=0, module=str(module)):
            return module.partition(".")[0] in LIGHT
    return False


def _needed(statement: ast.stmt) -> list[str]:
    """Return the names that a statement reads when it is run, words of annotations among them."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return []
    made = {
        each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store)
    }
    inner = {each.arg for each in ast.walk(statement) if isinstance(each, ast.arg)}
    read = {
        each.id for each in ast.walk(statement) if isinstance(each, ast.Name) and isinstance(each.ctx, ast.Load)
    }
    for each in ast.walk(statement):
        if isinstance(each, ast.Lambda | ast.Await | ast.Yield | ast.NamedExpr):
            raise _Unknown
        annotation = getattr(each, "annotation", None)
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            read |= {one.id for one in ast.walk(ast.parse(annotation.value)) if isinstance(one, ast.Name)}
    return sorted(read - made - inner)


def _is_there(name: str, folder: Path) -> bool:
    """Whether a module that the file imports can be found; whether it can be imported is seen in the workers."""
    top = name.partition(".")[0]
    if (folder / f"{top}.py").is_file() or (folder / top).is_dir():
        return True
    try:
        found: ModuleSpec | None = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return True  # of a module that is imported already, and has no origin
    return found is not None
