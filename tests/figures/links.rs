//! Who speaks with whom, wired and around a log.

use super::{assert_says, played, well_made};
use kafka_trial::figure::{Kind, Shape, Style, Wanted, to_svg};

/// Four sources and six targets; one target dies, and all four have something to say to it.
#[test]
fn many_to_many_needs_24_links_wired_and_10_around_a_log() {
    let run = played("many-to-many");
    let picture = well_made(Kind::Links.draw(&run, &Wanted::default()), &run.name);
    assert_says(
        &picture,
        &[
            "wired: 24 links (4 x 6)",
            "around a log: 10 links (4 + 6)",
            "mail is down from 20.000 s until 40.000 s",
            "4 sources would wait for it: app, shop, warehouse, website",
            "mail is down, and 0 sources wait:",
            "records acknowledged meanwhile",
        ],
    );
    let lost = picture.parts.iter().filter(|it| it.style == Style::Lost);
    let wired = lost
        .clone()
        .filter(|it| matches!(it.shape, Shape::Line { .. }));
    // From each source wired to it, and from the log.
    assert_eq!((wired.count(), lost.count()), (4, 5));
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn who_never_heard_a_source_is_not_linked_to_it() {
    let run = played("same-key-same-partition");
    let picture = well_made(Kind::Links.draw(&run, &Wanted::default()), &run.name);
    assert_says(
        &picture,
        &["wired: 12 links, one for each that hears", "(12 + 2)"],
    );
}
