"""When the parts of a syntax tree run: with the module, perhaps, or in a later call."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING, NamedTuple

from bundler.formats.python.strings import dotted

if TYPE_CHECKING:
    from collections.abc import Iterator

_MISSING_MODULE = frozenset({"ImportError", "ModuleNotFoundError", "Exception", "BaseException"})
# The nodes whose parts run at different times than they do.
SPLIT = frozenset(
    {
        *(ast.If, ast.Try, ast.TryStar, ast.With, ast.AsyncWith, ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda),
        *(ast.ClassDef, ast.For, ast.AsyncFor, ast.While, ast.Match, ast.IfExp, ast.BoolOp, ast.ListComp),
        *(ast.SetComp, ast.DictComp, ast.GeneratorExp, ast.Expr, ast.JoinedStr),
    }
)


class Context(NamedTuple):
    """What is known about a place in the code."""

    strict: bool
    optional: bool
    top_level: bool

    def maybe(self, *, optional: bool = False) -> Context:
        """A branch that may or may not run."""
        return self._replace(strict=False, optional=self.optional or optional)

    def later(self) -> Context:
        """A call in the future; an enclosing ``try`` does not guard it."""
        return Context(strict=False, optional=False, top_level=False)


def parts_of(node: ast.AST, context: Context) -> Iterator[tuple[ast.AST, Context]]:
    """The parts of a node with what is known about when each of them runs."""
    once = context
    maybe = context.maybe()
    inner = once._replace(top_level=False)
    match node:
        case ast.If():
            body, orelse = _branches(node.test, once, maybe)
            yield node.test, once
            yield from ((part, body) for part in node.body if body)
            yield from ((part, orelse) for part in node.orelse if orelse)
        case ast.Try() | ast.TryStar():
            caught = any(_is_catch_all(handler) for handler in node.handlers)
            guarded = context.maybe(optional=caught) if node.handlers else once
            yield from ((part, guarded) for part in node.body)
            yield from ((part, maybe) for part in node.handlers)
            yield from ((part, maybe if node.handlers else once) for part in node.orelse)
            yield from ((part, once) for part in node.finalbody)
        case ast.With() | ast.AsyncWith():
            suppressed = any(_suppresses(item.context_expr) for item in node.items)
            yield from ((part, once) for part in node.items)
            yield from ((part, context.maybe(optional=True) if suppressed else once) for part in node.body)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            for field, value in ast.iter_fields(node):
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, ast.AST):
                        yield part, context.later() if field == "body" else inner
        case ast.Lambda():
            yield node.args, inner
            yield node.body, context.later()
        case ast.ClassDef():
            yield from ((part, inner) for part in ast.iter_child_nodes(node))
        case ast.For() | ast.AsyncFor() | ast.While() | ast.Match():
            first = {"iter", "test", "subject"}
            for field, value in ast.iter_fields(node):
                for part in value if isinstance(value, list) else [value]:
                    if isinstance(part, ast.AST):
                        yield part, once if field in first else maybe
        case ast.IfExp() | ast.BoolOp() | ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            yield from ((part, maybe) for part in ast.iter_child_nodes(node))
        case ast.Expr(value=ast.Constant()):
            return  # a docstring, or a remark in the form of one
        case ast.JoinedStr():
            # The pattern of the whole says more than its fragments.
            yield from ((part.value, once) for part in node.values if isinstance(part, ast.FormattedValue))
        case _:
            yield from ((part, once) for part in ast.iter_child_nodes(node))


def is_never_imported(test: ast.expr) -> bool:
    """Say whether an import of the module never runs what stands under ``if test``."""
    context = Context(strict=True, optional=False, top_level=True)
    return _branches(test, context, context)[0] is None


def _branches(test: ast.expr, once: Context, maybe: Context) -> tuple[Context | None, Context | None]:
    """When the two branches of an ``if`` run; `None` for one that no import of the module ever runs."""
    match test:
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            body, orelse = _branches(operand, once, maybe)
            return orelse, body
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            # A packed module has a name of its own: what only a script runs is not part of it.
            sides = {part.id if isinstance(part, ast.Name) else getattr(part, "value", None) for part in (left, right)}
            return (None, once) if sides == {"__name__", "__main__"} else (maybe, maybe)
        case ast.Constant(value=value):
            return (once, None) if value else (None, once)
    return (None, once) if dotted(test).rpartition(".")[2] == "TYPE_CHECKING" else (maybe, maybe)


def _suppresses(item: ast.expr) -> bool:
    return (
        isinstance(item, ast.Call)
        and dotted(item.func).rpartition(".")[2] == "suppress"
        and any(_covers_missing(argument) for argument in item.args)
    )


def _covers_missing(node: ast.expr | None) -> bool:
    """An exception class, or a tuple of them, that covers a missing module."""
    if isinstance(node, ast.Tuple):
        return any(_covers_missing(part) for part in node.elts)
    return node is not None and dotted(node).rpartition(".")[2] in _MISSING_MODULE


def _is_catch_all(handler: ast.ExceptHandler) -> bool:
    """The handler goes on after a missing module. One that ends in ``raise`` only words the failure."""
    if isinstance(handler.body[-1], ast.Raise):
        return False
    return handler.type is None or _covers_missing(handler.type)
