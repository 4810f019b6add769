//! What a group coordinator states.

use super::Fact;
use crate::protocol::{ErrorCode, TopicPartition};
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What happens to a group.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum GroupFact {
    /// It is in another state, or generation.
    #[serde(rename = "group-changed")]
    Changed {
        group: Rc<str>,
        /// As DescribeGroups names it.
        state: Rc<str>,
        generation: i32,
        members: Rc<[Rc<str>]>,
        leader: Option<Rc<str>>,
        protocol: Option<Rc<str>>,
        /// Why its members shall join again, where they shall.
        why: Option<Box<RebalanceReason>>,
    },
    /// `onPartitionsAssigned`: a member reads these from now on, beside those that it keeps (COOPERATIVE).
    #[serde(rename = "partitions-assigned")]
    PartitionsAssigned {
        group: Rc<str>,
        generation: i32,
        /// Its member id, which no other member ever has.
        member: Rc<str>,
        /// `group.instance.id`
        instance: Option<Rc<str>>,
        partitions: Vec<TopicPartition>,
        kept: Rc<[TopicPartition]>,
    },
    /// `assign`: an application says itself that it reads these, all of them now, and commits under a group of which it is
    /// no member.
    #[serde(rename = "assigned-by-hand")]
    AssignedByHand {
        group: Rc<str>,
        partitions: Vec<TopicPartition>,
        /// Neither its library nor its application commits: what it has of the group is where it begins.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        commits_nothing: bool,
    },
    /// `onPartitionsRevoked`: a member gives these up.
    #[serde(rename = "partitions-revoked")]
    PartitionsRevoked {
        group: Rc<str>,
        partitions: Vec<TopicPartition>,
        #[serde(default)]
        owner_then: OwnerThen,
    },
    /// `onPartitionsLost`: a member learns that these are not its own any more.
    #[serde(rename = "partitions-lost")]
    PartitionsLost {
        group: Rc<str>,
        partitions: Vec<TopicPartition>,
        /// They may be its own: it closes while its group rebalances.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_rebalance: bool,
        /// Its own library had it forget its place, since its application did not poll.
        #[serde(default, skip_serializing_if = "OwnerThen::is_nobody")]
        owner_then: OwnerThen,
    },
    /// A commit failed; Java's simple name.
    #[serde(rename = "commit-failed")]
    CommitFailed { group: Rc<str>, exception: Rc<str> },
    /// `poll` throws; Java's simple name.
    #[serde(rename = "group-error")]
    Failed { group: Rc<str>, exception: Rc<str> },
    /// What a coordinator has read of a partition of `__consumer_offsets` that it leads from now on.
    #[serde(rename = "groups-loaded")]
    Loaded {
        partition: i32,
        /// So many that topic has.
        of_partitions: i32,
        groups: Vec<Rc<str>>,
        /// By group and partition.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        committed: Vec<LoadedOffset>,
    },
    /// A member was not heard of, or did not do its part, and is out.
    #[serde(rename = "group-member-removed")]
    MemberRemoved {
        group: Rc<str>,
        member: Rc<str>,
        why: MemberGone,
        /// What it said itself, or for how long it was waited for.
        detail: Rc<str>,
    },
    /// A member's own library has it leave, or forget its place: its application has not called `poll` for so long.
    #[serde(rename = "poll-timeout-expired")]
    PollTimeoutExpired {
        group: Rc<str>,
        max_poll_interval_ms: u64,
        #[serde(default, skip_serializing_if = "OwnerThen::is_nobody")]
        owner_then: OwnerThen,
    },
    /// The application of a member is done with a record. `consumed` says when it was given it.
    #[serde(rename = "processed")]
    Processed {
        group: Rc<str>,
        partition: TopicPartition,
        offset: i64,
    },
    /// The next record that the group reads there, committed in `__consumer_offsets`.
    #[serde(rename = "offset-committed")]
    OffsetCommitted {
        group: Rc<str>,
        partition: TopicPartition,
        offset: i64,
        /// Of who commits, -1 of who is no member; and the group's own when it was taken.
        of_generation: i32,
        in_generation: i32,
    },
    /// A member begins where its group has committed.
    #[serde(rename = "group-resumed")]
    Resumed {
        group: Rc<str>,
        partition: TopicPartition,
        offset: i64,
    },
    /// By a broker that was asked for a group's coordinator: it could not make the topic in which groups are kept.
    /// Stated when it is refused for another reason than before.
    #[serde(rename = "group-topic-refused")]
    TopicRefused {
        group: Rc<str>,
        client: Rc<str>,
        replication_factor: i16,
        error: ErrorCode,
    },
    /// A commit that nobody needed for `offsets.retention.minutes` is forgotten.
    #[serde(rename = "offset-expired")]
    OffsetExpired {
        group: Rc<str>,
        partition: TopicPartition,
    },
    /// An administrator has described a group, as `kafka-consumer-groups --describe` does.
    #[serde(rename = "group-described")]
    Described {
        group: Rc<str>,
        /// `Dead`: there is no such group.
        state: Rc<str>,
        /// So many follow.
        rows: u32,
    },
    /// A row of what it was told.
    #[serde(rename = "group-described-row")]
    DescribedRow { group: Rc<str>, row: Box<GroupRow> },
    /// It could not; Java's simple name.
    #[serde(rename = "group-describe-failed")]
    DescribeFailed {
        group: Rc<str>,
        exception: Rc<str>,
        message: Rc<str>,
    },
}

