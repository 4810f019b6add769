//! The transcript: a run for reading, one line a state change: time, node, what happened and why.
//!
//! Noise is folded. Equal lines of one moment become one; what repeats is told once until it has been
//! silent for a while; records that come and go are counted, and the counts shown before what changes
//! the course of things. `Style::verbose` shows every fact.

use super::TraceEntry;
use super::counts::Counts;
use super::legend::legend;
use super::stalls::{Stall, Stalls, Waiting};
use super::story::Story;
use super::telling::{
    Telling, Weight, end_of_stall, stall, stands_still_again, still_stands, tell,
};
use crate::kernel::{Duration, Time};
use crate::protocol::{EpochBumpReason, Fact, GroupFact, ProducerStateFact, TopicPartition};
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
/// How partitions begin in which brokers keep groups.
const GROUP_METADATA_PARTITION: &str = "__consumer_offsets-";
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
    stalls: Stalls,
    /// The last stall of each leader and partition.
    last_stalls: BTreeMap<(Rc<str>, TopicPartition), LastStall>,
    /// What repeats, by node and words.
    episodes: BTreeMap<(Rc<str>, String), Episode>,
    /// Producers that have given records up, and with which words that was told.
    gave_up: BTreeSet<(Rc<str>, String)>,
}

/// Something that repeats.
#[derive(Clone, Copy, Debug)]
struct Episode {
    /// When it was last heard of; of a loss, when it was last told.
    heard: Time,
    /// How many times it has been told.
    told: usize,
    /// Of what is a loss: how many were left out since.
    untold: usize,
}

/// A stall that was told.
#[derive(Debug)]
struct LastStall {
    why: String,
    /// When it began or ended.
    heard: Time,
    /// How often it came in a row, for the same reason.
    times: usize,
}

