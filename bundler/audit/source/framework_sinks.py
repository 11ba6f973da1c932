"""Sinks of TensorFlow, Keras, NumPy and of well-known requirements. See `library_sinks` for what an entry means."""

from __future__ import annotations

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
from bundler.audit.source.library_sinks import each, merged

TENSORFLOW = merged(
    each(
        {
            FILESYSTEM: "random.fixed_unigram_candidate_sampler nn.fixed_unigram_candidate_sampler io.TFRecordWriter io.gfile io.match_filenames_once io.matching_files io.read_file io.write_file"
            " io.write_graph data.FixedLengthRecordDataset data.TFRecordDataset data.TextLineDataset"
            " data.experimental.CsvDataset data.experimental.SqlDataset data.experimental.TFRecordWriter"
            " data.experimental.load data.experimental.save data.experimental.snapshot"
            " data.experimental.make_csv_dataset data.experimental.make_batched_features_dataset"
            " data.experimental.make_saveable_from_iterator saved_model train.Checkpoint train.CheckpointManager"
            " train.CheckpointView train.TrackableView train.checkpoints_iterator train.get_checkpoint_state"
            " train.latest_checkpoint train.list_variables train.load_checkpoint train.load_variable train.experimental"
            " summary lookup.TextFileInitializer lookup.TextFileIndex debugging.experimental profiler"
            " feature_column.categorical_column_with_vocabulary_file feature_column.embedding_column"
            " feature_column.shared_embeddings"
            " feature_column.sequence_categorical_column_with_vocabulary_file lite.TFLiteConverter lite.experimental"
            " experimental.tensorrt mlir io.decode_proto io.encode_proto",
            NETWORK: "data.experimental.service data.experimental.distributed_save distribute.Server"
            " distribute.cluster_resolver distribute.coordinator distribute.experimental"
            " distribute.MultiWorkerMirroredStrategy distribute.ParameterServerStrategy distribute.TPUStrategy"
            " config.experimental_connect_to_cluster config.experimental_connect_to_host test.create_local_cluster"
            " train.ClusterDef train.ClusterSpec train.JobDef train.ServerDef experimental.dtensor tpu"
            " config.experimental.ClusterDeviceFilters",
            NATIVE_CODE: "load_library load_op_library lite experimental.dlpack experimental.register_filesystem_plugin",
            DYNAMIC_CODE: "py_function numpy_function autograph.to_code autograph.to_graph autograph.trace"
            " experimental.ExtensionType experimental.BatchableExtensionType experimental.StructuredTensor",
            REFLECTION: "Operation import_graph_def graph_util __internal__ __operators__ Graph get_logger",
            ENVIRONMENT: "sysconfig",
            PROCESS: "test.main test.TestCase test.Benchmark train.Coordinator",
            SIDE_EFFECTS: "random.get_global_generator config.run_functions_eagerly config.experimental_run_functions_eagerly"
            " config.set_logical_device_configuration config.set_soft_device_placement config.set_visible_devices"
            " config.experimental.disable_mlir_bridge config.experimental.enable_mlir_bridge"
            " config.experimental.enable_op_determinism config.experimental.enable_tensor_float_32_execution"
            " config.experimental.set_device_policy config.experimental.set_memory_growth"
            " config.experimental.set_synchronous_execution config.experimental.set_virtual_device_configuration"
            " config.experimental.set_visible_devices config.experimental.reset_memory_stats"
            " config.optimizer.set_experimental_options config.optimizer.set_jit"
            " config.threading.set_inter_op_parallelism_threads config.threading.set_intra_op_parallelism_threads"
            " debugging.disable_check_numerics debugging.enable_check_numerics"
            " debugging.disable_traceback_filtering debugging.enable_traceback_filtering"
            " debugging.set_log_device_placement autograph.set_verbosity random.set_seed random.set_global_generator"
            " random.experimental.set_global_generator distribute.experimental_set_strategy"
            " data.experimental.enable_debug_mode experimental.dispatch_for_api"
            " experimental.dispatch_for_binary_elementwise_apis"
            " experimental.dispatch_for_binary_elementwise_assert_apis"
            " experimental.dispatch_for_unary_elementwise_apis experimental.unregister_dispatch_for"
            " experimental.enable_strict_mode register_tensor_conversion_function RegisterGradient"
            " experimental.numpy.experimental_enable_numpy_behavior",
        },
        "tensorflow",
    )
)
KERAS = merged(
    each(
        {
            FILESYSTEM: "saving.load_model saving.save_model saving.load_weights saving.save_weights"
            " saving.KerasFileEditor models.load_model models.save_model callbacks.BackupAndRestore"
            " callbacks.CSVLogger callbacks.ModelCheckpoint callbacks.OrbaxCheckpoint callbacks.TensorBoard"
            " utils.audio_dataset_from_directory utils.image_dataset_from_directory"
            " utils.text_dataset_from_directory utils.load_img utils.save_img utils.model_to_dot utils.plot_model"
            " utils.FeatureSpace preprocessing.image_dataset_from_directory preprocessing.text_dataset_from_directory"
            " preprocessing.image.DirectoryIterator preprocessing.image.ImageDataGenerator"
            " preprocessing.image.load_img preprocessing.image.save_img export layers.TFSMLayer visualization"
            " distillation",
            NETWORK: "utils.get_file datasets callbacks.RemoteMonitor distribution.initialize applications",
            UNSAFE_DESERIALIZATION: "config.enable_unsafe_deserialization layers.TorchModuleWrapper",
            DYNAMIC_CODE: "layers.FlaxLayer",
            SIDE_EFFECTS: "config.disable_flash_attention config.disable_interactive_logging"
            " config.disable_traceback_filtering config.enable_flash_attention config.enable_interactive_logging"
            " config.enable_traceback_filtering config.set_backend config.set_dtype_policy config.set_epsilon"
            " config.set_floatx config.set_image_data_format config.set_max_epochs config.set_max_steps_per_epoch"
            " utils.set_random_seed utils.disable_interactive_logging utils.enable_interactive_logging"
            " utils.clear_session backend.clear_session backend.set_epsilon backend.set_floatx"
            " backend.set_image_data_format mixed_precision.set_dtype_policy mixed_precision.set_global_policy"
            " utils.get_custom_objects saving.get_custom_objects distribution.set_distribution"
            "",
        },
        "keras",
    )
)
NUMPY = merged(
    each(
        {
            FILESYSTEM: "load loadtxt genfromtxt fromregex fromfile memmap save savetxt savez savez_compressed"
            " rec.fromfile lib.npyio lib.format lib.Arrayterator DataSource lib.DataSource",
            # An array of records over somebody's bytes takes them for objects, too.
            NATIVE_CODE: "ctypeslib f2py distutils lib.stride_tricks.as_strided recarray record rec.recarray rec.record"
            " rec.array rec.fromrecords rec.fromstring rec.fromarrays",
            SIDE_EFFECTS: "random.seed random.set_state random.set_bit_generator random.get_bit_generator seterrcall setbufsize"
            " lib.add_docstring lib.add_newdoc lib.tracemalloc_domain dtypes.register_dlpack_dtype",
            REFLECTION: "core _core show_config show_runtime get_include test lib.test ma.test random.test"
            " fft.test linalg.test polynomial.test typing.test testing",
        },
        "numpy",
    )
)
#: Requirements: whole distributions whose point is a sink, and the sinks of those that layers use.
OTHERS = merged(
    each(
        {
            NETWORK: "requests httpx urllib3 aiohttp httplib2 websocket websockets paramiko boto3 botocore s3fs gcsfs"
            " fsspec grpc pycurl tornado flask fastapi django zmq kafka redis pymongo smart_open tensorflow_hub"
            " tensorflow_datasets huggingface_hub transformers datasets kagglehub wandb mlflow comet_ml neptune"
            " clearml tensorboard torchvision.datasets torchvision.models torch.hub torch.distributed"
            " torch.multiprocessing jax.distributed google.cloud azure openai sentry_sdk psycopg2 sqlalchemy"
            " sklearn.datasets scipy.datasets ray dask distributed",
            FILESYSTEM: "h5py tables netCDF4 zarr PIL.Image.open PIL.ImageGrab PIL.ImageFont cv2.imread cv2.imwrite"
            " cv2.imreadmulti cv2.imwritemulti cv2.VideoCapture cv2.VideoWriter cv2.FileStorage cv2.dnn"
            " cv2.CascadeClassifier"
            " imageio skimage.io soundfile librosa.load audioread torchaudio.load torchaudio.save tifffile"
            " scipy.io matplotlib seaborn plotly bokeh pandas.ExcelFile pandas.ExcelWriter pandas.HDFStore"
            " pandas.io safetensors onnx onnxruntime tf2onnx orbax flax.training filelock platformdirs appdirs"
            " pyarrow polars.read_csv torch.save torch.export torch.onnx torch.jit.save torch.jit.load"
            " jax.profiler jax.numpy.load jax.numpy.save jax.numpy.savez jax.numpy.fromfile absl.flags absl.app"
            " absl.testing",
            PROCESS: "psutil sh plumbum pexpect ptyprocess invoke fabric joblib.Parallel torch.utils.cpp_extension",
            NATIVE_CODE: "cffi _cffi_backend numba cython Cython pyximport pybind11 cupy pycuda triton tvm llvmlite"
            " jax.ffi jax.extend jax.dlpack jax.lib torch.ops torch.classes torch.library torch.utils.dlpack"
            " torch.cuda.memory torch.from_file torch.backends.cuda jaxlib xla_client",
            UNSAFE_DESERIALIZATION: "dill cloudpickle joblib jsonpickle yaml ruamel torch.load torch.package"
            " pandas.read_pickle pandas.to_pickle srsly.pickle",
            DYNAMIC_CODE: "tensorflow_probability.python torch.jit torch._dynamo torch.compile torch.fx pandas.eval"
            " numexpr sympy RestrictedPython asteval jinja2 mako setuptools pkg_resources pip IPython ipykernel"
            " jupyter tensorflow.python jax.experimental.host_callback",
            REFLECTION: "wrapt forbiddenfruit tree_sitter jax.core jax.interpreters torch._C gast astunparse",
            SIDE_EFFECTS: "jax.config jax.monitoring absl.logging.use_absl_handler absl.logging.set_verbosity"
            " torch.manual_seed torch.set_default_dtype torch.set_default_device torch.set_num_threads"
            " pandas.set_option",
        }
    )
)
#: Prefixes of function names that read or write wherever a well-known requirement has them.
OTHER_PREFIXES = {"pandas.read_": FILESYSTEM, "pandas.to_": FILESYSTEM, "cv2.im": FILESYSTEM}

