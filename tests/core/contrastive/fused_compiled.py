"""Compiles the fused kernels for GPUs that need not be here; test_fused.py runs it.

Writes the name of each, with the architecture, that became machine code.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[3]))

import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from core.contrastive import fused_kernels, fused_pass

RANKS = 5
SUMS = {"R": RANKS, "PADDED_R": 8, "A": fused_pass.ANCHORS, "K": fused_pass.ROWS}
SLOPES = {"R": RANKS, "A": fused_pass.ANCHORS, "K": fused_pass.SLOPE_ROWS}
KERNELS = {
    "sums": (fused_kernels.sums, SUMS | {"GAPS": False}),
    "gaps": (fused_kernels.sums, SUMS | {"GAPS": True}),
    "slopes": (fused_kernels.slopes, SLOPES | {"OUT": 0}),
    "slopes-out": (fused_kernels.slopes, SLOPES | {"OUT": RANKS}),
}


def kind_of(name: str, constants: dict[str, int]) -> str:
    """Returns the type of an argument."""
    if name in constants:
        return "constexpr"
    if not name.endswith("_ptr"):
        return "i32"
    return {"label_ptr": "*i64", "rank_ptr": "*i32"}.get(name, "*fp32")


def main() -> None:
    for architecture in (80, 90, 100):
        for title, (kernel, constants) in KERNELS.items():
            names = kernel.arg_names
            source = ASTSource(
                fn=kernel,
                signature={name: kind_of(name, constants) for name in names},
                constexprs={(names.index(name),): value for name, value in constants.items()},
            )
            target = GPUTarget("cuda", architecture, 32)
            compiled = triton.compile(source, target, {"num_warps": fused_pass.WARPS})
            if compiled.asm["cubin"]:
                sys.stdout.write(f"{title}-{architecture} ")


if __name__ == "__main__":
    main()
