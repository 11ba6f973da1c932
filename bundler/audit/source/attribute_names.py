"""Attribute names on objects that are not followed: the closed list, and what is off it whoever defines it.

1. Such an object is neither a module nor a sink (`uses`), so only its attributes lead further: names of the interpreter's
   own (``__globals__``, ``f_back``), and methods of foreign objects that read, write or run.
2. Every other name must be public on what layer code holds, or be one that the bundle defines.
"""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from typing import NamedTuple

from bundler.audit.finding import (
    DYNAMIC_CODE,
    ENVIRONMENT,
    FILESYSTEM,
    NATIVE_CODE,
    NETWORK,
    PROCESS,
    REFLECTION,
    SIDE_EFFECTS,
    UNSAFE_DESERIALIZATION,
)
from bundler.audit.source import values
from bundler.audit.source.asked_when_run import BUILDS_OTHERS, REPLACES_CODE
from bundler.audit.source.exported_names import methods, power_names, private_attributes, public_attributes
from bundler.audit.source.library_sinks import each, merged
from bundler.audit.source.lookup import harmless_names, raw_doors
from bundler.audit.source.values import Value

#: Methods of arrays, datasets, models, checkpoints, data frames and files, by what they do.
DANGEROUS = merged(
    each(
        {
            FILESYSTEM: "save save_weights load_weights load tofile fromfile dump export list_files snapshot save_assets"
            " load_assets save_checkpoint save_checkpoint_if_preempted restore restore_or_initialize write_graph"
            " flow_from_directory flow_from_dataframe write_text write_bytes read_text read_bytes unlink rmdir"
            " mkdir iterdir rglob symlink_to hardlink_to to_csv to_excel to_hdf to_parquet to_feather to_sql"
            " to_stata to_html to_latex to_markdown savefig imwrite imsave imread savemat loadmat savez savetxt"
            " loadtxt save_pretrained"
            " from_pretrained push_to_hub write_file read_file open_memmap resave_weights delete_checkpoint"
            " create_dataset require_dataset formatException _log experimental_save load_checkpoint load_model save_model fileno csv_file write_images _lookup_table_from_file open_code",
            NETWORK: "urlopen urlretrieve get_file send_as_json server_def create_local_server cluster_spec_server _open",
            PROCESS: "system popen Popen check_output check_call getoutput spawn",
            NATIVE_CODE: "CDLL ctypes cffi dlopen load_library load_op_library capsule ctypeslib",
            DYNAMIC_CODE: "exec_module create_module load_module import_module find_module find_spec get_code"
            " get_source numpy_function py_func py_function make_dataclass from_node_def python_function _evaluate"
            " _convert_",
            UNSAFE_DESERIALIZATION: "to_pickle read_pickle Unpickler enable_unsafe_deserialization",
            REFLECTION: "mro globals builtins nonlocals cell_contents f_back f_builtins f_code f_globals f_lasti"
            " f_lineno f_locals f_trace f_trace_lines f_trace_opcodes gi_code gi_frame gi_running gi_suspended"
            " gi_yieldfrom cr_await cr_code cr_frame cr_origin cr_running cr_suspended ag_await ag_code ag_frame"
            " ag_running ag_suspended tb_frame tb_lasti tb_lineno tb_next format_map get_field vformat frame frames"
            " unbound FunctionType CodeType func_globals func_code im_func im_self im_class walk_stack modules"
            " create_op _create_op_internal _create_op_helper _create_op_from_tf_operation node_def get_operation_by_name get_tensor_by_name gradient_override_map get_objects get_referrers"
            " get_referents",
            SIDE_EFFECTS: "setLogRecordFactory set_default settrace setprofile",
        }
    ),
    [(name, REFLECTION) for name in public_attributes() if name.startswith("co_")],
)

