//! What becomes of a record behind the logs: who reads it, or cannot; what applications do with it, and services that
//! they call; which commits of groups cover it.

use super::Walk;
use crate::check::CommittedOffsets;
use crate::kernel::Time;
use crate::plan::Plan;
use crate::protocol::{ApplicationFact, Fact, GroupFact, MessageFact, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

#[derive(Default)]
pub(super) struct Reading {
    /// The group of each consumer that has one.
    groups: BTreeMap<String, Rc<str>>,
    /// Consumers whose applications name their partitions themselves.
    by_hand: BTreeSet<String>,
    pub(super) consumers: BTreeMap<Rc<str>, Reader>,
    pub(super) of_group: BTreeMap<Rc<str>, Group>,
    committed: CommittedOffsets,
    /// Calls that each service has heard for it.
    pub(super) calls: BTreeMap<Rc<str>, u64>,
    /// What it is a copy of, where an application has sent it on.
    pub(super) origin: Option<String>,
}

/// A consumer, as far as the record is concerned.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) reads: u64,
    /// The last time.
    read_at: Time,
    /// Its application has it, and is not done with it.
    pub(super) has_it: bool,
    /// A service was called for it since it was read.
    called: Option<Rc<str>>,
    /// Where it has begun to read since it read it last, and why there.
    began: Option<String>,
    /// The same, before that.
    pub(super) had_begun: Option<String>,
    /// When it began where it was when it read it.
    began_at: Time,
    /// So often `poll` threw for it.
    pub(super) throws: u64,
    /// It is still there.
    pub(super) is_stuck: bool,
    /// Its dead letter was not taken, which is said once.
    is_letter_refused: bool,
    /// Where it began to read the record's partition, while it has that.
    from: Option<i64>,
    /// The record that its last `poll` threw for.
    pub(super) stuck_at: Option<(TopicPartition, i64)>,
}

/// A group, as far as the record is concerned.
#[derive(Default)]
pub(super) struct Group {
    /// The last commit that covers it.
    pub(super) covered_by: Option<i64>,
    was_covered: bool,
    /// A commit that covered it, and that no coordinator knows any more.
    pub(super) commit_lost: bool,
    /// So often a member was done with it.
    pub(super) done: u64,
    /// Who was last, and when.
    last_done: Option<(Rc<str>, Time)>,
    /// Why that was more than once, of each time but the first.
    pub(super) done_again: Vec<String>,
    /// How a member came to have it and not to be done with it.
    pub(super) dropped: Option<String>,
    /// Members whose applications threw at it.
    threw: Vec<Rc<str>>,
    /// A member was given it.
    pub(super) has_read: bool,
    /// How it was gone when the group was first heard of.
    pub(super) gone_before: Option<&'static str>,
}

impl Reading {
    pub(super) fn of(plan: &Plan) -> Self {
        let consumers = plan.consumers.iter();
        let groups = consumers.flat_map(|consumer| {
            let group = consumer.config.get("group.id");
            let members = consumer.members().into_iter();
            members.filter_map(move |member| Some((member, Rc::from(group?.as_str()))))
        });
        let by_hand = plan.consumers.iter().filter(|it| it.assign.is_some());
        Reading {
            groups: groups.collect(),
            by_hand: by_hand.flat_map(|it| it.members()).collect(),
            ..Reading::default()
        }
    }

    fn reader(&mut self, node: &Rc<str>) -> &mut Reader {
        self.consumers.entry(node.clone()).or_default()
    }

    /// Why one had it while the other did it.
    fn side_by_side(&self, node: &str, other: &str) -> String {
        let whom = |one: &str| self.by_hand.contains(one);
        let why = match (whom(other), whom(node)) {
            (false, false) => {
                return format!("{node} had it all the while, and was done with it after {other}");
            }
            (true, true) => "both name their partitions themselves".to_owned(),
            (true, false) => format!("{other} names its partitions itself"),
            (false, true) => format!("{node} names its partitions itself"),
        };
        format!("{other} and {node} read its partition side by side ({why})")
    }

    fn has_it(&self, node: &str) -> bool {
        self.consumers.get(node).is_some_and(|it| it.has_it)
    }

