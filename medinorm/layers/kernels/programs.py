"""The Triton programs: statistics, affine map and gradients on a CUDA device.

Every program sees a tensor as ``(N, V, C)`` with strides and works through a *chunk* of
one sample's voxels in tiles of ``(tile_v, tile_c)``. Contiguous tensors have tiles one
channel wide, ``channels_last_3d`` tensors tiles as wide as a cache line, so that both
are read in the order they lie in memory. The grid is (chunks, blocks of channels,
samples). Values are computed in float32, whatever their dtype in memory. Results of
chunks go to tables of shape ``(..., chunks, N, C)``, which a second small program
merges in a fixed order: no atomics, the same result every time.

The terms of the affine map are a table ``(5, N, C)``: centre, scale, offset, rest, m2,
with ``y = (x - centre) * scale + offset``. The mean is ``centre + rest``: a mean of
1000 in float32 alone is off by up to 3e-5. `rest` is folded into `offset`, the centre
never is.

References:
    Welford, "Note on a method for calculating corrected sums of squares and products",
    Technometrics 4, 1962.
    Chan, Golub and LeVeque, "Algorithms for computing the sample variance", The
    American Statistician 37, 1983.
"""
# A device program takes pointers and numbers, not objects, and Triton has no types.
# ruff: noqa: PLR0913, PLR0917
# mypy: disable-error-code="untyped-decorator"

import triton
import triton.language as tl


@triton.jit
def _find_rows(
    channels: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    tile_c: tl.constexpr,
    backwards: tl.constexpr,
) -> tuple[tl.tensor, ...]:
    """Chunk, sample, channels and where the rows of this program begin."""
    chunk, block, sample = tl.program_id(0), tl.program_id(1), tl.program_id(2)
    if backwards:
        # The pass before read these last: they are still in the cache.
        chunk = tl.num_programs(0) - 1 - chunk
        block = tl.num_programs(1) - 1 - block
        sample = tl.num_programs(2) - 1 - sample
    channel = block * tile_c + tl.arange(0, tile_c)[None, :]
    start = sample.to(tl.int64) * per_sample + channel.to(tl.int64) * per_channel
    return chunk, sample * channels + channel, channel < channels, start


@triton.jit
def _pool(
    count: tl.tensor, mean: tl.tensor, m2: tl.tensor, total: tl.tensor
) -> tuple[tl.tensor, ...]:
    """Mean and sum of squares of a union along axis 0 (Chan 1983), centred."""
    pooled = tl.sum(count / total * mean, 0)
    away = mean - pooled
    return pooled, tl.sum(m2 + count * away * away, 0)


@triton.jit(do_not_specialize=["steps"])
def measure_chunks(
    x: tl.tensor,
    parts: tl.tensor,
    channels: tl.tensor,
    voxels: tl.tensor,
    steps: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    per_voxel: tl.tensor,
    tile_v: tl.constexpr,
    tile_c: tl.constexpr,
) -> None:
    r"""Mean, less the row's first value, and sum of squares of each chunk.

    Each lane of the tile follows Welford, one value a step, and the lanes are pooled:

    .. math:: d = x_k - \mu_{k-1}, \qquad \mu_k = \mu_{k-1} + d / k, \qquad
              M_k = M_{k-1} + d\,(x_k - \mu_k)

    The first value of the row is subtracted beforehand. It is at most
    :math:`\sqrt V \sigma` from the mean, as any value is, so that rounding costs at
    most that many units in the last place however large the mean.

    `parts` is ``(2, chunks, N, C)``.
    """
    chunk, row, there, start = _find_rows(
        channels, per_sample, per_channel, tile_c, False
    )
    first = chunk * steps * tile_v
    lane = tl.arange(0, tile_v)[:, None]
    pivot = tl.load(x + start, mask=there, other=0).to(tl.float32)
    here = x + start + first.to(tl.int64) * per_voxel
    mean = tl.zeros((tile_v, tile_c), tl.float32)
    m2 = tl.zeros((tile_v, tile_c), tl.float32)
    for step in range(steps):
        voxel = step * tile_v + lane
        # A lane that is outside stays outside; all others have counted `step` values.
        inside = (first + voxel < voxels) & there
        value = tl.load(here + voxel * per_voxel, mask=inside, other=0)
        value = value.to(tl.float32) - pivot
        away = tl.where(inside, value - mean, 0.0)
        mean += away * (1.0 / (step + 1))
        m2 += away * (value - mean)
    left = voxels - first
    count = (left - lane + tile_v - 1) // tile_v
    count = tl.minimum(tl.maximum(count, 0), steps).to(tl.float32)
    total = tl.minimum(left, steps * tile_v).to(tl.float32)
    pooled, pooled_m2 = _pool(count, mean, m2, total)
    rows = tl.num_programs(2) * channels
    out = parts + chunk * rows + row
    tl.store(out, pooled[None, :], mask=there)
    tl.store(out + tl.num_programs(0) * rows, pooled_m2[None, :], mask=there)


