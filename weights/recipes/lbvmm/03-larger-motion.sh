# Gave 2,893 steps; motion up to 28 px. It was ended early (Ctrl-C), with its learning rate still at
# the top.
set -eu
: "${IMAGES:?the folder of photographs}" "${OBJECTS:?of cut-outs}" "${RUNS:?of results}"

magnify train lbvmm --init "$RUNS/lbvmm-02.safetensors" --out "$RUNS/lbvmm-03" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu \
    --crop 144 --batch 3 --motion 28 --lr 5e-4 --minutes 82
cp "$RUNS/lbvmm-03/lbvmm.safetensors" "$RUNS/lbvmm-03.safetensors"
