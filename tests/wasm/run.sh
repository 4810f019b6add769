#!/usr/bin/env bash
# Builds the core for the browser, runs every scenario under node, and compares their digests with those of the
# tests. Ends with status 3 where the machine has no way to build or run it, and says which.
set -euo pipefail
cd "$(dirname "$0")"
target=wasm32-unknown-unknown
out=$PWD/../../target/wasm

command -v node >/dev/null || { echo "wasm: no node on this machine"; exit 3; }
build=(cargo build --release --locked --target "$target" --target-dir "$out")
if rustup target list --installed 2>/dev/null | grep -q "^$target" || rustup target add "$target" 2>/dev/null; then
  "${build[@]}"
elif command -v apt-get >/dev/null && [ "$(id -u)" = 0 ]; then
  # Debian's compiler for the browser comes with the source of its standard library. It is unpacked beside the
  # build, not installed: the machine's own Rust stays as it is.
  tools=$out/debian
  if [ ! -x "$tools/usr/bin/rustc" ]; then
    mkdir -p "$out/debs/partial"
    apt-get update -q >/dev/null &&
      apt-get install -y -q --no-install-recommends --download-only \
        -o Dir::Cache::archives="$out/debs" rustc-web rust-web-src >/dev/null ||
      { echo "wasm: neither rustup nor apt has the target"; exit 3; }
    for package in "$out"/debs/*.deb; do dpkg -x "$package" "$tools"; done
  fi
  export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER
  CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$(rustc --print sysroot)/lib/rustlib/$(rustc -vV | sed -n 's/^host: //p')/bin/rust-lld
  LD_LIBRARY_PATH=$tools/usr/lib/$(uname -m)-linux-gnu RUSTC=$tools/usr/bin/rustc RUSTC_BOOTSTRAP=1 \
    "${build[@]}" -Zbuild-std=std,panic_abort
else
  echo "wasm: neither rustup nor apt has the target"
  exit 3
fi

digests=$(node run.mjs "$out/$target/release/kafka_trial_wasm.wasm" ../../scenarios/*/*.yaml)
status=0
while read -r line; do
  if ! grep -qxF "$line" ../../snapshots/digests.snap; then
    echo "wasm: $line is not in snapshots/digests.snap" >&2
    status=1
  fi
done <<< "$digests"
echo "wasm: $(wc -l <<< "$digests") digests, compared with the tests'"
exit "$status"
