#!/usr/bin/env bash
# A release build runs every scenario to the digest that the tests hold.
set -euo pipefail
cd "$(dirname "$0")/.."

# Digests do not depend on how much is optimised, and so this takes less time. What differs from the tests stays as
# released: no debug assertions.
CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
  cargo build --release --locked --bin trial
status=0
for scenario in scenarios/*/*.yaml; do
  name=$(basename "$scenario" .yaml)
  digest=$(target/release/trial run "$scenario" | sed -n 's/^digest \([0-9a-f]*\).*/\1/p')
  if ! grep -qx "$name $digest" snapshots/digests.snap; then
    echo "$name: digest $digest in release is not the one in snapshots/digests.snap" >&2
    status=1
  fi
done
exit "$status"
