"""The functions and classes of TensorFlow's C modules that reach files, other machines, or machine code by themselves.

Every module that TensorFlow builds with pybind11 was gone through (2.19 to 2.21; the file endings are ``.so`` below
``tensorflow``). What is not in `ENTRIES` only computes, reports, or works on what an entry here has made:

- ``_pywrap_tfe``, ``_pywrap_tf_session``: operations, functions and graphs are held in `native_ops`; clusters, servers
  and libraries here. A DLPack capsule can only be made by C code, or through ctypes, whose use is an event of Python.
- ``_pywrap_device_lib``, ``_pywrap_dtensor_device``, ``_pywrap_parallel_device``, ``_pywrap_quantize_training``,
  ``_pywrap_nest``, ``_pywrap_utils``, ``_pywrap_stat_summarizer``, ``_pywrap_traceme``, ``_pywrap_kernel_registry``,
  ``_pywrap_tpu_embedding``, ``_pywrap_sparse_core_layout``, ``_pywrap_determinism``, ``_dtypes``, ``_tf_stack``,
  ``pywrap_xla_ops``, ``_pywrap_snapshot_utils`` and the like: memory and settings of this process only.
- ``_pywrap_tfprof`` beside what is below: works on the one profile of the process.
"""

from __future__ import annotations

from typing import NamedTuple

FILES, NETWORK, NATIVE, EFFECTS = "filesystem", "network", "native-code", "side-effects"


class NativeEntry(NamedTuple):
    """What a call means: a capability, and for files which argument is the path and whether it is written."""

    capability: str
    #: Each is the position of a path, or nothing, and ``r`` or ``w``.
    paths: tuple[tuple[int | None, str | None], ...] = ((None, None),)


_READ = NativeEntry(FILES, ((0, "r"),))
_WRITE = NativeEntry(FILES, ((0, "w"),))
_READ_SOMEWHERE = NativeEntry(FILES, ((None, "r"),))
_WRITE_SOMEWHERE = NativeEntry(FILES, ((None, "w"),))
_NETWORK = NativeEntry(NETWORK)
_NATIVE = NativeEntry(NATIVE)
_CODE = NativeEntry(NATIVE, ((0, None),))
_EFFECTS = NativeEntry(EFFECTS)

_PY = "tensorflow.python."

