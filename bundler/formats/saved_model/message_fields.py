"""The fields that a SavedModel's messages have. Nothing else is read. Made by tools/tensorflow_fields.py.

A line is: number, name, kind, the message or the enumeration where the kind is one, and then ``repeated``, or
``of:NAME`` for one of several fields of which a message has at most one. An enumeration is its numbers.
"""

from __future__ import annotations

from collections.abc import Mapping

TEXT: Mapping[str, str] = {
    "Any": """
1 type_url string
2 value bytes
""",
    "AssetFileDef": """
1 tensor_info message TensorInfo
2 filename string
""",
    "AttrValue": """
1 list message AttrValue.ListValue of:value
2 s bytes of:value
3 i int64 of:value
4 f float of:value
5 b bool of:value
6 type enum DataType of:value
7 shape message TensorShapeProto of:value
8 tensor message TensorProto of:value
9 placeholder string of:value
10 func message NameAttrList of:value
""",
    "AttrValue.ListValue": """
2 s bytes repeated
3 i int64 repeated
4 f float repeated
5 b bool repeated
6 type enum DataType repeated
7 shape message TensorShapeProto repeated
8 tensor message TensorProto repeated
9 func message NameAttrList repeated
""",
    "BoolValue": """
1 value bool
""",
    "BoundedTensorSpecProto": """
1 name string
2 shape message TensorShapeProto
3 dtype enum DataType
4 minimum message TensorProto
5 maximum message TensorProto
""",
    "BundleEntryProto": """
1 dtype enum DataType
2 shape message TensorShapeProto
3 shard_id int32
4 offset int64
5 size int64
6 crc32c fixed32
7 slices message TensorSliceProto repeated
""",
    "BundleHeaderProto": """
1 num_shards int32
2 endianness enum BundleHeaderProto.Endianness
3 version message VersionDef
""",
    "CapturedTensor": """
1 name string
2 concrete_function string
""",
    "CollectionDef": """
1 node_list message CollectionDef.NodeList of:kind
2 bytes_list message CollectionDef.BytesList of:kind
3 int64_list message CollectionDef.Int64List of:kind
4 float_list message CollectionDef.FloatList of:kind
5 any_list message CollectionDef.AnyList of:kind
""",
    "CollectionDef.AnyList": """
1 value message Any repeated
""",
    "CollectionDef.BytesList": """
1 value bytes repeated
""",
    "CollectionDef.FloatList": """
1 value float repeated
""",
    "CollectionDef.Int64List": """
1 value int64 repeated
""",
    "CollectionDef.NodeList": """
1 value string repeated
""",
    "ConfigProto": """
1 device_count message ConfigProto.DeviceCountEntry repeated
2 intra_op_parallelism_threads int32
3 placement_period int32
5 inter_op_parallelism_threads int32
6 gpu_options message GPUOptions
7 allow_soft_placement bool
8 log_device_placement bool
9 use_per_session_threads bool
10 graph_options message GraphOptions
11 operation_timeout_in_ms int64
15 isolate_session_state bool
16 experimental message ConfigProto.Experimental
17 share_cluster_devices_in_session bool
18 pluggable_device_options message GPUOptions
""",
    "ConfigProto.DeviceCountEntry": """
1 key string
2 value int32
""",
    "ConfigProto.Experimental": """
4 recv_buf_max_chunk int32
5 use_numa_affinity bool
6 collective_deterministic_sequential_execution bool
7 collective_nccl bool
8 share_session_state_in_clusterspec_propagation bool
9 disable_thread_spinning bool
10 share_cluster_devices_in_session bool
12 optimize_for_static_graph bool
13 enable_mlir_bridge bool
14 disable_output_partition_graphs bool
15 xla_fusion_autotuner_thresh int64
16 enable_mlir_graph_optimization bool
17 mlir_bridge_rollout enum ConfigProto.Experimental.MlirBridgeRollout
18 use_tfrt bool
21 disable_functional_ops_lowering bool
22 xla_prefer_single_graph_cluster bool
24 disable_optimize_for_static_graph bool
26 disable_eager_executor_streaming_enqueue bool
27 enable_multi_host bool
28 backend_server_port int32
29 target_tpu bool
30 target_gpu bool
31 stream_merge_threshold int32
32 tfrt_use_ifrt bool
33 finalize_function_library_runtime bool
34 finalize_resource_manager bool
36 online_cost_analysis bool
""",
    "DictValue": """
1 fields message DictValue.FieldsEntry repeated
""",
    "DictValue.FieldsEntry": """
1 key string
2 value message StructuredValue
""",
    "FingerprintDef": """
1 saved_model_checksum uint64
2 graph_def_program_hash uint64
3 signature_def_hash uint64
4 saved_object_graph_hash uint64
5 checkpoint_hash uint64
6 version message VersionDef
7 uuid string
""",
    "FullTypeDef": """
1 type_id enum FullTypeId
2 args message FullTypeDef repeated
3 s string of:attr
4 i int64 of:attr
""",
    "FunctionDef": """
1 signature message OpDef
3 node_def message NodeDef repeated
4 ret message FunctionDef.RetEntry repeated
5 attr message FunctionDef.AttrEntry repeated
6 control_ret message FunctionDef.ControlRetEntry repeated
7 arg_attr message FunctionDef.ArgAttrEntry repeated
8 resource_arg_unique_id message FunctionDef.ResourceArgUniqueIdEntry repeated
""",
    "FunctionDef.ArgAttrEntry": """
1 key uint32
2 value message FunctionDef.ArgAttrs
""",
    "FunctionDef.ArgAttrs": """
1 attr message FunctionDef.ArgAttrs.AttrEntry repeated
""",
    "FunctionDef.ArgAttrs.AttrEntry": """
1 key string
2 value message AttrValue
""",
    "FunctionDef.AttrEntry": """
1 key string
2 value message AttrValue
""",
    "FunctionDef.ControlRetEntry": """
1 key string
2 value string
""",
    "FunctionDef.ResourceArgUniqueIdEntry": """
1 key uint32
2 value uint32
""",
    "FunctionDef.RetEntry": """
1 key string
2 value string
""",
    "FunctionDefLibrary": """
1 function message FunctionDef repeated
2 gradient message GradientDef repeated
3 registered_gradients message RegisteredGradient repeated
""",
    "FunctionSpec": """
1 fullargspec message StructuredValue
2 is_method bool
5 input_signature message StructuredValue
6 jit_compile enum FunctionSpec.JitCompile
""",
    "GPUOptions": """
1 per_process_gpu_memory_fraction double
3 deferred_deletion_bytes int64
4 allow_growth bool
6 polling_active_delay_usecs int32
7 polling_inactive_delay_msecs int32
8 force_gpu_compatible bool
9 experimental message GPUOptions.Experimental
""",
    "GPUOptions.Experimental": """
2 use_unified_memory bool
3 num_dev_to_dev_copy_streams int32
5 timestamped_allocator bool
7 kernel_tracker_max_interval int32
8 kernel_tracker_max_bytes int32
9 kernel_tracker_max_pending int32
10 internal_fragmentation_fraction double
11 use_cuda_malloc_async bool
12 disallow_retry_on_allocation_failure bool
13 gpu_host_mem_limit_in_mb float
14 gpu_host_mem_disallow_growth bool
15 num_virtual_devices_per_gpu int32
16 gpu_system_memory_size_in_mb int32
17 populate_pjrt_gpu_client_creation_info bool
18 node_id int32
""",
    "GradientDef": """
1 function_name string
2 gradient_func string
""",
    "GraphDebugInfo": """
1 files string repeated
2 traces message GraphDebugInfo.TracesEntry repeated
4 frames_by_id message GraphDebugInfo.FramesByIdEntry repeated
5 name_to_trace_id message GraphDebugInfo.NameToTraceIdEntry repeated
6 traces_by_id message GraphDebugInfo.TracesByIdEntry repeated
""",
    "GraphDebugInfo.FileLineCol": """
1 file_index int32
2 line int32
3 col int32
4 func string
5 code string
""",
    "GraphDebugInfo.FramesByIdEntry": """
1 key fixed64
2 value message GraphDebugInfo.FileLineCol
""",
    "GraphDebugInfo.NameToTraceIdEntry": """
1 key string
2 value fixed64
""",
    "GraphDebugInfo.StackTrace": """
1 file_line_cols message GraphDebugInfo.FileLineCol repeated
2 frame_id fixed64 repeated
""",
    "GraphDebugInfo.TracesByIdEntry": """
1 key fixed64
2 value message GraphDebugInfo.StackTrace
""",
    "GraphDebugInfo.TracesEntry": """
1 key string
2 value message GraphDebugInfo.StackTrace
""",
    "GraphDef": """
1 node message NodeDef repeated
2 library message FunctionDefLibrary
3 version int32
4 versions message VersionDef
5 debug_info message GraphDebugInfo
""",
    "GraphOptions": """
2 enable_recv_scheduling bool
3 optimizer_options message OptimizerOptions
4 build_cost_model int64
5 infer_shapes bool
6 place_pruned_graph bool
7 enable_bfloat16_sendrecv bool
8 timeline_step int32
9 build_cost_model_after int64
10 rewrite_options message RewriterConfig
""",
    "ListValue": """
1 values message StructuredValue repeated
""",
    "MetaGraphDef": """
1 meta_info_def message MetaGraphDef.MetaInfoDef
2 graph_def message GraphDef
3 saver_def message SaverDef
4 collection_def message MetaGraphDef.CollectionDefEntry repeated
5 signature_def message MetaGraphDef.SignatureDefEntry repeated
6 asset_file_def message AssetFileDef repeated
7 object_graph_def message SavedObjectGraph
""",
    "MetaGraphDef.CollectionDefEntry": """
1 key string
2 value message CollectionDef
""",
    "MetaGraphDef.MetaInfoDef": """
1 meta_graph_version string
2 stripped_op_list message OpList
3 any_info message Any
4 tags string repeated
5 tensorflow_version string
6 tensorflow_git_version string
7 stripped_default_attrs bool
8 function_aliases message MetaGraphDef.MetaInfoDef.FunctionAliasesEntry repeated
""",
    "MetaGraphDef.MetaInfoDef.FunctionAliasesEntry": """
1 key string
2 value string
""",
    "MetaGraphDef.SignatureDefEntry": """
1 key string
2 value message SignatureDef
""",
    "NameAttrList": """
1 name string
2 attr message NameAttrList.AttrEntry repeated
""",
    "NameAttrList.AttrEntry": """
1 key string
2 value message AttrValue
""",
    "NamedTupleValue": """
1 name string
2 values message PairValue repeated
""",
    "NodeDef": """
1 name string
2 op string
3 input string repeated
4 device string
5 attr message NodeDef.AttrEntry repeated
6 experimental_debug_info message NodeDef.ExperimentalDebugInfo
7 experimental_type message FullTypeDef
""",
    "NodeDef.AttrEntry": """
1 key string
2 value message AttrValue
""",
    "NodeDef.ExperimentalDebugInfo": """
1 original_node_names string repeated
2 original_func_names string repeated
""",
    "NoneValue": "",
    "OpDef": """
1 name string
2 input_arg message OpDef.ArgDef repeated
3 output_arg message OpDef.ArgDef repeated
4 attr message OpDef.AttrDef repeated
5 summary string
6 description string
8 deprecation message OpDeprecation
16 is_aggregate bool
17 is_stateful bool
18 is_commutative bool
19 allows_uninitialized_input bool
20 control_output string repeated
21 is_distributed_communication bool
""",
    "OpDef.ArgDef": """
1 name string
2 description string
3 type enum DataType
4 type_attr string
5 number_attr string
6 type_list_attr string
7 handle_data message ResourceHandleProto.DtypeAndShape repeated
16 is_ref bool
17 experimental_full_type message FullTypeDef
""",
    "OpDef.AttrDef": """
1 name string
2 type string
3 default_value message AttrValue
4 description string
5 has_minimum bool
6 minimum int64
7 allowed_values message AttrValue
""",
    "OpDeprecation": """
1 version int32
2 explanation string
""",
    "OpList": """
1 op message OpDef repeated
""",
    "OptimizerOptions": """
1 do_common_subexpression_elimination bool
2 do_constant_folding bool
3 opt_level enum OptimizerOptions.Level
4 do_function_inlining bool
5 global_jit_level enum OptimizerOptions.GlobalJitLevel
6 max_folded_constant_in_bytes int64
7 cpu_global_jit bool
""",
    "PairValue": """
1 key string
2 value message StructuredValue
""",
    "RegisteredGradient": """
1 gradient_func string
2 registered_op_type string
""",
    "RegisteredSaver": """
1 name string
2 object_name string
""",
    "ResourceHandleProto": """
1 device string
2 container string
3 name string
4 hash_code uint64
5 maybe_type_name string
6 dtypes_and_shapes message ResourceHandleProto.DtypeAndShape repeated
""",
    "ResourceHandleProto.DtypeAndShape": """
1 dtype enum DataType
2 shape message TensorShapeProto
""",
    "RewriterConfig": """
1 layout_optimizer enum RewriterConfig.Toggle
2 disable_model_pruning bool
3 constant_folding enum RewriterConfig.Toggle
4 memory_optimization enum RewriterConfig.MemOptType
7 arithmetic_optimization enum RewriterConfig.Toggle
8 dependency_optimization enum RewriterConfig.Toggle
9 loop_optimization enum RewriterConfig.Toggle
10 function_optimization enum RewriterConfig.Toggle
11 debug_stripper enum RewriterConfig.Toggle
12 meta_optimizer_iterations enum RewriterConfig.NumIterationsType
13 shape_optimization enum RewriterConfig.Toggle
14 remapping enum RewriterConfig.Toggle
15 scoped_allocator_optimization enum RewriterConfig.Toggle
17 min_graph_nodes int32
18 pin_to_host_optimization enum RewriterConfig.Toggle
19 disable_meta_optimizer bool
20 meta_optimizer_timeout_ms int64
21 fail_on_optimizer_errors bool
22 implementation_selector enum RewriterConfig.Toggle
23 auto_mixed_precision enum RewriterConfig.Toggle
24 common_subgraph_elimination enum RewriterConfig.Toggle
25 auto_mixed_precision_mkl enum RewriterConfig.Toggle
26 experimental_disable_compressed_tensor_optimization bool
27 experimental_disable_folding_quantization_emulation bool
28 use_plugin_optimizers enum RewriterConfig.Toggle
29 auto_mixed_precision_cpu enum RewriterConfig.Toggle
30 experimental_conditional_code_motion enum RewriterConfig.Toggle
31 auto_mixed_precision_onednn_bfloat16 enum RewriterConfig.Toggle
32 disable_tfg_optimizer bool
50 cpu_layout_conversion enum RewriterConfig.CpuLayout
""",
    "SaveableObject": """
2 save_function int32
3 restore_function int32
""",
    "SavedAsset": """
1 asset_file_def_index int32
""",
    "SavedBareConcreteFunction": """
1 concrete_function_name string
2 argument_keywords string repeated
3 allowed_positional_arguments int64
4 function_spec message FunctionSpec
""",
    "SavedConcreteFunction": """
2 bound_inputs int32 repeated
3 canonicalized_input_signature message StructuredValue
4 output_signature message StructuredValue
""",
    "SavedConstant": """
1 operation string
""",
    "SavedFunction": """
1 concrete_functions string repeated
2 function_spec message FunctionSpec
""",
    "SavedModel": """
1 saved_model_schema_version int64
2 meta_graphs message MetaGraphDef repeated
""",
    "SavedObject": """
1 children message TrackableObjectGraph.TrackableObject.ObjectReference repeated
3 slot_variables message TrackableObjectGraph.TrackableObject.SlotVariableReference repeated
4 user_object message SavedUserObject of:kind
5 asset message SavedAsset of:kind
6 function message SavedFunction of:kind
7 variable message SavedVariable of:kind
8 bare_concrete_function message SavedBareConcreteFunction of:kind
9 constant message SavedConstant of:kind
10 resource message SavedResource of:kind
11 saveable_objects message SavedObject.SaveableObjectsEntry repeated
12 captured_tensor message CapturedTensor of:kind
13 registered_name string
14 serialized_user_proto message Any
15 dependencies message TrackableObjectGraph.TrackableObject.ObjectReference repeated
16 registered_saver string
""",
    "SavedObject.SaveableObjectsEntry": """
1 key string
2 value message SaveableObject
""",
    "SavedObjectGraph": """
1 nodes message SavedObject repeated
2 concrete_functions message SavedObjectGraph.ConcreteFunctionsEntry repeated
""",
    "SavedObjectGraph.ConcreteFunctionsEntry": """
1 key string
2 value message SavedConcreteFunction
""",
    "SavedResource": """
1 device string
""",
    "SavedUserObject": """
1 identifier string
2 version message VersionDef
3 metadata string
""",
    "SavedVariable": """
1 dtype enum DataType
2 shape message TensorShapeProto
3 trainable bool
4 synchronization enum VariableSynchronization
5 aggregation enum VariableAggregation
6 name string
7 device string
8 experimental_distributed_variable_components message SavedVariable repeated
""",
    "SaverDef": """
1 filename_tensor_name string
2 save_tensor_name string
3 restore_op_name string
4 max_to_keep int32
5 sharded bool
6 keep_checkpoint_every_n_hours float
7 version enum SaverDef.CheckpointFormatVersion
""",
    "SignatureDef": """
1 inputs message SignatureDef.InputsEntry repeated
2 outputs message SignatureDef.OutputsEntry repeated
3 method_name string
4 defaults message SignatureDef.DefaultsEntry repeated
""",
    "SignatureDef.DefaultsEntry": """
1 key string
2 value message TensorProto
""",
    "SignatureDef.InputsEntry": """
1 key string
2 value message TensorInfo
""",
    "SignatureDef.OutputsEntry": """
1 key string
2 value message TensorInfo
""",
    "StructuredValue": """
1 none_value message NoneValue of:kind
11 float64_value double of:kind
12 int64_value sint64 of:kind
13 string_value string of:kind
14 bool_value bool of:kind
31 tensor_shape_value message TensorShapeProto of:kind
32 tensor_dtype_value enum DataType of:kind
33 tensor_spec_value message TensorSpecProto of:kind
34 type_spec_value message TypeSpecProto of:kind
35 bounded_tensor_spec_value message BoundedTensorSpecProto of:kind
51 list_value message ListValue of:kind
52 tuple_value message TupleValue of:kind
53 dict_value message DictValue of:kind
54 named_tuple_value message NamedTupleValue of:kind
55 tensor_value message TensorProto of:kind
56 numpy_value message TensorProto of:kind
""",
    "TensorInfo": """
1 name string of:encoding
2 dtype enum DataType
3 tensor_shape message TensorShapeProto
4 coo_sparse message TensorInfo.CooSparse of:encoding
5 composite_tensor message TensorInfo.CompositeTensor of:encoding
""",
    "TensorInfo.CompositeTensor": """
1 type_spec message TypeSpecProto
2 components message TensorInfo repeated
""",
    "TensorInfo.CooSparse": """
1 values_tensor_name string
2 indices_tensor_name string
3 dense_shape_tensor_name string
""",
    "TensorProto": """
1 dtype enum DataType
2 tensor_shape message TensorShapeProto
3 version_number int32
4 tensor_content bytes
5 float_val float repeated
6 double_val double repeated
7 int_val int32 repeated
8 string_val bytes repeated
9 scomplex_val float repeated
10 int64_val int64 repeated
11 bool_val bool repeated
12 dcomplex_val double repeated
13 half_val int32 repeated
14 resource_handle_val message ResourceHandleProto repeated
15 variant_val message VariantTensorDataProto repeated
16 uint32_val uint32 repeated
17 uint64_val uint64 repeated
18 float8_val bytes
""",
    "TensorShapeProto": """
2 dim message TensorShapeProto.Dim repeated
3 unknown_rank bool
""",
    "TensorShapeProto.Dim": """
1 size int64
2 name string
""",
    "TensorSliceProto": """
1 extent message TensorSliceProto.Extent repeated
""",
    "TensorSliceProto.Extent": """
1 start int64
2 length int64 of:has_length
""",
    "TensorSpecProto": """
1 name string
2 shape message TensorShapeProto
3 dtype enum DataType
""",
    "TrackableObjectGraph": """
1 nodes message TrackableObjectGraph.TrackableObject repeated
""",
    "TrackableObjectGraph.TrackableObject": """
1 children message TrackableObjectGraph.TrackableObject.ObjectReference repeated
2 attributes message TrackableObjectGraph.TrackableObject.SerializedTensor repeated
3 slot_variables message TrackableObjectGraph.TrackableObject.SlotVariableReference repeated
4 registered_saver message RegisteredSaver
5 has_checkpoint_values message BoolValue
""",
    "TrackableObjectGraph.TrackableObject.ObjectReference": """
1 node_id int32
2 local_name string
""",
    "TrackableObjectGraph.TrackableObject.SerializedTensor": """
1 name string
2 full_name string
3 checkpoint_key string
""",
    "TrackableObjectGraph.TrackableObject.SlotVariableReference": """
1 original_variable_node_id int32
2 slot_name string
3 slot_variable_node_id int32
""",
    "TupleValue": """
1 values message StructuredValue repeated
""",
    "TypeSpecProto": """
1 type_spec_class enum TypeSpecProto.TypeSpecClass
2 type_state message StructuredValue
3 type_spec_class_name string
4 num_flat_components int32
""",
    "VariantTensorDataProto": """
1 type_name string
2 metadata bytes
3 tensors message TensorProto repeated
""",
    "VersionDef": """
1 producer int32
2 min_consumer int32
3 bad_consumers int32 repeated
""",
}