#: Names that objects of CPython 3.11 to 3.14 really have and that lead from any object to any other, and those that
#: NumPy, pickle, inspect or a Python linked to them act on by address or by value. Spelled out (as a name, an attribute,
#: a constant string) they are refused at load; the guard's `getattr` and `setattr` refuse them where they are computed.
#: What an author made up (``__activation_handled__``) leads nowhere and is not here.
INTERPRETER_NAMES: frozenset[str] = frozenset(
    # Functions: their globals hold the real builtins, their code and cells every object that they use.
    "__globals__ __builtins__ __code__ __closure__ __defaults__ __kwdefaults__ __wrapped__ __self__ cell_contents"
    " func_globals func_code im_self"
    # Classes and objects: every class there is; reads past `__getattr__` and the guard; an object's whole inside.
    " __subclasses__ __getattribute__ __mro__ __base__ __bases__ __objclass__ __thisclass__ __self_class__ mro __dict__ __reduce__ __reduce_ex__"
    # Modules: what loads them reads files and runs code; what they are looked up by.
    " __loader__ __spec__ __path__ __import__ __build_class__"
    # Exceptions and annotations that are functions with code of their own (3.14).
    " __traceback__ __annotate__ __annotate_func__ __conditional_annotations__ evaluate_value"
    # What NumPy and CUDA map memory by, and what inspect reads as source.
    " ctypes __array_interface__ __array_struct__ __cuda_array_interface__ __text_signature__"
    # C functions by address.
    " __pyx_capi__"
    # Frames, tracebacks, generators, coroutines: running code, its locals and its globals.
    " tb_frame tb_lasti tb_lineno tb_next f_back f_builtins f_code f_generator f_globals f_lasti f_lineno f_locals f_trace"
    " f_trace_lines f_trace_opcodes gi_code gi_frame gi_running gi_suspended gi_yieldfrom cr_await cr_code cr_frame"
    " cr_origin cr_running cr_suspended ag_await ag_code ag_frame ag_running ag_suspended"
    # Code objects.
    " co_argcount co_branches co_cellvars co_code co_consts co_exceptiontable co_filename co_firstlineno co_flags"
    " co_freevars co_kwonlyargcount co_linetable co_lines co_lnotab co_name co_names co_nlocals co_posonlyargcount"
    " co_positions co_qualname co_stacksize co_varnames".split()
)
#: What besides changes what code is, where a class or module binds it or somebody stores it.
_CHANGES = frozenset(
    "__class__ __bases__ __base__ __mro__ __annotations__ __match_args__ __mro_entries__ __dataclass_fields__"
    # What copy and attrs take for the names of attributes to read.
    " __slotnames__ __attrs_attrs__".split()
)


def is_interpreter_name(name: str) -> bool:
    """Whether reading the attribute `name` of an object may lead to any other, through the interpreter."""
    return name in INTERPRETER_NAMES


def changes_code(name: str) -> bool:
    """Whether to bind or store `name` changes what a class, function or module is to the interpreter."""
    return name in INTERPRETER_NAMES or name in _CHANGES


