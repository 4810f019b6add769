//! Pictures of the shipped scenarios: well made, the same each time, and as they were when somebody looked at them.

mod bytes;
#[cfg(feature = "charts")]
mod charts;
#[cfg(feature = "cli")]
mod command_line;
mod exports;
mod leadership;
mod links;
mod logs;
mod map;
mod messages;
mod outage;
#[cfg(feature = "png")]
mod png;
mod questions;
mod rebalance;
#[cfg(feature = "charts")]
mod several;
mod znodes;

use kafka_trial::figure::{Kind, Nothing, Picture, Recording, Shape, Wanted, to_svg};
use kafka_trial::kernel::Time;
use kafka_trial::scenario::{SHIPPED, load};

/// A shipped scenario, played with its own seed.
fn played(name: &str) -> Recording {
    let shipped = SHIPPED.iter().find(|it| it.name() == name);
    let shipped = shipped.unwrap_or_else(|| panic!("no scenario {name}"));
    let loaded = load(shipped.path, shipped.text.as_bytes().to_vec(), &[]);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    Recording::of(&plan, plan.seed).unwrap_or_else(|error| panic!("{error}"))
}

/// A picture in which no text lies on another and nothing outside.
fn well_made(picture: Result<Picture, Nothing>, of: &str) -> Picture {
    let picture = picture.unwrap_or_else(|nothing| panic!("{of}: {nothing:?}"));
    assert_eq!(picture.faults(), Vec::<String>::new(), "{of}");
    picture
}

fn at(seconds: u64) -> Wanted {
    Wanted {
        at: Some(Time(seconds * 1_000_000_000)),
        ..Wanted::default()
    }
}

/// Texts that begin, end or go on like these stand in it.
#[track_caller]
fn assert_says(picture: &Picture, said: &[&str]) {
    let parts = picture.parts.iter();
    let texts = parts.filter_map(|it| match &it.shape {
        Shape::Text { text, .. } => Some(text.as_str()),
        _ => None,
    });
    let texts: Vec<&str> = texts.collect();
    for said in said {
        assert!(
            texts.iter().any(|it| it.contains(said)),
            "\"{said}\" is not among {texts:#?}"
        );
    }
}

#[test]
fn every_picture_of_every_scenario_is_well_made_and_has_the_same_bytes_again() {
    for shipped in SHIPPED {
        let name = shipped.name();
        let recording = played(name);
        for kind in Kind::ALL {
            let of = format!("{name}, {}", kind.name());
            let draw = || kind.draw(&recording, &Wanted::default());
            match draw() {
                Err(Nothing { found, expected }) => {
                    assert!(!found.is_empty() && !expected.is_empty(), "{of}");
                }
                drawn => {
                    let picture = well_made(drawn, &of);
                    assert!(picture.width <= 1_400, "{of}: {} wide", picture.width);
                    let again = well_made(draw(), &of);
                    assert_eq!(to_svg(&picture), to_svg(&again), "{of}");
                }
            }
        }
    }
}
