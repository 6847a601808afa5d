"""The programs compile for GPUs that are not here, and read memory in wide steps."""

import os
import re
from importlib.util import find_spec

import pytest

if find_spec("triton") is None or os.environ.get("TRITON_INTERPRET") == "1":
    pytest.skip("Triton is not installed, or interprets", allow_module_level=True)

from triton import compile as compile_program
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from medinorm.layers.kernels import programs

VALUES = {"x", "y", "gradient", "of_x"}
TABLES = {"terms", "parts", "factors", "weight", "bias"}
ALIGNED = [["tt.divisibility", 16]]
# Tile, and the stride that is 1.
LAYOUTS = {
    "contiguous": ({"tile_v": 2048, "tile_c": 1}, "per_voxel"),
    "channels_last": ({"tile_v": 64, "tile_c": 32}, "per_channel"),
}
# Passes over all voxels: how many tensors they read and write.
PASSES = {
    "measure_chunks": (1, 0),
    "apply_terms": (1, 1),
    "reduce_gradient_chunks": (2, 0),
    "combine_terms": (2, 1),
}


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))


def type_of(argument, dtype, constants):
    """What Triton is told of an argument."""
    if argument in constants:
        return "constexpr"
    if argument in VALUES:
        return f"*{dtype}"
    if argument in TABLES:
        return "*fp32"
    return "fp32" if argument in ("eps", "slope") else "i32"


def assemble(name, dtype, constants, capability=90):
    """Compile a program for a GPU of some capability, sizes divisible by 16."""
    program = getattr(programs, name)
    types = {a: type_of(a, dtype, constants) for a in program.arg_names}
    places = {argument: (i,) for i, argument in enumerate(types)}
    source = ASTSource(
        program,
        types,
        {places[a]: constants[a] for a in types if a in constants},
        {places[a]: ALIGNED for a in types if types[a] not in ("constexpr", "fp32")},
    )
    return compile_program(source, target=GPUTarget("cuda", capability, 32)).asm


@pytest.mark.parametrize("dtype", ["fp32", "bf16"])
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PASSES)
def test_passes_move_sixteen_bytes_at_a_time(name, layout, dtype):
    tile, unit = LAYOUTS[layout]
    ptx = assemble(name, dtype, {**tile, unit: 1, "activated": True})["ptx"]
    # A thread holds 16 of the 2048 values of a tile.
    wide = 16 * {"fp32": 4, "bf16": 2}[dtype] // 16
    reads, writes = PASSES[name]
    assert len(re.findall(r"ld\.global\S*\.v4\.b32", ptx)) >= reads * wide
    assert len(re.findall(r"st\.global\S*\.v4\.b32", ptx)) == writes * wide


@pytest.mark.parametrize("capability", [80, 86, 90, 100])
@pytest.mark.parametrize("name", ["merge_moments", "merge_gradients", "combine_terms"])
def test_programs_compile_for_other_gpus(name, capability):
    tile = LAYOUTS["contiguous"][0]
    constants = {**tile, "per_voxel": 1, "activated": False, "tile": 64}
    assert assemble(name, "fp16", constants, capability)["cubin"]


def test_programs_compile_without_weight_and_bias():
    constants = {"weight": None, "bias": None, "tile": 1}
    assert assemble("merge_moments", "fp32", constants)["cubin"]


@pytest.mark.parametrize("name", PASSES)
def test_nothing_is_spilled_to_local_memory(name):
    tile, unit = LAYOUTS["channels_last"]
    ptx = assemble(name, "fp32", {**tile, unit: 1, "activated": True})["ptx"]
    assert ".local" not in ptx