#: By module; a name with a dot is a method of a class, and a class stands for making an instance.
ENTRIES: dict[str, dict[str, NativeEntry]] = {
    f"{_PY}lib.io._pywrap_file_io": {
        "BufferedInputStream": _READ,
        "WritableFile": _WRITE,
        "CopyFile": NativeEntry(FILES, ((0, "r"), (1, "w"))),
        "CreateDir": _WRITE,
        "DeleteFile": _WRITE,
        "DeleteRecursively": _WRITE,
        "FileExists": _READ,
        "GetChildren": _READ,
        "GetMatchingFiles": _READ,
        "HasAtomicMove": _READ,
        "IsDirectory": _READ,
        "ReadFileToString": _READ,
        "RecursivelyCreateDir": _WRITE,
        "RenameFile": NativeEntry(FILES, ((0, "w"), (1, "w"))),
        "Stat": _READ,
        "WriteStringToFile": _WRITE,
    },
    f"{_PY}lib.io._pywrap_record_io": {
        "RandomRecordReader": _READ,
        "RecordIterator": _READ,
        "RecordWriter": _WRITE,
    },
    f"{_PY}util._pywrap_checkpoint_reader": {"CheckpointReader": _READ},
    f"{_PY}client._pywrap_events_writer": {"EventsWriter": _WRITE},
    f"{_PY}client._pywrap_debug_events_writer": {
        "Init": _WRITE,
        "Close": _WRITE,
        "FlushExecutionFiles": _WRITE,
        "FlushNonExecutionFiles": _WRITE,
        "RegisterDeviceAndGetId": _WRITE,
        "WriteDebuggedGraph": _WRITE,
        "WriteExecution": _WRITE,
        "WriteGraphExecutionTrace": _WRITE,
        "WriteGraphOpCreation": _WRITE,
        "WriteSourceFile": _WRITE,
        "WriteStackFrameWithId": _WRITE,
    },
    f"{_PY}client._pywrap_tf_session": {
        "TF_LoadLibrary": _CODE,
        "TF_LoadPluggableDeviceLibrary": _CODE,
        "TF_RegisterFilesystemPlugin": _CODE,
        "TF_NewServer": _NETWORK,
        "TF_ServerStart": _NETWORK,
    },
    f"{_PY}_pywrap_tfe": {
        "TFE_ContextSetServerDef": _NETWORK,
        "TFE_ContextSetServerDefWithTimeoutAndRetries": _NETWORK,
        "TFE_ContextUpdateServerDef": _NETWORK,
        "TFE_EnableCollectiveOps": _NETWORK,
        "TF_PickUnusedPortOrDie": _NETWORK,
    },
    f"{_PY}data.experimental.service._pywrap_server_lib": {
        "TF_DATA_NewDispatchServer": _NETWORK,
        "TF_DATA_NewWorkerServer": _NETWORK,
        "TF_DATA_GetDataServiceMetadataByID": _NETWORK,
    },
    f"{_PY}profiler.internal._pywrap_profiler": {
        "ProfilerSession.start": NativeEntry(FILES, ((1, "w"),)),
        "ProfilerSession.export_to_tb": _WRITE_SOMEWHERE,
        "start_server": _NETWORK,
    },
    f"{_PY}profiler.internal._pywrap_profiler_plugin": {
        "monitor": _NETWORK,
        "trace": _NETWORK,
        "xspace_to_tools_data": _READ_SOMEWHERE,
    },
    f"{_PY}saved_model.pywrap_saved_model": {"Save": _WRITE},
    f"{_PY}saved_model.pywrap_saved_model.fingerprinting": {
        "CreateFingerprintDef": _READ,
        "ReadSavedModelFingerprint": _READ,
        "SingleprintFromFP": _READ,
        "SingleprintFromSM": _READ,
    },
    f"{_PY}saved_model.pywrap_saved_model.metrics": {"CalculateFileSize": _READ},
    f"{_PY}util._pywrap_tfprof": {
        "ProfilerFromFile": _READ,
        "WriteProfile": _WRITE,
        "PrintModelAnalysis": _WRITE_SOMEWHERE,  # Its options name an output file.
        "Profile": _WRITE_SOMEWHERE,
    },
    f"{_PY}util._pywrap_transform_graph": {"TransformGraphWithStringInputs": _NATIVE},  # Folds what it is given.
    f"{_PY}lib.core._pywrap_py_func": {"initialize_py_trampoline": _EFFECTS},
    f"{_PY}_pywrap_mlir": {
        "ExperimentalConvertSavedModelToMlir": _READ,
        "ExperimentalConvertSavedModelV1ToMlir": _READ,
        "ExperimentalConvertSavedModelV1ToMlirLite": _READ,
        "ExperimentalRunPassPipeline": _NATIVE,
        "ExperimentalWriteBytecode": _WRITE,
    },
    f"{_PY}_pywrap_tfcompile": {"Compile": _WRITE_SOMEWHERE},
    f"{_PY}_pywrap_toco_api": {"TocoConvert": _WRITE_SOMEWHERE},
    # Converters read SavedModels and write dumps by what their flags say; an interpreter runs any operation as "flex".
    "tensorflow.compiler.mlir.lite.python._pywrap_converter_api": {
        "Convert": _WRITE_SOMEWHERE,
        "RegisterCustomOpdefs": _NATIVE,
    },
    "tensorflow.compiler.mlir.tensorflow_to_stablehlo.python.pywrap_tensorflow_to_stablehlo": {
        "savedmodel_to_stablehlo": _READ,
    },
    "tensorflow.compiler.mlir.quantization.tensorflow.python.pywrap_quantize_model": {
        "quantize_ptq_dynamic_range": _WRITE_SOMEWHERE,
        "quantize_ptq_static_range": _WRITE_SOMEWHERE,
        "quantize_qat_model": _WRITE_SOMEWHERE,
        "quantize_weight_only": _WRITE_SOMEWHERE,
    },
    # By the names that TensorFlow itself imports: 2.20 ships a second copy of these, which ends the process.
    "tensorflow.lite.python.interpreter_wrapper._pywrap_tensorflow_interpreter_wrapper": {
        "CreateWrapperFromBuffer": _NATIVE,
        "CreateWrapperFromFile": _CODE,
    },
    "tensorflow.lite.python.optimize._pywrap_tensorflow_lite_calibration_wrapper": {"CalibrationWrapper": _NATIVE},
    "tensorflow.lite.python.analyzer_wrapper._pywrap_analyzer_wrapper": {"ModelAnalyzer": _READ_SOMEWHERE},
    "tensorflow.lite.tools.optimize.python._pywrap_modify_model_interface": {
        "modify_model_interface": NativeEntry(FILES, ((0, "r"), (1, "w"))),
    },
}
#: HDF5's folders of plug-ins, whose libraries it loads.
HDF5_ENTRIES: dict[str, dict[str, NativeEntry]] = {
    "h5py.h5pl": dict.fromkeys(("append", "prepend", "insert", "replace"), _NATIVE),
}
