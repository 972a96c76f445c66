#!/usr/bin/env bash
# All that only a GPU can tell, in one run of less than ten minutes: the tests, then the tables.
#
#   tests/benchmarks/gpu.sh             with PYTHON=python3 or another; `make bench-gpu` takes .venv
#   tests/benchmarks/gpu.sh --quick     reduced, to try it where there is no GPU
#   tests/benchmarks/gpu.sh prepare 3.12
#       puts what a machine with torch, torchvision, scikit-learn and Pillow may lack into
#       build/packages, for its version of Python: carry that folder along. Qt is not needed.
#
# Photographs: AKIN_VOC=a VOC folder, else the built-in demo. LIMIT_S: seconds in all (540).
set -u
cd "$(dirname "$0")/../.."
PYTHON=${PYTHON:-python3}
PACKAGES=build/packages

if [ "${1:-}" = prepare ]; then
  rm -rf "$PACKAGES"
  into=(--quiet --target "$PACKAGES" --python-version "${2:-3.12}" --only-binary=:all: --upgrade)
  "$PYTHON" -m pip install "${into[@]}" pydantic platformdirs defusedxml pytest pytest-timeout &&
    "$PYTHON" -m pip install "${into[@]}" --no-deps qtawesome && # its fonts are the demo's
    du -sh "$PACKAGES"
  exit
fi

quick=""
[ "${1:-}" = --quick ] && quick=1
if [ -d "$PACKAGES" ]; then export PYTHONPATH="$PWD/$PACKAGES:$PWD"; else export PYTHONPATH="$PWD"; fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export AKIN_CACHE="$work/cache" AKIN_WORKSPACE="$work/workspace"
cores=$("$PYTHON" -c "import joblib; print(joblib.cpu_count())") || exit 2
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$cores}
started=$SECONDS
failed=""

part() { # name, most seconds, command ...
  local name=$1 most=$2 left=$((${LIMIT_S:-540} - SECONDS + started)) code
  shift 2
  [ "$left" -lt 10 ] && { failed="$failed $name(no-time-left)"; return; }
  echo "== $name"
  timeout "$((most < left ? most : left))" "$@"
  code=$?
  [ "$code" -ne 0 ] && failed="$failed $name($code)"
  echo "-- $name: $((SECONDS - started)) s since the start"
}

nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm --format=csv 2>/dev/null
"$PYTHON" -c "import platform, torch
print('Python', platform.python_version(), 'torch', torch.__version__, 'CUDA', torch.version.cuda,
      'cuDNN', torch.backends.cudnn.version())"
if [ -z "${AKIN_VOC:-}" ]; then
  export AKIN_VOC="$work/demo"
  "$PYTHON" -c "import os, pathlib
from core.data.demo import write_demo
write_demo(pathlib.Path(os.environ['AKIN_VOC']))" || exit 2
fi

bench=tests/benchmarks
tests=(tests/core/training/test_gpu.py tests/core/training/test_step_reporter.py
  tests/core/contrastive)
if [ "$quick" ]; then
  part tests 300 "$PYTHON" -m pytest "${tests[@]:0:2}"
  part loss 120 "$PYTHON" $bench/bench_loss.py --slots 2048
  part steps 120 "$PYTHON" $bench/bench_steps.py --steps 2
  part crops 120 "$PYTHON" $bench/bench_crops.py --seconds 1
  part growth 120 "$PYTHON" $bench/bench_growth.py --most 3000
else
  part loss 90 "$PYTHON" $bench/bench_loss.py --device cuda
  part steps 120 "$PYTHON" $bench/bench_steps.py --batch-size 100 256 512
  part crops 90 "$PYTHON" $bench/bench_crops.py
  part growth 120 "$PYTHON" $bench/bench_growth.py --device cuda
  part tests 150 "$PYTHON" -m pytest "${tests[@]}"
  part steps-cudnn-benchmark 90 "$PYTHON" $bench/bench_steps.py --cudnn-benchmark
  part steps-compiled 150 "$PYTHON" $bench/bench_steps.py --compile
fi
echo "== ${failed:+failed or cut off:$failed }$((SECONDS - started)) s"
[ -z "$failed" ]
