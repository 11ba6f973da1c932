"""The line that gives a class again whose class statement alone would not: from a table of its module, or by a call."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from bundler.sources.extract import naming
from bundler.sources.extract.constant_values import is_plain, written
from bundler.sources.extract.draft import Draft, Item
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.factories import Factory, arguments, check_explained, factory_of
from bundler.sources.extract.match import described
from bundler.sources.extract.namespace_texts import NamespaceTexts, Unit
from bundler.sources.extract.namespaces import is_loose
from bundler.sources.extract.referring import Extractor
from bundler.sources.extract.refusals import NameUse
from bundler.sources.live_objects import is_framework
from bundler.sources.places import SCRIPTS

_LATER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_REPEATED = (ast.For, ast.While, ast.ListComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Making:
    """The expression `text` gives a class again; it reads `name` of `namespace`, and names for the `values`."""

    text: str
    name: str
    namespace: Mapping[str, Any]
    factory: Factory
    values: Mapping[str, Any] = field(default_factory=dict)


def making(texts: NamespaceTexts, cls: type, reason: NotExtractable) -> Making | None:
    """Return how `cls` is had again, or `None` where no function that others can call made it.

    `reason` says why its class statement does not do.

    Raises:
        NotExtractable: a function made it, but that call is not known, or would not give all of it.
    """
    factory = factory_of(texts, cls)
    if factory is None:
        return None
    check_explained(factory, cls)
    tables = list(_tables(texts, factory, cls))
    if (bound := next((item for item, is_bound in tables if is_bound), None)) is not None:
        return bound
    try:
        return _call(factory, arguments(factory, cls))
    except NotExtractable as error:
        if tables:
            return tables[0][0]
        raise error from reason


def _call(factory: Factory, given: Mapping[str, Any]) -> Making:
    named = {name: value for name, value in given.items() if not is_plain(value)}
    texts = {name: name if name in named else written(value) for name, value in given.items()}
    positional = [item.arg for item in factory.node.args.posonlyargs]
    parts = [texts[name] if name in positional else f"{name}={text}" for name, text in texts.items()]
    if list(texts) == [item.arg for item in factory.node.args.args[:1]]:
        parts = list(texts.values())
    return Making(
        text=f"{factory.name}({', '.join(parts)})",
        name=factory.name,
        namespace=factory.namespace,
        factory=factory,
        values=named,
    )


def _tables(texts: NamespaceTexts, factory: Factory, cls: type) -> Iterator[tuple[Making, bool]]:
    """Yield where modules have `cls` that call the factory when they are imported, and whether they bind it so.

    ``HEADS = {n: make_head(n) for n in SIZES}`` binds it; ``for kind in KINDS: make_layer(kind)`` fills some table.
    """
    for module_name, module in sorted(sys.modules.items()):
        if not isinstance(module, ModuleType) or module_name in SCRIPTS or is_framework(module_name):
            continue
        if module_name.partition(".")[0] in sys.stdlib_module_names:
            continue
        namespace = vars(module)
        for name, table in list(namespace.items()):
            key = _key(table, cls)
            if key is None or not name.isidentifier():
                continue
            found = Making(text=f"{name}[{written(key)}]", name=name, namespace=namespace, factory=factory)
            for unit in texts.units(namespace):
                for statement in _at_import(unit):
                    calls = [item for item in ast.walk(statement) if _is_call(item, factory, namespace)]
                    if any(_makes(unit, statement, call, table, name, key) for call in calls):
                        yield found, _binds(statement, name)


def table_of(namespace: Mapping[str, Any], cls: type) -> str | None:
    """Return the name of a table of `namespace` that has `cls`, or `None`."""
    return next((name for name, table in namespace.items() if _key(table, cls) is not None), None)


def _key(table: Any, cls: type) -> Any:
    """Return the plain key by which `table` has `cls`, or `None`."""
    items: Iterable[tuple[Any, Any]] = ()
    if type(table) is dict:
        items = table.items()
    elif type(table) in (list, tuple):
        items = enumerate(table)
    return next((key for key, value in items if value is cls and key is not None and is_plain(key)), None)


def _at_import(unit: Unit) -> Iterator[ast.stmt]:
    for node in unit.tree.body:
        is_main = isinstance(node, ast.If) and "__name__" in ast.dump(node.test)
        if not is_main and not isinstance(node, _LATER):
            yield node


def _is_call(node: ast.AST, factory: Factory, namespace: Mapping[str, Any]) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)):
            return name in namespace and namespace[name] is factory.namespace[factory.name]
        case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)):
            held = namespace.get(name)
            return isinstance(held, ModuleType) and vars(held) is factory.namespace and attribute == factory.name
    return False


def _makes(unit: Unit, statement: ast.stmt, call: ast.AST, table: object, name: str, key: Any) -> bool:
    """Say whether `call` fills the table `name` with a class for every key, or for this one."""
    above = list(unit.above(call))
    if any(isinstance(item, _LATER) for item in above) or not _fills(statement, name):
        return False
    if isinstance(statement, _REPEATED) or any(isinstance(item, _REPEATED) for item in above):
        return True
    if type(table) is dict:
        return any(isinstance(item, ast.Constant) and item.value == key for item in ast.walk(statement))
    return _binds(statement, name)


def _fills(statement: ast.stmt, name: str) -> bool:
    """Say whether `statement` may put something into the table `name`: one that only binds another does not."""
    match statement:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=target))]):
            return target == name
        case ast.Assign() | ast.AnnAssign():
            return _binds(statement, name)
    return True


def _binds(statement: ast.stmt, name: str) -> bool:
    match statement:
        case ast.Assign(targets=[ast.Name(id=target)]) | ast.AnnAssign(target=ast.Name(id=target)):
            return name == target
    return False


def add_made_again(extractor: Extractor, cls: type, made: Making) -> tuple[Draft, str]:
    """Let a module take `cls` from where its own module has it, or call its factory again."""
    factory = made.factory
    use = NameUse.at(factory.unit, factory.node, described(cls))
    if is_loose(made.namespace) and (table := table_of(made.namespace, cls)) is not None:
        raise NotExtractable(
            f"{use.where}: {factory.name} made {use.what} and keeps it in {table!r}, which would have to be there "
            f"before it; move {factory.name} and {table} to a module, and import them from there"
        )
    name = naming.identifier(cls.__name__)
    draft = extractor.drafts.fitting(made.namespace, {made.name: made.namespace[made.name], **made.values, name: cls})
    extractor.places[cls] = (draft, name)
    draft.bound[name] = cls
    extractor.bring(draft, made.namespace, made.name, use)
    for argument, value in made.values.items():
        extractor.bind_captured(draft, factory.namespace, argument, value, use)
    needs = frozenset({made.name, *made.values, "isinstance", "type"})
    # As a class statement here would: this module is where others find it.
    is_it = f"isinstance({name}, type) and {name}.__name__ == {written(cls.__name__)}"
    text = f"{name} = {made.text}\nassert {is_it}\n{name}.__module__ = __name__"
    if cls.__qualname__ != name:
        text += f"\n{name}.__qualname__ = {written(name)}"
    draft.add(Item(names=(name,), text=text, order=use.after, at_once=needs, every=needs))
    return draft, name
