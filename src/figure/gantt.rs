//! Who led each partition and who was in sync, over time: a row a replica. Its bar is thick where it leads, thin where it
//! is in sync, and there is none where it is out; its colour and number are the leader epoch. Below it a band says
//! whether writes with `acks=all` were taken, from the leader's own words.
//!
//! Membership is what the controller has written; that a leader serves is what it says itself.

use super::picture::{Anchor, Picture, Point, Shape, Style};
use super::timescale::Timescale;
use super::words::moment;
use super::{Nothing, Recording, Wanted, letters};
use crate::kernel::Time;
use crate::protocol::{BrokerId, ErrorCode, Fact, TopicPartition};
use crate::trace::{Stall, StallReader, TraceEntry};
use std::collections::{BTreeMap, BTreeSet};

const LEFT: i32 = 150;
const WIDTH: i32 = 760;
const TOP: i32 = 76;
const ROW: i32 = 22;
const PARTS: &str = "the first thing that another run does otherwise";
/// So many partitions at most: who wants others names them.
const MOST: usize = 6;

pub(super) fn draw(recording: &Recording, wanted: &Wanted) -> Result<Picture, Nothing> {
    let mut told = Told::default();
    let mut stalls = StallReader::of_all();
    for entry in &recording.facts {
        if stalls.due().is_some_and(|due| due <= entry.time) {
            told.stall(&stalls.pass(entry.time));
        }
        stalls.learn(entry);
        told.learn(entry, wanted);
    }
    told.stall(&stalls.pass(recording.end));
    match told.partitions.is_empty() {
        true => Err(Nothing {
            found: "no partition of that name had a leader in this run".to_owned(),
            expected: "a topic or a partition of the run".to_owned(),
        }),
        false => Ok(told.picture(recording, wanted)),
    }
}

/// What facts say of it.
#[derive(Default)]
struct Told<'a> {
    partitions: BTreeMap<&'a TopicPartition, History<'a>>,
    faults: Vec<(Time, &'a str)>,
    /// When each process was down, or stood still.
    down: BTreeMap<&'a str, Vec<(Time, Option<Time>)>>,
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
    /// They are stored, and not acknowledged: not everybody who counts as in sync has them, or too few are in sync.
    Wait,
    Refused,
    NobodyLeads,
}

/// A time in which a replica was the same: it led in one epoch, or was in sync in one.
struct Bar {
    from: Time,
    until: Time,
    leads: bool,
    epoch: u32,
}

impl<'a> Told<'a> {
    fn learn(&mut self, entry: &'a TraceEntry, wanted: &Wanted) {
        let time = entry.time;
        match &entry.fact {
            Fact::TimelineEvent { text, .. } => self.faults.push((time, text)),
            Fact::StateWritten {
                partition,
                leader,
                leader_epoch,
                isr,
                ..
            } if wanted.shows(partition) => {
                let history = self.partitions.entry(partition).or_default();
                let epoch = u32::try_from(*leader_epoch).unwrap_or(0);
                // Whom it names leads once it says so.
                if history.states.last().is_none_or(|it| it.epoch != epoch) {
                    history.becomes(time, Writes::NobodyLeads);
                }
                history.states.push(State {
                    from: time,
                    leader: *leader,
                    epoch,
                    isr,
                });
            }
            Fact::BecameLeader { partition, .. } => self.writes(partition, entry, Writes::Taken),
            Fact::HighWatermarkHeld { partition, .. } => {
                self.writes(partition, entry, Writes::Wait)
            }
            Fact::ProduceRefused {
                partition,
                error: ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend,
            } => self.writes(partition, entry, Writes::Refused),
            Fact::Appended {
                partition,
                as_leader: true,
                acks_all: true,
                ..
            } if !self.waits(partition) => self.writes(partition, entry, Writes::Taken),
            Fact::HighWatermarkMoved {
                partition,
                as_leader: true,
                ..
            } => self.writes(partition, entry, Writes::Taken),
            Fact::Started | Fact::Resumed => {
                let times = self.down.get_mut(&*entry.node);
                if let Some((_, end)) = times.and_then(|times| times.last_mut()) {
                    end.get_or_insert(time);
                }
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } | Fact::Paused => {
                let times = self.down.entry(&entry.node).or_default();
                if times.last().is_none_or(|(_, end)| end.is_some()) {
                    times.push((time, None));
                }
                for history in self.partitions.values_mut() {
                    if history.is_led_by(&entry.node) {
                        history.becomes(time, Writes::NobodyLeads);
                    }
                }
            }
            _ => {}
        }
    }

