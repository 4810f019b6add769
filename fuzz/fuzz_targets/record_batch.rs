//! Coverage-guided: `cargo fuzz run -s none record_batch` (stable: `RUSTC_BOOTSTRAP=1` before it).
#![no_main]

#[path = "../decode.rs"]
mod decode;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| decode::decode(input));
