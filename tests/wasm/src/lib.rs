//! What a page with the simulator in it would call. Without wasm-bindgen: bytes in, a number out.

use kafka_trial::Scenario;
use std::cell::RefCell;

thread_local! {
    /// The scenario that is to run, as its file holds it.
    static FILE: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Makes room for a scenario of `bytes` bytes; the caller writes it there.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn room(bytes: usize) -> *mut u8 {
    FILE.with_borrow_mut(|file| {
        file.clear();
        file.resize(bytes, 0);
        file.as_mut_ptr()
    })
}

/// Runs the scenario to its end; its digest. Whether all held makes no difference: some are to break.
// SAFETY: no other function has this name.
#[unsafe(no_mangle)]
pub extern "C" fn digest() -> u64 {
    let file = FILE.with_borrow(|file| String::from_utf8(file.clone())).expect("a scenario that ships is text");
    let report = Scenario::from_str(&file)
        .and_then(|scenario| scenario.run())
        .expect("a scenario that ships runs");
    report.digest()
}
