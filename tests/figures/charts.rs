//! Charts over time.

use super::{played, well_made};
use kafka_trial::figure::{Kind, Part, Picture, Shape, Style, Wanted, to_svg};
use kafka_trial::kernel::Time;

fn drawn(kind: Kind, name: &str) -> Picture {
    well_made(kind.draw(&played(name), &Wanted::default()), name)
}

fn texts(picture: &Picture) -> Vec<&str> {
    let parts = picture.parts.iter();
    let texts = parts.filter_map(|part| match &part.shape {
        Shape::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    texts.collect()
}

fn of_style(picture: &Picture, style: Style) -> impl Iterator<Item = &Part> {
    picture.parts.iter().filter(move |part| part.style == style)
}

#[test]
fn lag_after_the_crash_of_a_member() {
    let picture = drawn(Kind::Lag, "member-crashes");
    // Nobody commits for the partitions of who is gone until its session has timed out.
    let texts = texts(&picture);
    let grows = |partition: &str| {
        let place = texts.iter().position(|text| text.ends_with(partition));
        texts[place.unwrap() + 1]
    };
    assert!(
        grows("trucks_gps-2").contains("drained to the usual"),
        "{texts:?}"
    );
    assert!(
        !grows("trucks_gps-1").contains("drained to the usual"),
        "{texts:?}"
    );
    // To the millisecond of the facts, which no column of the chart is.
    assert!(
        grows("trucks_gps-2").starts_with("most 153 at 79.085 s, drained to the usual ")
            && grows("trucks_gps-2").ends_with(" in 0.113 s"),
        "{}",
        grows("trucks_gps-2")
    );
    // It rebalances as it begins and as it learns that a member is gone, in each of four fields.
    assert_eq!(of_style(&picture, Style::DownLane).count(), 8);
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn latency_while_a_line_is_slow() {
    let picture = drawn(Kind::Latency, "under-ten-milliseconds");
    let window: Vec<&Part> = of_style(&picture, Style::Fault).collect();
    assert_eq!(window.len(), 1);
    let why = window[0].why.as_deref();
    assert!(why.is_some_and(|why| why.starts_with("30 s to 45 s: slow link")));
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn throughput_of_a_failover() {
    let picture = drawn(Kind::Throughput, "leader-crash");
    let lines = |number| of_style(&picture, Style::Series(number)).count();
    // A line and its sample in the legend, for each of what is acknowledged, read and made.
    assert_eq!([0, 1, 2, 3].map(lines), [2, 2, 2, 0]);
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn a_histogram_counts_every_record_once() {
    let picture = drawn(Kind::LatencyHistogram, "leader-crash");
    let bars = of_style(&picture, Style::Series(0));
    let counts = bars.filter_map(|part| part.why.as_ref()?.split(' ').next()?.parse::<u64>().ok());
    let sum: u64 = counts.sum();
    let texts = texts(&picture);
    let told = texts.iter().find(|text| text.starts_with("p50")).unwrap();
    assert!(told.contains(&format!("({sum} acknowledged)")), "{told}");
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn only_the_time_that_was_asked_for() {
    let recording = played("leader-crash");
    let wanted = Wanted {
        from: Some(Time(40_000_000_000)),
        until: Some(Time(50_000_000_000)),
        ..Wanted::default()
    };
    for kind in [Kind::Lag, Kind::Throughput, Kind::Latency] {
        let picture = well_made(kind.draw(&recording, &wanted), kind.name());
        let texts = texts(&picture);
        assert!(texts.contains(&"42 s"), "{texts:?}");
        assert!(!texts.contains(&"60 s"), "{texts:?}");
        // The crash was before, the return is after.
        assert_eq!(of_style(&picture, Style::Lost).count(), 0);
    }
}

#[test]
fn of_a_run_without_readers_there_is_no_lag() {
    let recording = kafka_trial::figure::Recording::default();
    let nothing = Kind::Lag.draw(&recording, &Wanted::default()).unwrap_err();
    assert!(nothing.found.contains("no consumer read"), "{nothing:?}");
}
