//! The transcript: a run for reading, one line a state change: time, node, what happened and why.
//!
//! Noise is folded. Equal lines of one moment become one; what repeats is told once until it has been
//! silent for a while; records that come and go are counted, and the counts shown before what changes
//! the course of things. `Style::verbose` shows every fact.

use super::TraceEntry;
use super::counts::Counts;
use super::legend::legend;
use super::story::Story;
use super::telling::{Telling, Weight, commits_again, goes_on, tell};
use crate::kernel::{Duration, Time};
use crate::protocol::{ErrorCode, Fact, TopicPartition};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::rc::Rc;

/// Equal lines within this time are one, if that changes no order that could matter.
const SAME_MOMENT: Duration = Duration::from_millis(50);
/// What repeats is news again after this silence.
const SILENCE: Duration = Duration::from_secs(10);
/// Retries of one kind that are told, until there has been silence.
const RETRIES: usize = 12;
/// Items that one line names.
const ITEMS: usize = 6;
/// Width of the column with node names; longer names push the text.
const NODE_WIDTH: usize = 12;

/// How a transcript is written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Style {
    /// A line for every fact, unfolded.
    pub verbose: bool,
}

/// The transcript of a whole trace, under a legend of the words that it uses.
pub fn transcript(entries: &[TraceEntry], style: Style) -> String {
    let mut transcript = Transcript::new(style);
    for entry in entries {
        transcript.push(entry);
    }
    with_legend(&transcript.finish())
}

/// Lines of a transcript as text, under a legend of the words that they use.
pub fn with_legend(lines: &[String]) -> String {
    let mut text = String::new();
    for line in legend(lines).iter().chain([&String::new()]).chain(lines) {
        text.push_str(line);
        text.push('\n');
    }
    text
}

/// What was told from entry number `first` on, after up to `most` lines of what was told before it.
pub fn excerpt(entries: &[TraceEntry], first: usize, most: usize) -> (Vec<String>, Vec<String>) {
    let mut transcript = Transcript::new(Style::default());
    let mut told_before = 0;
    for (number, entry) in entries.iter().enumerate() {
        if number == first {
            told_before = transcript.told();
        }
        transcript.push(entry);
    }
    if first >= entries.len() {
        told_before = transcript.told();
    }
    let mut before = transcript.finish();
    let since = before.split_off(told_before);
    before.drain(..before.len().saturating_sub(most));
    (before, since)
}

/// Builds a transcript entry by entry.
#[derive(Debug)]
pub struct Transcript {
    style: Style,
    story: Story,
    /// Lines that may still grow, oldest first.
    open: VecDeque<Line>,
    lines: Vec<String>,
    counts: Counts,
    /// Time of the last entry.
    now: Time,
    /// Offset above which the high watermark must rise, by leader and partition on which acks=all waits.
    stalls: BTreeMap<(Rc<str>, TopicPartition), i64>,
    /// Leaders and partitions that commit nothing, since the ISR is too small.
    held: BTreeSet<(Rc<str>, TopicPartition)>,
    /// What repeats, by node and words.
    episodes: BTreeMap<(Rc<str>, String), Episode>,
}

/// Something that repeats.
#[derive(Clone, Copy, Debug)]
struct Episode {
    /// When it was last heard of; of what is given up, when it was last told.
    heard: Time,
    /// How many times it has been told.
    told: usize,
}

/// A line that may still grow.
#[derive(Debug)]
struct Line {
    time: Time,
    node: Rc<str>,
    telling: Telling,
    items: Vec<String>,
}

impl Transcript {
    pub fn new(style: Style) -> Self {
        Transcript {
            style,
            story: Story::default(),
            open: VecDeque::new(),
            lines: Vec::new(),
            counts: Counts::default(),
            now: Time::ZERO,
            stalls: BTreeMap::new(),
            held: BTreeSet::new(),
            episodes: BTreeMap::new(),
        }
    }