/// A line that may still grow.
#[derive(Debug)]
struct Line {
    time: Time,
    node: Rc<str>,
    telling: Telling,
    items: Vec<String>,
    /// Left out since the last such line.
    untold: usize,
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
            stalls: Stalls::default(),
            last_stalls: BTreeMap::new(),
            episodes: BTreeMap::new(),
            gave_up: BTreeSet::new(),
        }
    }

    /// Takes in the next entry of the trace.
    pub fn push(&mut self, entry: &TraceEntry) {
        for begun in self.stalls.pass(entry.time, &self.story) {
            self.stall_begins(&begun);
        }
        if self.style.verbose {
            let telling = tell(entry, &self.story);
            let line = write_line(entry.time, &entry.node, &telling.sentence(&entry.node));
            self.lines.push(line);
        } else {
            self.counts.count(entry);
            if !is_traffic(&entry.fact) && !self.is_known(entry) {
                self.fold(entry, tell(entry, &self.story).with_short_ids());
            }
        }
        if let Some(ended) = self.stalls.learn(entry) {
            self.stall_ends(entry.time, &ended);
        }
        self.story.learn(entry);
        self.now = entry.time;
    }

    /// One that comes back for the same reason is told once more, as what repeats, and then no longer.
    fn stall_begins(&mut self, begun: &Stall) {
        let telling = stall(begun, &self.story);
        let key = (begun.leader.clone(), begun.partition.clone());
        let before = self.last_stalls.get(&key);
        let repeats = before.filter(|before| {
            let silence = begun.at.since(before.heard);
            before.why == telling.after && silence < SILENCE && !self.style.verbose
        });
        let times = repeats.map_or(1, |before| before.times + 1);
        let last = LastStall {
            why: telling.after.clone(),
            heard: begun.at,
            times,
        };
        self.last_stalls.insert(key, last);
        match times {
            1 => self.tell_of_stall(begun.at, &begun.leader, telling),
            2 => {
                let again = stands_still_again(&begun.partition);
                self.tell_of_stall(begun.at, &begun.leader, again);
            }
            _ => {}
        }
    }

    fn stall_ends(&mut self, time: Time, ended: &Waiting) {
        let key = (ended.leader.clone(), ended.partition.clone());
        let mut lines = end_of_stall(ended);
        if let Some(last) = self.last_stalls.get_mut(&key) {
            last.heard = time;
            if last.times > 1 && !ended.held {
                lines.clear();
            }
        }
        for telling in lines {
            self.tell_of_stall(time, &ended.leader, telling);
        }
    }

    /// A stall is told by the reader, not by a node: it has a line of its own in either style.
    fn tell_of_stall(&mut self, time: Time, leader: &Rc<str>, telling: Telling) {
        match self.style.verbose {
            true => {
                let line = write_line(time, leader, &telling.sentence(leader));
                self.lines.push(line);
            }
            false => self.add(time, leader.clone(), telling, true),
        }
    }

    /// The leader has said so already, and nothing has moved since.
    fn is_known(&self, entry: &TraceEntry) -> bool {
        match &entry.fact {
            Fact::HighWatermarkHeld { partition, .. } => {
                self.stalls.knows_as_held(partition, &entry.node)
            }
            _ => false,
        }
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
        for waiting in self.stalls.still(&self.story) {
            let line = write_line(end, &waiting.leader, &still_stands(&waiting));
            self.lines.push(line);
        }
        self.lines
    }

    fn fold(&mut self, entry: &TraceEntry, telling: Telling) {
        match telling.weight {
            Weight::Loud => self.add_of(entry, telling),
            Weight::Episode => {
                let node = column(entry, &telling);
                // That one client finds no server says nothing of another.
                let who = match entry.fact {
                    Fact::BootstrapFailed { .. } => &entry.node,
                    _ => &node,
                };
                let is_loss = is_loss(&entry.fact);
                let (words, silence) = match is_loss {
                    // What is lost every ten seconds is now and then so a moment early.
                    true => (
                        format!("{}{}", telling.before, telling.after),
                        Duration(SILENCE.0 - SAME_MOMENT.0),
                    ),
                    false => (telling.before.clone(), SILENCE),
                };
                let key = (who.clone(), words);
                self.close_older_than_moment(entry.time);
                let still_open = self.open.iter().any(|line| line.takes(&node, &telling));
                let ever = self.episodes.get(&key).copied();
                let last = ever.filter(|last| entry.time.since(last.heard) < silence);
                let told = last.map_or(0, |last| last.told);
                // Each retry may be why a record is there twice; of very many the first are told, and all
                // counted.
                let is_retry = matches!(entry.fact, Fact::Retrying { .. });
                let gives_up = matches!(entry.fact, Fact::Failed { .. });
                // Nor does what one producer has given up: the first of each is told.
                let producer = (entry.node.clone(), telling.before.clone());
                let is_first = gives_up && self.gave_up.insert(producer);
                let tells =
                    still_open || is_first || last.is_none() || (is_retry && told < RETRIES);
                // What goes on for long is one story, but what is lost is news again, with what was left out.
                let untold = ever.map_or(0, |ever| ever.untold);
                if last.is_none() || !is_loss {
                    let episode = Episode {
                        heard: entry.time,
                        told: told + usize::from(tells),
                        untold: 0,
                    };
                    self.episodes.insert(key, episode);
                } else if !tells && let Some(episode) = self.episodes.get_mut(&key) {
                    episode.untold += 1;
                }
                if tells {
                    self.add_of(entry, telling.clone());
                    let mut lines = self.open.iter_mut().rev();
                    let line = lines.find(|line| line.takes(&node, &telling));
                    if last.is_none()
                        && let Some(line) = line
                    {
                        line.untold += untold;
                    }
                }
            }
            Weight::Quiet => {}
        }
    }

    fn add_of(&mut self, entry: &TraceEntry, telling: Telling) {
        let node = column(entry, &telling);
        self.add(entry.time, node, telling, is_turn(&entry.fact));
    }

    /// Adds to the line that says the same, or begins one.
    fn add(&mut self, time: Time, node: Rc<str>, telling: Telling, is_turn: bool) {
        self.close_older_than_moment(time);
        if let Some(line) = self.same_line(time, &node, &telling) {
            if !line.items.contains(&telling.item) {
                line.items.push(telling.item);
            }
            return;
        }
        if is_turn && let Some(counts) = self.counts.line_before(time) {
            self.close_before(Time::MAX);
            self.lines.push(counts);
        }
        self.open.push_back(Line {
            time,
            node,
            items: vec![telling.item.clone()],
            untold: 0,
            telling,
        });
    }

    /// The open line that says the same. An item must not move before another line that may have caused
    /// it: between the two only lines of the same instant or the same words may stand, unless they are
    /// lines of clients, which start independently.
    fn same_line(&mut self, time: Time, node: &Rc<str>, telling: &Telling) -> Option<&mut Line> {
        for line in self.open.iter_mut().rev() {
            if line.takes(node, telling) {
                return Some(line);
            }
            let independent =
                telling.of_clients || line.time == time || line.telling.before == telling.before;
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
        let items = listed(&self.items);
        let untold = match self.untold {
            0 => String::new(),
            1 => " (1 other since the last such line)".to_owned(),
            untold => format!(" ({untold} others since the last such line)"),
        };
        let text = format!(
            "{}{items}{}{untold}",
            self.telling.before, self.telling.after
        );
        write_line(self.time, &self.node, &text)
    }
}

