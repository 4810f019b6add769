//! Who sent what to whom.

use super::{assert_says, played, well_made};
use kafka_trial::figure::{Around, Kind, Picture, Point, Recording, Shape, Style, Wanted, to_svg};
use kafka_trial::kernel::Time;
use kafka_trial::protocol::{ErrorCode, Fact, RecordId};
use std::collections::BTreeMap;

fn around(recording: &Recording, around: Around) -> Picture {
    let wanted = Wanted {
        around: Some(around),
        ..Wanted::default()
    };
    well_made(Kind::Messages.draw(recording, &wanted), "messages")
}

fn record(producer: &str, number: u64) -> Around {
    Around::Record(RecordId {
        producer: producer.into(),
        number,
    })
}

#[test]
fn a_record_that_waits_for_a_new_leader() {
    let drawn = Kind::Messages.draw(&played("leader-crash"), &Wanted::default());
    insta::assert_snapshot!(to_svg(&well_made(drawn, "leader-crash")));
}

#[test]
fn a_record_from_its_producer_to_its_reader() {
    let recording = played("leader-crash");
    let picture = around(&recording, record("trucks-2", 5));
    let svg = to_svg(&picture);
    // Each follower fetches it, and asks for the next: only then it is committed.
    for said in [
        "Produce",
        "record 4",
        "Fetch @5",
        "commit &lt; 5",
        "stored at 4",
        "reads 4",
    ] {
        assert!(svg.contains(said), "{said} is not in\n{svg}");
    }
    assert_eq!(svg.matches(">Fetch @5<").count(), 2);
}

/// Another record has its offset in the next epoch: that one is not taken for it.
#[test]
fn a_record_that_is_lost_is_cut_off_and_read_by_nobody() {
    let picture = around(&played("acks-1-loss"), record("trucks-1", 56));
    let svg = to_svg(&picture);
    for said in [
        ">stored at 165<",
        ">crash<",
        ">leads, epoch 1<",
        " epoch 0 ends at 156. ",
        ">cuts to 156<",
    ] {
        assert!(svg.contains(said), "{said} is not in\n{svg}");
    }
    for other in [">reads ", ">commit "] {
        assert!(!svg.contains(other), "{other} is in\n{svg}");
    }
}

/// A record that is stored twice is stored, committed and read twice; what its producer sent beside it is of others.
#[test]
fn each_copy_of_a_record_has_its_way_and_no_other_record_has() {
    let picture = around(&played("retries-twice-or-once"), record("old_truck", 42));
    let svg = to_svg(&picture);
    for said in [">log end 43<", ">log end 48<", ">reads 42<", ">reads 47<"] {
        assert!(svg.contains(said), "{said} is not in\n{svg}");
    }
    for committed in [43, 48] {
        assert!(svg.contains(&format!(">commit &lt; {committed}<")), "{svg}");
    }
    for other in [">log end 45<", ">stored offset 41<"] {
        assert!(!svg.contains(other), "{other} is in\n{svg}");
    }
    assert_eq!(svg.matches(">Produce<").count(), 2);
}

/// Not by the rule of another error, nor with the words of one that is stored.
#[test]
fn a_refused_write_is_explained_by_its_error() {
    let picture = around(&played("power-failure-of-all"), record("trucks-1", 77));
    let svg = to_svg(&picture);
    for said in [
        "refused trucks_gps-0 OUT_OF_ORDER_SEQUENCE_NUMBER",
        "a batch before this one is missing (ProducerAppendInfo.checkSequence, rule D3; enable.idempotence)",
    ] {
        assert!(svg.contains(said), "{said} is not in\n{svg}");
    }
    for other in [
        "too few are in sync",
        "stored OUT_OF",
        "stored trucks_gps-0 OUT_OF",
    ] {
        assert!(!svg.contains(other), "{other} is in\n{svg}");
    }
    let picture = around(
        &played("min-insync-refused"),
        refused(&played("min-insync-refused")),
    );
    assert_says(&picture, &["too few are in sync"]);
}

/// The first record that its producer sends again since too few were in sync.
fn refused(recording: &Recording) -> Around {
    let again = recording.facts.iter().find_map(|it| match &it.fact {
        Fact::Retrying {
            record,
            error: ErrorCode::NotEnoughReplicas,
            ..
        } => Some(record.clone()),
        _ => None,
    });
    Around::Record(again.expect("one is refused"))
}

fn moment(seconds: u64) -> Around {
    Around::Moment(Time(seconds * 1_000_000_000))
}

