"""Triton's kernels of the ranked loss; see `core.contrastive.fused_pass`.

A program goes over rows of a block's cosines for A anchors, K candidates at a time. The ranks are
looked up by the candidate's class, C x B: R for a negative. Other numbers of an anchor's ranks are
R x B tables.

Shape suffixes: k candidates of a turn, a anchors of a program, r ranks, padded to a power of two.
"""

# mypy: disable-error-code="no-untyped-def, no-untyped-call, untyped-decorator"
from __future__ import annotations

import triton
from triton import language as tl

LN_2 = tl.constexpr(0.6931471805599453)
LOG2_E = tl.constexpr(1.4426950408889634)


@triton.jit
def _tile(cosine_ptr, label_ptr, rank_ptr, at_k, end, at_a, anchors):
    """Returns cosines, and ranks: -1 of whom is ignored, an empty slot or the anchor's own key."""
    label_k = tl.load(label_ptr + at_k, mask=at_k < end, other=-1).to(tl.int32)
    inside_ka = (label_k >= 0)[:, None] & (at_a < anchors)[None, :]
    at_ka = at_k[:, None].to(tl.int64) * anchors + at_a[None, :]
    cosine_ka = tl.load(cosine_ptr + at_ka, mask=inside_ka, other=-float("inf"))
    rank_at_ka = label_k[:, None] * anchors + at_a[None, :]
    rank_ka = tl.load(rank_ptr + rank_at_ka, mask=inside_ka, other=-1)
    counts_ka = inside_ka & (cosine_ka != -float("inf"))
    return tl.where(counts_ka, cosine_ka, 0.0), tl.where(counts_ka, rank_ka, -1)


@triton.jit
def _of_rank(table_ptr, rank, at_a, anchors):
    """Returns a number of each anchor for a rank, as a row."""
    return tl.load(table_ptr + rank * anchors + at_a, mask=at_a < anchors, other=0.0)[None, :]


@triton.jit
def _power(cosine_ka, slope_ptr, below_ptr, rank, at_a, anchors):
    """Returns exp(logit - shift)."""
    slope_1a = _of_rank(slope_ptr, rank, at_a, anchors)
    return tl.exp2(cosine_ka * slope_1a + _of_rank(below_ptr, rank, at_a, anchors))


@triton.jit
def _gap(cosine_ka, rest_ptr, steep_ptr, rank, at_a, anchors):
    """Returns rest - logit for positives of a rank."""
    rest_1a = _of_rank(rest_ptr, rank, at_a, anchors)
    return rest_1a - cosine_ka * _of_rank(steep_ptr, rank, at_a, anchors)


@triton.jit
def _sigmoid(value):
    """Returns 1 / (1 + exp(-value)), of any size."""
    below = tl.exp2(-tl.abs(value) * LOG2_E)
    return tl.where(value >= 0, 1.0, below) / (1.0 + below)


