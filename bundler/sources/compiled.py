"""What a text compiles to: its code objects by qualified name, in a form that can be compared with running code."""

from __future__ import annotations

import ast
import functools
import importlib.util
import marshal
import warnings
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import CodeType
from typing import Any

from bundler.formats.python.parsing import parse
from bundler.sources.extract.namespace_texts import nested
from bundler.sources.extract.segments import first_line

#: A code object without its file name, its lines and its columns.
Shape = tuple[Any, ...]
#: Stands for a default that the text computes.
COMPUTED = object()

#: `types.coroutine` sets it on the code of the function that it decorates.
_ITERABLE_COROUTINE = 0x100
_FUNCTIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


#: How the autoreload of IPython calls the class in which it compiles a changed method, for its code.
_RELOADED = "__autoreload_"


@dataclass(frozen=True, kw_only=True, slots=True, eq=False)
class Compiled:
    """The code of one text.

    Attributes:
        codes: the code objects by qualified name; a name that is defined twice has two.
        names: every name that the text mentions, apart from local variables.
        functions: the functions by first line and name; lambdas of one line share both.
        classes: the class statements by first line and name.
        deleted: the names and attributes that the text deletes somewhere; ``*`` where it computes them.
        makes_code: the text compiles texts of its own.
    """

    codes: Mapping[str, tuple[CodeType, ...]]
    names: frozenset[str]
    functions: Mapping[tuple[int, str], tuple[_FUNCTIONS, ...]]
    classes: Mapping[tuple[int, str], tuple[ast.ClassDef, ...]]
    deleted: frozenset[str]
    makes_code: bool

    def alike(self, code: CodeType) -> tuple[CodeType, ...]:
        """Return the code objects of the text that are the same as `code`."""
        shape = shape_of(code)
        candidates = self.codes.get(code.co_qualname, ())
        if code.co_qualname.startswith(_RELOADED):
            candidates = tuple(
                found for codes in self.codes.values() for found in codes if found.co_name == code.co_name
            )
        return tuple(found for found in candidates if shape_of(found) == shape)

    def has_class(self, qualname: str) -> ast.ClassDef | None:
        """Return the class statement, where the text has exactly one of that name."""
        found = self.codes.get(qualname, ())
        nodes = self.classes.get((found[0].co_firstlineno, found[0].co_name), ()) if len(found) == 1 else ()
        return nodes[0] if len(nodes) == 1 else None

    def decorators(self, qualname: str) -> Iterator[ast.expr]:
        """Yield the decorators of what is called `qualname`, and of everything around it."""
        parts = qualname.split(".")
        for count in range(1, len(parts) + 1):
            for code in self.codes.get(".".join(parts[:count]), ()):
                place = (code.co_firstlineno, code.co_name)
                for node in (*self.functions.get(place, ()), *self.classes.get(place, ())):
                    yield from getattr(node, "decorator_list", ())


