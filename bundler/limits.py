"""Every numeric cap of the reader and the writer, in one frozen object (invariant I5).

A cap is checked before the memory it guards is taken. The values leave an order of magnitude above the largest
real bundle that we know of; a file beyond them is refused, never cut short. Those of names and manifest are as low as
that allows: a file right at them that is made to cost must be refused within 64 MB and a second
(`tests/archive/bombs.py`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """Caps on what a bundle may ask of its reader. Each is in bytes, decoded, unless it is named here.

    Counts: `members`, `folders`, `name_segments` of one name, `manifest_values` and `config_values` of JSON, the
    scalars of a model of which a step of training is compared (`proof_step_parameters`), `seed_numbers` of one
    generator, `uses` of one stage, `hdf5_objects`, `hdf5_extents` (pieces that are claimed), `graph_values` (fields).
    Levels in one another: `json_depth`, `config_depth`, `hdf5_depth`. Characters: `use_capability`, `use_what`.
    Seconds: `proof_seconds`, `index_seconds`, `install_seconds`. Decoded bytes for each stored one: `keras_file_ratio`,
    `zstd_ratio` (of one member), `zstd_total_ratio` (of the file). `integer` is the largest value, either way.
    """

    members: int = 10_000
    folders: int = 10_000
    central_directory: int = 4 << 20
    name_bytes: int = 1_024
    name_segment_bytes: int = 255
    name_segments: int = 16
    manifest: int = 4 << 20
    manifest_values: int = 125_000
    json_depth: int = 64
    integer: int = (1 << 63) - 1
    source_file: int = 16 << 20
    source_total: int = 256 << 20
    data_file: int = 256 << 20
    data_total: int = 1 << 30
    self_test: int = 64 << 20
    #: Weights of a model whose self-test is replayed unasked where versions differ: a GiB of float32, seconds on a CPU.
    replayed_parameters: int = 1 << 28
    proof_seconds: int = 3_600
    proof_step_parameters: int = 100_000_000
    seed_numbers: int = 16
    value: int = 1 << 20
    uses: int = 256
    use_capability: int = 64
    use_what: int = 400
    index_seconds: int = 60
    vendored_wheel: int = 8 << 20
    vendored_total: int = 64 << 20
    lock: int = 4 << 20
    policy: int = 1 << 20
    wheels_total: int = 2 << 30
    install_seconds: int = 3_600
    carried_code: int = 16 << 20
    keras_config: int = 256 << 20
    config_values: int = 4_000_000
    config_depth: int = 200
    keras_file_ratio: int = 100
    hdf5_objects: int = 50_000
    hdf5_extents: int = 400_000
    hdf5_depth: int = 64
    hdf5_block: int = 1 << 20
    hdf5_names: int = 16 << 20
    npy_header: int = 4 << 10
    graph: int = 512 << 20
    graph_values: int = 20_000_000
    graph_constant: int = 1 << 30
    graph_constants: int = 4 << 30
    bundle: int = 1 << 44
    zstd_window: int = 8 << 20
    zstd_ratio: int = 1_000
    zstd_total: int = 256 << 20
    zstd_total_ratio: int = 100
    zstd_block: int = 128 << 10


LIMITS = Limits()
