#!/usr/bin/env bash
# A campaign in four parts, played through GNU parallel and merged, is the whole to the byte: tests/campaign/parallel.sh
# Exit status 3: this machine has no GNU parallel, and it cannot be installed.
set -euo pipefail
cd "$(dirname "$0")/../.."
command -v parallel >/dev/null || { apt-get install -y parallel >/dev/null 2>&1 && command -v parallel >/dev/null; } || exit 3
cargo build --locked --quiet --bin trial
trial=$PWD/${CARGO_TARGET_DIR:-target}/debug/trial
[ -x "$trial" ] || trial=$CARGO_TARGET_DIR/debug/trial
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"
# What fails is found, and no reason to stop.
found() { "$@" || test $? = 1; }
found "$trial" fuzz --swarm --seeds 1..120 --rule truncation=hw --out whole >whole.txt
export trial
seq 4 | parallel --will-cite '"$trial" fuzz --swarm --seeds 1..120 --rule truncation=hw --shard {}/4 --jobs 1 --out part-{} >/dev/null || test $? = 1'
found "$trial" fuzz merge part-* --out merged >merged.txt
diff -r whole merged
diff <(sed 's/whole/DIR/' whole.txt) <(sed 's/merged/DIR/' merged.txt)
echo "$(ls whole/failures | wc -l) kinds of failures, whole and in four parts: the same"
