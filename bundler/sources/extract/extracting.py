"""Extracts objects into generated modules.

Two ways in: a name at the top level of a script or notebook (`_Job.require`) and an object that no name gives, made
inside a function or as a lambda (`_Job.add_unnamed`). Both write a definition and follow the names that it reads.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections.abc import Collection, Mapping, Sequence
from types import FunctionType
from typing import Any

from bundler.sources.extract import bindings, flags, naming
from bundler.sources.extract.binding_statements import Statements
from bundler.sources.extract.captures import captured, defined_before, surroundings
from bundler.sources.extract.constant_values import is_flat, is_plain, same, written
from bundler.sources.extract.defaults import function_text, with_defaults
from bundler.sources.extract.draft import Draft, Item
from bundler.sources.extract.drafts import Drafts
from bundler.sources.extract.extracted import Extracted, NotExtractable, extracted_of
from bundler.sources.extract.framework_values import import_of
from bundler.sources.extract.free_names import Names, line_of, names_of
from bundler.sources.extract.makings import add_made_again, making
from bundler.sources.extract.match import Match, described, is_transparent, match_class, match_function
from bundler.sources.extract.namespace_texts import NamespaceTexts, futures
from bundler.sources.extract.namespaces import (
    Extractable,
    is_extractable,
    is_ipython,
    is_lambda,
    is_loose,
    namespace_of_object,
    path_to,
)
from bundler.sources.extract.referring import InProgress
from bundler.sources.extract.refusals import NameUse, refusal
from bundler.sources.extract.segments import Definition, statement_text
from bundler.sources.extract.value_items import value_item


def extract(objects: Sequence[Extractable], *, taken: Collection[str], parts: Collection[int] = ()) -> Extracted:
    """Write the modules that `objects` need to live in.

    Args:
        objects: classes and functions for which `needs_extracting` holds.
        taken: top-level module names that a generated module must not have; those of Python and of installed
            distributions are known.
        parts: the variables of the packed model, by identity: no value may hold copies of them.
    """
    job = _Job(taken, [obj for obj in objects if isinstance(obj, FunctionType)], frozenset(parts))
    for obj in objects:
        try:
            job.add(obj)
        except NotExtractable as error:
            job.problems.append(str(error))
    return extracted_of(job.drafts, job.places, job.problems)


#: The head of a relative import, which a backslash may break after ``import``.
_RELATIVE = re.compile(r"\bfrom\s*\.[\s.]*[\w.]*\s*\bimport\b")
#: What TensorFlow's autograph notes on every function that it meets.
_MARKS = ("ag_", "autograph_")
#: What Python sets in a module itself. ``__file__`` is another matter: it leads to files.
_OF_EVERY_MODULE = frozenset(
    {"__name__", "__doc__", "__package__", "__spec__", "__loader__", "__builtins__", "__annotations__"}
)


class _Job:
    def __init__(self, taken: Collection[str], functions: Sequence[FunctionType], parts: frozenset[int]) -> None:
        self.functions = functions
        self.parts = parts
        self.texts = NamespaceTexts()
        self.problems: list[str] = []
        self._statements = Statements(self.texts)
        self.drafts = Drafts(taken)
        self.places: dict[Extractable, tuple[Draft, str]] = {}
        #: Objects that were written as values, by identity: the object, where it is, and its name there.
        self.carried: dict[int, tuple[Any, Draft, str]] = {}
        #: Those of them whose lines are being written.
        self.unfinished: set[int] = set()

    def add(self, obj: Extractable) -> tuple[Draft, str]:
        """Extract `obj` and return where it is."""
        if obj in self.places:
            return self.places[obj]
        namespace = namespace_of_object(obj)
        if is_loose(namespace):
            path = path_to(namespace, obj)
            if path is not None and (not is_lambda(obj) or self._lambda_statement(path, obj, namespace) is not None):
                draft = self.drafts.main(namespace)
                self.require(draft, namespace, path.partition(".")[0], NameUse(what="the model", where=""))
                if obj in self.places:
                    return self.places[obj]
                self.places[obj] = (draft, path)
                return draft, path
        return self.add_unnamed(obj)

    def require(self, draft: Draft, namespace: Mapping[str, Any], name: str, use: NameUse) -> None:
        """Make `draft` bind `name` as `namespace` does."""
        value = namespace[name]
        if name in draft.bound:
            if not same(draft.bound[name], value):
                raise NotExtractable(f"{use.where}: {name!r} means two things; give one of them another name")
            return
        draft.bound[name] = value
        try:
            item = self._named_item(draft, namespace, name, value, use)
        except InProgress:
            del draft.bound[name]
            raise
        if item is not None:
            draft.add(item)

    def _named_item(
        self, draft: Draft, namespace: Mapping[str, Any], name: str, value: Any, use: NameUse
    ) -> Item | None:
        """Return the statement that binds `name`; what it needs is in `draft` already."""
        if flags.is_flags(value):
            return flags.holder(name, use)
        for binding in self._statements.of(name, namespace):
            if isinstance(binding.node, Definition):
                match = self._statements.definition(binding, binding.node, value, namespace)
                if match is not None:
                    return self._definition_item(draft, match, binding.node, name, value)
                continue
            if is_lambda(value) and _assigned_lambda(binding.node) is not None:
                if (match := self._lambda_statement(name, value, namespace)) is not None:
                    self.places.setdefault(value, (draft, name))
                    text = function_text(match, value, name)
                    return self._written(draft, match, text, (name,), value, captured(match, value))
                continue
            statement = self._statements.text(binding, name, value, namespace)
            if statement is None:
                continue
            imports = binding.alias is not None
            names = Names.nothing() if imports else names_of(statement)
            order = (binding.unit.order, binding.node.lineno, 1)
            self._follow(draft, namespace, names, NameUse.at(binding.unit, binding.node, f"{name!r}"))
            return Item(
                names=tuple(self._statements.names(statement)),
                text=statement,
                order=order,
                is_import=imports or statement.startswith("try"),
                at_once=names.at_once,
                every=names.every,
            )
        if is_extractable(value) and path_to(namespace, value) == name and not is_lambda(value):
            # It says of itself that it is this name, but no statement of that name made it.
            self.add_unnamed(value)
        return self._item_for(draft, namespace, name, value, use)

    def _lambda_statement(self, name: str, value: FunctionType, namespace: Mapping[str, Any]) -> Match | None:
        """Return the text of the lambda `value` if a statement ``name = lambda ...`` made it."""
        match = match_function(self.texts, value)
        nodes = [_assigned_lambda(binding.node) for binding in self._statements.of(name, namespace)]
        return match if match.node in nodes else None

    def _item_for(self, draft: Draft, namespace: Mapping[str, Any], name: str, value: Any, use: NameUse) -> Item | None:
        """Return a statement that binds `name` to a value of which no statement is known, or `None` for none."""
        if flags.is_flags(value):
            return flags.holder(name, use)
        text = import_of(name, value) or (None if is_extractable(value) else bindings.import_by_value(name, value))
        if text is not None:
            return Item(names=(name,), text=text, order=use.before, is_import=True)
        if is_plain(value) and is_flat(value):
            return Item(names=(name,), text=f"{name} = {written(value)}", order=use.before)
        if isinstance(value, type | FunctionType):
            other, qualname = self.add(value)
            if other is not draft:
                if "." in qualname:
                    raise NotExtractable(f"{use.where}: {use.what} uses {name!r}, a class inside another; move it out")
                draft.imports_from.add(other.name)
                alias = f" as {name}" if qualname != name else ""
                text = f"from {other.name} import {qualname}{alias}"
                return Item(names=(name,), text=text, order=use.before, is_import=True)
            if qualname == name:
                return None
            needs = frozenset({qualname.partition(".")[0]})
            return Item(names=(name,), text=f"{name} = {qualname}", order=use.after, at_once=needs, every=needs)
        return value_item(self, draft, namespace, name, value, use)

    def bring(self, draft: Draft, namespace: Mapping[str, Any], name: str, use: NameUse) -> None:
        """Make `draft` bind `name` as `namespace` does, in it or by an import."""
        main = self.drafts.main(namespace) if is_loose(namespace) else None
        if draft is main:
            self.require(draft, namespace, name, use)
        else:
            self._link(draft, main, namespace, name, use, rebinds=False)

    def _definition_item(self, draft: Draft, match: Match, node: Definition, name: str, value: Any) -> Item:
        """Return the item of a definition that a name at the top level gives."""
        text = self._definition_text(match, node)
        if isinstance(value, FunctionType) and all(is_transparent(item) for item in node.decorator_list):
            text = with_defaults(text, value, match.namespace)
        if isinstance(value, type | FunctionType):
            self.places.setdefault(value, (draft, name))
        item = self._written(draft, match, text, (name,), value, {})
        if isinstance(value, type | FunctionType) and all(is_transparent(item) for item in node.decorator_list):
            for read, was in captured(match, value).items():
                if read in item.at_once & set(match.namespace) and not same(match.namespace[read], was):
                    raise defined_before(match, value, read)
        return item

    def _written(
        self, draft: Draft, match: Match, text: str, names: tuple[str, ...], value: Any, values: Mapping[str, Any]
    ) -> Item:
        """Return the item for the definition `text`, after what it needs: names of `values` first, then globals."""
        code = next(iter(self._statements.codes(value)), None)
        lazy = code is not None and futures(code)
        draft.lazy_annotations = draft.lazy_annotations or lazy
        what = described(value) if isinstance(value, type | FunctionType) else repr(names[0])
        use = NameUse.at(match.unit, match.node, what)
        decorators = getattr(match.node, "decorator_list", [])
        given = [name for name in vars(value) if not name.startswith(_MARKS)] if isinstance(value, FunctionType) else []
        if given and all(is_transparent(item) for item in decorators):
            # ``loss.calls = calls`` stands behind the definition, in the function that made it.
            text = "\n".join([text, *(f"{names[0]}.{item} = {names[0]}_{item}" for item in given)])
            values = {**values, **{f"{names[0]}_{item}": vars(value)[item] for item in given}}
        read = self._read(match, text, use, lazy=lazy)
        self._follow(draft, match.namespace, read, use, values, surroundings(match))
        return Item(
            names=names,
            text=text,
            order=use.order,
            is_definition=True,
            at_once=read.at_once,
            every=read.every,
        )

    def _definition_text(self, match: Match, node: ast.stmt) -> str:
        """Return the text of a definition, with relative imports made absolute: its module has no package."""
        lines = statement_text(match.unit, node).split("\n")
        offset = (node.end_lineno or node.lineno) - len(lines) + 1
        for inner in ast.walk(node):
            if isinstance(inner, ast.ImportFrom) and inner.level:
                origin = bindings.absolute(inner, match.namespace)
                if origin is not None:
                    index = inner.lineno - offset
                    plain = f"from {bindings.public_name(origin)} import"
                    lines[index] = _RELATIVE.sub(plain, lines[index], count=1)
        return "\n".join(lines)

    def _read(self, match: Match, text: str, use: NameUse, *, lazy: bool) -> Names:
        try:
            return names_of(text, lazy_annotations=lazy)
        except SyntaxError as error:
            raise NotExtractable(
                f"{match.where}: {use.what} does not stand for itself ({error.msg}); keep what it changes in an "
                "attribute or a keras variable instead"
            ) from None

    def _follow(
        self,
        draft: Draft,
        namespace: Mapping[str, Any],
        names: Names,
        use: NameUse,
        values: Mapping[str, Any] | None = None,
        around: Collection[str] = (),
    ) -> None:
        """Bring into `draft` what `names` stand for; every name that cannot come is a problem of its own."""
        values = values or {}
        main = self.drafts.main(namespace) if is_loose(namespace) else None
        for name in sorted(names.every - naming.file_name_only(use.node, namespace.get("__file__"), draft.name)):
            at = use.line(line_of(use.node, name)) if use.node is not None else use
            try:
                if name in values:
                    self.bind_captured(draft, namespace, name, values[name], at)
                    self._note_flags(draft, name, values[name], at)
                elif name in around:
                    raise NotExtractable(
                        f"{at.where}: {use.what} uses {name!r} of the function around it, and its value is not kept; "
                        "move the definition to the top level"
                    )
                elif name in ("__file__", "get_ipython") or is_ipython(namespace, name):
                    raise NotExtractable(refusal(name, namespace.get(name), at))
                elif name in namespace and name not in _OF_EVERY_MODULE:
                    if draft is main:
                        self.require(draft, namespace, name, at)
                    else:
                        self._link(draft, main, namespace, name, at, rebinds=name in names.written)
                    self._note_flags(main, name, namespace[name], at)
            except NotExtractable as error:
                self.problems.append(str(error))

    def _note_flags(self, draft: Draft | None, name: str, value: Any, use: NameUse) -> None:
        if draft is not None and flags.is_flags(value):
            for item in flags.values_read(name, value, use):
                draft.add(item)

    def bind_captured(self, draft: Draft, namespace: Mapping[str, Any], name: str, value: Any, use: NameUse) -> None:
        """Make `draft` bind `name` to a value that a function took from around it."""
        if name in draft.bound:
            if not same(draft.bound[name], value):
                raise NotExtractable(f"{use.where}: {name!r} means two things; give one of them another name")
            return
        draft.bound[name] = value
        item = self._item_for(draft, namespace, name, value, use)
        if item is not None:
            draft.add(item)

    def _link(
        self, draft: Draft, main: Draft | None, namespace: Mapping[str, Any], name: str, use: NameUse, *, rebinds: bool
    ) -> None:
        """Let `draft`, which is not the module of `namespace`, import `name` of it."""
        value = namespace[name]
        if name in draft.bound:
            if not same(draft.bound[name], value):
                raise NotExtractable(f"{use.where}: {name!r} means two things; give one of them another name")
            return
        if rebinds:
            raise NotExtractable(
                f"{use.where}: {use.what} changes the global {name!r} of its module; keep it in an attribute instead"
            )
        draft.bound[name] = value
        for binding in self._statements.of(name, namespace):
            if binding.alias is None or flags.is_flags(value):
                continue
            text = self._statements.text(binding, name, value, namespace)
            if text is not None and not text.startswith("try"):
                order = (binding.unit.order, binding.node.lineno, 1)
                draft.add(Item(names=(name,), text=text, order=order, is_import=True))
                return
        if self._statements.is_rebound(name, namespace):
            raise NotExtractable(
                f"{use.where}: {use.what} uses the global {name!r}, which a function changes, and would keep the value "
                "of now; keep it in an attribute or a list instead"
            )
        if main is not None:
            self.require(main, namespace, name, use)
            draft.imports_from.add(main.name)
            origin = main.name
        else:
            origin = bindings.public_name(str(namespace["__name__"]))
        draft.add(Item(names=(name,), text=f"from {origin} import {name}", order=use.before, is_import=True))

    def add_unnamed(self, obj: Extractable) -> tuple[Draft, str]:
        """Extract an object that no top-level name gives."""
        # What a decorator of TensorFlow's made of a function is not a function, and has it.
        made = obj if isinstance(obj, type | FunctionType) else obj.__wrapped__
        try:
            match = match_class(self.texts, made) if isinstance(made, type) else match_function(self.texts, made)
        except NotExtractable as error:
            if not isinstance(made, type) or (again := making(self.texts, made, error)) is None:
                raise
            return add_made_again(self, made, again)
        node, values = match.node, captured(match, made)
        use = NameUse.at(match.unit, node, described(obj))
        name = obj.__name__
        if isinstance(node, ast.Lambda):
            text = function_text(match, obj, "_")
        else:
            text = self._definition_text(match, node)
            if isinstance(made, FunctionType):
                text = with_defaults(text, made, match.namespace)
            # A decorator (functools.wraps) or a statement (metric.__name__ = "mae") may have given it another name.
            name = getattr(node, "name", name)
        code = next(iter(self._statements.codes(obj)), None)
        read = self._read(match, text, use, lazy=code is not None and futures(code))
        wanted = {item: values[item] for item in read.every & set(values)}
        around = {**vars(builtins), **match.namespace}
        wanted |= {item: around[item] for item in read.every - set(values) if item in around}
        if isinstance(node, ast.Lambda):
            draft = self.drafts.fitting(match.namespace, wanted)
            others = {item for item, value in match.namespace.items() if value is not obj}
            name = naming.lambda_name(match.unit, node, {*others, *draft.bound, *draft.promised, *values, *read.every})
            text = function_text(match, obj, name)
        else:
            draft = self.drafts.fitting(match.namespace, {**wanted, name: obj})
        self.places[obj] = (draft, name)
        draft.bound[name] = obj
        # A function that calls itself holds itself in a cell, under the name that the factory has for it.
        selves = [item for item in wanted if wanted[item] is obj and item != name]
        for alias in selves:
            draft.bound[alias] = obj
        item = self._written(draft, match, text, (name,), obj, values)
        draft.add(item)
        needs = frozenset({name})
        after = (item.order[0], item.order[1], 2)
        wrapped = getattr(obj, "__wrapped__", None)
        # What `functools.wraps` calls it, its decorator calls it again.
        is_given = isinstance(obj, FunctionType) and wrapped is None and bool(getattr(node, "decorator_list", []))
        if obj.__name__ not in (name, "<lambda>", getattr(wrapped, "__name__", name)) and not is_given:
            # Metrics are called by it, in what training reports; a class is looked up by it.
            text = f"{name}.__name__ = {written(obj.__name__)}"
            if isinstance(obj, type):
                text = f"{name}.__name__ = {name}.__qualname__ = {written(obj.__name__)}"
            draft.add(Item(names=(), text=text, order=after, at_once=needs, every=needs))
        for alias in selves:
            draft.add(Item(names=(alias,), text=f"{alias} = {name}", order=after, at_once=needs, every=needs))
        return draft, name


def _assigned_lambda(node: ast.stmt) -> ast.Lambda | None:
    value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
    return value if isinstance(value, ast.Lambda) else None
