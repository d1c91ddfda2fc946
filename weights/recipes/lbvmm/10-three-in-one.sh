# Gave errors .0443 → .0439 (5,007 steps) and .0430 → .0426 (1,929). The mean of two ends and their
# start.
set -eu
: "${IMAGES:?the folder of photographs}" "${OBJECTS:?of cut-outs}" "${RUNS:?of results}"

magnify train lbvmm --init "$RUNS/lbvmm-09.safetensors" --out "$RUNS/lbvmm-10a" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu --devices 2 \
    --crop 192 --batch 1 --motion 30 --min-alpha 4 --lr 1.2e-4 --minutes 64 --seed 33
magnify train lbvmm --init "$RUNS/lbvmm-09.safetensors" --out "$RUNS/lbvmm-10b" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu --devices 2 \
    --crop 192 --batch 1 --motion 30 --min-alpha 4 --lr 1.2e-4 --degraded 0 --minutes 20 --seed 34
magnify weights average "$RUNS/lbvmm-09.safetensors" \
    "$RUNS/lbvmm-10a/lbvmm.safetensors" \
    "$RUNS/lbvmm-10b/lbvmm.safetensors" \
    -o "$RUNS/lbvmm-10.safetensors"
