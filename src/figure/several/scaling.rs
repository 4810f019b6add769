//! How much goes through with more partitions, and with more brokers: records that were acknowledged in the best second
//! of each run. Where the bars stop to grow, something else is the bottleneck.

use super::{Played, Settings};
use crate::figure::chart::panel::{Axes, LEFT, Panel};
use crate::figure::picture::{Anchor, Picture, Style};

pub(super) const RUNS: &[Settings] = &[
    &[("partitions", "1")],
    &[("partitions", "2")],
    &[("partitions", "3")],
    &[("partitions", "6")],
    &[("partitions", "24")],
    &[("cluster/brokers", "1"), ("partitions", "6")],
    &[("cluster/brokers", "2"), ("partitions", "6")],
    &[("cluster/brokers", "3"), ("partitions", "6")],
    &[("cluster/brokers", "6"), ("partitions", "6")],
];
/// So many of the runs are those over partitions.
const OVER_PARTITIONS: usize = 5;

const TOP: i32 = 66;
const HEIGHT: i32 = 240;
const BAR: i32 = 82;

pub(super) fn picture(name: &str, played: &[Played]) -> Picture {
    let mut picture = Picture::new(
        format!("{name}: acknowledged in a second"),
        "A bar a run: records that were acknowledged in its best second; on the left over partitions, on the right over \
         brokers, with six partitions.",
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let most = played.iter().map(|it| it.best_second).max().unwrap_or(0);
    let most = i64::try_from(most).unwrap_or(i64::MAX / 2);
    let runs: Vec<_> = RUNS.iter().zip(played).collect();
    let (partitions, brokers) = runs.split_at(OVER_PARTITIONS.min(runs.len()));
    let over = "over partitions, with the scenario's brokers";
    let left = push_field(&mut picture, 12, over, partitions, most);
    let over = "over brokers, with six partitions";
    push_field(&mut picture, left + 24, over, brokers, most);
    let said = "records that were acknowledged in the best second of each run";
    picture.text((12, TOP + HEIGHT + 18), said, Style::Faint);
    picture.fit(12);
    picture
}

/// A field with a bar a run; where it ends.
fn push_field(
    picture: &mut Picture,
    x: i32,
    over: &str,
    runs: &[(&Settings, &Played)],
    most: i64,
) -> i32 {
    let count = i32::try_from(runs.len()).unwrap_or(0);
    let width = LEFT + count * BAR;
    let axes = Axes {
        at: (x, TOP),
        size: (width, HEIGHT),
        across: 0..i64::from(count),
        up: 0..most + most / 12 + 1,
        names: (0, 5),
        name_across: &|it| it.to_string(),
        name_up: &|it| it.to_string(),
    };
    picture.text((x, TOP - 14), over, Style::Ink);
    let panel = Panel::draw(picture, &axes);
    for ((settings, played), place) in runs.iter().zip(0..) {
        let value = settings.first().map_or("", |(_, value)| value);
        let best = i64::try_from(played.best_second).unwrap_or(i64::MAX);
        let middle = (panel.x(place) + panel.x(place + 1)) / 2;
        // Room between bars.
        let field = (panel.x(place) + 14, panel.x(place + 1) - 14);
        let size = (field.1 - field.0, panel.bottom() - panel.y(best));
        let why = "each partition has one log, and the log is what its leader's disk can take: partitions and their leaders \
             are what is added (num.partitions, LogManager)";
        picture
            .rect((field.0, panel.y(best)), size, Style::Series(0))
            .because(why);
        panel.number(picture, middle, best);
        let below = (middle, panel.bottom() + 14);
        picture.text_at(below, Anchor::Middle, value, Style::Ink);
    }
    x + width
}