#: What layers of Keras itself are made of: parts of ``keras.src`` that only compute.
KERAS_SOURCES = tuple(
    f"keras.src.{name}"
    for name in """
    activations backend.common backend.config backend.tensorflow.core backend.tensorflow.nn backend.tensorflow.numpy
    backend.tensorflow.math backend.tensorflow.random backend.tensorflow.rnn backend.tensorflow.image
    backend.tensorflow.linalg backend.tensorflow.sparse constraints dtype_policies
    initializers layers losses metrics models.model models.functional models.sequential ops optimizers quantizers random
    regularizers tree utils.tracking utils.argument_validation utils.backend_utils utils.naming utils.numerical_utils
    utils.python_utils utils.traceback_utils utils.tf_utils utils.sequence_utils utils.jax_utils utils.module_utils
    utils.summary_utils utils.torch_utils utils.config utils.rng_utils utils.progbar utils.jax_layer
    saving.serialization_lib saving.object_registration saving.keras_saveable api_export backend callbacks.callback
    distribution
    """.split()
)
#: The same things under the names that ``keras.src`` has for them.
KERAS_SOURCE_DOORS = merged(
    each(
        {
            FILESYSTEM: "layers.preprocessing.index_lookup layers.TFSMLayer layers.layer.saving_lib models.model.saving_api utils.image_utils"
            " models.model.saving_lib",
            NETWORK: "distribution.initialize distribution.distribution_lib.initialize",
            UNSAFE_DESERIALIZATION: "saving.serialization_lib.enable_unsafe_deserialization"
            " saving.serialization_lib.SafeModeScope saving.serialization_lib.in_safe_mode utils.torch_utils"
            " layers.TorchModuleWrapper"
            " saving.object_registration.GLOBAL_CUSTOM_OBJECTS",
            DYNAMIC_CODE: "utils.python_utils.func_load utils.python_utils.func_dump utils.jax_layer layers.FlaxLayer"
            " saving.serialization_lib.deserialize_func",
            SIDE_EFFECTS: "backend.config.set_epsilon backend.config.set_floatx backend.config.set_image_data_format"
            " backend.config.set_backend backend.config.set_max_epochs backend.config.set_max_steps_per_epoch"
            " backend.config.enable_flash_attention backend.config.disable_flash_attention"
            " backend.common.global_state.clear_session backend.common.global_state.set_global_attribute"
            " utils.traceback_utils.enable_traceback_filtering utils.traceback_utils.disable_traceback_filtering"
            " distribution.set_distribution distribution.distribution_lib.set_distribution"
            " saving.object_registration.get_custom_objects utils.rng_utils.set_random_seed"
            " dtype_policies.dtype_policy.set_dtype_policy backend.set_epsilon backend.set_floatx"
            " backend.set_image_data_format",
        },
        "keras.src",
    )
)
