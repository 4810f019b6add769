//! The kernel's contract, one test a promise, held by toy processes.

mod causes;
mod chaos;
mod clock;
mod determinism;
mod disk;
mod lanes;
mod network;
mod process;
mod sync;
mod toy;
