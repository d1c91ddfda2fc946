# Gave 16,152 steps with AdamW, of a script; this is the nearest command: weights that magnify clean
# pairs up to 12 px.
set -eu
: "${IMAGES:?the folder of photographs}" "${OBJECTS:?of cut-outs}" "${RUNS:?of results}"

magnify train lbvmm --out "$RUNS/lbvmm-01" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu \
    --crop 96 --batch 4 --motion 12 --degraded 0 --lr 6e-4 --minutes 72
cp "$RUNS/lbvmm-01/lbvmm.safetensors" "$RUNS/lbvmm-01.safetensors"
