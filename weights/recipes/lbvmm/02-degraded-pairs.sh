# Gave about 6,600 steps with AdamW, of a script; this is the nearest command: compression and noise
# are no longer magnified.
set -eu
: "${IMAGES:?the folder of photographs}" "${OBJECTS:?of cut-outs}" "${RUNS:?of results}"

magnify train lbvmm --init "$RUNS/lbvmm-01.safetensors" --out "$RUNS/lbvmm-02" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu \
    --crop 96 --batch 4 --motion 20 --curriculum --lr 3.2e-4 --minutes 120
cp "$RUNS/lbvmm-02/lbvmm.safetensors" "$RUNS/lbvmm-02.safetensors"
