//! Files of brokers that a plan changes by hand: what a log is after that is the operator's doing, and no broker
//! is blamed for it.
//!
//! Each change explains one thing of each partition that it is about: of the one whose directory it is in, or
//! of all, where it is a file of the whole data directory. On which machine it was made is not looked at.

use crate::plan::{Action, Plan};
use crate::protocol::{Fact, TopicPartition};
use std::collections::{BTreeMap, BTreeSet};

/// A broker's `log.dirs`.
const DATA_DIR: &str = "data/";

#[derive(Debug, Default)]
pub(super) struct ChangedByHand {
    /// The directory that a line of the timeline changes; none for a file that is about all partitions.
    lines: BTreeMap<u32, Option<String>>,
    done: Vec<Change>,
}

#[derive(Debug)]
struct Change {
    dir: Option<String>,
    explained: BTreeSet<TopicPartition>,
}

impl ChangedByHand {
    pub(super) fn of(plan: &Plan) -> Self {
        let changed = |action: &Action| match action {
            Action::DeleteFile { file, .. }
            | Action::TruncateFile { file, .. }
            | Action::WriteFile { file, .. } => {
                let below = file.strip_prefix(DATA_DIR)?;
                Some(below.split_once('/').map(|(dir, _)| dir.to_owned()))
            }
            _ => None,
        };
        let lines = (0..).zip(&plan.timeline);
        ChangedByHand {
            lines: lines
                .filter_map(|(line, entry)| Some((line, changed(&entry.action)?)))
                .collect(),
            done: Vec::new(),
        }
    }

    pub(super) fn learn(&mut self, fact: &Fact) {
        if let Fact::TimelineEvent {
            entry, end: false, ..
        } = fact
            && let Some(dir) = self.lines.get(entry)
        {
            self.done.push(Change {
                dir: dir.clone(),
                explained: BTreeSet::new(),
            });
        }
    }

    /// Whether a change is about this partition: what its replicas hold after it they may have from each other.
    pub(super) fn is_about(&self, partition: &TopicPartition) -> bool {
        let name = partition.to_string();
        let mut changes = self.done.iter();
        changes.any(|change| change.dir.as_ref().is_none_or(|dir| *dir == name))
    }

    /// Whether a change explains what is strange about this partition; it does so once.
    pub(super) fn explains(&mut self, partition: &TopicPartition) -> bool {
        let name = partition.to_string();
        let mut changes = self.done.iter_mut();
        changes.any(|change| {
            let is_about = change.dir.as_ref().is_none_or(|dir| *dir == name);
            is_about && change.explained.insert(partition.clone())
        })
    }
}
