#!/usr/bin/env bash
# Plays some scenarios in a headless Chromium (CHROMIUM names another) with node: tests/player/run.sh [--pictures DIR]
# Exit status 3: this machine has no Chromium or no node.
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
command -v "${CHROMIUM:-chromium}" >/dev/null && command -v node >/dev/null || exit 3
pictures=""
[ "${1:-}" != --pictures ] || pictures=$2
cd "$root"
cargo build --locked --quiet --bin trial
trial=${CARGO_TARGET_DIR:-target}/debug/trial
pages=$(mktemp -d)
trap 'rm -rf "$pages"' EXIT
for scenario in leader-crash eager-rebalance leader-cut-from-zookeeper zookeeper-leader-crash truck-gps-100; do
  "$trial" play "$scenario" --out "$pages/$scenario.html" >/dev/null
done
# Of leader-crash also what a run prints at its end, and a page that a trace makes.
"$trial" run leader-crash --causes --out "$pages/trace" >"$pages/leader-crash.txt"
"$trial" play "$pages/trace" --out "$pages/trace.html" >/dev/null
"$trial" play commit-before-processing --set "consumers/dashboard/commit=sync after" --out "$pages/otherwise.html" >/dev/null
node tests/player/browser_test.mjs "$pages" "$pictures"
