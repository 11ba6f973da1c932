"""Every operation that reaches a file, a machine, Python or a program is refused wherever it is planted."""

from __future__ import annotations

import pytest

from bundler.audit.finding import CAPABILITIES, Severity
from bundler.audit.graph import RULES, op_capability, op_is_allowed, operations, saved_model_findings
from tests.audit.graph.saved_models import audited, audited_bytes, folder, ids, node, ordinary, saved, with_node

PLACES = ("graph", "function", "nested", "initialiser")
SINKS = {
    **dict.fromkeys(operations.READS | operations.WRITES, "filesystem"),
    **dict.fromkeys(operations.CHECKPOINT | operations.TABLE_FILE, "filesystem"),
    **dict.fromkeys(operations.NETWORK, "network"),
    **dict.fromkeys(operations.DYNAMIC, "dynamic-code"),
    **dict.fromkeys(operations.NATIVE, "native-code"),
    **dict.fromkeys(operations.PROCESS, "process"),
}
#: Of each kind, the ones that public proofs and advisories have named. They must stand where they stand.
NAMED = {
    "filesystem": """ReadFile WriteFile MatchingFiles SaveV2 RestoreV2 MergeV2Checkpoints ImmutableConst TextLineDataset
    TFRecordDataset CSVDatasetV2 SqlDataset LMDBDataset InitializeTableFromTextFileV2 LoadDataset SaveDatasetV2
    CacheDataset DumpTensor WriteSummary CreateSummaryFileWriter DecodeProtoV2 EncodeProto Skipgram
    FixedUnigramCandidateSampler""",
    "network": """RpcServer RpcClient RpcCall DataServiceDatasetV4 RemoteCall DebugIdentity DebugIdentityV3
    CollectiveReduceV2 _Send""",
    "dynamic-code": "PyFunc EagerPyFunc PyFuncStateless DatasetFromGraph",
    "native-code": "XlaCustomCall XlaCustomCallV2 XlaCallModule MlirPassthroughOp",
}


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("op", sorted(SINKS))
def test_refuses_each_door_in_each_place(op: str, place: str) -> None:
    found = audited(with_node(place, node(op, inputs=["a", "b"])))
    assert [finding.capability for finding in found][:1] == [SINKS[op]], ids(found)
    assert found[0].inside is not None
    assert found[0].inside.endswith("node planted")
    assert op in found[0].what


def test_refuses_the_text_form_whatever_it_says() -> None:
    for name in ("saved_model.pbtxt", "saved_model.cpb", "SAVED_MODEL.PBTXT"):
        alone = saved_model_findings(
            folder({name: b'meta_graphs { graph_def { node { op: "ReadFile" } } }'}), place="m"
        )
        beside = audited(ordinary(), **{name: b""})
        assert ids(alone) == ["graph.text-form", "graph.malformed"]
        assert ids(beside) == ["graph.text-form"]


@pytest.mark.parametrize("place", PLACES)
def test_refuses_operations_that_tensorflow_does_not_have(place: str) -> None:
    found = audited(with_node(place, node("Addons>Resample")))
    assert ids(found) == ["graph.native-code"]
    assert found[0].what == "Addons>Resample, which TensorFlow does not have"


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    "op", ["FIFOQueueV2", "MapDataset", "TPUPartitionedCall", "SymbolicGradient", "_Arg", "Abort", "BatchFunction"]
)
def test_refuses_operations_that_nobody_has_reviewed(op: str, place: str) -> None:
    assert ids(audited(with_node(place, node(op)))) == ["graph.process" if op == "Abort" else "graph.unknown-operation"]


def test_the_file_network_and_code_operations_are_at_least_those_of_the_survey() -> None:
    assert len(operations.READS) + len(operations.TABLE_FILE) + 1 >= 48
    assert len(operations.WRITES) + 2 >= 33
    assert len(operations.NETWORK) >= 28
    assert len(operations.DYNAMIC | operations.NATIVE) >= 12
    for capability, names in NAMED.items():
        for op in names.split():
            assert op_capability(op) == capability, op


def test_every_operation_is_in_one_list_and_none_is_allowed_by_default() -> None:
    kept = [names for names in vars(operations).values() if isinstance(names, frozenset)]
    assert len(kept) == 9
    lists = [*kept, operations.withheld()]
    assert frozenset().union(*lists) == operations.registered()
    assert sum(map(len, lists)) == len(operations.registered())
    assert op_is_allowed("MatMul")
    assert op_capability("MatMul") is None
    assert not op_is_allowed("Nothing")
    assert op_capability("Nothing") == "native-code"
    assert op_capability("FIFOQueueV2") == "native-code"
    assert op_capability("SaveV2") == "filesystem"


def test_every_rule_has_a_name_of_this_part() -> None:
    assert len({rule.id for rule in RULES}) == len(RULES)
    for rule in RULES:
        assert rule.id.startswith("graph.")
        assert (rule.capability in CAPABILITIES) == (rule.severity is Severity.CONSENT)


def test_says_nothing_about_an_ordinary_export() -> None:
    assert audited(ordinary()) == []
    assert audited_bytes(saved(ordinary(), ordinary())) == []


def test_looks_at_every_meta_graph() -> None:
    assert ids(audited(ordinary(), with_node("nested", node("ReadFile")))) == ["graph.filesystem"]


def test_counts_what_it_does_not_show() -> None:
    changed = ordinary()
    changed["graph_def"]["node"] += [node("ReadFile", f"n{index}") for index in range(1000)]
    found = audited(changed)
    assert len(found) == 201
    assert found[-1].what == "and 800 more of this kind"
