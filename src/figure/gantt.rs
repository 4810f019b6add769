//! Who led each partition and who was in sync, over time: a row a replica. Its bar is thick where it leads, thin where it
//! is in sync, and there is none where it is out; its colour and number are the leader epoch. Below it a band says
//! whether writes with `acks=all` were taken, from the leader's own words.
//!
//! Membership is what the controller has written; that a leader serves is what it says itself.

use super::picture::{Anchor, Picture, Style};
use super::timescale::Timescale;
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::protocol::{BrokerId, ErrorCode, Fact, TopicPartition, is_internal_topic};
use std::collections::{BTreeMap, BTreeSet};

const LEFT: i32 = 150;
const WIDTH: i32 = 760;
const TOP: i32 = 64;
const ROW: i32 = 22;
/// So many partitions at most: who wants others names them.
const MOST: usize = 6;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let mut partitions: BTreeMap<&TopicPartition, History> = BTreeMap::new();
    let mut faults: Vec<(Time, bool, &str)> = Vec::new();
    for entry in &recording.facts {
        let time = entry.time;
        match &entry.fact {
            Fact::TimelineEvent { end, text, .. } => faults.push((time, *end, text)),
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                ..
            } if wanted.shows(partition)
                && (wanted.topic.is_some()
                    || wanted.partition.is_some()
                    || !is_internal_topic(&partition.topic)) =>
            {
                let history = partitions.entry(partition).or_default();
                history.states.push(State {
                    from: time,
                    leader: *leader,
                    epoch: u32::try_from(*leader_epoch).unwrap_or(0),
                    isr,
                });
                // Whom it names leads once it says so.
                history.becomes(time, Writes::NobodyLeads);
            }
            Fact::BecameLeader { partition, .. } => {
                if let Some(history) = partitions.get_mut(partition) {
                    history.becomes(time, Writes::Taken);
                }
            }
            Fact::HighWatermarkHeld { partition, .. } => {
                if let Some(history) = partitions.get_mut(partition) {
                    history.becomes(time, Writes::Wait);
                }
            }
            Fact::ProduceRefused { partition, error } => {
                if let Some(history) = partitions.get_mut(partition)
                    && matches!(
                        error,
                        ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend
                    )
                {
                    history.becomes(time, Writes::Refused);
                }
            }
            Fact::Appended {
                partition,
                as_leader: true,
                acks_all: true,
                ..
            }
            | Fact::HighWatermarkMoved {
                partition,
                as_leader: true,
                ..
            } => {
                if let Some(history) = partitions.get_mut(partition)
                    && history
                        .writes
                        .last()
                        .is_some_and(|(_, it)| *it != Writes::Taken)
                {
                    history.becomes(time, Writes::Taken);
                }
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } | Fact::Paused => {
                for history in partitions.values_mut() {
                    let leads = history
                        .states
                        .last()
                        .is_some_and(|it| *entry.node == *format!("broker-{}", it.leader));
                    if leads {
                        history.becomes(time, Writes::NobodyLeads);
                    }
                }
            }
            _ => {}
        }
    }
    if partitions.is_empty() {
        return Err(Nothing {
            found: "no partition of that name had a leader in this run".to_owned(),
            expected: "a topic or a partition of the run".to_owned(),
        });
    }
    Ok(picture(recording, wanted, &partitions, &faults))
}

/// Of a partition.
#[derive(Default)]
struct History<'a> {
    states: Vec<State<'a>>,
    writes: Vec<(Time, Writes)>,
}

struct State<'a> {
    from: Time,
    leader: BrokerId,
    epoch: u32,
    isr: &'a [BrokerId],
}

/// What became of writes with acks=all.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Writes {
    Taken,
    /// They are stored, and not acknowledged: too few replicas are in sync.
    Wait,
    Refused,
    NobodyLeads,
}

impl History<'_> {
    fn becomes(&mut self, time: Time, writes: Writes) {
        match self.writes.last_mut() {
            Some((_, last)) if *last == writes => {}
            // Within one moment the last word counts.
            Some((since, last)) if *since == time => *last = writes,
            _ => self.writes.push((time, writes)),
        }
    }

    fn replicas(&self) -> BTreeSet<BrokerId> {
        self.states
            .iter()
            .flat_map(|it| it.isr.iter().copied())
            .collect()
    }
}

