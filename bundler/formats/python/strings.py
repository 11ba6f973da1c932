"""The strings of a module as far as they can be known without running it.

A string is a list of pieces, each of them text or `None` for a part that is computed. ``__name__``, ``__package__``
and constants that are bound once are known; concatenation, f-strings, ``%`` and ``.format`` are followed.
"""

from __future__ import annotations

import ast
import re
from collections import Counter

_PERCENT = re.compile(r"%(?:\([^)]*\))?[-#0 +]*[0-9*]*(?:\.[0-9*]+)?[a-zA-Z]")
_BRACES = re.compile(r"\{[^{}]*\}")
_CUTS = frozenset({"split", "rsplit", "partition", "rpartition"})
_DEEPEST = 200

Pieces = list[str | None]
Chain = tuple[str, ...]


class StringTexts:
    """What the strings, names and call targets of one tree mean."""

    def __init__(self, tree: ast.Module, module: str, package: str) -> None:
        self._aliases: dict[str, str] = {}
        self._known = {"__name__": module, "__package__": package}
        stored: Counter[str] = Counter()
        constants: dict[str, str] = {}
        for node in ast.walk(tree):
            match node:
                case ast.Import():
                    for alias in node.names:
                        bound = alias.asname or alias.name.partition(".")[0]
                        self._aliases[bound] = alias.name if alias.asname else bound
                case ast.ImportFrom(level=0, module=str(origin)):
                    for alias in node.names:
                        self._aliases[alias.asname or alias.name] = f"{origin}.{alias.name}"
                case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Constant(value=str(text))):
                    constants[bound] = text
                case ast.Assign(targets=[ast.Name(id=bound)], value=ast.Attribute() as value):
                    if (target := self.target(value)) != dotted(value) or target.startswith("importlib."):
                        self._aliases[bound] = target
                case ast.arg(arg=bound):
                    stored[bound] += 1
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                stored[node.id] += 1
        self._known.update({name: text for name, text in constants.items() if stored[name] == 1})

    def target(self, node: ast.expr) -> str:
        """The dotted name of what an expression refers to, with the module's own aliases undone."""
        root, _, rest = dotted(node).partition(".")
        origin = self._aliases.get(root, root)
        return f"{origin}.{rest}" if rest else origin

    def module_name(self, node: ast.expr) -> str | None:
        """The module that a bare name or attribute chain refers to, if an import bound it."""
        root = dotted(node).partition(".")[0]
        return self.target(node) if root in self._aliases else None

    def number(self, node: ast.expr) -> int:
        """The value of an integer constant, else 0."""
        return node.value if isinstance(node, ast.Constant) and isinstance(node.value, int) else 0

    def literal(self, node: ast.expr) -> str | None:
        """The whole text, if it is known."""
        prefix, complete = self.prefix(node)
        return prefix if complete else None

    def prefix(self, node: ast.expr) -> tuple[str, bool]:
        """The text up to its first computed part, and whether that is all of it."""
        text = ""
        for piece in self._pieces(node):
            if piece is None:
                return text, False
            text += piece
        return text, True

    def pattern(self, node: ast.expr) -> tuple[str, bool]:
        """The text with ``*`` for the computed parts, and whether there are any. Empty where nothing is known."""
        pieces = self._pieces(node)
        if not any(pieces):
            return "", False
        return "".join("*" if piece is None else piece for piece in pieces), None in pieces

    def _pieces(self, node: ast.expr, depth: int = 0) -> Pieces:
        if depth > _DEEPEST:
            return [None]
        match node:
            case ast.Constant(value=str(text)):
                return [text]
            case ast.Name(id=name) if name in self._known:
                return [self._known[name]]
            case ast.Attribute(value=ast.Name(id="__spec__"), attr="parent" | "name" as attribute):
                return [self._known["__package__" if attribute == "parent" else "__name__"]]
            case ast.JoinedStr(values=values):
                return [piece for value in values for piece in self._pieces(value, depth + 1)]
            case ast.FormattedValue(value=value, format_spec=None):
                return self._pieces(value, depth + 1)
            case ast.BinOp(op=ast.Add(), left=left, right=right):
                return self._pieces(left, depth + 1) + self._pieces(right, depth + 1)
            case ast.BinOp(op=ast.Mod(), left=left):
                whole = self._whole(left, depth)
                return [None] if whole is None else _gaps(_PERCENT, whole)
            case ast.Call(func=ast.Attribute(value=value, attr="format")):
                whole = self._whole(value, depth)
                return [None] if whole is None else _gaps(_BRACES, whole)
            case ast.Subscript(
                value=ast.Call(func=ast.Attribute(value=value, attr=method), args=args),
                slice=ast.Constant(value=int(index)),
            ) if method in _CUTS:
                return [self._cut(value, method, args, index, depth)]
        return [None]

    def _whole(self, node: ast.expr, depth: int) -> str | None:
        pieces = self._pieces(node, depth + 1)
        return None if None in pieces else "".join(piece or "" for piece in pieces)

    def _cut(self, value: ast.expr, method: str, args: list[ast.expr], index: int, depth: int) -> str | None:
        """``__name__.rpartition(".")[0]`` and its kin, the usual ways to the package's name."""
        text = self._whole(value, depth)
        given = [argument.value for argument in args if isinstance(argument, ast.Constant)]
        if text is None or len(given) != len(args):
            return None
        try:
            cut = getattr(text, method)(*given)[index]
        except (TypeError, ValueError, IndexError):
            return None
        return str(cut)


def chain_of(node: ast.AST) -> Chain | None:
    """Return ``("a", "b", "c")`` for ``a.b.c``; `None` for everything but a name and attributes of one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return (node.id, *reversed(parts)) if isinstance(node, ast.Name) else None


def dotted(node: ast.expr) -> str:
    """``a.b.c`` for a name or attribute chain, else an empty string."""
    return ".".join(chain_of(node) or ())


def _gaps(computed: re.Pattern[str], text: str) -> Pieces:
    pieces: Pieces = []
    for index, part in enumerate(computed.split(text)):
        pieces += [part] if index == 0 else [None, part]
    return pieces
