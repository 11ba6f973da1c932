"""The rules of the graph audit."""

from __future__ import annotations

from bundler.audit import finding

_TRACED = "an operation runs when the graph is called, or already when it is loaded, where an initialiser reaches it"
_EXPORT = "export the model again with the TensorFlow of this machine, and pack it again"


def _consent(name: str, capability: str, title: str, why: str, remedy: str) -> finding.Rule:
    rule = f"graph.{name}"
    return finding.Rule(
        id=rule, severity=finding.Severity.CONSENT, title=title, why=why, remedy=remedy, capability=capability
    )


def _refused(name: str, title: str, why: str, remedy: str = _EXPORT) -> finding.Rule:
    return finding.Rule(id=f"graph.{name}", severity=finding.Severity.REFUSED, title=title, why=why, remedy=remedy)


FILES = _consent(
    "filesystem", finding.FILESYSTEM, "an operation that reads or writes files",
    f"{_TRACED}; scanners that look for ReadFile and WriteFile alone were passed with PrintV2 and SaveV2 (2026)",
    "take the operation out of the model's call; read files before the model is called",
)  # fmt: skip
NETWORKING = _consent(
    "network", finding.NETWORK, "an operation that talks to other processes or machines",
    f"{_TRACED}; RpcClient, DataServiceDataset and a debug address take a host by name",
    "take the operation out of the model's call",
)  # fmt: skip
DEVICE = _consent(
    "device", finding.NETWORK, "an operation placed on another machine",
    "a device such as /job:worker/task:1 sends the operation and its data to that task of a cluster",
    "export the model without a distribution strategy",
)  # fmt: skip
DYNAMIC = _consent(
    "dynamic-code", finding.DYNAMIC_CODE, "an operation that calls Python, or runs a graph that is data",
    "tf.py_function and tf.numpy_function call whatever has the number in this process; DatasetFromGraph runs a "
    "serialised graph that no audit sees",
    "write it with tf or keras.ops operations",
)  # fmt: skip
NATIVE = _consent(
    "native-code", finding.NATIVE_CODE, "an operation that TensorFlow does not have, or that runs a compiled program",
    "a kernel from a library that somebody loaded, a custom call by name, or a serialised module: machine code that "
    "nobody audited",
    "export the model without the custom operation, or read its source and accept it",
)  # fmt: skip
ENDS_PROCESS = _consent(
    "process", finding.PROCESS, "an operation that ends the process",
    f"{_TRACED}; Abort calls the function of that name",
    "take the operation out of the model's call",
)  # fmt: skip
UNKNOWN_OPERATION = _consent(
    "unknown-operation", finding.NATIVE_CODE, "an operation that is not known to compute only",
    "the audit has a closed list of the operations that a model needs to predict; queues, data set pipelines, sessions "
    "and accelerators' own operations are not on it",
    "move the operation out of the model's call, or read the graph and accept it",
)  # fmt: skip
RESTORE = _consent(
    "restore", finding.FILESYSTEM, "a checkpoint read or written where the loader does not do it",
    "RestoreV2 and SaveV2 take any path; a saver needs them once, with the one name that the loader gives it "
    "(public proofs of 2026 pass scanners with SaveV2)",
    "keep checkpoints out of the functions of the model",
)  # fmt: skip
TABLE_FROM_FILE = _consent(
    "table-from-file", finding.FILESYSTEM, "a table filled from a file that is not an asset of the SavedModel",
    "the table reads whatever file of this machine has that name, and its look-ups answer with the lines",
    "give the vocabulary as a list, or let TensorFlow export it as an asset",
)  # fmt: skip
CALL_OPTIONS = _consent(
    "call-options", finding.NATIVE_CODE, "options of a call that name more than numbers and switches",
    "config_proto can name optimizers, plug-ins and other machines, executor_type a scheduler that somebody registered",
    _EXPORT,
)  # fmt: skip
OPAQUE_CONSTANT = _consent(
    "opaque-constant", finding.NATIVE_CODE, "a constant that only a kernel can decode",
    "handles of resources and values of type variant are rebuilt from bytes by C++ that was not written for strangers",
    _EXPORT,
)  # fmt: skip
REGISTERED_OBJECT = _consent(
    "registered-object", finding.REFLECTION, "an object that a Python class of some package rebuilds",
    "the loader looks the name up among all classes that were registered in the process, and calls what it finds",
    "export tf.Module and tf.function objects only",
)  # fmt: skip
UNREAD_PART = _consent(
    "unread-part", finding.UNREADABLE, "a part whose meaning this audit does not know",
    "a collection, an attached message or an attribute filled in by the caller: whoever reads it decides what it does",
    _EXPORT,
)  # fmt: skip
OTHER_FORM = _refused(
    "text-form", "a graph in another form beside or instead of saved_model.pb",
    "TensorFlow also loads saved_model.pbtxt and saved_model.cpb; a scanner of saved_model.pb alone sees another model "
    "(ModelScan 0.8.8 skips the text form)",
)  # fmt: skip
UNEXPECTED_FILE = _refused(
    "unexpected-file", "a file that is not part of a SavedModel",
    "a SavedModel has a graph, a fingerprint, a checkpoint and assets; what else is there was put there by hand",
)  # fmt: skip
UNKNOWN_FIELD = _refused(
    "unknown-field", "a field that this audit does not know",
    "a reader skips the fields that it does not know, and a newer one does not: they see two graphs in one file",
    "use a newer version of this program, or export the model with TensorFlow 2.19 to 2.21",
)  # fmt: skip
MALFORMED = _refused(
    "malformed", "a file of the SavedModel with no meaning, or with two",
    "readers disagree about repeated fields, overlong numbers and entries that are there twice",
)  # fmt: skip
TOO_LARGE = _refused(
    "too-large", "a graph that asks for absurd memory",
    "a constant may have one value and a shape of any size (CVE-2026-0897 is the same fault in HDF5)",
)  # fmt: skip
ASSET = _refused(
    "asset", "an asset outside the SavedModel",
    "the loader joins the name to the folder of the assets; ../ leads out of it (CWE-22)",
)  # fmt: skip
SHADOWED_OPERATION = _refused(
    "shadowed-operation", "a function with the name of an operation",
    "TensorFlow looks into the library first: the node Relu would call the author's function",
)  # fmt: skip
MISSING_FUNCTION = _refused(
    "missing-function", "a function that the graph does not have",
    "the name would be looked up among the functions that other models brought into the process",
)  # fmt: skip
OBJECT_NAME = _refused(
    "object-name", "an attribute with a name that Python gives a meaning",
    "the loader sets the children of an object by setattr; __class__, __dict__ or __reduce__ change what the object is",
)  # fmt: skip

RULES: tuple[finding.Rule, ...] = (
    FILES, NETWORKING, DEVICE, DYNAMIC, NATIVE, ENDS_PROCESS, UNKNOWN_OPERATION, RESTORE, TABLE_FROM_FILE, CALL_OPTIONS,
    OPAQUE_CONSTANT, REGISTERED_OBJECT, UNREAD_PART, OTHER_FORM, UNEXPECTED_FILE, UNKNOWN_FIELD, MALFORMED, TOO_LARGE,
    ASSET, SHADOWED_OPERATION, MISSING_FUNCTION, OBJECT_NAME,
)  # fmt: skip