@triton.jit(do_not_specialize=["anchors", "candidates", "piece"])
def sums(
    cosine_ptr,
    label_ptr,
    rank_ptr,
    slope_ptr,
    below_ptr,
    steep_ptr,
    rest_ptr,
    out_ptr,
    anchors,
    candidates,
    piece,
    R: tl.constexpr,
    PADDED_R: tl.constexpr,
    GAPS: tl.constexpr,
    A: tl.constexpr,
    K: tl.constexpr,
):
    """Writes two sums over pieces of a block for each rank, out of (pieces, 2, R, B).

    Of exp(logit - shift) over the rank's positives, and over all that is lower. With GAPS: of
    softplus(rest - logit) and of sigmoid(rest - logit) over the positives.
    """
    at_a = tl.program_id(1) * A + tl.arange(0, A)
    at_r1 = tl.arange(0, PADDED_R)[:, None]
    first_ra = tl.zeros([PADDED_R, A], dtype=tl.float32)
    second_ra = tl.zeros([PADDED_R, A], dtype=tl.float32)
    start = tl.program_id(0) * piece
    end = tl.minimum(start + piece, candidates)
    for at in range(start, end, K):
        at_k = at + tl.arange(0, K)
        cosine_ka, rank_ka = _tile(cosine_ptr, label_ptr, rank_ptr, at_k, end, at_a, anchors)
        for rank in tl.static_range(R):
            if GAPS:
                gap_ka = _gap(cosine_ka, rest_ptr, steep_ptr, rank, at_a, anchors)
                more_ka = tl.log2(1.0 + tl.exp2(-tl.abs(gap_ka) * LOG2_E)) * LN_2
                one_ka = tl.where(rank_ka == rank, tl.maximum(gap_ka, 0.0) + more_ka, 0.0)
                two_ka = tl.where(rank_ka == rank, _sigmoid(gap_ka), 0.0)
            else:
                power_ka = _power(cosine_ka, slope_ptr, below_ptr, rank, at_a, anchors)
                one_ka = tl.where(rank_ka == rank, power_ka, 0.0)
                two_ka = tl.where(rank_ka > rank, power_ka, 0.0)
            first_ra += tl.where(at_r1 == rank, tl.sum(one_ka, axis=0)[None, :], 0.0)
            second_ra += tl.where(at_r1 == rank, tl.sum(two_ka, axis=0)[None, :], 0.0)
    out_at_ra = (tl.program_id(0) * 2 * R + at_r1) * anchors + at_a[None, :]
    inside_ra = (at_r1 < R) & (at_a < anchors)[None, :]
    tl.store(out_ptr + out_at_ra, first_ra, mask=inside_ra)
    tl.store(out_ptr + R * anchors + out_at_ra, second_ra, mask=inside_ra)


@triton.jit(do_not_specialize=["anchors", "candidates"])
def slopes(
    cosine_ptr,
    label_ptr,
    rank_ptr,
    slope_ptr,
    below_ptr,
    steep_ptr,
    rest_ptr,
    lower_ptr,
    equal_ptr,
    flat_ptr,
    pull_ptr,
    out_ptr,
    anchors,
    candidates,
    R: tl.constexpr,
    OUT: tl.constexpr,
    A: tl.constexpr,
    K: tl.constexpr,
):
    """Writes the derivative of L by each cosine of a block; see `core.contrastive.ranks.Slopes`."""
    at_a = tl.program_id(1) * A + tl.arange(0, A)
    at_k = tl.program_id(0) * K + tl.arange(0, K)
    cosine_ka, rank_ka = _tile(cosine_ptr, label_ptr, rank_ptr, at_k, candidates, at_a, anchors)
    slope_ka = tl.zeros([K, A], dtype=tl.float32)
    for rank in tl.static_range(R):
        power_ka = _power(cosine_ka, slope_ptr, below_ptr, rank, at_a, anchors)
        lower_ka = tl.where(rank_ka > rank, _of_rank(lower_ptr, rank, at_a, anchors), 0.0)
        equal_1a = _of_rank(equal_ptr, rank, at_a, anchors)
        slope_ka += power_ka * tl.where(rank_ka == rank, equal_1a, lower_ka)
        slope_ka += tl.where(rank_ka == rank, _of_rank(flat_ptr, rank, at_a, anchors), 0.0)
        if rank < OUT:
            gap_ka = _gap(cosine_ka, rest_ptr, steep_ptr, rank, at_a, anchors)
            pull_ka = _of_rank(pull_ptr, rank, at_a, anchors) * _sigmoid(gap_ka)
            slope_ka += tl.where(rank_ka == rank, pull_ka, 0.0)
    at_ka = at_k[:, None].to(tl.int64) * anchors + at_a[None, :]
    inside_ka = (at_k < candidates)[:, None] & (at_a < anchors)[None, :]
    tl.store(out_ptr + at_ka, slope_ka, mask=inside_ka)
