//! Where readers see trucks.

use super::{assert_says, at, played, well_made};
use kafka_trial::figure::{Kind, Picture, Recording, Shape, Style, Wanted, to_svg};

fn times_back(picture: &Picture) -> usize {
    let parts = picture.parts.iter();
    let arrows = parts.filter(|it| matches!(it.shape, Shape::Arrow { .. }));
    arrows.filter(|it| it.style == Style::Lost).count()
}

#[test]
fn with_a_key_a_trucks_way_is_smooth_and_without_one_it_jumps() {
    let run = played("truck-map");
    let of = |topic: Option<&str>| {
        let wanted = Wanted {
            topic: topic.map(Into::into),
            ..Wanted::default()
        };
        well_made(Kind::Map.draw(&run, &wanted), "truck-map")
    };
    let both = of(None);
    assert_says(
        &both,
        &[
            "map_with_key reads with_key",
            "58 positions of partition 1, never back",
            "map_without_key reads without_key",
            "58 positions of partitions 0, 1, 2, 6 times back",
        ],
    );
    assert_eq!(times_back(&of(Some("with_key"))), 0);
    assert_eq!(times_back(&of(Some("without_key"))), times_back(&both));
    assert!(times_back(&both) > 15);
    assert!(both.about.contains("no truck ever jumps back"));
    insta::assert_snapshot!(to_svg(&both));
}

/// A town has streets, and a truck that is seen everywhere keeps to them.
#[test]
fn ways_lie_on_streets() {
    let picture = well_made(Kind::Map.draw(&played("truck-gps"), &Wanted::default()), "");
    let parts = || picture.parts.iter();
    let grid = |it: &kafka_trial::figure::Part| match &it.shape {
        Shape::Line { from, to } if it.style == Style::Faint => Some((*from, *to)),
        _ => None,
    };
    let streets: Vec<_> = parts().filter_map(grid).collect();
    let ways = parts().filter_map(|it| match &it.shape {
        Shape::Path(points) if it.style == Style::Series(0) => Some(points),
        _ => None,
    });
    let points: Vec<_> = ways.flatten().collect();
    let is_on = |x: i32, y: i32| {
        streets.iter().any(|(from, to)| {
            let across = from.y == to.y && (from.y - y).abs() <= 1;
            let along = from.x == to.x && (from.x - x).abs() <= 1;
            (across && (from.x..=to.x).contains(&x)) || (along && (from.y..=to.y).contains(&y))
        })
    };
    assert!(points.len() > 30);
    for point in points {
        assert!(is_on(point.x, point.y), "{point:?} is on no street");
    }
}

#[test]
fn before_anybody_reads_there_is_nothing_to_see() {
    let run = played("truck-map");
    let nothing = Kind::Map.draw(&run, &at(100)).unwrap_err();
    assert!(nothing.found.contains("nobody has read a truck's position"));
    let nothing = Kind::Map.draw(&played("null-keys"), &Wanted::default());
    assert!(nothing.is_err(), "numbers are no positions");
    let nothing = Kind::Map.draw(&Recording::default(), &Wanted::default());
    assert!(nothing.unwrap_err().found.contains("a trace does not hold"));
}