def compiled(text: bytes, filename: str) -> Compiled:
    """Compile `text` as an import in this process does.

    Raises:
        SyntaxError: it is not Python of this version.
        ValueError: the same, where it is not even text.
    """
    tree = parse(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        # The interpreter's own level of optimisation, and none of this module's future statements.
        whole = compile(tree, filename, "exec", dont_inherit=True, optimize=-1)
    codes: dict[str, list[CodeType]] = {}
    for code in nested(whole):
        codes.setdefault(code.co_qualname, []).append(code)
    functions: dict[tuple[int, str], list[_FUNCTIONS]] = {}
    classes: dict[tuple[int, str], list[ast.ClassDef]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Lambda):
            functions.setdefault((node.lineno, "<lambda>"), []).append(node)
        elif isinstance(node, ast.ClassDef):
            classes.setdefault((first_line(node), node.name), []).append(node)
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            functions.setdefault((first_line(node), node.name), []).append(node)
    return Compiled(
        codes={name: tuple(found) for name, found in codes.items()},
        names=frozenset(name for code in nested(whole) for name in code.co_names),
        functions={place: tuple(found) for place, found in functions.items()},
        classes={place: tuple(found) for place, found in classes.items()},
        deleted=frozenset(_deleted(tree)),
        makes_code=any(_makes_code(node) for node in ast.walk(tree)),
    )


def _deleted(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Del()) | ast.Attribute(attr=name, ctx=ast.Del()):
                yield name
            case ast.Name(id="delattr"):
                yield "*"


def _makes_code(node: ast.AST) -> bool:
    """Say whether code with the file name of the text may come out of `node`."""
    match node:
        case ast.Name(id="CodeType") | ast.Attribute(attr="CodeType"):
            return True
        case ast.Call(func=ast.Name(id="compile"), args=args, keywords=keywords):
            return len(args) + len(keywords) > 1
        case ast.keyword(arg=str(name)):
            return name.startswith("co_")
    return False


@functools.lru_cache(maxsize=10_000)
def shape_of(code: CodeType) -> Shape:
    """Return all of `code` that matters when it runs."""
    return (
        code.co_name,
        code.co_flags & ~_ITERABLE_COROUTINE,
        (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount),
        code.co_code,
        (code.co_names, code.co_varnames, code.co_cellvars, code.co_freevars),
        code.co_exceptiontable,
        tuple(typed(constant) for constant in code.co_consts),
    )


def typed(value: Any) -> Any:
    """Return something that equals what it is made of only where the types agree too: 1, 1.0 and True differ."""
    if isinstance(value, CodeType):
        return shape_of(value)
    if isinstance(value, tuple):
        return tuple, tuple(typed(item) for item in value)
    if isinstance(value, frozenset):
        return frozenset, frozenset(typed(item) for item in value)
    if isinstance(value, float | complex):
        # Zero has a sign, and what is not a number does not equal itself.
        return type(value), repr(value)
    return type(value), value


def defaults_of(node: _FUNCTIONS) -> tuple[list[Any], dict[str, Any]]:
    """Return the defaults of the arguments as the text has them; `COMPUTED` where it has no literal."""
    keywords = zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True)
    return (
        [_literal(item) for item in node.args.defaults],
        {argument.arg: _literal(item) for argument, item in keywords if item is not None},
    )


def _literal(node: ast.expr) -> Any:
    match node:
        case ast.Constant(value=value):
            return value
        case ast.UnaryOp(op=ast.USub(), operand=ast.Constant(value=int() | float() as value)):
            return -value
        case ast.Tuple(elts=items):
            values = tuple(_literal(item) for item in items)
            return COMPUTED if COMPUTED in values else values
    return COMPUTED


def cached_codes(file: Path, cached: str | None, text: bytes) -> tuple[Collection[Shape], bool]:
    """Return the code in the compiled file that Python takes for `text`, and whether it was surely made from it.

    Python believes a compiled file that names the size and the second of the text. So it takes an old one where both
    stayed the same. Other releases of one Python version share these files, and may compile a little differently.
    """
    try:
        content = Path(cached or "").read_bytes()
        source, made = file.stat(), Path(cached or "").stat()
        if content[:4] != importlib.util.MAGIC_NUMBER or file.read_bytes() != text:
            return (), False
        flags = int.from_bytes(content[4:8], "little")
        if flags & 1:
            sure = content[8:16] == importlib.util.source_hash(text)
            taken = sure or not flags & 2
        else:
            told = int.from_bytes(content[8:12], "little"), int.from_bytes(content[12:16], "little")
            taken = told == (int(source.st_mtime) & 0xFFFFFFFF, source.st_size & 0xFFFFFFFF)
            # The time of modification can be set back; the time of that change cannot.
            sure = taken and made.st_mtime_ns > max(source.st_mtime_ns, source.st_ctime_ns)
        if not taken:
            return (), False
        # What this interpreter itself has imported the module from.
        code = marshal.loads(content[16:])  # noqa: S302
    except (OSError, ValueError, EOFError, TypeError):
        return (), False
    return frozenset(shape_of(found) for found in nested(code)), sure
