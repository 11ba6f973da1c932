"""Sinks of the standard library: what goes beyond computing, module by module.

A *sink* is a module, function or class that does more than compute; each belongs to one capability. An entry covers
everything below it. `PURE_PARTS` are the closed lists of modules that are mixed: what is not listed there is a sink
of the module's default capability.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

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


def each(table: Mapping[str, str], root: str = "") -> Iterator[tuple[str, str]]:
    """Yield each (name, capability) of a table from capability to names."""
    for capability, names in table.items():
        for name in names.split():
            yield (f"{root}.{name}" if root else name), capability


def merged(*pairs: Iterable[tuple[str, str]]) -> Mapping[str, str]:
    """Return one table; no name may stand under two capabilities."""
    table: dict[str, str] = {}
    for group in pairs:
        for name, capability in group:
            if table.setdefault(name, capability) != capability:
                raise ValueError(f"{name} is listed twice")
    return MappingProxyType(table)


#: Modules whose import is a finding: nothing in them only computes, or what does is not worth a list.
IMPORTS = merged(
    each(
        {
            NETWORK: "socket ssl _socket _ssl http urllib.request urllib.robotparser urllib.error urllib.response ftplib"
            " smtplib poplib imaplib nntplib telnetlib xmlrpc socketserver asyncio asyncore asynchat select selectors"
            " webbrowser wsgiref cgi smtpd email mailbox",
            PROCESS: "subprocess multiprocessing signal pty resource sched posix nt _posixsubprocess _thread concurrent"
            " syslog",
            FILESYSTEM: "tempfile shutil glob fileinput mmap dbm sqlite3 zipfile tarfile gzip bz2 lzma linecache filecmp"
            " zipapp configparser netrc mimetypes fcntl zoneinfo wave aifc sunau chunk sndhdr imghdr xml plistlib"
            " _pyio _io codecs stat",
            UNSAFE_DESERIALIZATION: "pickle _pickle marshal shelve copyreg pickletools",
            NATIVE_CODE: "ctypes _ctypes msilib winreg",
            DYNAMIC_CODE: "importlib _imp imp zipimport pkgutil runpy code codeop compileall py_compile ensurepip venv"
            " distutils lib2to3 modulefinder _frozen_importlib _frozen_importlib_external pyclbr annotationlib",
            ENVIRONMENT: "getpass pwd grp spwd sysconfig site argparse optparse getopt cmd",
            REFLECTION: "gc tracemalloc dis symtable bdb pdb trace profile cProfile pstats doctest unittest test pydoc"
            " idlelib faulthandler",
            SIDE_EFFECTS: "atexit readline rlcompleter curses tkinter turtle locale gettext this antigravity",
        }
    )
)

#: The closed lists of mixed modules, and the capability of everything else in them.
PURE_PARTS: Mapping[str, tuple[str, frozenset[str]]] = MappingProxyType(
    {
        module: (capability, frozenset(names.split()))
        for module, capability, names in (
            ("os", FILESYSTEM, "path sep altsep extsep pathsep linesep curdir pardir devnull name fspath fsencode"
             " fsdecode PathLike strerror error cpu_count"),
            ("os.path", FILESYSTEM, "join basename dirname split splitext splitdrive normpath normcase isabs commonpath"
             " commonprefix sep altsep extsep pathsep curdir pardir devnull"),
            ("sys", REFLECTION, "version version_info hexversion api_version maxsize maxunicode float_info float_repr_style"
             " int_info hash_info byteorder platform implementation copyright getsizeof getrefcount intern"
             " getrecursionlimit getdefaultencoding getfilesystemencoding is_finalizing exc_info stdout stderr"
             " stdlib_module_names builtin_module_names thread_info getswitchinterval float_info"),
            ("io", FILESYSTEM, "StringIO BytesIO IOBase RawIOBase BufferedIOBase TextIOBase UnsupportedOperation SEEK_SET"
             " SEEK_CUR SEEK_END DEFAULT_BUFFER_SIZE"),
            ("pathlib", FILESYSTEM, "PurePath PurePosixPath PureWindowsPath"),
            ("threading", SIDE_EFFECTS, "Lock RLock Event Condition Semaphore BoundedSemaphore Barrier local"
             " BrokenBarrierError TIMEOUT_MAX get_ident"),
            ("platform", ENVIRONMENT, "python_version python_version_tuple python_implementation system machine"),
            ("ast", DYNAMIC_CODE, "literal_eval"),
            ("tomllib", FILESYSTEM, "loads TOMLDecodeError"),
            ("shlex", FILESYSTEM, "quote join split"),
            ("urllib", NETWORK, "parse"),
            ("urllib.parse", NETWORK, "quote quote_plus unquote unquote_plus urlparse urlsplit urlunparse urlunsplit"
             " urljoin urlencode parse_qs parse_qsl"),
            ("errno", REFLECTION, "EPERM ENOENT EACCES EEXIST EINVAL"),
            ("token", REFLECTION, "NAME NUMBER STRING OP"),
            ("timeit", DYNAMIC_CODE, "default_timer"),
            ("builtins", DYNAMIC_CODE, "ArithmeticError AssertionError AttributeError BaseException BaseExceptionGroup"
             " BlockingIOError BrokenPipeError BufferError BytesWarning ChildProcessError ConnectionAbortedError"
             " ConnectionError ConnectionRefusedError ConnectionResetError DeprecationWarning EOFError Ellipsis"
             " EncodingWarning EnvironmentError Exception ExceptionGroup False FileExistsError FileNotFoundError"
             " FloatingPointError FutureWarning GeneratorExit IOError ImportError ImportWarning IndentationError"
             " IndexError InterruptedError IsADirectoryError KeyError KeyboardInterrupt LookupError MemoryError"
             " ModuleNotFoundError NameError None NotADirectoryError NotImplemented NotImplementedError OSError"
             " OverflowError PendingDeprecationWarning PermissionError ProcessLookupError PythonFinalizationError"
             " RecursionError ReferenceError ResourceWarning RuntimeError RuntimeWarning StopAsyncIteration"
             " StopIteration SyntaxError SyntaxWarning SystemError TabError TimeoutError True TypeError"
             " UnboundLocalError UnicodeDecodeError UnicodeEncodeError UnicodeError UnicodeTranslateError"
             " UnicodeWarning UserWarning ValueError Warning ZeroDivisionError __debug__ __doc__ __name__ __package__ abs aiter all"
             " anext any ascii bin bool bytearray bytes callable chr classmethod complex dict dir divmod enumerate"
             " filter float format frozenset hasattr hash hex id int isinstance issubclass iter len list map max"
             " memoryview min next object oct ord pow print property range repr reversed round set slice sorted"
             " staticmethod str sum super tuple zip getattr setattr delattr type"),
        )
    }
)  # fmt: skip

#: Single sinks of modules that are otherwise pure, and those of mixed modules that are not of its default capability.
SINKS = merged(
    each(
        {
            PROCESS: "abort fork forkpty kill killpg nice system popen wait waitpid wait3 wait4 waitid _exit"
            " execl execle execlp execlpe execv execve execvp execvpe spawnl spawnle spawnlp spawnlpe spawnv spawnve"
            " spawnvp spawnvpe posix_spawn posix_spawnp startfile pidfd_open register_at_fork sched_setaffinity"
            " setpriority sched_setscheduler",
            ENVIRONMENT: "environ environb getenv getenvb putenv unsetenv getlogin getuid geteuid getgid getegid"
            " getgroups uname getpid getppid getcwd getcwdb sysconf confstr get_exec_path supports_bytes_environ"
            " setuid setgid umask",
        },
        "os",
    ),
    each({ENVIRONMENT: "expanduser expandvars"}, "os.path"),
    each(
        {
            PROCESS: "exit",
            ENVIRONMENT: "argv executable prefix base_prefix exec_prefix flags orig_argv",
            SIDE_EFFECTS: "setrecursionlimit setprofile settrace setswitchinterval excepthook displayhook"
            " addaudithook unraisablehook set_int_max_str_digits dont_write_bytecode stdin",
            DYNAMIC_CODE: "meta_path path path_hooks path_importer_cache",
        },
        "sys",
    ),
    each(
        {
            DYNAMIC_CODE: "eval exec compile __import__ breakpoint __build_class__ __loader__ __spec__",
            FILESYSTEM: "open",
            ENVIRONMENT: "input",
            REFLECTION: "globals locals vars",
            PROCESS: "exit quit SystemExit",
            SIDE_EFFECTS: "help license credits copyright",
        },
        "builtins",
    ),
    each(
        {
            DYNAMIC_CODE: "functools.singledispatch functools.singledispatchmethod dataclasses.make_dataclass"
            " typing.get_type_hints typing.ForwardRef typing.evaluate_forward_ref types.FunctionType types.CodeType"
            " types.LambdaType types.new_class types.prepare_class types.ModuleType inspect.get_annotations",
            REFLECTION: "types.FrameType types.TracebackType types.GeneratorType types.CoroutineType types.CellType"
            " types.AsyncGeneratorType types.GetSetDescriptorType types.MemberDescriptorType types.WrapperDescriptorType"
            " types.MethodWrapperType types.MethodDescriptorType types.ClassMethodDescriptorType types.CapsuleType"
            " types.get_original_bases types.resolve_bases types.BuiltinFunctionType types.BuiltinMethodType"
            " string.Formatter operator.call traceback.walk_stack traceback.walk_tb traceback.extract_stack"
            " traceback.StackSummary traceback.TracebackException traceback.clear_frames traceback.print_last"
            " traceback.FrameSummary traceback.extract_tb inspect.Traceback inspect.BlockFinder"
            " inspect.classify_class_attrs inspect.currentframe inspect.findsource"
            " inspect.getabsfile inspect.getargs inspect.getargvalues inspect.getasyncgenlocals"
            " inspect.getattr_static inspect.getblock inspect.getclasstree inspect.getclosurevars inspect.getcomments"
            " inspect.getcoroutinelocals inspect.getfile inspect.getframeinfo inspect.getgeneratorlocals"
            " inspect.getinnerframes inspect.getlineno inspect.getmembers inspect.getmembers_static inspect.getmodule"
            " inspect.getmodulename inspect.getmro inspect.getouterframes inspect.getsource inspect.getsourcefile"
            " inspect.getsourcelines inspect.stack inspect.trace inspect.unwrap inspect.walktree"
            " inspect.ClosureVars inspect.FrameInfo logging.currentframe copy.dispatch_table"
            " copy.replace weakref.getweakrefs typing.get_overloads",
            SIDE_EFFECTS: "enum.global_enum enum.pickle_by_global_name enum.pickle_by_enum_name random.seed"
            " random.setstate warnings.resetwarnings warnings.showwarning"
            " warnings.formatwarning warnings.filters warnings.onceregistry warnings.defaultaction"
            " logging.basicConfig logging.captureWarnings logging.disable logging.shutdown logging.addLevelName"
            " logging.setLoggerClass logging.setLogRecordFactory logging.lastResort logging.raiseExceptions"
            " logging.getLoggerClass logging.getLogRecordFactory time.clock_settime time.clock_settime_ns time.tzset"
            " contextlib.redirect_stdout contextlib.redirect_stderr calendar.different_locale"
            " calendar.setfirstweekday csv.field_size_limit csv.register_dialect csv.unregister_dialect"
            " typing.clear_overloads re.purge weakref.finalize decimal.setcontext decimal.getcontext contextvars.copy_context warnings.warn_explicit",
            # Tracebacks show lines of the files that they name, and take any object for a frame.
            FILESYSTEM: "traceback.format_list traceback.print_list traceback.format_tb traceback.print_tb"
            " traceback.format_stack traceback.print_stack logging.makeLogRecord logging.LogRecord"
            " logging.LoggerAdapter logging.FileHandler contextlib.chdir hashlib.file_digest",
            ENVIRONMENT: "uuid.getnode uuid.uuid1 uuid.main time.pthread_getcpuclockid",
        }
    ),
)

#: Sinks below sinks that are followed by name: what imports a module by a string, or reads the data files of a package.
#: Each is a finding of its own.
FOLLOWED = frozenset(
    {"importlib.import_module", "importlib.resources", "importlib.resources.files", "pkgutil.get_data"}
)
