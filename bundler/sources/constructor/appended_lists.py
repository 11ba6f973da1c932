"""Lists that a constructor fills with ``append``, written as the expression that gives the same list."""

from __future__ import annotations

import ast


class AppendedItems(ast.expr):
    """Several elements that each turn of a loop appends to one list."""

    _fields = ("elts",)

    def __init__(self, elts: list[ast.expr]) -> None:
        super().__init__()
        self.elts = elts


def appended(before: ast.expr, element: ast.expr, around: tuple[ast.For | ast.If | ast.While, ...]) -> ast.expr | None:
    """Return the list expression `before` with `element` appended inside `around`; `None` where that cannot be said."""
    if any(isinstance(item, ast.If | ast.While) for item in around):
        return None
    if not around:
        if isinstance(before, ast.List):
            return ast.List(elts=[*before.elts, element], ctx=ast.Load())
        return ast.BinOp(left=before, op=ast.Add(), right=ast.List(elts=[element], ctx=ast.Load()))
    loops = [item for item in around if isinstance(item, ast.For)]
    generators = [ast.comprehension(target=loop.target, iter=loop.iter, ifs=[], is_async=0) for loop in loops]
    last = before.right if isinstance(before, ast.BinOp) else before
    if isinstance(last, ast.ListComp) and [item.iter for item in last.generators] == [loop.iter for loop in loops]:
        elements = last.elt.elts if isinstance(last.elt, AppendedItems) else [last.elt]
        both = ast.ListComp(elt=AppendedItems(elts=[*elements, element]), generators=last.generators)
        return ast.BinOp(left=before.left, op=before.op, right=both) if isinstance(before, ast.BinOp) else both
    built = ast.ListComp(elt=element, generators=generators)
    if isinstance(before, ast.List) and not before.elts:
        return built
    return ast.BinOp(left=before, op=ast.Add(), right=built)