    /// Members of its group, and itself, were done with it more than once.
    pub(super) fn group_processed_it_again(&self, node: &str) -> bool {
        let group = self.groups.get(node).and_then(|it| self.of_group.get(it));
        group.is_some_and(|group| group.done > 1)
    }

    /// Members of a group that have it, and are not done with it.
    pub(super) fn who_has_it(&self, group: &str) -> Option<&Rc<str>> {
        let is_member = |node: &str| self.groups.get(node).is_some_and(|of| **of == *group);
        let mut consumers = self.consumers.iter();
        consumers.find_map(|(node, reader)| (reader.has_it && is_member(node)).then_some(node))
    }

    /// A member has it no longer, and was not done with it.
    fn drop_it(&mut self, node: &Rc<str>, how: String) {
        self.reader(node).has_it = false;
        if let Some(group) = self.groups.get(&**node) {
            let group = self.of_group.entry(group.clone()).or_default();
            group.dropped = Some(how);
        }
    }

    fn threw_at_it(&mut self, node: &Rc<str>) {
        let group = self.groups.get(&**node);
        let mut threw = vec![node.clone()];
        if let Some(group) = group.and_then(|group| self.of_group.get_mut(group)) {
            if !group.threw.contains(node) {
                group.threw.push(node.clone());
            }
            threw.clone_from(&group.threw);
        }
        let applications = match threw.len() {
            1 => "the application",
            _ => "the applications",
        };
        let how = format!("{applications} of {} threw at it", threw.join(" and "));
        self.drop_it(node, how);
    }
}

