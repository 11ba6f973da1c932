"""The statement that gives a name of a namespace the value that it has now."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterator, Mapping
from types import CodeType, FunctionType
from typing import Any

from bundler.sources.extract import bindings
from bundler.sources.extract.bindings import TopLevelBinding
from bundler.sources.extract.constant_values import is_flat, is_plain, literal_is, reproduces, written
from bundler.sources.extract.extracted import NotExtractable
from bundler.sources.extract.match import Match, is_transparent, match_class, match_function
from bundler.sources.extract.namespace_texts import NamespaceTexts, Unit, functions_of, unwrapped
from bundler.sources.extract.segments import Definition, statement_text


class Statements:
    """Answers from the texts of namespaces, and remembers."""

    def __init__(self, texts: NamespaceTexts) -> None:
        self._texts = texts
        self._bindings: dict[int, tuple[TopLevelBinding, ...]] = {}
        self._globals: dict[int, frozenset[str]] = {}

    def of(self, name: str, namespace: Mapping[str, Any]) -> Iterator[TopLevelBinding]:
        """Yield the statements that bind `name`, the one that ran last first, and star imports after those.

        A star import brings everything that its module imports, so it would often answer for another's module.
        """
        if id(namespace) not in self._bindings:
            found = [
                binding
                for unit in self._texts.units(namespace)
                for binding in bindings.bindings_in(unit, unit.tree.body)
            ]
            self._bindings[id(namespace)] = tuple(reversed(found))
        for wanted in (name, "*"):
            yield from (binding for binding in self._bindings[id(namespace)] if binding.name == wanted)

    def is_rebound(self, name: str, namespace: Mapping[str, Any]) -> bool:
        """Say whether a function gives `name` another value when it runs (``global``)."""
        if id(namespace) not in self._globals:
            trees = [unit.tree for unit in self._texts.units(namespace)]
            found = (node.names for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Global))
            self._globals[id(namespace)] = frozenset(item for names in found for item in names)
        return name in self._globals[id(namespace)]

    def definition(
        self, binding: TopLevelBinding, node: Definition, value: Any, namespace: Mapping[str, Any]
    ) -> Match | None:
        """Return the text of `value` if `node`, the class or def statement of `binding`, made it.

        Raises:
            NotExtractable: it would be the statement, but its text was changed since, or the class was.
        """
        here = Match(unit=binding.unit, node=node, namespace=namespace)
        if not all(is_transparent(item) for item in node.decorator_list):
            # What a decorator returns may be anything; that it holds the definition is enough.
            return here if self._is_made_from(value, node, binding.unit) else None
        if not isinstance(value, type | FunctionType) or getattr(value, "__module__", None) != namespace.get(
            "__name__"
        ):
            return None
        found = match_class(self._texts, value) if isinstance(value, type) else match_function(self._texts, value)
        return found if found.node is node else None

    def _is_made_from(self, value: Any, node: Definition, unit: Unit) -> bool:
        last = node.end_lineno or node.lineno
        first = min(item.lineno for item in node.decorator_list)
        codes = list(self.codes(value))
        if any(code.co_filename == unit.filename and first <= code.co_firstlineno <= last for code in codes):
            if not all(self._texts.gives(unit, code) for code in codes if code.co_filename == unit.filename):
                raise NotExtractable(
                    f"{unit.at(node.lineno)}: the text was changed after it ran; run it again and make the model anew"
                )
            return True
        if any(code.co_name == node.name for code in codes):
            return False
        # No code of the definition shows: a class without methods, or a wrapper that hides what it wraps.
        return getattr(value, "__name__", node.name) == node.name

    def codes(self, value: Any) -> Iterator[CodeType]:
        """Yield the code objects that are `value`, or that it wraps."""
        if isinstance(value, type):
            for cls in value.__mro__:
                if cls.__module__ == value.__module__:
                    yield from (function.__code__ for _, function in functions_of(cls))
        else:
            yield from (function.__code__ for function in unwrapped(value))

    def text(self, binding: TopLevelBinding, name: str, value: Any, namespace: Mapping[str, Any]) -> str | None:
        """Return a statement that gives `name` its value again, from an import or an assignment, or `None`."""
        if binding.name == "*":
            return bindings.star_text(binding, name, value, namespace)
        if binding.alias is not None:
            text = bindings.import_text(binding, value, namespace)
            guarded = bindings.guarded_import(binding.unit, binding.node)
            if guarded is not None and (text is not None or is_plain(value)):
                return statement_text(binding.unit, guarded)
            return text
        guarded = bindings.guarded_import(binding.unit, binding.node)
        if guarded is not None:
            return statement_text(binding.unit, guarded)
        return self._assignment(binding, name, value, namespace)

    def _assignment(self, binding: TopLevelBinding, name: str, value: Any, namespace: Mapping[str, Any]) -> str | None:
        match binding.node:
            case (
                ast.Assign(targets=[ast.Name()], value=expression)
                | ast.AnnAssign(target=ast.Name(), value=ast.expr() as expression)
            ):
                verbatim = True
            case ast.Assign(value=expression, targets=targets) if all(isinstance(item, ast.Name) for item in targets):
                verbatim = False
            case _:
                return _constant(name, value)
        constant = literal_is(expression, value)
        if not constant and (
            binding.in_loop or not reproduces(expression, value, {**vars(builtins), **namespace}.__getitem__)
        ):
            return _constant(name, value)
        if verbatim:
            return statement_text(binding.unit, binding.node)
        return f"{name} = {ast.get_source_segment(binding.unit.text, expression)}"

    def names(self, text: str) -> list[str]:
        """Return what a statement binds."""
        names = []
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.alias):
                names.append(node.asname or node.name.partition(".")[0])
            elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                names.append(node.id)
        return names


def _constant(name: str, value: Any) -> str | None:
    return f"{name} = {written(value)}" if is_plain(value) and is_flat(value) else None