#: Dunder attributes that lead nowhere: protocols, names and documentation.
DUNDERS = frozenset(
    """
    __abs__ __add__ __aenter__ __aexit__ __aiter__ __all__ __and__ __anext__ __args__ __array__
    __array_priority__ __array_ufunc__ __array_function__ __author__ __await__ __bool__ __bytes__
    __call__ __cause__ __ceil__ __class__ __complex__ __contains__ __context__ __copy__ __copyright__ __dataclass_fields__
    __date__ __debug__ __deepcopy__ __delete__ __delitem__ __dir__ __divmod__ __dlpack__ __dlpack_device__ __doc__
    __email__ __enter__ __eq__ __exit__ __file__ __float__ __floor__ __floordiv__ __format__ __ge__ __get__ __getitem__
    __gt__ __hash__ __iadd__ __iand__ __ifloordiv__ __ilshift__ __imatmul__ __imod__ __imul__ __index__ __init__
    __init_subclass__ __instancecheck__ __int__ __invert__ __ior__ __ipow__ __irshift__ __isub__ __iter__ __itruediv__
    __ixor__ __jax_array__ __le__ __len__ __length_hint__ __license__ __lshift__ __lt__ __matmul__ __members__
    __missing__ __mod__ __module__ __mul__ __name__ __ne__ __neg__ __new__ __next__ __notes__ __or__ __origin__
    __package__ __pos__ __post_init__ __pow__ __qualname__ __radd__ __rand__ __rdivmod__ __repr__ __reversed__
    __rfloordiv__ __rlshift__ __rmatmul__ __rmod__ __rmul__ __ror__ __round__ __rpow__ __rrshift__ __rshift__ __rsub__
    __rtruediv__ __rxor__ __set__ __set_name__ __setitem__ __sizeof__ __slots__ __status__ __str__ __sub__
    __subclasscheck__ __tf_tensor__ __truediv__ __trunc__ __version__ __weakref__ __xor__ __maintainer__ __credits__
    __tracebackhide__ __suppress_context__ __traceback_hide__ __fspath__ __class_getitem__ __type_params__
    __torch_function__ __tf_tracing_type__ __required_keys__ __optional_keys__ __total__ __match_args__
    """.split()
)
#: What a class may define besides: the interpreter calls it on the bundle's own objects, with data.
DEFINED = DUNDERS | frozenset(
    """
    __getattr__ __setattr__ __delattr__ __getstate__ __setstate__ __getnewargs__ __getnewargs_ex__
    __del__ __dict__ __subclasshook__ __orig_bases__ __hash__ __pdoc__ __test__
    """.split()
)
#: What code may call on ``super()``: the same step of the class that it derives from, on its own object.
OF_SUPER = DUNDERS | frozenset("__setattr__ __delattr__ __getstate__ __setstate__ __subclasshook__ __del__".split())
#: Which of them code may store to. Others change what a class or function is.
STORED = frozenset("__name__ __doc__ __qualname__ __slots__ __all__ __version__ __module__".split())
#: Names of modules of power that are also what ordinary objects have.
ORDINARY = frozenset(
    "context absolute anchor constants events drive access collect disable enable array futures escape functools"
    " datetime locks queues streams types exists copyfile parents glob_pattern version size_max coroutines protocols"
    " scan scanner tasks timeouts transports runners base_events home relative_to match suffix is_dir is_file"
    " exceptions warnings hmac lock unlock cache_clear cache_info core set_backend"
    # Of pure paths; no module has a function of these names.
    " as_posix is_absolute is_relative_to joinpath parent parts stem suffixes with_name with_stem with_suffix".split()
)
#: Names of power that are values, or modules, on what has them: handing one on gives nobody anything to call. What
#: such a value leads to is looked at by its own name.
VALUES = frozenset(
    "mro globals builtins nonlocals frame frames modules node_def python_function im_class prefix timeout template owner"
    " parser major minor version_info platform responses request threads test times".split()
)
#: Names of modules and functions that no ordinary object has, and whose use no event of the interpreter tells of. On an
#: object that holds a module of the framework (``x.backend.config.os.getenv``) nothing else would stop them.
UNSEEN_POWERS = merged(
    each(
        {
            REFLECTION: "_flavour pathmod os sys builtins importlib posix posixpath ntpath _os _sys _module linecache pkgutil zipimport"
            " _getframe _current_frames import_module",
            ENVIRONMENT: "pwd grp environ environb getenv getenvb getlogin getuser getpwnam getpwuid getpwall getcwdb",
            PROCESS: "subprocess _exit _posixsubprocess fork_exec raise_signal setitimer pthread_sigmask setuid setgid"
            " seteuid setegid setreuid chroot register_at_fork sched_setaffinity interrupt_main",
            FILESYSTEM: "_builtin_open truncate mkfifo mknod readlink pread pwrite sendfile ftruncate h5_file h5_entry_group _get_h5_file"
            " create_external create_soft create_virtual_dataset create_dataset_like get_comment set_comment get_linkval"
            " findCaller _parse_known_args _call_chain",
            NATIVE_CODE: "as_strided ctypes_lib readinto readinto1 recv_into recvfrom_into pack_into _frombuffer",
            DYNAMIC_CODE: "from_callable",
            SIDE_EFFECTS: "setLoggerClass manager GLOBAL_STATE_TRACKER start_new_thread setswitchinterval _tf_fallback_dispatchers _tf_type_based_dispatcher",
        }
    )
)
#: Attributes that say where handlers of a log and callbacks of Keras write. The host's are within a bundle's reach.
TARGETS = frozenset(
    "baseFilename filepath filename csv_file log_dir backup_dir working_dir root_path"
    # What a layer reads its words from when it is built anew, and whether the file of a log is opened again.
    " input_vocabulary vocabulary_file _closed".split()
)
#: Methods of layers and models that Keras calls. Elsewhere the bundle stores what it likes to its own objects.
_CODE = frozenset(
    "call build get_config from_config add_weight compile fit train_step predict compute_output_shape".split()
)
#: What exceptions and streams lead to: the object that lacks an attribute, the file below a text stream.
_INWARD = frozenset({"obj", "raw", "detach"})
#: Steps of a protocol that a statement takes; by name they are for others than the bundle's own objects only tricks.
_STEPS = frozenset({"__enter__", "__getattr__"})
#: What Keras keeps on tensors and layers, and custom layers have long used.
_KERAS = frozenset(
    "_keras_mask _keras_history _keras_shape _trainable_weights _non_trainable_weights _dtype _batch_input_shape"
    " _batch_shape _init_set_name _self_setattr_tracking _backend".split()
)


class AttributeProblem(NamedTuple):
    """What is wrong with reading an attribute, and whether that is held at load.

    `handed` is for an attribute that is not called, nor read from, where it stands: then no frame of the bundle need be
    on the stack when somebody calls it.
    """

    capability: str
    why: str
    hard: bool = False
    handed: bool = False


