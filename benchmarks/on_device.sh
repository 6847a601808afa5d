#!/usr/bin/env bash
# What waits for a graphics card, in at most 8 minutes: tests of the kernels, layers beside
# torch's, steps per second. Only torch, numpy and pytest are needed, no MONAI.
#
#     OUT=results_on_card bash benchmarks/on_device.sh          # on a card
#     OUT=results_dry bash benchmarks/on_device.sh --dry        # on a CPU, in seconds
set -u
cd "$(dirname "$0")/.."
: "${OUT:?name a folder for the results, such as OUT=results_on_card}"
mkdir -p "$OUT"
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" PYTHONUNBUFFERED=1
dry=""
[ "${1:-}" = "--dry" ] && dry=yes
python="${PYTHON:-python3}"
failed=0

# step NAME SECONDS COMMAND...: a step that fails or takes too long stops no other.
step() {
    local name=$1 limit=$2
    shift 2
    echo "== $name"
    if ! timeout "$limit" "$@" > "$OUT/$name.log" 2>&1; then
        echo "   failed, see $name.log"
        failed=1
    fi
    tail -n 3 "$OUT/$name.log"
}

step machine 20 "$python" -c "import torch; print(torch.__version__, torch.cuda.is_available() and torch.cuda.get_device_name())"
if [ -n "$dry" ]; then
    step layers 60 "$python" benchmarks/gpu_layers.py --quick --repeats 2 --json "$OUT/layers.json"
    step training 60 "$python" benchmarks/card_training.py --quick --steps 2 --json "$OUT/training.json"
else
    step kernels 150 "$python" -m pytest -q -p no:cacheprovider --import-mode=importlib \
        --confcutdir=tests/layers -o addopts= -o filterwarnings= tests/layers/kernels
    step layers 120 "$python" benchmarks/gpu_layers.py --json "$OUT/layers.json"
    step training 180 "$python" benchmarks/card_training.py --json "$OUT/training.json"
fi
exit $failed
