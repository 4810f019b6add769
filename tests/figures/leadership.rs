//! Who led, and who was in sync.

use super::{played, well_made};
use kafka_trial::figure::{Kind, Wanted, to_svg};

#[test]
fn a_crash_of_a_leader() {
    let drawn = Kind::Leadership.draw(&played("leader-crash"), &Wanted::default());
    insta::assert_snapshot!(to_svg(&well_made(drawn, "leader-crash")));
}

#[test]
fn only_the_topic_that_was_asked_for() {
    let recording = played("leader-crash");
    let of = |topic: &str| {
        let topic = Some(topic.into());
        let wanted = Wanted {
            topic,
            ..Wanted::default()
        };
        Kind::Leadership.draw(&recording, &wanted)
    };
    assert!(of("trucks_gps").is_ok());
    assert!(of("buses").unwrap_err().found.contains("no partition"));
}

/// Nobody is refused, and nobody is told "stored"; but one that was replaced, and does not know it, keeps nobody waiting.
#[test]
fn writes_that_wait_are_not_taken() {
    let of = |name| {
        to_svg(&well_made(
            Kind::Leadership.draw(&played(name), &Wanted::default()),
            name,
        ))
    };
    let waits = of("follower-crash");
    assert!(waits.contains(">wait<"), "{waits}");
    // Nobody asks for acks=all there: who did would wait.
    let would_wait = of("acks-1-loss");
    assert!(would_wait.contains("box waiting"), "{would_wait}");
    let replaced = of("paused-leader");
    assert!(!replaced.contains("box waiting"), "{replaced}");
}