    /// Takes in the next entry of the trace.
    pub fn push(&mut self, entry: &TraceEntry) {
        if self.style.verbose {
            let telling = tell(entry, &self.story);
            let line = write_line(entry.time, &entry.node, &telling.sentence());
            self.lines.push(line);
        } else if is_traffic(&entry.fact) {
            self.counts.count(entry);
            self.end_stall(entry);
        } else {
            self.counts.count(entry);
            self.fold(entry, tell(entry, &self.story));
        }
        self.story.learn(entry);
        self.now = entry.time;
    }

    /// Lines that have begun. What comes later is told below them, or added to one of them.
    fn told(&self) -> usize {
        self.lines.len() + self.open.len()
    }

    /// The lines, without a legend.
    pub fn finish(mut self) -> Vec<String> {
        self.close_before(Time::MAX);
        let end = self.now;
        if let Some(line) = self.counts.line(end) {
            self.lines.push(line);
        }
        for (leader, partition) in self.stalls.keys() {
            let text = format!("acks=all still waits on {partition}");
            self.lines.push(write_line(end, leader, &text));
        }
        for (leader, partition) in &self.held {
            let text = format!("still commits nothing more in {partition}");
            self.lines.push(write_line(end, leader, &text));
        }
        self.lines
    }

    fn fold(&mut self, entry: &TraceEntry, telling: Telling) {
        let told_before = self.note_stall(entry);
        match telling.weight {
            _ if told_before => {}
            Weight::Loud => self.add(entry, telling),
            Weight::Episode => {
                let node = column(entry, &telling);
                let key = (node.clone(), telling.before.clone());
                self.close_older_than_moment(entry.time);
                let still_open = self.open.iter().any(|line| line.takes(&node, &telling));
                let last = self.episodes.get(&key).copied();
                let last = last.filter(|last| entry.time.since(last.heard) < SILENCE);
                let told = last.map_or(0, |last| last.told);
                // Each retry may be why a record is there twice; of very many the first are told, and all
                // counted.
                let is_retry = matches!(entry.fact, Fact::Retrying { .. });
                let tells = still_open || last.is_none() || (is_retry && told < RETRIES);
                // What goes on for long is one story, but records that are given up are news again.
                if last.is_none() || !matches!(entry.fact, Fact::Failed { .. }) {
                    let (heard, told) = (entry.time, told + usize::from(tells));
                    self.episodes.insert(key, Episode { heard, told });
                }
                if tells {
                    self.add(entry, telling);
                }
            }
            Weight::Quiet => {}
        }
    }

    /// Remembers where acks=all waits. True if a stall goes on that was told already.
    fn note_stall(&mut self, entry: &TraceEntry) -> bool {
        let node = &entry.node;
        match &entry.fact {
            Fact::ProduceStalls {
                partition, offset, ..
            } => {
                let key = (node.clone(), partition.clone());
                let known = self.stalls.get(&key).copied();
                let first = known.map_or(*offset, |known| known.min(*offset));
                self.stalls.insert(key, first);
                known.is_some()
            }
            // What waited has been answered, or is nobody's business any more.
            Fact::ProduceRefused {
                partition,
                error: ErrorCode::RequestTimedOut,
            }
            | Fact::BecameFollower { partition, .. }
            | Fact::ReplicaStopped { partition, .. } => {
                let key = (node.clone(), partition.clone());
                self.stalls.remove(&key);
                if !matches!(entry.fact, Fact::ProduceRefused { .. }) {
                    self.held.remove(&key);
                }
                false
            }
            Fact::HighWatermarkHeld { partition, .. } => {
                !self.held.insert((node.clone(), partition.clone()))
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } | Fact::Started => {
                self.stalls.retain(|(leader, _), _| leader != node);
                self.held.retain(|(leader, _)| leader != node);
                false
            }
            _ => false,
        }
    }