fn picture(
    recording: &Recording,
    wanted: &Wanted,
    partitions: &BTreeMap<&TopicPartition, History<'_>>,
    faults: &[(Time, bool, &str)],
) -> Picture {
    let shown: Vec<_> = partitions.iter().take(MOST).collect();
    let mut picture = Picture::new(
        format!("{}: who leads, and who is in sync", recording.name),
        "A row a replica, time to the right. A thick bar: it leads; a thin one: it is in sync; none: it is not. \
         The number is the leader epoch. Below each partition: whether writes with acks=all were taken.",
    );
    let (from, until) = (
        wanted.from.unwrap_or(Time::ZERO),
        wanted.until.unwrap_or(recording.end),
    );
    let scale = Timescale::new(from, until, LEFT, WIDTH);
    picture.text((12, 24), picture.title.clone(), Style::Strong);
    let rows: i32 = shown.iter().map(|(_, it)| height_of(it)).sum();
    let bottom = TOP + rows;
    push_faults(&mut picture, &scale, faults, bottom);
    scale.draw(&mut picture, TOP - 6, bottom);
    let mut top = TOP;
    for (partition, history) in &shown {
        push_partition(&mut picture, &scale, top, partition, history, until);
        top += height_of(history);
    }
    let mut said = "thick: leads    thin: in sync    none: out    number: leader epoch".to_owned();
    if partitions.len() > shown.len() {
        said += &format!(
            "    {} more partitions are not shown",
            partitions.len() - shown.len()
        );
    }
    picture.text((LEFT, bottom + 34), said, Style::Faint);
    picture.fit(12);
    picture
}

/// Two rows more than it has replicas: its name, and what became of writes.
fn height_of(history: &History<'_>) -> i32 {
    let replicas = i32::try_from(history.replicas().len()).unwrap_or(0);
    (replicas + 2) * ROW + 8
}

fn push_faults(
    picture: &mut Picture,
    scale: &Timescale,
    faults: &[(Time, bool, &str)],
    bottom: i32,
) {
    let mut free = i32::MIN;
    for (time, end, text) in faults.iter().filter(|(time, ..)| scale.has(*time)) {
        let x = scale.x(*time);
        let style = if *end { Style::Faint } else { Style::Lost };
        picture.line((x, TOP - 14), (x, bottom), style);
        let words = letters::cut(text, 10, 220);
        let width = letters::width(&words, 10);
        let left = x.min(LEFT + WIDTH - width);
        if left > free {
            picture.text((left, TOP - 18), words, Style::Faint);
            free = left + width + 6;
        }
    }
}

fn push_partition(
    picture: &mut Picture,
    scale: &Timescale,
    top: i32,
    partition: &TopicPartition,
    history: &History<'_>,
    until: Time,
) {
    picture.text(
        (12, top + 15),
        letters::cut(&partition.to_string(), 11, LEFT - 20),
        Style::Ink,
    );
    let mut y = top + ROW;
    for replica in history.replicas() {
        picture.text_at(
            (LEFT - 8, y + 15),
            Anchor::End,
            format!("broker-{replica}"),
            Style::Faint,
        );
        let ends = history
            .states
            .iter()
            .skip(1)
            .map(|it| it.from)
            .chain([until]);
        for (state, end) in history.states.iter().zip(ends) {
            if !state.isr.contains(&replica) {
                continue;
            }
            let (left, right) = (scale.x(state.from), scale.x(end));
            if left == right {
                continue;
            }
            let leads = state.leader == replica;
            let (up, height) = if leads { (3, 16) } else { (8, 6) };
            let does = if leads {
                "leads"
            } else {
                "is in sync with the leader"
            };
            picture
                .rect((left, y + up), (right - left, height), Style::Epoch(state.epoch))
                .because(format!("broker-{replica} {does}, leader epoch {} (the partition's state, as the controller wrote it)", state.epoch));
            let name = format!("e{}", state.epoch);
            if leads && right - left > letters::width(&name, 11) + 6 {
                picture.text((left + 4, y + 15), name, Style::Epoch(state.epoch));
            }
        }
        y += ROW;
    }
    picture.text_at((LEFT - 8, y + 15), Anchor::End, "acks=all", Style::Faint);
    let ends = history
        .writes
        .iter()
        .skip(1)
        .map(|(from, _)| *from)
        .chain([until]);
    for ((from, writes), end) in history.writes.iter().zip(ends) {
        let (left, right) = (scale.x(*from), scale.x(end));
        if left == right {
            continue;
        }
        let (style, name, why) = match writes {
            Writes::Taken => (
                Style::Good,
                "taken",
                "the leader takes writes, and the replicas in sync are enough for min.insync.replicas",
            ),
            Writes::Wait => (
                Style::Waiting,
                "wait",
                "stored, and not committed: fewer replicas are in sync than min.insync.replicas asks for",
            ),
            Writes::Refused => (
                Style::Bad,
                "refused",
                "NOT_ENOUGH_REPLICAS: fewer are in sync than min.insync.replicas asks for",
            ),
            Writes::NobodyLeads => (
                Style::Bad,
                "nobody leads",
                "no broker says that it leads: clients try again",
            ),
        };
        picture
            .rect((left, y + 4), (right - left, 14), style)
            .because(why);
        if right - left > letters::width(name, 11) + 6 {
            picture.text((left + 4, y + 15), name, style);
        }
    }
}
