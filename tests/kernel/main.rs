//! The kernel's contract, one test a promise, held by toy processes.

mod network;
mod toy;