def problem(name: str, owner: Value, bundle: AbstractSet[str]) -> AttributeProblem | None:
    """Return what is wrong with reading the attribute `name`; `None` if nothing is.

    Args:
        name: the attribute, mangled.
        owner: the object.
        bundle: the attributes that the bundle's own classes define.
    """
    if name.startswith("__") and name.endswith("__"):
        allowed = name in (OF_SUPER if isinstance(owner, values.Super) else DUNDERS) and name not in _STEPS
        allowed = allowed or (name in _STEPS and isinstance(owner, values.Own))
        if allowed or (name == "__dict__" and isinstance(owner, (values.Instance, values.ThisClass))):
            return None
        # A scope that is entered and never left stays for the host; `__getattr__` of a foreign object is any attribute.
        past = is_interpreter_name(name) or (name in _STEPS and not isinstance(owner, values.Own))
        return AttributeProblem(REFLECTION, "leads past what can be read in the source", past, past)
    if isinstance(owner, values.Nothing):
        # A name that is a module where the import worked, and None where it did not: None has no attributes.
        return None
    if is_interpreter_name(name):
        return AttributeProblem(
            DANGEROUS.get(name, REFLECTION), "leads past what can be read in the source", True, True
        )
    own = isinstance(owner, values.Own)
    defined = own and name in bundle
    if name in UNSEEN_POWERS and not defined:
        why = "acts, or leads to what acts, where the guard does not see it"
        return AttributeProblem(UNSEEN_POWERS[name], why, True, True)
    if (capability := DANGEROUS.get(name)) is not None:
        # What _convert_ gives are functions of any module, as values.
        why = "is a method of foreign objects that does more than compute"
        return AttributeProblem(capability, why, name == "_convert_", name not in VALUES)
    if name.lstrip("_") in ("module", "modules", "globals") and name.startswith("_"):
        return AttributeProblem(REFLECTION, "leads to a module")
    if name in _INWARD and not defined:
        why = "leads from an exception or a stream to what is behind it"
        return AttributeProblem(REFLECTION, why, name == "obj", name == "obj")
    if name in power_names() and not defined and name not in ORDINARY:
        return AttributeProblem(
            REFLECTION, "is a name of a module that does more than compute", handed=name not in VALUES
        )
    if name in raw_doors() and not defined:
        return AttributeProblem(REFLECTION, "is a raw operation that does more than compute", handed=True)
    if isinstance(owner, values.MadeObject):
        bundle = frozenset()
    if name.startswith("_"):
        if name in bundle or name in _KERAS or (own and name in private_attributes()):
            return None
        return AttributeProblem(REFLECTION, "is private to foreign code")
    if name in bundle or name in public_attributes() or name in ORDINARY or isinstance(owner, values.GivenObject):
        return None
    if name in harmless_names():
        # A backend that came as an argument: xp.where. It is not a module; if it were, this would only compute.
        return None
    why = "is not a known attribute of tensors, arrays, layers or built-in objects, and the bundle defines none"
    return AttributeProblem(REFLECTION, why)


def store_problem(name: str, owner: Value, bundle: AbstractSet[str]) -> AttributeProblem | None:
    """Return what is wrong with storing to the attribute `name`, or deleting it; `None` if nothing is."""
    if name.startswith("__") and name.endswith("__"):
        # Other bases, of the bundle's own class, are classes that are looked at themselves.
        own = name == "__bases__" and isinstance(owner, values.OwnClass)
        answers = name in ("__getattr__", "__getattribute__")  # past the shield, which is on by then
        hard = answers or (changes_code(name) and not own)
        return None if name in STORED else AttributeProblem(REFLECTION, "changes what a class or function is", hard)
    if name in ("get_config", "from_config") and not isinstance(owner, (values.ThisClass, values.OwnClass)):
        return AttributeProblem(UNSAFE_DESERIALIZATION, BUILDS_OTHERS, True)
    if name in TARGETS and not isinstance(owner, values.ThisClass):
        return AttributeProblem(FILESYSTEM, "says where an object writes, which may be the host's", True)
    if name == "exc_info" and not isinstance(owner, values.Instance):
        return AttributeProblem(FILESYSTEM, "is what a log record shows the source lines of", True)
    if isinstance(owner, values.ThisClass) or (isinstance(owner, values.Instance) and name not in _CODE):
        return None
    if name in methods() and name not in ("name", "trainable", "dtype", "shape"):
        # No net sees it, and the object may be a class: then every other model runs this code.
        return AttributeProblem(SIDE_EFFECTS, f"{REPLACES_CODE} of an object that may be foreign", name in _CODE)
    if name.startswith("_") and name not in bundle and name not in private_attributes():
        return AttributeProblem(REFLECTION, "is private to foreign code")
    if name in DANGEROUS or (name in power_names() and name not in ORDINARY):
        return AttributeProblem(SIDE_EFFECTS, "is a name of foreign code")
    return None


def is_harmless_prefix(prefix: str) -> bool:
    """Whether no attribute whose name begins with `prefix` leads further."""
    if not prefix or prefix.startswith("_"):
        return False
    return not any(name.startswith(prefix) for name in (*DANGEROUS, *power_names()))
