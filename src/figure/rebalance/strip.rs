//! Who of a group reads which partition, from moment to moment, as the members and the coordinator state it.

use crate::kernel::{Duration, Time};
use crate::protocol::{Fact, GroupFact, MemberGone, OwnerThen, RebalanceReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

/// What happens within this time stands in one row, if it is of different partitions.
const TOGETHER: Duration = Duration(1_000_000);
/// Digits and dashes behind the client.id in a member id.
const UUID: usize = 36;

/// Of one group.
pub(super) struct Strip<'a> {
    pub group: &'a str,
    pub partitions: Vec<&'a TopicPartition>,
    /// Names of consumers, in the order in which they were first given something, or nothing.
    pub members: Vec<&'a str>,
    /// The assignors that were agreed upon, in their order.
    pub assignors: Vec<&'a str>,
    pub rows: Vec<Row>,
    ids: BTreeMap<&'a str, usize>,
    states: Vec<Reading>,
    paused: BTreeSet<usize>,
}

/// A moment at which something changed, and how it is from then on.
pub(super) struct Row {
    pub time: Time,
    pub generation: Option<i32>,
    /// What happened, and the rule behind it.
    pub said: Vec<(String, &'static str)>,
    /// In the order of the partitions.
    pub cells: Vec<Cell>,
    /// To the nanosecond, when each of them became what it is.
    pub since: Vec<Time>,
    /// So many records were processed until the next row that had been before.
    pub twice: Vec<usize>,
    touched: BTreeSet<usize>,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Cell {
    /// Nobody was given it yet.
    Untouched,
    /// More than one: somebody does not know that it is another's.
    Read(Vec<usize>),
    /// It is this member's for the group, and that does not read.
    Held(usize),
    Nobody,
}

/// Of a partition.
#[derive(Default)]
struct Reading {
    was_given: bool,
    owners: Vec<usize>,
    held: Option<usize>,
    processed: BTreeSet<i64>,
}

impl<'a> Strip<'a> {
    /// Of every group that has shared partitions out, by name.
    pub(super) fn of_all(facts: &'a [TraceEntry]) -> Vec<Strip<'a>> {
        let mut strips: BTreeMap<&str, Strip<'a>> = BTreeMap::new();
        for entry in facts {
            if let Fact::Group(GroupFact::PartitionsAssigned {
                group,
                member,
                partitions,
                ..
            }) = &entry.fact
            {
                let strip = strips.entry(group).or_insert_with(|| Strip::new(group));
                let place = strip.place_of(&entry.node).unwrap_or_else(|| {
                    strip.members.push(&entry.node);
                    strip.members.len() - 1
                });
                strip.ids.insert(member, place);
                strip.partitions.extend(partitions);
            }
        }
        for strip in strips.values_mut() {
            strip.partitions.sort();
            strip.partitions.dedup();
            strip.states = strip
                .partitions
                .iter()
                .map(|_| Reading::default())
                .collect();
            for entry in facts {
                strip.learn(entry);
            }
        }
        strips.into_values().collect()
    }

    pub(super) fn letter(member: usize) -> String {
        let letter = char::from(b'A' + u8::try_from(member % 26).unwrap_or(0));
        match member / 26 {
            0 => letter.to_string(),
            more => format!("{letter}{more}"),
        }
    }

    fn new(group: &'a str) -> Self {
        Strip {
            group,
            partitions: Vec::new(),
            members: Vec::new(),
            assignors: Vec::new(),
            rows: Vec::new(),
            ids: BTreeMap::new(),
            states: Vec::new(),
            paused: BTreeSet::new(),
        }
    }

    fn learn(&mut self, entry: &'a TraceEntry) {
        let (words, why) = match &entry.fact {
            Fact::Group(fact) => return self.learn_of_group(entry.time, &entry.node, fact),
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => (
                "is gone",
                "nobody is told: the coordinator takes it for a member until session.timeout.ms is over",
            ),
            Fact::Paused => (
                "stands still",
                "the coordinator takes it for a member until session.timeout.ms is over",
            ),
            Fact::Resumed => (
                "goes on",
                "it does not know that time went on, nor who has its partitions",
            ),
            _ => return,
        };
        let Some(member) = self.place_of(&entry.node) else {
            return;
        };
        let touched = match &entry.fact {
            Fact::Paused => {
                self.paused.insert(member);
                self.owned_by(member)
            }
            Fact::Resumed => {
                self.paused.remove(&member);
                self.owned_by(member)
            }
            _ => {
                self.paused.remove(&member);
                self.give_up(member, None, true)
            }
        };
        if !touched.is_empty() {
            let words = format!("{} {words}", Self::letter(member));
            self.push(entry.time, touched, words, why);
        }
    }

    fn learn_of_group(&mut self, time: Time, node: &str, fact: &'a GroupFact) {
        let here = |group: &str| group == self.group;
        match fact {
            GroupFact::Changed { group, .. } if here(group) => self.group_changed(time, fact),
            GroupFact::MemberRemoved {
                group,
                member,
                why,
                detail,
            } if here(group) => {
                let known = self.ids.get(&**member).copied();
                let mut touched = BTreeSet::new();
                for (place, state) in self.states.iter_mut().enumerate() {
                    if known.is_some() && state.held == known {
                        state.held = None;
                        touched.insert(place);
                    }
                }
                let why = match why {
                    MemberGone::Left => "it says so itself (LeaveGroup)",
                    MemberGone::SessionExpired => {
                        "no heartbeat came from it for session.timeout.ms (GroupCoordinator)"
                    }
                    MemberGone::DidNotJoin => {
                        "it did not join the others within max.poll.interval.ms (rebalance timeout)"
                    }
                    MemberGone::DidNotSync => "it did not fetch what it was given (SyncGroup)",
                };
                let who = self.name_of(member);
                let words = format!("{who} is out ({detail})");
                self.push(time, touched, words, why);
            }
            GroupFact::PartitionsAssigned {
                group,
                partitions,
                kept,
                ..
            } if here(group) => {
                let Some(member) = self.place_of(node) else {
                    return;
                };
                let touched = self.places(partitions);
                for place in &touched {
                    let state = &mut self.states[*place];
                    state.was_given = true;
                    state.held = None;
                    state.owners.push(member);
                }
                let (who, why) = (
                    Self::letter(member),
                    "onPartitionsAssigned: the leader of the group has said who reads what, and SyncGroup told it",
                );
                let words = match (partitions.is_empty(), kept.is_empty()) {
                    (false, true) => format!("{who} is given {}", self.numbers(partitions)),
                    (false, false) => format!(
                        "{who} keeps {} and is given {}",
                        self.numbers(kept),
                        self.numbers(partitions)
                    ),
                    (true, false) => format!("{who} keeps {}", self.numbers(kept)),
                    (true, true) => format!("{who} is given nothing"),
                };
                self.push(time, touched, words, why);
            }
            GroupFact::PartitionsRevoked {
                group,
                partitions,
                owner_then,
            } if here(group) => {
                let Some(member) = self.place_of(node) else {
                    return;
                };
                let itself = matches!(owner_then, OwnerThen::Itself | OwnerThen::ItselfInSilence);
                let touched = self.give_up(member, Some(partitions), itself);
                if touched.is_empty() {
                    return;
                }
                let (who, which) = (Self::letter(member), self.numbers(partitions));
                let (words, why) = match itself {
                    true => (
                        format!("{who} stops, and keeps {which}"),
                        "a static member says no farewell: they stay its own until its session ends \
                         (group.instance.id, session.timeout.ms)",
                    ),
                    false => (
                        format!("{who} gives up {which}"),
                        "onPartitionsRevoked: EAGER gives all up before it joins again, COOPERATIVE only what moves (KIP-429)",
                    ),
                };
                self.push(time, touched, words, why);
            }
            GroupFact::PartitionsLost {
                group, partitions, ..
            } if here(group) => {
                let Some(member) = self.place_of(node) else {
                    return;
                };
                let touched = self.give_up(member, Some(partitions), false);
                if !touched.is_empty() {
                    let who = Self::letter(member);
                    let words = format!("{who} learns that {} are lost", self.numbers(partitions));
                    let why =
                        "onPartitionsLost: it was out of its group, and another may have them";
                    self.push(time, touched, words, why);
                }
            }
            GroupFact::PollTimeoutExpired {
                group,
                max_poll_interval_ms,
                owner_then,
            } if here(group) => {
                let Some(member) = self.place_of(node) else {
                    return;
                };
                let who = Self::letter(member);
                let (does, why) = match owner_then {
                    OwnerThen::Itself | OwnerThen::ItselfInSilence => (
                        "forgets its place",
                        "its application has not called poll for so long: its library stops; of a static member the group is told nothing",
                    ),
                    OwnerThen::Nobody | OwnerThen::Another => (
                        "leaves",
                        "its application has not called poll for so long: its library has it leave the group",
                    ),
                };
                let words = format!("{who} {does}: max.poll.interval.ms={max_poll_interval_ms}");
                self.push(time, BTreeSet::new(), words, why);
            }
            GroupFact::Processed {
                group,
                partition,
                offset,
            } if here(group) => {
                let Ok(place) = self.partitions.binary_search(&partition) else {
                    return;
                };
                let is_new = self.states[place].processed.insert(*offset);
                if let Some(row) = self.rows.last_mut().filter(|_| !is_new) {
                    row.twice[place] += 1;
                }
            }
            _ => {}
        }
    }

    fn group_changed(&mut self, time: Time, fact: &'a GroupFact) {
        let GroupFact::Changed {
            state,
            generation,
            members,
            protocol,
            why,
            ..
        } = fact
        else {
            return;
        };
        match &**state {
            "PreparingRebalance" => {
                let reason = match why.as_deref() {
                    Some(RebalanceReason::MemberJoined { member, .. }) => {
                        format!("{} joins", self.name_of(member))
                    }
                    Some(RebalanceReason::MemberRejoined { member, .. }) => {
                        format!("{} joins again", self.name_of(member))
                    }
                    Some(RebalanceReason::MemberGone { member, .. }) => {
                        format!("{} is gone", self.name_of(member))
                    }
                    Some(RebalanceReason::AssignmentsNotStored) => {
                        "the assignments could not be stored".to_owned()
                    }
                    Some(RebalanceReason::TooManyMembers) => {
                        "more members than group.max.size".to_owned()
                    }
                    None => "members are to join".to_owned(),
                };
                let why = "members learn of it by REBALANCE_IN_PROGRESS, the answer to their next heartbeat \
                           (heartbeat.interval.ms)";
                self.push(time, BTreeSet::new(), format!("rebalance: {reason}"), why);
            }
            "CompletingRebalance" => {
                self.assignors.extend(protocol.as_deref());
                self.assignors.dedup();
                let who: Vec<String> = members.iter().map(|it| self.name_of(it)).collect();
                let words = format!("generation {generation}: {}", who.join(", "));
                let why = "all have joined (JoinGroup); one of them, the group's leader, says who reads what \
                           (partition.assignment.strategy)";
                self.push(time, BTreeSet::new(), words, why);
                if let Some(row) = self.rows.last_mut() {
                    row.generation = Some(*generation);
                }
            }
            "Empty" => {
                let why =
                    "nobody is a member; what was committed is kept (offsets.retention.minutes)";
                self.push(time, BTreeSet::new(), "the group is empty".to_owned(), why);
            }
            _ => {}
        }
    }

    /// A row for this, or one more thing in the last.
    fn push(&mut self, time: Time, touched: BTreeSet<usize>, words: String, why: &'static str) {
        let cells: Vec<Cell> = self.states.iter().map(|it| self.cell(it)).collect();
        let mut since = match self.rows.last() {
            Some(row) => row.since.clone(),
            None => vec![time; cells.len()],
        };
        touched.iter().for_each(|place| since[*place] = time);
        if let Some(row) = self.rows.last_mut()
            && time.0 - row.time.0 < TOGETHER.0
            && row.touched.is_disjoint(&touched)
        {
            (row.cells, row.since) = (cells, since);
            row.touched.extend(touched);
            row.said.push((words, why));
            return;
        }
        self.rows.push(Row {
            time,
            generation: None,
            said: vec![(words, why)],
            twice: vec![0; cells.len()],
            cells,
            since,
            touched,
        });
    }

    fn cell(&self, state: &Reading) -> Cell {
        let mut reads: Vec<usize> = state.owners.clone();
        reads.retain(|it| !self.paused.contains(it));
        reads.sort_unstable();
        reads.dedup();
        match (
            state.was_given,
            reads.is_empty(),
            state.owners.last(),
            state.held,
        ) {
            (false, ..) => Cell::Untouched,
            (_, false, ..) => Cell::Read(reads),
            (.., Some(member), _) => Cell::Held(*member),
            (.., Some(member)) => Cell::Held(member),
            _ => Cell::Nobody,
        }
    }

    /// Which it gave up: these, or all that it reads; and whether they stay its own for its group.
    fn give_up(
        &mut self,
        member: usize,
        which: Option<&[TopicPartition]>,
        stay_its_own: bool,
    ) -> BTreeSet<usize> {
        let mut touched = self.owned_by(member);
        if let Some(which) = which {
            touched.retain(|place| which.contains(self.partitions[*place]));
        }
        for place in &touched {
            let state = &mut self.states[*place];
            state.owners.retain(|it| *it != member);
            if stay_its_own && state.owners.is_empty() {
                state.held = Some(member);
            }
        }
        touched
    }

    fn owned_by(&self, member: usize) -> BTreeSet<usize> {
        let states = self.states.iter().enumerate();
        let owned = states.filter(|(_, it)| it.owners.contains(&member));
        owned.map(|(place, _)| place).collect()
    }

    fn places(&self, partitions: &[TopicPartition]) -> BTreeSet<usize> {
        let found = partitions
            .iter()
            .filter_map(|it| self.partitions.binary_search(&it).ok());
        found.collect()
    }

    fn place_of(&self, node: &str) -> Option<usize> {
        self.members.iter().position(|it| *it == node)
    }

    /// Its letter; of who was never given anything, its client.id.
    fn name_of(&self, id: &str) -> String {
        match self.ids.get(id) {
            Some(member) => Self::letter(*member),
            None => match id.len().checked_sub(UUID + 1).and_then(|end| id.get(..end)) {
                Some(client) => client.to_owned(),
                None => id.to_owned(),
            },
        }
    }

    /// Numbers, where the group reads one topic only.
    fn numbers(&self, partitions: &[TopicPartition]) -> String {
        const NAMED: usize = 6;
        let is_one = self
            .partitions
            .windows(2)
            .all(|pair| pair[0].topic == pair[1].topic);
        let named = partitions.iter().take(NAMED).map(|it| match is_one {
            true => it.partition.to_string(),
            false => it.to_string(),
        });
        let named = named.collect::<Vec<_>>().join(", ");
        match partitions.len().saturating_sub(NAMED) {
            0 => named,
            more => format!("{named} and {more} more"),
        }
    }
}
