//! Figures of several runs.

use super::well_made;
use kafka_trial::figure::{Picture, Played, Several, to_svg};
use kafka_trial::scenario::{SHIPPED, load, places_of};

fn drawn(kind: Several, name: &str) -> Picture {
    let shipped = SHIPPED.iter().find(|it| it.name() == name).unwrap();
    let bytes = || shipped.text.as_bytes().to_vec();
    let plans = kind.runs().iter().map(|settings| {
        let sets = settings.iter().flat_map(|(key, value)| {
            let places = places_of(shipped.path, bytes(), key);
            let places = places.unwrap_or_else(|error| panic!("{error}"));
            places
                .into_iter()
                .map(move |place| format!("{place}={value}"))
        });
        let sets: Vec<String> = sets.collect();
        let loaded = load(shipped.path, bytes(), &sets);
        loaded.unwrap_or_else(|error| panic!("{error}")).plan
    });
    let played = plans.map(|plan| Played::of(&plan, plan.seed).expect("it can be run"));
    let played: Vec<Played> = played.collect();
    well_made(Ok(kind.draw(name, &played)), name)
}

#[test]
fn acks_against_copies() {
    let picture = drawn(Several::Acks, "acks-and-min-insync");
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn more_partitions_and_more_brokers() {
    let picture = drawn(Several::Scaling, "throughput-over-partitions");
    insta::assert_snapshot!(to_svg(&picture));
}