ENUMS: Mapping[str, str] = {
    "BundleHeaderProto.Endianness": """
0 1
""",
    "ConfigProto.Experimental.MlirBridgeRollout": """
0 1 2
""",
    "DataType": """
0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31 32 33 101 102 103 104
105 106 107 108 109 110 111 112 113 114 115 116 117 118 119 120 121 122 123 124 125 126 127 128 129 130 131
132 133
""",
    "FullTypeId": """
0 1 2 3 4 20 100 200 201 202 203 204 205 206 207 208 209 210 211 212 213 214 215 1000 1001 1002 1003 1004 1005
10102 10103 10104 10202 10203
""",
    "FunctionSpec.JitCompile": """
0 1 2
""",
    "OptimizerOptions.GlobalJitLevel": """
-1 0 1 2
""",
    "OptimizerOptions.Level": """
-1 0
""",
    "RewriterConfig.CpuLayout": """
0 1 2
""",
    "RewriterConfig.MemOptType": """
0 1 2 3 4 5 6
""",
    "RewriterConfig.NumIterationsType": """
0 1 2
""",
    "RewriterConfig.Toggle": """
0 1 2 3 4 5
""",
    "SaverDef.CheckpointFormatVersion": """
0 1 2
""",
    "TypeSpecProto.TypeSpecClass": """
0 1 2 3 4 5 6 7 8 9 10 12 13
""",
    "VariableAggregation": """
0 1 2 3
""",
    "VariableSynchronization": """
0 1 2 3
""",
}
