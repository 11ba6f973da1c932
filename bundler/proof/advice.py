"""What to tell the author about a power that the packed code reached for: the line, and the change that avoids it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping

from bundler.manifest import Manifest, RecordedUse
from bundler.proof.request import LOAD, NEXT_STEP, OUTPUTS, SAVE_AND_LOAD, STATE, TRAIN, WEIGHTS

#: The member and the text of each packed module, by its name.
Texts = Mapping[str, tuple[str, bytes]]

_WHEN = {
    LOAD: "when the model is loaded",
    STATE: "when the model is loaded",
    WEIGHTS: "when the model is loaded",
    OUTPUTS: "when the model is called",
    SAVE_AND_LOAD: "when the model is saved and loaded again",
    NEXT_STEP: "when the model is trained",
    TRAIN: "when the model is trained",
}
_CHANGES = {
    "environment": "take it as an argument that get_config returns",
    "filesystem": "pack the file beside the module that reads it and open it there, or leave it to the caller",
}
#: Where a file did not travel.
PACK_FILE = (
    "put the file into the folder of the module that reads it, or below, and open it beside __file__ "
    '(Path(__file__).parent / "labels.txt") or with importlib.resources; then it is packed too'
)
#: What a line says that fails where nobody gave the author's surroundings, and what to write.
_FAILING = (
    (
        ("sys.argv",),
        "a model is loaded without a command line: give the value a default there "
        "(sys.argv[1] if len(sys.argv) > 1 else ...); the value of this run is then recorded",
    ),
    (
        ("environ", "getenv"),
        "the variable is not set where the model is loaded: give it a default there (os.environ.get(name, default)), "
        "or take it as an argument that get_config returns",
    ),
)
_OTHER_CHANGE = "leave that to the caller"


def needed(uses: Iterable[RecordedUse], stage: str, texts: Texts) -> list[str]:
    """Return a line for each of the `uses` without which `stage` failed."""
    return [_needed(use, stage, texts) for use in uses]


def done_without(uses: Iterable[RecordedUse], texts: Texts) -> list[str]:
    """Return a line for each of the `uses` that were refused and that nothing needed."""
    return [
        f"{_place(use, texts)} {use.what}: that is refused ({use.capability}), the code goes on without it"
        for use in uses
    ]


def author_place(place: str | None, manifest: Manifest) -> tuple[str, int | None]:
    """Return the file below the source root and the line of a failure's place, which has ``module, line 3``."""
    module, _, number = (place or "").partition(", line ")
    members = {item.name: item.member.removeprefix("code/") for item in manifest.modules}
    return (members[module], int(number)) if module in members and number.isdigit() else (place or "", None)


def change_for(file: str, line: int, texts: Texts, message: str) -> str | None:
    """Return the change to make to a line that fails with `message` in a fresh interpreter; `None` if none is known."""
    if "FileNotFoundError" in message:
        return PACK_FILE
    text = next((content for member, content in texts.values() if member == f"code/{file}"), b"")
    lines = text.decode(errors="replace").splitlines()
    said = lines[line - 1] if 0 < line <= len(lines) else ""
    for words, change in _FAILING:
        if any(word in said for word in words):
            return change
    if _is_outside_functions(line, text):
        return (
            "this line runs when the module is imported, and there it must work without the author's arguments, "
            'environment and folder; move it into the function that needs it, or below if __name__ == "__main__":'
        )
    return None


def _needed(use: RecordedUse, stage: str, texts: Texts) -> str:
    if stage == LOAD and _runs_when_imported(use, texts):
        when, change = "when imported", "move it into the function that needs it"
    else:
        when, change = _WHEN.get(stage, stage), _CHANGES.get(use.capability, _OTHER_CHANGE)
    return f"{_place(use, texts)} {use.what} {when}; {change}, or consumers pass allow={[use.capability]!r}"


def _place(use: RecordedUse, texts: Texts) -> str:
    if use.module not in texts:
        return use.module or "code that the bundle handed on"
    file = texts[use.module][0].removeprefix("code/")
    return file if use.line is None else f"{file}:{use.line}"


def _runs_when_imported(use: RecordedUse, texts: Texts) -> bool:
    """Say whether the line of `use` is outside of every function."""
    if use.line is None or use.module not in texts:
        return False
    return _is_outside_functions(use.line, texts[use.module][1])


def _is_outside_functions(line: int, text: bytes) -> bool:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    bodies = (item for item in ast.walk(tree) if isinstance(item, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda))
    return not any(_is_in_body(item, line) for item in bodies)


def _is_in_body(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, line: int) -> bool:
    # Decorators and defaults run where the function is made.
    first = function.body if isinstance(function, ast.Lambda) else function.body[0]
    return first.lineno <= line <= (function.end_lineno or first.lineno)