/// The first items by name, and how many more; partitions of `__consumer_offsets`, of which there are many,
/// only by their number, but for a single one.
fn listed(items: &[String]) -> String {
    let (internal, mut named): (Vec<&String>, Vec<&String>) = items
        .iter()
        .partition(|item| item.contains(GROUP_METADATA_PARTITION));
    let mut more = 0;
    if let [one] = internal[..] {
        named.push(one);
    } else {
        more = internal.len();
    }
    let unnamed = named.len().saturating_sub(ITEMS);
    named.truncate(ITEMS);
    let mut text = named
        .into_iter()
        .map(String::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    if unnamed > 0 {
        text.push_str(&format!(" and {unnamed} more"));
    }
    if more > 0 {
        let and = if text.is_empty() { "" } else { " and " };
        text.push_str(&format!("{and}{more} partitions of __consumer_offsets"));
    }
    text
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
            | Fact::Group(GroupFact::Processed { .. })
    )
}

/// Records are refused for good, or given up, and what a producer does about that: told by one rule, since they are
/// causes of each other. So is what could not be committed, which an application may ask for with each record.
fn is_loss(fact: &Fact) -> bool {
    match fact {
        Fact::Failed { .. } | Fact::Group(GroupFact::CommitFailed { .. }) => true,
        Fact::ProduceRefused { error, .. } => !error.is_retriable(),
        Fact::ProducerState(ProducerStateFact::EpochBumped { partitions, .. }) => {
            let mut reasons = partitions.values();
            reasons.all(|reason| matches!(reason, EpochBumpReason::GivenUp { .. }))
        }
        _ => false,
    }
}

/// What changes the course of things: counts are shown before it.
fn is_turn(fact: &Fact) -> bool {
    matches!(
        fact,
        Fact::TimelineEvent { .. }
            | Fact::Crashed
            | Fact::PowerFailed
            | Fact::Paused
            | Fact::Started
            | Fact::SessionExpired { .. }
    )
}

/// Whose line it is.
fn column(entry: &TraceEntry, telling: &Telling) -> Rc<str> {
    match (&entry.fact, telling.of_clients) {
        (Fact::TimelineEvent { .. } | Fact::NobodyFits { .. }, _) => "timeline".into(),
        (Fact::StartUnfinished { .. }, _) => "operator".into(),
        (_, true) => "clients".into(),
        (_, false) => entry.node.clone(),
    }
}

/// A line of a transcript: when, who, what.
pub fn write_line(time: Time, node: &str, text: &str) -> String {
    let (seconds, millis) = (time.0 / 1_000_000_000, time.as_millis() % 1_000);
    format!("{seconds:>5}.{millis:03}s  {node:<NODE_WIDTH$}  {text}")
}

#[cfg(test)]
mod tests;