    /// What is appended while writes wait, waits as well.
    fn waits(&self, partition: &TopicPartition) -> bool {
        let writes = self
            .partitions
            .get(partition)
            .and_then(|it| it.writes.last());
        writes.is_some_and(|(_, writes)| *writes == Writes::Wait)
    }

    /// That writes waited is seen when they have for a while; where only readers wait, a write with acks=all would have.
    fn stall(&mut self, stalls: &[Stall]) {
        for stall in stalls {
            // One that was replaced and has not heard of it keeps nobody waiting.
            let history = self.partitions.get_mut(&stall.partition);
            if let Some(history) = history.filter(|it| it.is_led_by(&stall.leader)) {
                history.waited(stall.since);
            }
        }
    }

    /// As its leader says: who was replaced may not know it yet.
    fn writes(&mut self, partition: &TopicPartition, entry: &TraceEntry, writes: Writes) {
        let history = self.partitions.get_mut(partition);
        if let Some(history) = history.filter(|it| it.is_led_by(&entry.node)) {
            history.becomes(entry.time, writes);
        }
    }

    fn picture(&self, recording: &Recording, wanted: &Wanted) -> Picture {
        let mut picture = Picture::new(
            format!("{}: who leads, and who is in sync", recording.name),
            "A row a replica, time to the right. A thick bar: it leads; a thin one: it is in sync; none: it is not. \
             The number is the leader epoch. Below each partition: whether writes with acks=all were taken, had to wait or were refused.",
        );
        picture.text((12, 24), picture.title.clone(), Style::Strong);
        let from = wanted.from.unwrap_or(Time::ZERO);
        let until = wanted.until.unwrap_or(recording.end);
        let scale = Timescale::new(from, until, LEFT, WIDTH);
        let shown: Vec<_> = self.partitions.iter().take(MOST).collect();
        let rows: i32 = shown.iter().map(|(_, it)| it.height()).sum();
        let bottom = TOP + rows;
        scale.draw(&mut picture, TOP - 6, bottom);
        self.push_faults(&mut picture, &scale, bottom);
        if let Some(time) = recording.parts_at {
            let x = scale.x(time);
            picture
                .line((x, TOP - 14), (x, bottom + 3), Style::LeaderLane)
                .because(PARTS);
        }
        let mut top = TOP;
        for (partition, history) in &shown {
            self.push_partition(&mut picture, &scale, top, (partition, history), until);
            top += history.height();
        }
        let mut said =
            "thick: leads; thin: in sync; none: out; e1: leader epoch 1; X and dots: its process is down".to_owned();
        if self.partitions.len() > shown.len() {
            let more = self.partitions.len() - shown.len();
            said += &format!("; {more} more partitions are not shown (--topic)");
        }
        picture.text((LEFT, bottom + 34), said, Style::Faint);
        if let Some(time) = recording.parts_at {
            let said = format!("thick line: {PARTS}, at {}", moment(time));
            picture.text((LEFT, bottom + 48), said, Style::Faint);
        }
        picture.fit(12);
        picture
    }

    /// Their names stand in two rows above, as far as there is room; each line has its own.
    fn push_faults(&self, picture: &mut Picture, scale: &Timescale, bottom: i32) {
        let mut free = [i32::MIN; 2];
        for (time, text) in self.faults.iter().filter(|(time, _)| scale.has(*time)) {
            let x = scale.x(*time);
            picture
                .line((x, TOP - 14), (x, bottom), Style::Lost)
                .because(*text);
            let words = letters::cut(text, 10, 280);
            let width = letters::width(&words, 10);
            let left = x.min(LEFT + WIDTH - width);
            if let Some(row) = free.iter().position(|free| left > *free) {
                let y = TOP - 18 - i32::try_from(row).unwrap_or(0) * 13;
                picture.text((left, y), words, Style::Faint);
                free[row] = left + width + 6;
            }
        }
    }