    /// A stall is over once the high watermark has passed what waits; that nothing is committed, once it moves.
    fn end_stall(&mut self, entry: &TraceEntry) {
        let Fact::HighWatermarkMoved {
            partition,
            high_watermark,
            as_leader: true,
        } = &entry.fact
        else {
            return;
        };
        if self.stalls.is_empty() && self.held.is_empty() {
            return;
        }
        let key = (entry.node.clone(), partition.clone());
        if self.held.remove(&key) {
            self.add(entry, commits_again(partition));
        }
        let waits = self.stalls.get(&key).copied();
        if waits.is_some_and(|offset| *high_watermark > offset) {
            self.stalls.remove(&key);
            self.add(entry, goes_on(partition));
        }
    }

    /// Adds to the line that says the same, or begins one.
    fn add(&mut self, entry: &TraceEntry, telling: Telling) {
        self.close_older_than_moment(entry.time);
        let node = column(entry, &telling);
        if let Some(line) = self.same_line(entry, &node, &telling) {
            if !line.items.contains(&telling.item) {
                line.items.push(telling.item);
            }
            return;
        }
        if let Some(counts) = self.counts.line_before(entry) {
            self.close_before(Time::MAX);
            self.lines.push(counts);
        }
        self.open.push_back(Line {
            time: entry.time,
            node,
            items: vec![telling.item.clone()],
            telling,
        });
    }

    /// The open line that says the same. An item must not move before another line that may have caused
    /// it: between the two only lines of the same instant or the same words may stand, unless they are
    /// lines of clients, which start independently.
    fn same_line(
        &mut self,
        entry: &TraceEntry,
        node: &Rc<str>,
        telling: &Telling,
    ) -> Option<&mut Line> {
        for line in self.open.iter_mut().rev() {
            if line.takes(node, telling) {
                return Some(line);
            }
            let independent = telling.of_clients
                || line.time == entry.time
                || line.telling.before == telling.before;
            if !independent {
                return None;
            }
        }
        None
    }

    fn close_older_than_moment(&mut self, now: Time) {
        self.close_before(Time(now.0.saturating_sub(SAME_MOMENT.0)));
    }

    fn close_before(&mut self, time: Time) {
        while self.open.front().is_some_and(|line| line.time < time) {
            let line = self.open.pop_front().expect("the front was just seen");
            self.lines.push(line.write());
        }
    }
}

impl Line {
    fn takes(&self, node: &Rc<str>, telling: &Telling) -> bool {
        self.node == *node
            && self.telling.before == telling.before
            && self.telling.after == telling.after
    }

    fn write(&self) -> String {
        let named = self.items.len().min(ITEMS);
        let mut items = self.items[..named].join(", ");
        if self.items.len() > named {
            items.push_str(&format!(" and {} more", self.items.len() - named));
        }
        let text = format!("{}{items}{}", self.telling.before, self.telling.after);
        write_line(self.time, &self.node, &text)
    }
}

/// Facts of records that come and go: counted, not told.
fn is_traffic(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::Appended { .. }
            | Fact::HighWatermarkMoved { .. }
            | Fact::RecordCreated { .. }
            | Fact::Acked { .. }
            | Fact::Consumed { .. }
    )
}

/// Whose line it is.
fn column(entry: &TraceEntry, telling: &Telling) -> Rc<str> {
    match (&entry.fact, telling.of_clients) {
        (Fact::TimelineEvent { .. } | Fact::NobodyFits { .. }, _) => "timeline".into(),
        (_, true) => "clients".into(),
        (_, false) => entry.node.clone(),
    }
}

