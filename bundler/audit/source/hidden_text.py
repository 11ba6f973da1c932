"""Text that a reader does not see as the interpreter does: encodings, line ends, invisible and look-alike letters.

Strings and comments may hold any script; what they may not hold is a character that reorders or hides what stands
around it (Trojan Source, CVE-2021-42574). An identifier may be in one script only, and must be what it looks like
(CVE-2021-42694): Python reads a full-width ``eval`` as ``eval`` (NFKC, PEP 3131).
"""

from __future__ import annotations

import ast
import io
import re
import tokenize
import unicodedata
from collections.abc import Iterator

LONGEST = 1_000  # characters of a line of code; an editor shows some 200
COLUMN = 200  # beyond which a second statement is out of sight
_CODE = (ast.Call, ast.Attribute, ast.Lambda)
_ENCODINGS = frozenset({"utf-8", "utf-8-sig", "ascii", "iso-8859-1", "latin-1"})
#: Reorder or hide text: bidirectional controls, zero-width and invisible characters, tags, variation selectors.
_HIDING = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff9-\ufffb\U000e0000-\U000e0fff\u2028\u2029]"
)
_SYMBOLS = (
    "\u00a9\u00ae\u203c\u2049\u2122\u2139\u2190-\u21ff\u2300-\u23ff\u25a0-\u27bf\u2900-\u297f\u2b00-\u2bff\u3030\u303d\u3297\u3299"
    "\U0001f000-\U0001faff"
)
#: One selector behind a symbol and one joiner between two make an emoji (UTS #51): a reader sees that it is there.
_EMOJI = re.compile(
    f"(?<=[{_SYMBOLS}])\ufe0f|(?<=[0-9#*])\ufe0f(?=\u20e3)|(?<=[{_SYMBOLS}\ufe0f])\u200d(?=[{_SYMBOLS}])"
)
#: Control characters that terminals and editors act upon or do not show. Tab and line feed stay.
_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def decoded(text: bytes) -> tuple[str | None, str | None]:
    """Return the text as Python reads it and what is wrong with its encoding; no text where it cannot be read."""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(text).readline)
    except SyntaxError as error:
        return None, f"an encoding that is not known: {error.msg}"
    if encoding not in _ENCODINGS:
        return None, f"the encoding {encoding}: a viewer that takes it for UTF-8 shows other code (PEP 263)"
    try:
        return text.decode(encoding), None
    except UnicodeDecodeError as error:
        return None, f"bytes that are not {encoding}, at {error.start}"


def text_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for each line that holds text which hides."""
    body = text.replace("\r\n", "\n")
    for number, line in enumerate(body.split("\n"), 1):
        # A byte order mark at the very start is how some editors say UTF-8.
        shown = line.removeprefix("\ufeff") if number == 1 else line
        if not shown.isascii() and (found := _HIDING.search(_EMOJI.sub("", shown))):
            yield number, f"{_named(found.group())}: hides or reorders the text around it"
        if found := _CONTROL.search(line):
            # Python ends a line at a carriage return and skips a form feed; a viewer does neither.
            yield number, f"{_named(found.group())} inside a line: code behind it is read, and not seen"


def line_problems(text: str, tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for lines of code that are too long to be seen, and statements out of sight."""
    long = {number for number, line in enumerate(text.split("\n"), 1) if len(line) > LONGEST}
    shown: set[int] = set()
    for node in ast.walk(tree):
        line = getattr(node, "lineno", None)
        if line is None:
            continue
        if isinstance(node, ast.stmt) and node.col_offset > COLUMN and line not in shown:
            shown.add(line)
            yield line, f"a statement begins at column {node.col_offset}, out of sight"
        elif line in long and line not in shown and isinstance(node, _CODE) and node.col_offset > COLUMN:
            # Data may be long; code that is is hidden.
            shown.add(line)
            yield line, f"a line of more than {LONGEST} characters holds code out of sight"


def name_problems(text: str) -> Iterator[tuple[int, str]]:
    """Yield (line, what) for each identifier that is not what it looks like."""
    if text.isascii():
        return
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type != tokenize.NAME or token.string.isascii():
                continue
            name = token.string
            if (normal := unicodedata.normalize("NFKC", name)) != name:
                yield token.start[0], f"{name!a} is read as {normal!a} (PEP 3131)"
            elif len(scripts := {_script(letter) for letter in name} - {""}) > 1:
                yield token.start[0], f"{name!a} mixes {' and '.join(sorted(scripts))} letters"
            elif scripts & {"CYRILLIC", "CHEROKEE", "ARMENIAN", "COPTIC", "LISU", "FULLWIDTH"} and _looks_latin(name):
                yield token.start[0], f"{name!a} looks like a Latin name and is none"
    except (tokenize.TokenError, SyntaxError, IndentationError):
        # It parsed; a tokenizer that disagrees has seen another text.
        yield 1, "the text reads differently for the tokenizer and for the parser"


def _script(letter: str) -> str:
    """Return the script of a letter, as the first word of its Unicode name; nothing for digits and marks."""
    if not letter.isalpha():
        return ""
    return unicodedata.name(letter, "UNKNOWN").partition(" ")[0]


def _looks_latin(name: str) -> bool:
    return all(not letter.isalpha() or letter in _LOOK_ALIKES for letter in name)


#: Letters of other scripts that are drawn like Latin ones.
_LOOK_ALIKES = frozenset("авеёкмнорстухіјѕԁԛԝһӏАВЕЁКМНОРСТУХІЈЅԌԚԜҺӀ")


def _named(letter: str) -> str:
    return f"U+{ord(letter):04X} {unicodedata.name(letter, 'control character')}"
