#!/bin/sh
# Magnifies every .mp4 of a folder into another one. Run it again after adding clips, or after an
# interruption: it goes on with those that have no result yet.
#
#     sh examples/magnify_folder.sh clips magnified --alpha 15
set -eu
if [ $# -lt 2 ]; then
    echo "usage: $0 FOLDER OUTPUT_FOLDER [options of magnify run]" >&2
    exit 2
fi
clips=$1 output=$2
shift 2
magnify run "$clips"/*.mp4 --output-dir "$output" --skip-existing "$@"