@triton.jit(do_not_specialize=["voxels", "chunk_voxels", "chunks"])
def merge_moments(
    x: tl.tensor,
    parts: tl.tensor,
    weight: tl.tensor,
    bias: tl.tensor,
    terms: tl.tensor,
    weight_per_sample: tl.tensor,
    bias_per_sample: tl.tensor,
    voxels: tl.tensor,
    chunk_voxels: tl.tensor,
    chunks: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    eps: tl.tensor,
    tile: tl.constexpr,
) -> None:
    """Pool the chunks of one row and write the terms of its affine map.

    The grid is (channels, samples).
    """
    channel, sample = tl.program_id(0), tl.program_id(1)
    row = sample * tl.num_programs(0) + channel
    rows = tl.num_programs(0) * tl.num_programs(1)
    chunk = tl.arange(0, tile)
    there = chunk < chunks
    count = tl.minimum(voxels - chunk * chunk_voxels, chunk_voxels)
    count = tl.where(there, count, 0).to(tl.float32)
    entry = parts + chunk * rows + row
    mean = tl.load(entry, mask=there, other=0.0)
    m2 = tl.load(entry + chunks * rows, mask=there, other=0.0)
    mean, m2 = _pool(count, mean, m2, voxels)
    place = sample.to(tl.int64) * per_sample + channel.to(tl.int64) * per_channel
    pivot = tl.load(x + place).to(tl.float32)
    # The sum of two floats as a float, and its rounding error (Knuth's two-sum).
    centre = pivot + mean
    shift = centre - pivot
    rest = (pivot - (centre - shift)) + (mean - shift)
    scale = tl.rsqrt(m2 / voxels + eps)
    offset = 0.0
    if weight is not None:
        scale *= tl.load(weight + sample * weight_per_sample + channel).to(tl.float32)
    if bias is not None:
        offset += tl.load(bias + sample * bias_per_sample + channel).to(tl.float32)
    tl.store(terms + row, centre)
    tl.store(terms + rows + row, scale)
    tl.store(terms + 2 * rows + row, offset - rest * scale)
    tl.store(terms + 3 * rows + row, rest)
    tl.store(terms + 4 * rows + row, m2)


@triton.jit(do_not_specialize=["steps"])
def apply_terms(
    x: tl.tensor,
    y: tl.tensor,
    terms: tl.tensor,
    channels: tl.tensor,
    voxels: tl.tensor,
    steps: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    per_voxel: tl.tensor,
    slope: tl.tensor,
    tile_v: tl.constexpr,
    tile_c: tl.constexpr,
    activated: tl.constexpr,
) -> None:
    r"""Write :math:`y = \phi((x - c)\,a + b)` with :math:`\phi(z) = z` or `slope` z."""
    chunk, row, there, start = _find_rows(
        channels, per_sample, per_channel, tile_c, True
    )
    rows = tl.num_programs(2) * channels
    centre = tl.load(terms + row, mask=there, other=0.0)
    scale = tl.load(terms + rows + row, mask=there, other=0.0)
    offset = tl.load(terms + 2 * rows + row, mask=there, other=0.0)
    first = chunk * steps * tile_v
    lane = tl.arange(0, tile_v)[:, None]
    begin = start + first.to(tl.int64) * per_voxel
    for step in range(steps):
        voxel = step * tile_v + lane
        inside = (first + voxel < voxels) & there
        place = begin + voxel * per_voxel
        value = tl.load(x + place, mask=inside, other=0).to(tl.float32)
        value = (value - centre) * scale + offset
        if activated:
            value = tl.where(value > 0, value, value * slope)
        tl.store(y + place, value.to(y.dtype.element_ty), mask=inside)


