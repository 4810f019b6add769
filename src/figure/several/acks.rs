//! `acks` against `min.insync.replicas`: what became of the same records under the same faults. A row a value of one, a
//! column a value of the other; each bar is all records that were made.

use super::{Played, Settings};
use crate::figure::letters;
use crate::figure::picture::{Anchor, Picture, Style};

pub(super) const RUNS: &[Settings] = &[
    &[("acks", "0"), ("min.insync.replicas", "1")],
    &[("acks", "0"), ("min.insync.replicas", "2")],
    &[("acks", "0"), ("min.insync.replicas", "3")],
    &[("acks", "1"), ("min.insync.replicas", "1")],
    &[("acks", "1"), ("min.insync.replicas", "2")],
    &[("acks", "1"), ("min.insync.replicas", "3")],
    &[("acks", "all"), ("min.insync.replicas", "1")],
    &[("acks", "all"), ("min.insync.replicas", "2")],
    &[("acks", "all"), ("min.insync.replicas", "3")],
];
const COLUMNS: usize = 3;

const LEFT: i32 = 92;
const TOP: i32 = 70;
const CELL: (i32, i32) = (276, 92);
const BAR: (i32, i32) = (248, 22);

/// A piece of a bar: how it looks, its word, the rule behind it.
type Piece = (Style, &'static str, &'static str, u64);

pub(super) fn picture(name: &str, played: &[Played]) -> Picture {
    let mut picture = Picture::new(
        format!("{name}: what became of all records"),
        "A row a value of acks, a column a value of min.insync.replicas. Each bar is all records that were made: kept, \
         promised and lost, given up by their producer, and those of which nobody was told anything.",
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    for (place, (settings, played)) in RUNS.iter().zip(played).enumerate() {
        let (row, column) = (place / COLUMNS, place % COLUMNS);
        let x = LEFT + i32::try_from(column).unwrap_or(0) * CELL.0;
        let y = TOP + i32::try_from(row).unwrap_or(0) * CELL.1;
        let [(acks, value), (min, copies)] = settings else {
            continue;
        };
        if row == 0 {
            let text = format!("{min}={copies}");
            picture.text((x, TOP - 18), text, Style::Ink);
        }
        if column == 0 {
            picture.text((12, y + 16), format!("{acks}={value}"), Style::Ink);
        }
        push_cell(&mut picture, (x, y), played);
    }
    let bottom = TOP + i32::try_from(RUNS.len() / COLUMNS).unwrap_or(0) * CELL.1;
    let said = "lost: promised with acks=1 and acks=all, sent with acks=0, and in no log at the end; p99: of what was acknowledged";
    picture.text((12, bottom + 4), said, Style::Faint);
    let said = "min.insync.replicas is asked of writes with acks=all only: with acks=0 and acks=1 its columns are alike";
    picture.text((12, bottom + 18), said, Style::Faint);
    picture.fit(12);
    picture
}

fn push_cell(picture: &mut Picture, (x, y): (i32, i32), played: &Played) {
    let promised = played.acknowledged + played.sent;
    let lost = played.lost.min(promised);
    let rest = played.created.saturating_sub(promised + played.failed);
    let kept = match played.sent {
        0 => "kept",
        _ => "sent, and kept",
    };
    let pieces: [Piece; 4] = [
        (
            Style::Good,
            kept,
            "its producer was told that it is stored (acks=0: nobody tells), and it is; acks; ProduceResponse",
            promised - lost,
        ),
        (
            Style::Bad,
            "lost",
            "who acknowledged it had it alone, and another leads without it; acks, min.insync.replicas, unclean.leader.election.enable",
            lost,
        ),
        (
            Style::Waiting,
            "given up",
            "its producer's application was told that it failed: NOT_ENOUGH_REPLICAS or nobody answered; delivery.timeout.ms",
            played.failed,
        ),
        (
            Style::Frame,
            "open",
            "nothing was said of it until the end",
            rest,
        ),
    ];
    let mut words = Vec::new();
    let mut done = 0;
    for (style, word, why, count) in pieces {
        if count == 0 {
            continue;
        }
        let at = |count: u64| {
            let part = u128::from(count) * u128::from(BAR.0.unsigned_abs());
            i32::try_from(part / u128::from(played.created.max(1))).unwrap_or(BAR.0)
        };
        let (left, right) = (x + at(done), x + at(done + count));
        done += count;
        let size = ((right - left).max(1), BAR.1);
        picture.rect((left, y), size, style).because(why);
        let number = count.to_string();
        if right - left > letters::width(&number, 11) + 4 {
            let at = ((left + right) / 2, y + 15);
            picture.text_at(at, Anchor::Middle, number, style);
        }
        words.push(format!("{word} {count}"));
    }
    picture.text((x, y + BAR.1 + 16), words.join(", "), Style::Ink);
    let mut more = vec![format!("made {}", played.created)];
    if played.refused > 0 {
        more.push(format!("batches refused {}", played.refused));
    }
    if let Some(p99) = played.p99 {
        let text = crate::check::millis(crate::kernel::Duration(p99));
        more.push(format!("p99 {text}"));
    }
    picture.text((x, y + BAR.1 + 31), more.join(", "), Style::Faint);
}