/// A commit that a coordinator has read.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct LoadedOffset {
    pub group: Rc<str>,
    pub partition: TopicPartition,
    /// The next record that the group reads there.
    pub offset: i64,
}

/// What an administrator was told of a partition that a group reads.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct GroupRow {
    pub partition: TopicPartition,
    pub committed: Option<i64>,
    pub log_end: Option<i64>,
    /// Who has it; `None`: nobody.
    pub member: Option<Rc<str>>,
    pub host: Option<Rc<str>>,
    pub client: Option<Rc<str>>,
}

impl GroupRow {
    /// How far behind its log's end it is; below zero behind an end that was cut off.
    pub fn lag(&self) -> Option<i64> {
        let told = self.committed.zip(self.log_end);
        told.map(|(committed, end)| end - committed)
    }
}

/// Why the members of a group shall join again.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum RebalanceReason {
    MemberJoined {
        member: Rc<str>,
        /// Others are not waited for: `group.initial.rebalance.delay.ms` is 0.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        at_once: bool,
    },
    /// A member joins anew: it has lost its place, its topics have other partitions, or it subscribes to others.
    MemberRejoined {
        member: Rc<str>,
        said: Rc<str>,
    },
    MemberGone {
        member: Rc<str>,
        why: MemberGone,
    },
    /// The assignments could not be stored in `__consumer_offsets`.
    AssignmentsNotStored,
    /// A coordinator has loaded a group with more members than `group.max.size`.
    TooManyMembers,
}

/// Why a group goes on without a member.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MemberGone {
    /// It said so.
    Left,
    /// Nothing was heard of it for `session.timeout.ms`.
    SessionExpired,
    /// It did not join the others in `max.poll.interval.ms`.
    DidNotJoin,
    /// It did not fetch what it was given.
    DidNotSync,
}

impl From<GroupFact> for Fact {
    fn from(fact: GroupFact) -> Fact {
        Fact::Group(fact)
    }
}

/// Whose the partitions are for the group that a member stops reading.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OwnerThen {
    /// The group learns of it, and gives them out anew.
    #[default]
    Nobody,
    /// Its own: a static member closes, or has not polled for too long. Its group is told nothing, and holds them as its
    /// own until its session ends.
    Itself,
    /// The same of another member, that goes without a farewell: its listener threw, or it knows no coordinator.
    ItselfInSilence,
    /// Another process of its `group.instance.id` has them already, and it was fenced.
    Another,
}

impl OwnerThen {
    fn is_nobody(&self) -> bool {
        *self == OwnerThen::Nobody
    }
}