@triton.jit(do_not_specialize=["steps"])
def reduce_gradient_chunks(
    x: tl.tensor,
    gradient: tl.tensor,
    terms: tl.tensor,
    parts: tl.tensor,
    channels: tl.tensor,
    voxels: tl.tensor,
    steps: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    per_voxel: tl.tensor,
    slope: tl.tensor,
    tile_v: tl.constexpr,
    tile_c: tl.constexpr,
    activated: tl.constexpr,
) -> None:
    r"""Sums :math:`\sum g'` and :math:`\sum g' (x - c)` of each chunk.

    :math:`g' = g\,\phi'(z)` is the gradient in front of the activation, whose sign is
    computed again from `x`. `parts` is ``(2, chunks, N, C)``.
    """
    chunk, row, there, start = _find_rows(
        channels, per_sample, per_channel, tile_c, False
    )
    rows = tl.num_programs(2) * channels
    centre = tl.load(terms + row, mask=there, other=0.0)
    scale = tl.load(terms + rows + row, mask=there, other=0.0)
    offset = tl.load(terms + 2 * rows + row, mask=there, other=0.0)
    first = chunk * steps * tile_v
    lane = tl.arange(0, tile_v)[:, None]
    begin = start + first.to(tl.int64) * per_voxel
    total = tl.zeros((tile_v, tile_c), tl.float32)
    moment = tl.zeros((tile_v, tile_c), tl.float32)
    for step in range(steps):
        voxel = step * tile_v + lane
        inside = (first + voxel < voxels) & there
        place = begin + voxel * per_voxel
        away = tl.load(x + place, mask=inside, other=0).to(tl.float32) - centre
        incoming = tl.load(gradient + place, mask=inside, other=0).to(tl.float32)
        if activated:
            incoming = tl.where(away * scale + offset > 0, incoming, incoming * slope)
        total += incoming
        moment += incoming * away
    out = parts + chunk * rows + row
    tl.store(out, tl.sum(total, 0)[None, :], mask=there)
    out += tl.num_programs(0) * rows
    tl.store(out, tl.sum(moment, 0)[None, :], mask=there)


@triton.jit(do_not_specialize=["voxels", "chunks"])
def merge_gradients(
    parts: tl.tensor,
    terms: tl.tensor,
    factors: tl.tensor,
    voxels: tl.tensor,
    chunks: tl.tensor,
    eps: tl.tensor,
    tile: tl.constexpr,
) -> None:
    r"""Sum the chunks of one row and write the factors of its gradient.

    .. math:: b = -\frac{a}{\sigma^2 V} \sum g' (x - \mu), \qquad
              c = -\frac{a}{V} \sum g'

    with :math:`a` the scale. `factors` is ``(4, N, C)``: b and c, with the rest of the
    mean folded into c, then the gradients of the row's bias and weight. The grid is
    (channels, samples).
    """
    row = tl.program_id(1) * tl.num_programs(0) + tl.program_id(0)
    rows = tl.num_programs(0) * tl.num_programs(1)
    chunk = tl.arange(0, tile)
    entry = parts + chunk * rows + row
    total = tl.sum(tl.load(entry, mask=chunk < chunks, other=0.0), 0)
    entry += chunks * rows
    moment = tl.sum(tl.load(entry, mask=chunk < chunks, other=0.0), 0)
    scale = tl.load(terms + rows + row)
    rest = tl.load(terms + 3 * rows + row)
    rstd = tl.rsqrt(tl.load(terms + 4 * rows + row) / voxels + eps)
    moment = (moment - rest * total) * rstd
    slant = -scale * rstd * (moment / voxels)
    tl.store(factors + row, slant)
    tl.store(factors + rows + row, -scale * (total / voxels) - rest * slant)
    tl.store(factors + 2 * rows + row, total)
    tl.store(factors + 3 * rows + row, moment)


@triton.jit(do_not_specialize=["steps"])
def combine_terms(
    x: tl.tensor,
    gradient: tl.tensor,
    terms: tl.tensor,
    factors: tl.tensor,
    of_x: tl.tensor,
    channels: tl.tensor,
    voxels: tl.tensor,
    steps: tl.tensor,
    per_sample: tl.tensor,
    per_channel: tl.tensor,
    per_voxel: tl.tensor,
    slope: tl.tensor,
    tile_v: tl.constexpr,
    tile_c: tl.constexpr,
    activated: tl.constexpr,
) -> None:
    r"""Write the gradient of `x`, :math:`g' a + (x - c)\,b + c'`."""
    chunk, row, there, start = _find_rows(
        channels, per_sample, per_channel, tile_c, True
    )
    rows = tl.num_programs(2) * channels
    centre = tl.load(terms + row, mask=there, other=0.0)
    scale = tl.load(terms + rows + row, mask=there, other=0.0)
    offset = tl.load(terms + 2 * rows + row, mask=there, other=0.0)
    slant = tl.load(factors + row, mask=there, other=0.0)
    level = tl.load(factors + rows + row, mask=there, other=0.0)
    first = chunk * steps * tile_v
    lane = tl.arange(0, tile_v)[:, None]
    begin = start + first.to(tl.int64) * per_voxel
    for step in range(steps):
        voxel = step * tile_v + lane
        inside = (first + voxel < voxels) & there
        place = begin + voxel * per_voxel
        away = tl.load(x + place, mask=inside, other=0).to(tl.float32) - centre
        incoming = tl.load(gradient + place, mask=inside, other=0).to(tl.float32)
        if activated:
            incoming = tl.where(away * scale + offset > 0, incoming, incoming * slope)
        value = incoming * scale + away * slant + level
        tl.store(of_x + place, value.to(of_x.dtype.element_ty), mask=inside)