impl Walk<'_> {
    /// A record lies in that partition at that offset, or was deleted there, and it is this one.
    fn is_there(&self, partition: &TopicPartition, offset: i64) -> bool {
        self.is_at(partition) && self.kept.lay_at(offset)
    }

    /// The group as it is known, from when it is first heard of.
    fn group(&mut self, name: &Rc<str>) -> &mut Group {
        let gone_before = self.kept.is_gone();
        let group = self.read.of_group.entry(name.clone());
        group.or_insert_with(|| Group {
            gone_before,
            ..Group::default()
        })
    }

    pub(super) fn fact_of_reader(&mut self, entry: &TraceEntry) {
        let node = &entry.node;
        self.stands(entry);
        self.names_origin(entry);
        match &entry.fact {
            Fact::PositionSet {
                partition,
                offset,
                why,
                ..
            } if self.found.made.partition == *partition => self.begins(entry, *offset, why),
            Fact::Consumed {
                partition,
                offset,
                content,
                ..
            } if self.is_at(partition) => self.is_read(entry, *offset, *content),
            Fact::Crashed | Fact::PowerFailed if self.read.has_it(node) => {
                self.ends_with_it(entry, "");
            }
            Fact::Exiting { why, .. } if self.read.has_it(node) => {
                self.ends_with_it(entry, &format!(": {why}"));
            }
            Fact::Group(fact) => self.group_fact(entry, fact),
            Fact::Message(fact) => self.unread_fact(entry, fact),
            Fact::Application(fact) => self.application_fact(entry, fact),
            _ => {}
        }
    }

    /// Also of who begins before the record is made.
    fn begins(&mut self, entry: &TraceEntry, offset: i64, why: &str) {
        let (node, now) = (&entry.node, entry.time);
        let began = format!("at offset {offset} ({why})");
        let copies = &self.kept.copies;
        let passes = !copies.is_empty() && copies.iter().all(|copy| copy.offset < offset);
        if let Some(group) = self.read.groups.get(&**node).filter(|_| passes) {
            let how = || format!("{node} began {began}");
            let group = group.clone();
            self.group(&group).dropped.get_or_insert_with(how);
        }
        let reader = self.read.reader(node);
        reader.began = Some(began);
        reader.from = Some(offset);
        reader.began_at = now;
    }

    /// What keeps readers of its partition from coming to it: their `poll` throws for another record.
    pub(super) fn kept_from_it(&self) -> Vec<String> {
        let waits = |reader: &&Reader| reader.reads == 0 && reader.throws == 0;
        let readers = self.read.consumers.iter().filter(|(_, it)| waits(it));
        let kept = readers.filter_map(|(node, reader)| {
            let ((partition, offset), from) = (reader.stuck_at.as_ref()?, reader.from?);
            let is_before_it = self.kept.copies.iter().any(|copy| {
                copy.offset >= from && (!self.is_at(partition) || copy.offset > *offset)
            });
            is_before_it.then(|| format!(
                "stuck: {node} cannot read {partition} offset {offset}, and reads nothing of its partitions any more"
            ))
        });
        kept.collect()
    }

    /// Of any record and partition: where a reader stands.
    fn stands(&mut self, entry: &TraceEntry) {
        let its = &self.found.made.partition;
        let (is_free, is_parted) = match &entry.fact {
            Fact::Message(MessageFact::NotDeserialized {
                partition, offset, ..
            }) => {
                let stuck_at = Some((partition.clone(), *offset));
                self.read.reader(&entry.node).stuck_at = stuck_at;
                return;
            }
            Fact::Consumed { .. }
            | Fact::Message(MessageFact::PoisonSkipped { .. } | MessageFact::DeadLettered { .. }) => {
                (true, false)
            }
            Fact::Crashed | Fact::PowerFailed | Fact::Exiting { .. } => (true, true),
            Fact::Group(
                GroupFact::PartitionsLost { partitions, .. }
                | GroupFact::PartitionsRevoked { partitions, .. },
            ) => (false, partitions.contains(its)),
            _ => return,
        };
        if let Some(reader) = self.read.consumers.get_mut(&entry.node) {
            reader.stuck_at.take_if(|_| is_free);
            reader.from.take_if(|_| is_parted);
        }
    }

    fn is_read(&mut self, entry: &TraceEntry, offset: i64, content: u64) {
        let mut copies = self.kept.copies.iter();
        if content != self.found.made.content || !copies.any(|it| it.offset == offset) {
            return;
        }
        let group = self.read.groups.get(&*entry.node).cloned();
        let is_member = group.is_some();
        if let Some(group) = group {
            self.group(&group).has_read = true;
        }
        let reader = self.read.reader(&entry.node);
        reader.reads += 1;
        reader.read_at = entry.time;
        reader.has_it = is_member;
        reader.is_stuck = false;
        reader.called = None;
        reader.had_begun = reader.began.take();
        let again = if reader.reads > 1 { " again" } else { "" };
        let behind = (self.kept.high_watermark - offset - 1).max(0) as u64;
        let behind = left_behind(behind);
        self.says(
            entry,
            format!("reads it{again} at offset {offset}; {behind}"),
        );
    }

    fn ends_with_it(&mut self, entry: &TraceEntry, why: &str) {
        let how = format!(
            "{} had read it, and ended before it was done with it",
            entry.node
        );
        self.read.drop_it(&entry.node, how);
        self.says(entry, format!("ends, and was not done with it{why}"));
    }

    fn group_fact(&mut self, entry: &TraceEntry, fact: &GroupFact) {
        let node = &entry.node;
        self.read.committed.learn(fact);
        match fact {
            GroupFact::Changed { group, .. } => {
                self.group(group);
            }
            GroupFact::OffsetExpired { group, partition } if self.is_at(partition) => {
                let of_it = self.group(group);
                of_it.covered_by = None;
                if std::mem::take(&mut of_it.was_covered) {
                    self.says(entry, format!(
                        "forgets how far group {group} has read {partition}: nobody needed it for offsets.retention.minutes"
                    ));
                }
            }
            GroupFact::Loaded { partition, .. } => self.commits_are_read(entry, *partition),
            GroupFact::Processed {
                group: group_name,
                partition,
                offset,
            } if self.is_at(partition)
                && self.read.has_it(node)
                && self.kept.copies.iter().any(|it| it.offset == *offset) =>
            {
                let reader = self.read.reader(node);
                reader.has_it = false;
                let what = match reader.called.take() {
                    Some(service) => format!("has the answer of {service}, and is done with it"),
                    None => "is done with it".to_owned(),
                };
                let began = reader.had_begun.clone();
                let (began_at, read_at) = (reader.began_at, reader.read_at);
                let group = self.group(group_name);
                group.done += 1;
                if let Some((other, at)) = group.last_done.replace((node.clone(), entry.time)) {
                    // Members have a partition one after the other, if one of them may not know it yet.
                    let is_shared =
                        self.read.by_hand.contains(&**node) || self.read.by_hand.contains(&*other);
                    let since = if is_shared { began_at } else { read_at };
                    let why = match since <= at && other != *node {
                        true => Some(self.read.side_by_side(node, &other)),
                        false => began.map(|began| format!("{node} began {began}")),
                    };
                    self.group(group_name).done_again.extend(why);
                }
                self.says(entry, what);
            }
            GroupFact::OffsetCommitted {
                group,
                partition,
                offset,
                ..
            } if self.is_at(partition) && !self.kept.copies.is_empty() => {
                let covers = self.kept.copies.iter().any(|copy| copy.offset < *offset);
                let of_it = self.group(group);
                let was_covered = std::mem::replace(&mut of_it.was_covered, covers);
                of_it.covered_by = covers.then_some(*offset);
                if of_it.gone_before.is_some() {
                    return;
                }
                let where_ = match (was_covered, covers) {
                    (false, true) => "it lies before that",
                    (true, false) => "it will be read once more",
                    _ => return,
                };
                let goes_on = format!("stores that group {group} goes on at offset {offset}");
                self.says(entry, format!("{goes_on}: {where_}"));
            }
            GroupFact::PartitionsLost { partitions, .. }
            | GroupFact::PartitionsRevoked { partitions, .. }
                if partitions.iter().any(|it| self.is_at(it)) && self.read.has_it(node) =>
            {
                // It may be done with it yet, and too late.
                let what = "does not have its partition any more, and is not done with it";
                self.says(entry, what.to_owned());
            }
            _ => {}
        }
    }

    /// A coordinator has read what groups have committed, in this partition of `__consumer_offsets`.
    fn commits_are_read(&mut self, entry: &TraceEntry, place: i32) {
        let Some(partition) = self.made.partition.clone() else {
            return;
        };
        for name in self.read.of_group.keys().cloned().collect::<Vec<_>>() {
            let found = self.read.committed.of(&name, &partition);
            let covers = |offset: i64| self.kept.copies.iter().any(|copy| copy.offset < offset);
            let covering = found.filter(|offset| covers(*offset));
            let group = self.group(&name);
            group.covered_by = covering;
            let was_covered = std::mem::replace(&mut group.was_covered, covering.is_some());
            group.commit_lost |= was_covered && covering.is_none();
            if group.gone_before.is_some() {
                continue;
            }
            let what = match (was_covered, covering, found) {
                (true, None, Some(offset)) => format!(
                    "finds in __consumer_offsets-{place} that group {name} goes on at offset {offset}: the later commit is lost, and it will be read once more"
                ),
                (true, None, None) => format!(
                    "finds no commit of group {name} in __consumer_offsets-{place}: it is lost, and auto.offset.reset says where the group begins"
                ),
                (false, Some(offset), _) => format!(
                    "finds in __consumer_offsets-{place} that group {name} goes on at offset {offset}, which nobody was told: it lies before that"
                ),
                _ => continue,
            };
            self.says(entry, what);
        }
    }

    /// What comes of a record that cannot be read.
    fn unread_fact(&mut self, entry: &TraceEntry, fact: &MessageFact) {
        let node = &entry.node;
        match fact {
            MessageFact::NotDeserialized {
                partition,
                offset,
                part,
                expected,
                found,
                times,
            } if self.is_there(partition, *offset) => {
                let reader = self.read.reader(node);
                reader.throws += 1;
                reader.is_stuck = true;
                if *times == 1 {
                    self.says(entry, format!(
                        "cannot deserialize its {} ({partition} offset {offset}): expected {expected}, found {found}; poll throws RecordDeserializationException, and its position stays there",
                        part.name()
                    ));
                }
            }
            MessageFact::PoisonSkipped { partition, offset }
                if self.is_there(partition, *offset) =>
            {
                self.passes(entry, format!("{node} could not read it, and went past it"));
                let what =
                    "cannot read it, and seeks past it: its content is lost to this application";
                self.says(entry, what.to_owned());
            }
            MessageFact::DeadLettered {
                partition,
                offset,
                to,
                to_offset,
            } => {
                if self.is_there(partition, *offset) {
                    let how = format!(
                        "{node} could not read it, and has sent it to {to} offset {to_offset}"
                    );
                    self.passes(entry, how);
                    self.says(entry, format!(
                        "cannot read it, has sent it to {to}, where it is offset {to_offset}, and seeks past it"
                    ));
                } else if self.is_there(to, *to_offset) {
                    self.read.origin = Some(format!(
                        "{partition} offset {offset}, which {node} cannot read and has sent here"
                    ));
                }
            }
            MessageFact::DeadLetterFailed {
                partition,
                offset,
                exception,
            } if self.is_there(partition, *offset) => {
                let reader = self.read.reader(node);
                if !std::mem::replace(&mut reader.is_letter_refused, true) {
                    let what = format!(
                        "cannot send it to its dead-letter topic ({exception}): its position stays there"
                    );
                    self.says(entry, what);
                }
            }
            _ => {}
        }
    }

    /// What an application says when its producer gives up a copy, in the same event: of which record it was one.
    fn names_origin(&mut self, entry: &TraceEntry) {
        let (partition, offset, why) = match &entry.fact {
            Fact::Application(ApplicationFact::Failed {
                partition, offset, ..
            }) => (partition, offset, ""),
            Fact::Message(MessageFact::DeadLetterFailed {
                partition, offset, ..
            }) => (partition, offset, "cannot read and "),
            _ => return,
        };
        let node = &entry.node;
        if *node == self.found.made.node && self.made.given_up_in == Some(entry.event) {
            let origin =
                format!("{partition} offset {offset}, which {node} {why}could not send on");
            self.read.origin = Some(origin);
        }
    }

    fn passes(&mut self, entry: &TraceEntry, how: String) {
        self.read.reader(&entry.node).is_stuck = false;
        self.read.drop_it(&entry.node, how);
    }

    fn application_fact(&mut self, entry: &TraceEntry, fact: &ApplicationFact) {
        let node = &entry.node;
        match fact {
            ApplicationFact::Forwarded {
                partition,
                offset,
                to,
                to_offset,
            } => {
                if self.is_there(partition, *offset) {
                    let what = format!("has sent it on to {to}, where it is offset {to_offset}");
                    self.says(entry, what);
                } else if self.is_there(to, *to_offset) {
                    self.read.origin =
                        Some(format!("{partition} offset {offset}, sent on by {node}"));
                }
            }
            ApplicationFact::ServiceCalled {
                client,
                partition,
                offset,
            } if self.is_there(partition, *offset) => {
                self.read.reader(client).called = Some(node.clone());
                let calls = self.read.calls.entry(node.clone()).or_default();
                *calls += 1;
                let what = match calls {
                    1 => format!("is called for it by {client}, and does it"),
                    calls => {
                        format!("is called for it by {client}, and does it once more: call {calls}")
                    }
                };
                self.says(entry, what);
            }
            ApplicationFact::ServiceNotReached {
                service,
                partition,
                offset,
                why,
            } if self.is_there(partition, *offset) => {
                self.says(entry, format!(
                    "gets no answer from {service} for it ({why}): it does not know whether it was done, and calls again"
                ));
            }
            ApplicationFact::Failed {
                partition,
                offset,
                why,
            } if self.is_there(partition, *offset) => {
                self.read.threw_at_it(node);
                self.says(
                    entry,
                    format!(
                        "throws at it ({why}): nobody catches it, it closes its consumer and ends"
                    ),
                );
            }
            _ => {}
        }
    }
}

impl Reading {
    /// Whoever got it, or could not read it.
    pub(super) fn is_read_by_nobody(&self) -> bool {
        let mut consumers = self.consumers.values();
        consumers.all(|it| it.reads == 0 && it.throws == 0)
    }
}

/// What of its partition the reader has still before it.
fn left_behind(records: u64) -> String {
    match records {
        0 => "nothing committed is left to read behind it".to_owned(),
        1 => "1 record behind it is committed".to_owned(),
        records => format!("{records} records behind it are committed"),
    }
}

#[cfg(test)]
mod tests {
    use super::left_behind;

    #[test]
    fn one_record_is_and_several_are() {
        assert_eq!(left_behind(1), "1 record behind it is committed");
        assert_eq!(left_behind(2), "2 records behind it are committed");
    }
}
