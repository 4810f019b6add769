//! Who of a group reads what, through its rebalances.

use super::{assert_says, played, well_made};
use kafka_trial::figure::{Kind, Picture, Shape, Style, Wanted, to_svg};

fn strip(name: &str) -> Picture {
    let drawn = Kind::Rebalance.draw(&played(name), &Wanted::default());
    well_made(drawn, name)
}

/// Boxes in which a partition is nobody's.
fn gaps(picture: &Picture) -> usize {
    let is_gap = |shape: &Shape, style| matches!((shape, style), (Shape::Rect { .. }, Style::Bad));
    picture
        .parts
        .iter()
        .filter(|it| is_gap(&it.shape, it.style))
        .count()
}

#[test]
fn an_eager_group_gives_all_up_and_a_cooperative_one_what_moves() {
    let eager = strip("eager-rebalance");
    assert_eq!(gaps(&eager), 6);
    assert_says(
        &eager,
        &["gen 1", "gen 2", "rebalance: C joins", "C is given 4, 5"],
    );
    let cooperative = strip("cooperative-rebalance");
    assert_eq!(gaps(&cooperative), 2);
    assert_says(
        &cooperative,
        &["gen 3", "A keeps 0, 2", "A gives up 4", "3.00 s"],
    );
}

#[test]
fn nobody_reads_for_a_dead_member_and_its_last_records_are_read_twice() {
    let picture = strip("member-crashes");
    assert_says(
        &picture,
        &[
            "B is gone",
            "B is out (session.timeout.ms=45000)",
            "44.1 s",
            "5 twice",
            "4 twice",
            "processed twice",
        ],
    );
    insta::assert_snapshot!(to_svg(&picture));
}

#[test]
fn a_static_member_keeps_what_it_has_while_it_is_away() {
    let picture = strip("static-member-restarts");
    assert_eq!(gaps(&picture), 0);
    assert_says(
        &picture,
        &["B stops, and keeps 2, 3", "10.0 s", "B is given 2, 3"],
    );
}

#[test]
fn a_member_that_was_too_slow_reads_beside_its_heir() {
    assert_says(
        &strip("slow-member"),
        &["A+B", "5 twice", "B learns that 1 are lost"],
    );
}

#[test]
fn a_run_without_groups_has_no_strip() {
    let run = played("first-steps");
    let drawn = Kind::Rebalance.draw(&run, &Wanted::default());
    assert!(drawn.unwrap_err().found.contains("no group"));
}