pub(super) fn write_line(time: Time, node: &str, text: &str) -> String {
    let (seconds, millis) = (time.0 / 1_000_000_000, time.as_millis() % 1_000);
    format!("{seconds:>5}.{millis:03}s  {node:<NODE_WIDTH$}  {text}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{RecordId, StateWriteReason};

    fn entries(facts: Vec<(u64, &str, Fact)>) -> Vec<TraceEntry> {
        let numbered = facts.into_iter().enumerate();
        numbered
            .map(|(event, (ms, node, fact))| TraceEntry {
                event: event as u64,
                time: Time(ms * 1_000_000),
                node: node.into(),
                fact,
            })
            .collect()
    }

    fn trucks(partition: i32) -> TopicPartition {
        TopicPartition::new("trucks_gps", partition)
    }

    fn acked(number: u64) -> Fact {
        Fact::Acked {
            record: RecordId {
                producer: "trucks-1".into(),
                number,
            },
            partition: trucks(0),
            offset: number as i64,
            content: number,
            latency_ns: 3_000_000,
            attempts: 1,
        }
    }

    fn state(
        partition: i32,
        leader: i32,
        epoch: i32,
        isr: &[i32],
        reason: StateWriteReason,
    ) -> Fact {
        Fact::StateWritten {
            partition: trucks(partition),
            leader,
            leader_epoch: epoch,
            isr: isr.to_vec(),
            partition_epoch: epoch,
            controller_epoch: 1,
            reason,
        }
    }

    fn leader_crash() -> Vec<TraceEntry> {
        let new = StateWriteReason::NewPartition;
        let stalls = |partition| Fact::ProduceStalls {
            partition: trucks(partition),
            offset: 31,
            waits_for: vec![1],
            lag_time_max_ms: 30_000,
        };
        entries(vec![
            (0, "broker-1", Fact::Started),
            (
                5,
                "broker-3",
                Fact::ControllerElected {
                    controller_epoch: 1,
                },
            ),
            (
                6,
                "zookeeper-1",
                Fact::SessionOpened {
                    session: 9,
                    timeout_ms: 18_000,
                },
            ),
            (
                7,
                "broker-1",
                Fact::ZooKeeperConnected {
                    session: 9,
                    resumed: false,
                },
            ),
            (90, "broker-3", state(0, 1, 0, &[1, 2, 3], new)),
            (90, "broker-3", state(1, 2, 0, &[2, 3, 1], new)),
            (1_000, "trucks-1", acked(0)),
            (2_000, "trucks-1", acked(1)),
            (
                30_000,
                "broker-1",
                Fact::TimelineEvent {
                    entry: 0,
                    end: false,
                    text: "crash: leader of trucks_gps-0, broker-1".into(),
                },
            ),
            (30_000, "broker-1", Fact::Crashed),
            (31_000, "broker-2", stalls(1)),
            (31_500, "broker-2", stalls(1)),
            (
                45_000,
                "zookeeper-1",
                Fact::SessionExpired {
                    session: 9,
                    ephemerals: vec!["/brokers/ids/1".into()],
                },
            ),
            (
                45_001,
                "broker-3",
                Fact::BrokersChanged {
                    new: vec![],
                    dead: vec![1],
                    bounced: vec![],
                },
            ),
            (
                45_002,
                "broker-3",
                state(0, 2, 1, &[2, 3], StateWriteReason::OfflineElection),
            ),
            (
                45_003,
                "broker-3",
                state(1, 2, 1, &[2, 3], StateWriteReason::ReplicaOffline),
            ),
            (
                45_005,
                "broker-2",
                Fact::BecameLeader {
                    partition: trucks(0),
                    leader_epoch: 1,
                    log_end_offset: 31,
                    high_watermark: 30,
                    isr: vec![2, 3],
                },
            ),
            (
                45_006,
                "broker-2",
                Fact::HighWatermarkMoved {
                    partition: trucks(1),
                    high_watermark: 32,
                    as_leader: true,
                },
            ),
            (45_010, "trucks-1", acked(2)),
            (75_000, "broker-1", Fact::Started),
            (
                76_000,
                "broker-3",
                state(0, 2, 1, &[2, 3, 1], StateWriteReason::AlterPartition),
            ),
        ])
    }

    #[test]
    fn a_leader_crash_reads_like_a_story() {
        insta::with_settings!({
            snapshot_path => "../../snapshots",
            prepend_module_to_snapshot => false,
            omit_expression => true,
        }, {
            insta::assert_snapshot!(
                "transcript_of_a_leader_crash",
                transcript(&leader_crash(), Style::default())
            );
        });
    }

    #[test]
    fn an_excerpt_is_cut_where_an_entry_begins() {
        let entries = leader_crash();
        let whole: Vec<String> = {
            let mut transcript = Transcript::new(Style::default());
            entries.iter().for_each(|entry| transcript.push(entry));
            transcript.finish()
        };
        let crash = entries
            .iter()
            .position(|entry| entry.fact == Fact::Crashed)
            .unwrap();
        let (before, since) = excerpt(&entries, crash, 2);
        assert_eq!(before.len(), 2);
        assert!(
            before[1].contains("crash: leader of trucks_gps-0"),
            "{before:?}"
        );
        assert!(since[0].contains("crashes (kill -9)"), "{since:?}");
        let (all_before, same_since) = excerpt(&entries, crash, usize::MAX);
        assert_eq!([all_before, same_since].concat(), whole);
    }

    #[test]
    fn verbose_tells_every_fact() {
        let entries = leader_crash();
        let text = transcript(&entries, Style { verbose: true });
        let (_legend, told) = text.split_once("\n\n").unwrap();
        assert_eq!(told.lines().count(), entries.len());
    }

    #[test]
    fn ct33_a_stall_after_a_crash_is_called_no_bug() {
        let text = transcript(&leader_crash(), Style::default());
        let line = text
            .lines()
            .find(|line| line.contains("acks=all waits"))
            .unwrap();
        assert!(
            line.contains("broker-1 is still in the ISR and has not fetched"),
            "{line}"
        );
        assert!(line.contains("12 to 21 s after the crash"), "{line}");
        assert!(line.contains("no bug"), "{line}");
        assert_eq!(
            text.matches("acks=all waits").count(),
            1,
            "the second stall is the first"
        );
    }

    #[test]
    fn ct33_a_pause_says_what_it_holds_up_and_for_how_long() {
        let mut facts = leader_crash();
        let crash = facts
            .iter()
            .position(|entry| entry.fact == Fact::Crashed)
            .unwrap();
        facts[crash].fact = Fact::Paused;
        let text = transcript(&facts, Style::default());
        let line = |words| text.lines().find(|line| line.contains(words)).unwrap();
        let pause = line("is paused: it answers nothing");
        assert!(
            pause.contains("what it leads takes no writes, and acks=all waits")
                && pause.contains("until it goes on, or ZooKeeper gives up its session (12 to 21 s after the pause)"),
            "{pause}"
        );
        let stall = line("acks=all waits on trucks_gps-1");
        assert!(
            stall.contains("broker-1 is paused") && stall.contains("(12 to 21 s after the pause)"),
            "{stall}"
        );
    }

    #[test]
    fn several_brokers_have_come() {
        let seen = |new: &[i32], dead: &[i32]| Fact::BrokersChanged {
            new: new.to_vec(),
            dead: dead.to_vec(),
            bounced: vec![],
        };
        let facts = vec![
            (0, "broker-1", seen(&[2, 3], &[])),
            (9, "broker-1", seen(&[4], &[2, 3])),
        ];
        let text = transcript(&entries(facts), Style::default());
        assert!(text.contains("broker-2 and broker-3 have come\n"), "{text}");
        assert!(
            text.contains("broker-4 has come; broker-2 and broker-3 are gone"),
            "{text}"
        );
    }

    #[test]
    fn a_repeated_refusal_is_told_once_until_it_has_been_silent() {
        let refused = || Fact::ProduceRefused {
            partition: trucks(0),
            error: crate::protocol::ErrorCode::NotEnoughReplicas,
        };
        let every_second = (0..20).map(|s| (s * 1_000, "broker-1", refused()));
        let facts = every_second
            .chain([(60_000, "broker-1", refused())])
            .collect();
        let text = transcript(&entries(facts), Style::default());
        assert_eq!(text.matches("refuses writes").count(), 2);
    }
}