/// What is stated in a frame, each as often as it is.
fn stated(picture: &Picture) -> BTreeMap<&str, usize> {
    let mut stated = BTreeMap::new();
    for part in &picture.parts {
        if let Shape::Text { text, .. } = &part.shape {
            *stated.entry(text.as_str()).or_default() += 1;
        }
    }
    stated
}

/// Not rows of one sort: what the run did, who came back and decided, and the record that had waited.
#[test]
fn around_a_moment_stands_what_matters_then() {
    let picture = around(&played("zookeeper-quorum-lost"), moment(90));
    assert_says(
        &picture,
        &[
            "the crash is over",
            "leads, epoch 2",
            "session expired",
            "leads, epoch 1",
            "stored at 167",
            "left out",
            "around a moment",
        ],
    );
    for name in ["zookeeper-quorum-lost", "retries-twice-or-once"] {
        let recording = played(name);
        let picture = around(
            &recording,
            moment(if name.starts_with('z') { 90 } else { 13 }),
        );
        let stated = stated(&picture);
        let batches = stated
            .keys()
            .filter(|it| it.ends_with("in a batch"))
            .count();
        assert_eq!(batches, 1, "{name}: {stated:?}");
    }
    let picture = around(&played("only-known-server-down"), moment(40));
    assert_says(
        &picture,
        &[
            "start of broker-1",
            "silent: ",
            "Metadata",
            "#4 in a batch",
            "stored at 0",
        ],
    );
    let wanted = Wanted {
        around: Some(moment(1_000_000)),
        ..Wanted::default()
    };
    let nothing = Kind::Messages
        .draw(&played("first-steps"), &wanted)
        .unwrap_err();
    assert!(nothing.found.contains("nothing but routine"), "{nothing:?}");
}

/// No arrow ends on a lane that it does not go to; a lost message ends on none.
#[test]
fn arrows_end_where_they_go() {
    for name in ["leader-crash", "leader-cut-from-followers", "acks-1-loss"] {
        let picture = well_made(Kind::Messages.draw(&played(name), &Wanted::default()), name);
        let is_lane = |style| matches!(style, Style::Lane | Style::LeaderLane | Style::DownLane);
        let lanes: Vec<i32> = picture
            .parts
            .iter()
            .filter_map(|part| match part.shape {
                Shape::Line { from, to } if is_lane(part.style) && from.x == to.x => Some(from.x),
                _ => None,
            })
            .collect();
        let boxes: Vec<(Point, i32, i32)> = picture
            .parts
            .iter()
            .filter_map(|part| match part.shape {
                Shape::Rect { at, width, height } => Some((at, width, height)),
                _ => None,
            })
            .collect();
        let on_a_lane = |x: i32| lanes.contains(&x);
        let on_a_box = |at: Point| {
            boxes.iter().any(|(corner, width, height)| {
                (corner.x..=corner.x + width).contains(&at.x)
                    && (corner.y..=corner.y + height).contains(&at.y)
            })
        };
        let mut arrows = 0;
        for part in &picture.parts {
            match (&part.shape, part.style) {
                (Shape::Arrow { from, to }, _) => {
                    arrows += 1;
                    assert!(on_a_lane(from.x), "{name}: {part:?}");
                    assert!(on_a_lane(to.x) || on_a_box(*to), "{name}: {part:?}");
                }
                (Shape::Line { from, to }, Style::Lost) => {
                    assert!(on_a_lane(from.x) && !on_a_lane(to.x), "{name}: {part:?}");
                }
                _ => {}
            }
        }
        assert!(arrows > 3, "{name}");
    }
}

#[test]
fn what_is_not_there_is_named_with_what_is() {
    let recording = played("leader-crash");
    let refused = |around: Around| {
        let wanted = Wanted {
            around: Some(around),
            ..Wanted::default()
        };
        Kind::Messages.draw(&recording, &wanted).unwrap_err()
    };
    let nothing = refused(record("trucks-9", 1));
    assert_eq!(nothing.found, "trucks-9#1 is not made in this run");
    assert!(
        nothing.expected.contains("trucks-1#0 to #"),
        "{}",
        nothing.expected
    );
    assert!(
        refused(Around::Event(99_999_999))
            .expected
            .ends_with(", which is the last")
    );
    let mut without = recording.clone();
    without.causes.clear();
    let drawn = Kind::Messages.draw(&without, &Wanted::default());
    assert!(drawn.unwrap_err().found.contains("without causes"));
}
