"""What an operation of TensorFlow reaches when it runs, by its name, its attributes and a constant input.

The caller says what an operation needs (`CapabilityOf`): nothing for those that only compute and for those that nobody
has shown to, but that TensorFlow has (``ALLOWED`` and `withheld` of the audit's lists), and ``native-code`` for
what is in no list. The other lists, one by one:

- ``READS``, ``WRITES``, ``CHECKPOINT``, ``TABLE_FILE``: events, but for `_HARMLESS` and `_BY_ATTRIBUTE`. Making a
  summary writer is one; writing to it is none, for who made it chose the file.
- ``NETWORK``: events for data services, RPC and debuggers. Sending, collectives, NCCL and accelerators' operations are
  none: they reach the cluster that the process is in, and joining one is an event of its own (`native_entries`).
- ``DYNAMIC``: none for Python functions, which have frames of their own. ``DatasetFromGraph`` is one.
- ``NATIVE``, ``PROCESS``: events.
- A name that TensorFlow has registered and no list has is a custom kernel: an event. One that is not registered is a
  function, whose operations were looked at when it was made.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from typing import NamedTuple

from bundler.keras_io.native.native_calls import exact

#: The capability that an operation needs when it runs, or nothing.
CapabilityOf = Callable[[str], str | None]


class OperationEffect(NamedTuple):
    """What an operation is about to do."""

    capability: str
    what: str
    path: str | None = None
    mode: str | None = None


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HARMLESS = _names("""
PyFunc PyFuncStateless EagerPyFunc
SummaryWriter CloseSummaryWriter FlushSummaryWriter ImportEvent WriteAudioSummary WriteGraphSummary
WriteHistogramSummary WriteImageSummary WriteRawProtoSummary WriteScalarSummary WriteSummary
StatsAggregatorSetSummaryWriter SetStatsAggregatorDataset ExperimentalSetStatsAggregatorDataset DebugNumericSummaryV2
AllToAll CollectiveAllToAllV2 CollectiveAllToAllV3 CollectiveAssignGroupV2 CollectiveBcastRecv CollectiveBcastRecvV2
CollectiveBcastSend CollectiveBcastSendV2 CollectiveGather CollectiveGatherV2 CollectiveInitializeCommunicator
CollectivePermute CollectiveReduce CollectiveReduceScatterV2 CollectiveReduceV2 CollectiveReduceV3
CrossReplicaSum DTensorAllGather DTensorAllReduce DTensorAllScatter DTensorAllToAll DTensorReduceScatter
NcclAllReduce NcclBroadcast NcclReduce _NcclBroadcastRecv _NcclBroadcastSend _NcclReduceRecv _NcclReduceSend
Recv Send _Recv _Send _HostRecv _HostSend _XlaRecvAtHost _XlaRecvAtHostV2 _XlaSendFromHost _XlaSendFromHostV2
RemoteCall ConfigureDistributedTPU ConnectTPUEmbeddingHosts ShutdownDistributedTPU _ConfigureDistributedTPU
_DisconnectHostFromDistributedTPUSystem _InitializeHostForDistributedTPU _ShutdownDistributedTPU
_WaitForDistributedTPU
""")
#: Harmless unless an attribute in `ATTRIBUTES` says otherwise.
_BY_ATTRIBUTE = _names("""
PrintV2 Copy CopyHost DebugIdentity DebugIdentityV2 DebugIdentityV3 DebugNanCount DebugNumericSummary
FixedUnigramCandidateSampler DecodeProtoV2 EncodeProto
""")
#: Their second input is a file, or the empty name for memory.
CACHES = _names("CacheDataset CacheDatasetV2")
#: Which input is the path of the only file.
_PATH = {
    "ReadFile": 0, "WriteFile": 0, "InitializeTableFromTextFile": 1, "InitializeTableFromTextFileV2": 1,
    "TextLineDataset": 0, "TFRecordDataset": 0, "TFRecordDatasetV2": 0, "FixedLengthRecordDataset": 0,
    "FixedLengthRecordDatasetV2": 0, "RestoreV2": 0, "SaveV2": 0, "LoadDataset": 0, "SaveDataset": 1,
    "SaveDatasetV2": 1, "CreateSummaryFileWriter": 1,
}  # fmt: skip
_READS = _names("""
RestoreV2 InitializeTableFromTextFile InitializeTableFromTextFileV2 CSVDataset CSVDatasetV2 DTensorRestoreV2
ExperimentalCSVDataset ExperimentalLMDBDataset ExperimentalMatchingFilesDataset FixedLengthRecordDataset
FixedLengthRecordDatasetV2 FixedLengthRecordReader FixedLengthRecordReaderV2 GenerateVocabRemapping ImmutableConst
LMDBDataset LMDBReader ListSnapshotChunksDataset LoadAndRemapMatrix LoadDataset MatchingFiles MatchingFilesDataset
ReadFile ReaderRead ReaderReadUpTo ReaderReadUpToV2 ReaderReadV2 RecordInput Restore RestoreSlice Skipgram
SnapshotChunkDataset SnapshotDatasetReader SnapshotNestedDatasetReader TFRecordDataset TFRecordDatasetV2
TFRecordReader TFRecordReaderV2 TextLineDataset TextLineReader TextLineReaderV2 WholeFileReader WholeFileReaderV2
FixedUnigramCandidateSampler DecodeProtoV2 EncodeProto
""")
_STREAMS = _names("stdout stderr log(info) log(warning) log(error)") | {""}


def _is_linked_in(value: str) -> bool:
    return value in ("", "local://") or value.startswith("bytes://")


#: The attributes that name a file or an address, with what tells that a value does not, and how a file is used.
ATTRIBUTES: dict[str, tuple[Callable[[str], bool], str]] = {
    "output_stream": (_STREAMS.__contains__, "w"),
    "debug_urls": (operator.not_, "w"),
    "debug_ops_spec": (operator.not_, "w"),
    "vocab_file": (operator.not_, "r"),
    "descriptor_source": (_is_linked_in, "r"),
}


def attribute_effect(name: str, values: Iterable[object]) -> OperationEffect | None:
    """Say what an attribute of the table makes an operation do; a value that cannot be read counts as a file."""
    harmless, mode = ATTRIBUTES[name]
    for value in values:
        text = exact(value)
        if text is None or not harmless(text):
            capability = "network" if text is not None and "grpc://" in text else "filesystem"
            return OperationEffect(capability, f"TensorFlow's {name}={text!r}", None, mode)
    return None


class Kinds:
    """Answers about operations by their names."""

    def __init__(self, capability_of_op: CapabilityOf) -> None:
        from tensorflow.core.framework import op_def_pb2
        from tensorflow.python.framework import _op_def_registry

        self._capability_of_op = capability_of_op
        self._registered = _op_def_registry.get
        self._definition = op_def_pb2.OpDef

    def is_registered(self, op: str) -> bool:
        """Say whether TensorFlow has an operation of this name, as opposed to a function."""
        return self._registered(op) is not None

    def inputs(self, op: str) -> int:
        """Return how many inputs an operation has; those that are lists count once."""
        serialized = self._registered(op)
        return len(self._definition.FromString(serialized).input_arg) if serialized else 0

    def is_plain(self, op: str) -> bool:
        """Say whether an operation is harmless whatever its inputs and attributes are."""
        return op not in _BY_ATTRIBUTE and op not in CACHES and self.capability(op) is None

    def capability(self, op: str) -> str | None:
        """Return the capability that an operation needs by its name alone."""
        if op in _HARMLESS or op in _BY_ATTRIBUTE or op in CACHES:
            return None
        needed = self._capability_of_op(op)
        return None if needed == "native-code" and not self.is_registered(op) else needed

    def effect(self, op: str, path: str | None = None) -> OperationEffect | None:
        """Say what an operation does by its name alone."""
        needed = self.capability(op)
        if needed is None:
            return None
        mode = None if needed != "filesystem" else "r" if op in _READS else "w"
        return OperationEffect(needed, f"TensorFlow's {op}" + (f" ({path!r})" if path is not None else ""), path, mode)

    def path_input(self, op: str) -> int | None:
        """Return which input is the path of the only file that an operation opens."""
        return _PATH.get(op)


def cache_effect(op: str, name: str | None) -> OperationEffect | None:
    """Say what a cache of a data set does: the empty name is memory, nothing is a name that is not known."""
    return None if name == "" else OperationEffect("filesystem", f"TensorFlow's {op} ({name!r})", name, "w")
