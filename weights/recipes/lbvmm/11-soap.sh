# Gave errors .0396 → .0395 (3,718 steps, of a script) and .0416 → .0407 (8,750): SOAP, and new
# weights for dead channels.
set -eu
: "${IMAGES:?the folder of photographs}" "${OBJECTS:?of cut-outs}" "${RUNS:?of results}"

magnify train lbvmm --init "$RUNS/lbvmm-10.safetensors" --out "$RUNS/lbvmm-11a" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu --devices 2 \
    --crop 192 --batch 1 --motion 30 --lr 3e-4 --minutes 40 --seed 51
magnify train lbvmm --init "$RUNS/lbvmm-11a/lbvmm.safetensors" --out "$RUNS/lbvmm-11b" \
    --images "$IMAGES" --objects "$OBJECTS" --device cpu --devices 2 \
    --crop 192 --batch 1 --motion 30 --lr 3e-4 --minutes 105 --seed 61
cp "$RUNS/lbvmm-11b/lbvmm.safetensors" "$RUNS/lbvmm-11.safetensors"
