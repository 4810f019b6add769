//! Partitions that the application names itself (`assign`): some that it knows by name, or all of its topics, as far as
//! its library knows of them (`partitionsFor`).

use super::Consumer;
use super::work::CommitPolicy;
use crate::protocol::{Ctx, Fact, GroupFact, TopicName, TopicPartition};
use std::rc::Rc;

/// Which partitions an application assigns itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Assign {
    /// All of its topics. It looks again whenever there is newer metadata.
    All,
    These(Vec<TopicPartition>),
}

impl Consumer {
    /// Its group says what it reads.
    pub(super) fn subscribes(&self) -> bool {
        self.config.group.is_some() && self.options.assign.is_none()
    }

    /// Whoever knows them by name asks nobody.
    pub(super) fn assign_named_partitions(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(Assign::These(these)) = &self.options.assign {
            self.assign(ctx, these.clone());
            self.library.throw_for_missing_positions();
        }
    }

    pub(super) fn assign_new_partitions(&mut self, ctx: &mut Ctx<'_>) {
        if self.subscribes() || self.seen_metadata == self.library.metadata_version() {
            return;
        }
        self.seen_metadata = self.library.metadata_version();
        if let Some(Assign::These(_)) = self.options.assign {
            return;
        }
        let mut new = Vec::new();
        for topic in &self.options.topics {
            let count = self.library.partitions_of(topic).unwrap_or(0);
            let all = (0..count).map(|it| TopicPartition::new(TopicName::clone(topic), it));
            new.extend(all.filter(|it| !self.library.is_assigned(it)));
        }
        if !new.is_empty() {
            self.assign(ctx, new);
            self.library.throw_for_missing_positions();
            self.library.poll(ctx);
        }
    }

    /// Beside what it has.
    fn assign(&mut self, ctx: &mut Ctx<'_>, new: Vec<TopicPartition>) {
        for partition in &new {
            self.library.assign(partition.clone());
        }
        if let Some(group) = &self.config.group {
            let assigned = GroupFact::AssignedByHand {
                group: Rc::clone(&group.group_id),
                partitions: self.library.assignment(),
                commits_nothing: !group.auto_commit
                    && self.options.work.commit == CommitPolicy::Library,
            };
            ctx.fact(assigned.into());
        }
        for partition in new {
            let named = self.options.start.get(&partition).copied();
            if let Some(offset) = named.or(self.options.seek) {
                self.library.seek(&partition, offset);
                ctx.fact(Fact::PositionSet {
                    partition,
                    offset,
                    why: "asked by the application".into(),
                    by_application: true,
                });
            }
        }
    }
}
