//! Anatomy of an outage: a bar a phase from the fault to normal service, to scale, each with how long it took and the key
//! that governs it. What users felt stands first. What did not occur is said to be missing.
//!
//! For each partition that the fault hits, and for ZooKeeper's ensemble where it hits that.

mod clients;
mod ensemble;
mod partition;
mod past;
mod phase;
mod undecided;

use super::picture::{Anchor, Picture, Style};
use super::timescale::Timescale;
use super::words::{lasted, moment};
use super::{Nothing, Recording, Wanted, letters};
use crate::protocol::counted;
use partition::States;
use past::{Fault, Past};
use phase::{Kind, Outage};

const LEFT: i32 = 84;
const WIDTH: i32 = 380;
const TEXTS: i32 = LEFT + WIDTH + 18;
const KEYS: i32 = TEXTS + 60;
const RIGHT: i32 = 940;
const ROW: i32 = 32;
/// So many outages at most, those of partitions that were led by who is hit first.
const MOST: usize = 2;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let past = Past::of(recording);
    let mut faults = past.faults();
    if let Some(at) = wanted.moment(recording) {
        // The one that began last.
        faults.retain(|it| it.time <= at);
        faults.reverse();
    }
    let states = partition::states(&past);
    let found = faults.iter().find_map(|fault| {
        let (outages, left_out) = outages(&past, fault, &states, wanted);
        (!outages.is_empty()).then_some((fault, outages, left_out))
    });
    let Some((fault, outages, left_out)) = found else {
        return Err(Nothing {
            found: match faults.len() {
                0 => "nothing goes wrong in this run".to_owned(),
                _ => "what goes wrong in this run hits no leader, no replica in sync and no server of ZooKeeper".to_owned(),
            },
            expected: "a fault of a broker, of its links, or of ZooKeeper; --kind rebalance shows groups".to_owned(),
        });
    };
    Ok(picture(recording, fault, &outages, left_out))
}

/// Those that are drawn, and how many more there are.
fn outages<'a>(
    past: &Past<'a>,
    fault: &Fault<'a>,
    states: &States<'a>,
    wanted: &Wanted,
) -> (Vec<Outage>, usize) {
    let named = wanted.topic.is_some() || wanted.partition.is_some();
    let mut found = Vec::new();
    if fault.hits_ensemble() && !named {
        found.push(ensemble::outage(past, fault));
    }
    let shown = states.iter().filter(|(it, _)| wanted.shows(it));
    let mut hit: Vec<_> = shown
        .filter_map(|(partition, states)| partition::case(past, fault, partition, states))
        .collect();
    hit.sort_by_key(|it| !it.leader_is_hit());
    let room = MOST.saturating_sub(found.len());
    found.extend(hit.iter().take(room).map(|it| it.outage()));
    (found, hit.len().saturating_sub(room))
}

fn picture(
    recording: &Recording,
    fault: &Fault<'_>,
    outages: &[Outage],
    left_out: usize,
) -> Picture {
    let mut picture = Picture::new(
        format!("{}: anatomy of an outage", recording.name),
        "A bar a phase, to scale, from the fault to normal service: who notices by which silence, who decides, who is told, \
         when clients go on, when all replicas are in sync again; beside it how long it took and the key that governs it.",
    );
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let spans = || {
        outages
            .iter()
            .flat_map(|it| &it.phases)
            .filter_map(|it| it.span)
    };
    let from = spans().map(|(from, _)| from).min();
    let until = spans().map(|(_, until)| until).max();
    let from = from.map_or(fault.time, |it| it.min(fault.time));
    let until = until.unwrap_or(recording.end);
    let scale = Timescale::new(from, until, LEFT, WIDTH);
    let said = format!("fault at {}: {}", moment(fault.time), fault.text);
    picture.text((12, 44), letters::cut(&said, 11, RIGHT - 12), Style::Lost);

    let top = 56;
    let rows: usize = outages.iter().map(|it| it.phases.len()).sum();
    let rows = i32::try_from(rows).unwrap_or(0) * ROW;
    let heads = i32::try_from(outages.len()).unwrap_or(0) * 30;
    let bottom = top + rows + heads;
    scale.draw(&mut picture, top, bottom);
    let x = scale.x(fault.time);
    picture
        .line((x, top - 6), (x, bottom), Style::Lost)
        .because(said);
    let mut y = top;
    for outage in outages {
        picture.rect((8, y + 4), (RIGHT - 8, 20), Style::Paper);
        let title = letters::cut(&outage.title, 11, RIGHT - 12);
        picture.text((12, y + 19), title, Style::Ink);
        y += 30;
        for phase in &outage.phases {
            push_phase(&mut picture, &scale, y, phase);
            y += ROW;
        }
    }
    let mut notes = vec![
        "bars are to scale; the shortest are drawn 3 wide. Red: what users felt; white: a machine is away".to_owned(),
    ];
    if left_out > 0 {
        let partitions = counted(left_out, "more hit partition");
        notes.push(format!(
            "{partitions} not shown: --topic and --partition choose"
        ));
    }
    for (line, note) in (0..).zip(notes) {
        picture.text((12, bottom + 34 + 14 * line), note, Style::Faint);
    }
    picture.fit(12);
    picture
}

fn push_phase(picture: &mut Picture, scale: &Timescale, y: i32, phase: &phase::Phase) {
    let style = match phase.kind {
        Kind::Felt => Style::Bad,
        Kind::Work => Style::Waiting,
        Kind::Away => Style::Paper,
    };
    picture
        .text_at((LEFT - 8, y + 14), Anchor::End, phase.name, Style::Ink)
        .because(phase.why);
    let (took, key) = match phase.span {
        None => ("did not occur".to_owned(), ""),
        Some((from, until)) => {
            let (left, right) = (scale.x(from), scale.x(until));
            let right = right.max(left + 3);
            picture.rect((left, y + 3), (right - left, 16), style);
            if style == Style::Paper {
                picture.rect((left, y + 3), (right - left, 16), Style::Frame);
            }
            if let Some(part) = picture.parts.last_mut() {
                part.because(format!(
                    "{}, {} to {}: {}",
                    phase.name,
                    moment(from),
                    moment(until),
                    phase.why
                ));
            }
            (lasted(from, until), phase.key.as_str())
        }
    };
    let room = RIGHT - TEXTS;
    picture
        .text((TEXTS, y + 12), took, Style::Ink)
        .because(phase.why);
    if !key.is_empty() {
        picture
            .text(
                (KEYS, y + 12),
                letters::cut(key, 11, RIGHT - KEYS),
                Style::Ink,
            )
            .because(phase.why);
    }
    picture
        .text(
            (TEXTS, y + 25),
            letters::cut(&phase.said, 10, room),
            Style::Faint,
        )
        .because(phase.said.clone());
}
