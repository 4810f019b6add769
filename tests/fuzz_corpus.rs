//! The fuzz target's corpus, and inputs made from it, on every test run and without a nightly toolchain.
//!
//! `cargo test --test fuzz_corpus -- --ignored` plays a million; the coverage-guided
//! target is in `fuzz/`.

#[path = "../fuzz/decode.rs"]
mod decode;

use kafka_trial::kernel::Stream;
use std::path::Path;

fn corpus() -> Vec<Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus/record_batch");
    let mut paths: Vec<_> = std::fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.sort();
    paths
        .iter()
        .map(|path| std::fs::read(path).unwrap())
        .collect()
}

/// Plays inputs made of the corpus by a few changes each: bytes, ends, parts of another input.
fn play(inputs: u64, seed: u64) {
    let corpus = corpus();
    let mut random = Stream::named(seed, "fuzz");
    for _ in 0..inputs {
        let mut input = corpus[random.below(corpus.len() as u64) as usize].clone();
        for _ in 0..random.below(5) {
            change(&mut input, &corpus, &mut random);
        }
        decode::decode(&input);
    }
}

fn change(input: &mut Vec<u8>, corpus: &[Vec<u8>], random: &mut Stream) {
    let mut place = |length: usize| random.below(length as u64 + 1) as usize;
    let at = place(input.len());
    match place(5) {
        0 => input.truncate(at),
        1 => input.insert(at, place(255) as u8),
        2 => {
            let other = &corpus[place(corpus.len() - 1)];
            let end = place(other.len());
            input.extend_from_slice(&other[..end]);
        }
        _ if at == input.len() => input.push(place(255) as u8),
        3 => input[at] ^= 1 << place(7),
        4 => input[at] = [0, 1, 0x7f, 0x80, 0xff][place(4)],
        _ => input[at] = place(255) as u8,
    }
}

#[test]
fn the_corpus_is_read_without_a_panic() {
    let corpus = corpus();
    assert!(corpus.len() >= 40, "{}", corpus.len());
    for input in &corpus {
        decode::decode(input);
    }
}

#[test]
fn inputs_made_from_the_corpus_are_read_without_a_panic() {
    play(20_000, 1);
}

#[test]
#[ignore = "a quarter of a minute: .ci/run plays it"]
fn a_million_inputs_are_read_without_a_panic() {
    play(1_000_000, 2);
}
