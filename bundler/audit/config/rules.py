"""What can be wrong with the config of a Keras model, one rule for each published way."""

from __future__ import annotations

from bundler.audit.finding import NEWER_KERAS, Rule, Severity

_NEW = "ask the author for a bundle that kbundle wrote; do not load this file with other tools either"
_NEWER = f"if a newer Keras made the model: pip install --upgrade kbundle; otherwise {_NEW}"


def _refused(name: str, title: str, why: str, remedy: str = _NEW) -> Rule:
    return Rule(id=f"config.{name}", severity=Severity.REFUSED, title=title, why=why, remedy=remedy)


MALFORMED = _refused(
    "malformed",
    "the config is not what Keras writes",
    "a config that two readers read differently hides what it holds (duplicate keys, RFC 8259 section 4)",
)
TOO_DEEP = _refused(
    "too-deep",
    "the config nests deeper than any model",
    "Keras rebuilds a config by recursion and has no limit of its own",
)
BYTECODE = _refused(
    "bytecode",
    "the config holds the bytecode of a lambda",
    "CVE-2024-3660, CVE-2026-12481: marshalled bytecode in a config is arbitrary code; Keras's safe mode, where it "
    "is on, is all that keeps it from running",
    "have the author pack the model with kbundle, which turns lambdas into named functions with their source",
)
SINK = _refused(
    "sink",
    "the config names a Keras object that is not part of models, in any Keras that this kbundle knows",
    "CVE-2025-49655 and CVE-2026-12484 (TorchModuleWrapper unpickles), CVE-2026-1462 (TFSMLayer loads any folder), "
    "callbacks that write and post: the list of modelling classes is closed",
    _NEWER,
)
NEWER = Rule(
    id="config.newer-keras",
    severity=Severity.CONSENT,
    capability=NEWER_KERAS,
    title="the config names a class that is newer than this kbundle knows",
    why="the list of modelling classes cannot have those of a later Keras; one of these may read files or run code, "
    "as TFSMLayer and TorchModuleWrapper do",
    remedy="pip install --upgrade kbundle; a version that knows this Keras does not ask",
)
FUNCTION = _refused(
    "function",
    "the config calls a function that is not a function of tensors",
    "CVE-2025-8747, CVE-2025-9906 and keras pull request 23654: a function node reaches downloads, loaders and "
    "constructors through Keras's export table; only activations, initializers, losses, metrics and ops are listed",
    _NEWER,
)
UNKNOWN = _refused(
    "unknown-object",
    "the config asks for an object that is neither Keras's nor declared in the manifest",
    "CVE-2025-1550 (a node that imports any module); tf-keras pull request 910 (its configs import freely)",
    "have the author pack the model again with the source of this object, or pass it as custom_objects={key: object}",
)
UNDECLARED_PATH = _refused(
    "undeclared-path",
    "the config asks for a declared object where the manifest does not say so",
    "the loader puts a declared object only at its declared paths (SPEC.md, I10); elsewhere Keras would take whatever "
    "this process has registered under that key",
)
LEGACY_NODE = _refused(
    "legacy-node",
    "the config names an object in the old format of Keras, which goes by bare names",
    "for a node without a module Keras's old reader takes its own class of that name, a Lambda of bytecode included "
    "(CVE-2024-3660), whatever the manifest declares under it",
    "have the author load the model with Keras 3, save it again and pack that",
)
REGISTERED_NAME = _refused(
    "registered-name",
    "the config gives an object of Keras another registered name",
    "Keras looks the registered name up first, so the node would load something else than it shows",
)
PATH = _refused(
    "path",
    "the config has a path or address where Keras would open it",
    "CVE-2025-12058: a vocabulary that is a string is read from that file or URL",
)
NAME = _refused(
    "name",
    "a layer has a name that is a path",
    "CVE-2026-12479: Keras joins the names of layers to paths when it reads assets and weights",
)
SIZE = _refused(
    "size",
    "a layer asks for far more memory than its weights take",
    "Keras allocates what a config asks for before it looks at the weights; a config of 200 bytes can ask for "
    "terabytes (CWE-789)",
)

RULES = (
    *(
        MALFORMED,
        TOO_DEEP,
        BYTECODE,
        SINK,
        NEWER,
        FUNCTION,
        UNKNOWN,
        UNDECLARED_PATH,
        LEGACY_NODE,
        REGISTERED_NAME,
        PATH,
    ),
    *(NAME, SIZE),
)
