//! What has become of a record in the end.

use super::reading::{Group, Reader};
use super::stored::{Stored, find_content};
use super::storing::Gone;
use super::{Journey, Walk};
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, NO_LEADER, TopicPartition, counted};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

impl Walk<'_> {
    pub(super) fn finish(mut self, view: &dyn ClusterView) -> Journey {
        self.describe();
        let mut end = self.whereabouts(view);
        for (node, reader) in &self.read.consumers {
            // Why is told of its group then.
            let is_told = self.read.group_processed_it_again(node);
            end.extend(reader.ending(node, !is_told));
        }
        for (name, group) in &self.read.of_group {
            end.extend(group.ending(name, self.read.who_has_it(name)));
        }
        for (service, calls) in self.read.calls.iter().filter(|(_, calls)| **calls > 1) {
            end.push(format!(
                "done twice: {service} was called for it {calls} times, and knows no record again"
            ));
        }
        if self.read.is_read_by_nobody() && !self.plan.consumers.is_empty() {
            end.push("nobody read it".to_owned());
        }
        end.extend(self.kept_from_it());
        Journey {
            record: self.found.made.record,
            what: self.what,
            stations: self.stations,
            end,
        }
    }

    /// Which logs hold it at the end, and why it is there not at all or more than once.
    fn whereabouts(&self, view: &dyn ClusterView) -> Vec<String> {
        let Some(partition) = &self.made.partition else {
            return vec!["it was never handed to a producer".to_owned()];
        };
        let places = self.places(view, partition);
        if places.is_empty() {
            return vec![self.nowhere()];
        }
        let found = places.iter().map(|(offset, holders)| {
            let names: Vec<String> = holders.iter().map(|id| format!("broker-{id}")).collect();
            let verb = if names.len() == 1 { "holds" } else { "hold" };
            format!(
                "{} {verb} it at {partition} offset {offset}",
                names.join(", ")
            )
        });
        let mut end = vec![found.collect::<Vec<_>>().join("; ")];
        let committed = view.committed();
        let leader = committed.iter().find(|it| it.partition == *partition);
        let leader = leader.map_or(NO_LEADER, |it| it.leader);
        let leader_has_it = places.values().any(|holders| holders.contains(&leader));
        if self.made.acknowledged && leader > NO_LEADER && !leader_has_it {
            end.push(format!(
                "lost: it was acknowledged, and the leader, broker-{leader}, does not have it"
            ));
        }
        if let Some(why) = &self.made.given_up {
            end.push(format!(
                "stored all the same: its producer gave it up with {why}"
            ));
        }
        if places.len() > 1 {
            let why = match self.made.sent_again {
                Some((error, false)) => format!(
                    ": its producer sent it again after {error}, and without enable.idempotence no broker knows it again"
                ),
                Some((error, true)) => format!(": its producer sent it again after {error}"),
                None => String::new(),
            };
            let times = match places.len() {
                2 => "twice".to_owned(),
                times => format!("{times} times"),
            };
            end.push(format!("stored {times}{why}"));
        }
        end
    }

    /// Who holds it, by offset.
    fn places(
        &self,
        view: &dyn ClusterView,
        partition: &TopicPartition,
    ) -> BTreeMap<i64, BTreeSet<BrokerId>> {
        let committed = view.committed().into_iter();
        let of_it = committed.filter(|it| it.partition == *partition);
        let brokers: BTreeSet<BrokerId> = of_it.flat_map(|it| it.replicas).collect();
        let mut places: BTreeMap<i64, BTreeSet<BrokerId>> = BTreeMap::new();
        for broker in brokers {
            let content = self.found.made.content;
            let alike = find_content(view, broker, partition, (0, i64::MAX), content);
            // Its segment may still have what its log does not: a log begins anywhere in one.
            let begins = view.replica_offsets(broker, partition);
            let begins = begins.map(|it| it.log_start_offset);
            let own = |it: &Stored| {
                let mut copies = self.kept.copies.iter();
                let copy = copies.find(|copy| copy.is(it));
                copy.is_some_and(|copy| match begins {
                    Some(begins) => it.offset >= begins,
                    None => copy.is_held_by(broker),
                })
            };
            for stored in alike.into_iter().filter(own) {
                places.entry(stored.offset).or_default().insert(broker);
            }
        }
        places
    }

    /// Why no log holds it.
    fn nowhere(&self) -> String {
        let made = &self.made;
        let was_stored = !self.kept.copies.is_empty();
        match (&self.kept.gone, &made.given_up) {
            (Some(Gone::Deleted(why)), _) => {
                let why = why.replace(", their newest", ", and of its segments the newest");
                format!("deleted: no log holds it any more ({why})")
            }
            (Some(Gone::Lost(how)), _) if made.acknowledged => {
                format!("lost: it was acknowledged, and no log holds it: {how}")
            }
            _ if made.acknowledged => "lost: it was acknowledged, and no log holds it".to_owned(),
            (Some(Gone::Lost(how)), _) if made.sent_unanswered => {
                format!(
                    "lost: no log holds it any more, and with acks=0 nobody was to say so: {how}"
                )
            }
            _ if made.sent_unanswered => {
                "lost: it came to no log, and with acks=0 nobody was to say so".to_owned()
            }
            (_, Some(why)) if !was_stored => {
                let what = match (made.refused, made.never_sent) {
                    (true, _) => "refused",
                    (false, true) => "never sent",
                    (false, false) => "given up",
                };
                format!("{what}: no log has ever held it ({why})")
            }
            (Some(Gone::Lost(how)), _) => {
                format!("no log holds it any more; nobody was told that it is stored: {how}")
            }
            _ if was_stored => {
                "no log holds it any more; nobody was told that it is stored".to_owned()
            }
            _ => "no log has ever held it, and nobody was told what became of it".to_owned(),
        }
    }
}

