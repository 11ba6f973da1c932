"""The rules of `bundler.audit.consistency.contradictions`."""

from __future__ import annotations

from bundler.audit.finding import Rule, Severity

_PACK_AGAIN = "have the author pack the model again with kbundle"


def _rule(severity: Severity, name: str, title: str, why: str, remedy: str = _PACK_AGAIN) -> Rule:
    return Rule(id=f"consistency.{name}", severity=severity, title=title, why=why, remedy=remedy)


ELSEWHERE = _rule(
    Severity.REFUSED,
    "object-elsewhere",
    "is shown in another file than the one that runs",
    "loading takes the object from its module, whatever file the manifest shows for it (SPEC.md, section 10)",
)
LINE = _rule(
    Severity.REFUSED,
    "object-line",
    "is shown in a line that does not define it",
    "a reviewer would read other code than what runs",
)
PATH = _rule(
    Severity.REFUSED,
    "object-path",
    "is declared where the config asks for something else",
    "the loader puts the declared object there: what reads as a layer of Keras would be another (I10, I11)",
)
FRAMEWORK = _rule(
    Severity.REFUSED,
    "framework-object",
    "declares an object of Python or of the framework as a custom one",
    "declared objects pass the closed list of the config; so would keras.utils.get_file or os.system (CVE-2025-8747)",
)
NOT_REQUIRED = _rule(
    Severity.REFUSED,
    "object-not-required",
    "declares an installed object of what the bundle does not require",
    "whatever has that name where the bundle is loaded would run, and the requirements do not show it",
)
STRANGE_ADAPTATION = _rule(
    Severity.REFUSED,
    "adaptation",
    "adapts what is not a declared object",
    "an adapter calls what it stands for with arguments from the config (SPEC.md, section 10)",
)
SHADOWED = _rule(
    Severity.REFUSED,
    "shadows-framework",
    "packs a module under the name of what is not packed",
    "packed code that says 'import numpy' would get it, and reads as if it used the real one",
    "have the author rename the module",
)
SHADOWS = _rule(
    Severity.WARNING,
    "shadowing-module",
    "packs a module that has the name of one of Python's or of a requirement's",
    "packed code that imports the name gets the packed one: read it as that",
    "have the author rename the module",
)
COMPUTED = _rule(
    Severity.WARNING,
    "object-not-spelled-out",
    "is not spelled out in the source",
    "it is made, or put into the module, when that runs: look for where, or it does not exist and loading fails",
    "have the author define it with class or def",
)
REDEFINED = _rule(
    Severity.WARNING,
    "object-redefined",
    "gets its value in more than one place",
    "the last that runs counts, and the manifest shows one of them",
    "read all of them",
)
UNREACHED = _rule(
    Severity.WARNING,
    "unreached-source",
    "is source that nothing leads to",
    "no object, entry or builder imports it: it travels for another reason, or is imported in a hidden way",
    "read it as all other source, or ask the author what it is for",
)
NO_PROOF = _rule(
    Severity.WARNING,
    "no-proof",
    "was never loaded before it got its name",
    "the author switched the proof off, or another tool wrote the bundle",
    "run kbundle test where it may run",
)
OTHER_PROOF = _rule(
    Severity.WARNING,
    "other-proof",
    "was proved with other versions than it asks for",
    "that it loads with the versions of the lock is then nobody's statement",
)
VERSION = _rule(
    Severity.WARNING,
    "versions",
    "says that the model was made with other versions than it asks for",
    "weights and configs change between versions; one of the two statements is wrong",
)
ABSENT_TENSOR = _rule(
    Severity.WARNING,
    "tensor-absent",
    "lists a tensor that the weights do not have",
    "whoever reads the index sees another model than the one that loads",
)
UNLISTED_TENSOR = _rule(
    Severity.WARNING,
    "tensor-unlisted",
    "has a tensor that its index does not list",
    "whoever reads the index sees another model than the one that loads",
)
INSTALLED = _rule(
    Severity.NOTE,
    "installed-object",
    "takes the code of an object from an installed distribution",
    "what runs is what is installed where the bundle is loaded; an audit of the bundle does not see it",
    "trust the distribution, or have the author pack it as source (include=)",
)
NO_SELF_TEST = _rule(
    Severity.NOTE,
    "no-self-test",
    "has no inputs and outputs to test itself with",
    "that a loaded model still gives the author's numbers cannot be told then",
    "have the author pack it with sample inputs",
)
GENERATED = _rule(
    Severity.NOTE,
    "generated-source",
    "was taken from a notebook, a script or the inside of a function",
    "the author has no such file: compare it with where it came from",
    "nothing",
)
REDUCED = _rule(
    Severity.NOTE,
    "reduced-source",
    "leaves out what the model does not need of the author's file",
    "lines that are left out are empty; the manifest has the digest of the whole file to compare with",
    "nothing",
)
UNRESOLVED = _rule(
    Severity.NOTE,
    "unresolved-import",
    "imports what the author's machine does not have",
    "loading does not need it; where it is installed, the code may do something that nobody has tested",
    "nothing",
)
UNNAMED_DATA = _rule(
    Severity.NOTE,
    "unnamed-data",
    "is a data file that no string in the source names",
    "it travels for another reason, or is opened under a name that is computed",
    "have the author leave it out (skip_data=), or say what it is for",
)
RULES = (
    *(ELSEWHERE, LINE, PATH, FRAMEWORK, NOT_REQUIRED, STRANGE_ADAPTATION, SHADOWED, SHADOWS, COMPUTED, REDEFINED),
    *(UNREACHED, NO_PROOF, OTHER_PROOF, VERSION, ABSENT_TENSOR, UNLISTED_TENSOR, INSTALLED, NO_SELF_TEST),
    *(GENERATED, REDUCED, UNRESOLVED, UNNAMED_DATA),
)
