"""What a constructor takes out of its ``**kwargs``, and whether it passes them on."""

from __future__ import annotations

import ast


class KeywordsByName(ast.NodeTransformer):
    """Turns ``kwargs.pop("rate", 0.1)`` into ``rate``, a parameter that the signature does not show."""

    def __init__(self, keywords: str, optional: dict[str, ast.expr | None]) -> None:
        self._keywords = keywords
        self._optional = optional

    def visit_Call(self, node: ast.Call) -> ast.AST:
        """Replace ``kwargs.pop(name, default)`` and ``kwargs.get``."""
        self.generic_visit(node)
        function = node.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr in ("pop", "get")
            and isinstance(function.value, ast.Name)
            and function.value.id == self._keywords
            and node.args
        ):
            return self._named(node, node.args[0], node.args[1] if len(node.args) > 1 else None)
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        """Replace ``kwargs[name]``."""
        self.generic_visit(node)
        if isinstance(node.value, ast.Name) and node.value.id == self._keywords and isinstance(node.ctx, ast.Load):
            return self._named(node, node.slice, None)
        return node

    def _named(self, node: ast.expr, key: ast.expr, default: ast.expr | None) -> ast.AST:
        if not isinstance(key, ast.Constant) or not isinstance(key.value, str):
            return node
        self._optional[key.value] = default
        return ast.copy_location(ast.Name(id=key.value, ctx=ast.Load()), node)


def passes_on(tree: ast.FunctionDef, keywords: str, method: str) -> bool:
    """Say whether a base constructor gets ``**kwargs``."""
    return any(
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == method
        and any(
            item.arg is None and isinstance(item.value, ast.Name) and item.value.id == keywords
            for item in node.keywords
        )
        for node in ast.walk(tree)
    )