    fn push_partition(
        &self,
        picture: &mut Picture,
        scale: &Timescale,
        top: i32,
        (partition, history): (&TopicPartition, &History<'_>),
        until: Time,
    ) {
        let name = letters::cut(&partition.to_string(), 11, LEFT - 20);
        picture.text((12, top + 15), name, Style::Ink);
        let mut y = top + ROW;
        for replica in history.replicas() {
            let name = name_of(replica);
            picture.text_at((LEFT - 8, y + 15), Anchor::End, name.clone(), Style::Faint);
            for bar in history.bars(replica, until) {
                push_bar(picture, scale, y, &name, &bar);
            }
            for (from, end) in self.down.get(&*name).into_iter().flatten() {
                let (left, right) = (scale.x(*from), scale.x(end.unwrap_or(until)));
                let at = Point::new(left, y + 11);
                picture.line((left, at.y), (right, at.y), Style::DownLane);
                picture
                    .add(Shape::Cross { at, radius: 4 }, Style::Lost)
                    .because(format!("the process of {name} ends, or stands still"));
            }
            y += ROW;
        }
        picture.text_at((LEFT - 8, y + 15), Anchor::End, "acks=all", Style::Faint);
        let ends = history.writes.iter().skip(1).map(|(from, _)| *from);
        for ((from, writes), end) in history.writes.iter().zip(ends.chain([until])) {
            let (left, right) = (scale.x(*from), scale.x(end));
            if left < right {
                push_writes(picture, (left, y), right - left, *writes);
            }
        }
    }
}

impl<'a> History<'a> {
    fn becomes(&mut self, time: Time, writes: Writes) {
        match self.writes.last_mut() {
            Some((_, last)) if *last == writes => {}
            // Within one moment the last word counts.
            Some((since, last)) if *since == time => *last = writes,
            _ => self.writes.push((time, writes)),
        }
    }

    /// As the controller has written last.
    fn is_led_by(&self, node: &str) -> bool {
        let state = self.states.last();
        state.is_some_and(|it| name_of(it.leader) == node)
    }

    /// Since that moment, though it was taken for taken.
    fn waited(&mut self, since: Time) {
        while let Some((_, Writes::Taken)) = self.writes.pop_if(|(from, _)| *from >= since) {}
        if let Some((_, Writes::Taken)) = self.writes.last() {
            self.writes.push((since, Writes::Wait));
        }
    }

    fn replicas(&self) -> BTreeSet<BrokerId> {
        let members = self.states.iter().flat_map(|it| it.isr.iter().copied());
        members.collect()
    }

    /// Two rows more than it has replicas: its name, and what became of writes.
    fn height(&self) -> i32 {
        let replicas = i32::try_from(self.replicas().len()).unwrap_or(0);
        (replicas + 2) * ROW + 8
    }

    fn bars(&self, replica: BrokerId, end: Time) -> Vec<Bar> {
        let mut bars: Vec<Bar> = Vec::new();
        let ends = self.states.iter().skip(1).map(|it| it.from).chain([end]);
        for (state, until) in self.states.iter().zip(ends) {
            let leads = state.leader == replica;
            match bars.last_mut() {
                _ if !state.isr.contains(&replica) => {}
                Some(last)
                    if (last.until, last.leads, last.epoch) == (state.from, leads, state.epoch) =>
                {
                    last.until = until;
                }
                _ => bars.push(Bar {
                    from: state.from,
                    until,
                    leads,
                    epoch: state.epoch,
                }),
            }
        }
        bars
    }
}

fn push_bar(picture: &mut Picture, scale: &Timescale, y: i32, name: &str, bar: &Bar) {
    let (left, right) = (scale.x(bar.from), scale.x(bar.until));
    if left == right {
        return;
    }
    let (up, height) = if bar.leads { (3, 16) } else { (8, 6) };
    let does = if bar.leads { "leads" } else { "is in sync" };
    let why = format!(
        "{name} {does}, leader epoch {}: so the controller has written it",
        bar.epoch
    );
    let size = (right - left, height);
    picture
        .rect((left, y + up), size, Style::Epoch(bar.epoch))
        .because(why);
    let epoch = format!("e{}", bar.epoch);
    if bar.leads && right - left > letters::width(&epoch, 11) + 6 {
        picture.text((left + 4, y + 15), epoch, Style::Epoch(bar.epoch));
    }
}

fn push_writes(picture: &mut Picture, (left, y): (i32, i32), width: i32, writes: Writes) {
    let (style, name, why) = match writes {
        Writes::Taken => (
            Style::Good,
            "taken",
            "the leader takes writes: as many replicas are in sync as min.insync.replicas asks for",
        ),
        Writes::Wait => (
            Style::Waiting,
            "wait",
            "stored and not acknowledged: a replica that counts as in sync has not copied them, or too few are in sync",
        ),
        Writes::Refused => (
            Style::Bad,
            "refused",
            "NOT_ENOUGH_REPLICAS: fewer are in sync than min.insync.replicas asks for",
        ),
        Writes::NobodyLeads => (
            Style::Bad,
            "nobody leads",
            "no broker that runs says that it leads: clients try again",
        ),
    };
    picture.rect((left, y + 4), (width, 14), style).because(why);
    if width > letters::width(name, 11) + 6 {
        picture.text((left + 4, y + 15), name, style);
    }
}

fn name_of(broker: BrokerId) -> String {
    format!("broker-{broker}")
}