impl Reader {
    fn ending(&self, node: &str, with_reason: bool) -> Option<String> {
        if self.is_stuck {
            let times = counted(self.throws, "time");
            return Some(format!(
                "stuck: {node} cannot read it, poll threw {times} for it, and nothing behind it is read"
            ));
        }
        let again = self.had_begun.as_ref().filter(|_| with_reason);
        let again = again.map_or(String::new(), |began| format!(": it began again {began}"));
        (self.reads > 1).then(|| format!("{node} read it {} times{again}", self.reads))
    }
}

impl Group {
    /// Each reason once, and not all of very many.
    fn done_again_in_words(&self) -> String {
        const SAID: usize = 4;
        let mut reasons: Vec<&str> = Vec::new();
        for reason in &self.done_again {
            if !reasons.contains(&reason.as_str()) {
                reasons.push(reason);
            }
        }
        let more = reasons.len().saturating_sub(SAID);
        reasons.truncate(SAID);
        let said = reasons.join("; ");
        match (reasons.is_empty(), more) {
            (true, _) => String::new(),
            (false, 0) => format!(": {said}"),
            (false, more) => format!(": {said}; and for {more} reasons more"),
        }
    }

    fn ending(&self, name: &str, who_has_it: Option<&Rc<str>>) -> Option<String> {
        if self.done > 1 {
            return Some(format!(
                "processed twice: group {name} was done with it {} times{}",
                self.done,
                self.done_again_in_words()
            ));
        }
        let why = || match (who_has_it, &self.dropped) {
            (Some(node), _) => format!("{node} has it, and is not done with it yet"),
            (None, Some(how)) => how.clone(),
            (None, None) => "nobody of it was given it".to_owned(),
        };
        match (self.done, self.covered_by, self.gone_before) {
            (0, Some(_), Some(gone)) => Some(format!("{gone} before group {name} was there")),
            (0, Some(offset), None) => Some(format!(
                "committed and never processed: group {name} goes on at offset {offset}, and nobody of it was ever done with it: {}",
                why()
            )),
            (0, None, _) if self.has_read => Some(format!(
                "read, and not processed or committed yet: of group {name} {}",
                why()
            )),
            (1, None, _) if self.commit_lost => Some(format!(
                "processed, and not committed any more: the commit of group {name} that covered it is lost"
            )),
            (1, None, _) => Some(format!(
                "processed, and not committed yet: no commit of group {name} covers it"
            )),
            _ => None,
        }
    }
}
