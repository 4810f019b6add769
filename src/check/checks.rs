//! The properties that every run is held against.

use super::end_of_run::EndOfRun;
use super::property::{Property, Violation};
use super::{
    a_partition_has_one_reader::APartitionHasOneReader,
    brokers_obey_the_current_controller::BrokersObeyTheCurrentController,
    consumers_read_without_gaps::ConsumersReadWithoutGaps,
    epoch_caches_match_logs::EpochCachesMatchLogs,
    epochs_never_fall::EpochsNeverFall,
    generations_of_groups_grow::GenerationsOfGroupsGrow,
    groups_converge::GroupsConverge,
    groups_go_on_where_they_committed::GroupsGoOnWhereTheyCommitted,
    groups_skip_nothing::GroupsSkipNothing,
    high_watermark_in_bounds::HighWatermarkInBounds,
    high_watermark_needs_min_isr::HighWatermarkNeedsMinIsr,
    high_watermark_never_falls::HighWatermarkNeverFalls,
    idempotent_producers_repeat_nothing::IdempotentProducersRepeatNothing,
    in_sync_replicas_hold_what_is_committed::InSyncReplicasHoldWhatIsCommitted,
    leader_in_isr::LeaderInIsr,
    living_groups_are_remembered::LivingGroupsAreRemembered,
    log_starts_move_as_allowed::{AllowedStarts, LogStartsMoveAsAllowed},
    logs_equal_below_high_watermark::LogsEqualBelowHighWatermark,
    no_acknowledged_record_lost::NoAcknowledgedRecordLost,
    no_offset_used_twice::NoOffsetUsedTwice,
    nothing_above_high_watermark_deleted::NothingAboveHighWatermarkDeleted,
    nothing_committed_is_cut_off::NothingCommittedIsCutOff,
    one_leader_an_epoch::OneLeaderAnEpoch,
    only_a_clean_stop_is_taken_for_clean::OnlyACleanStopIsTakenForClean,
    only_live_brokers_join_the_isr::OnlyLiveBrokersJoinTheIsr,
    only_the_current_controller_writes::OnlyTheCurrentControllerWrites,
    recovery_leaves_a_valid_prefix::RecoveryLeavesAValidPrefix,
    retention_keeps_offsets::RetentionKeepsOffsets,
    sequences_follow_each_other::SequencesFollowEachOther,
    whole_after_healing::WholeAfterHealing,
    zookeeper,
    zookeeper_past::{self, WhileRemembered, ZooKeeperForgetsNothing},
};
use crate::node::view::ClusterView;
use crate::plan::{Expectation, Plan};
use crate::protocol::Routine;
use crate::trace::TraceEntry;

/// The properties that a run is held against.
pub struct Checks {
    properties: Vec<Watching>,
    /// By the set of kinds that an event stated: the properties that look at it, once that was asked for.
    looking: Vec<Option<Vec<usize>>>,
    /// What one of them has found, for others and for the plan's expectations.
    allowed_starts: AllowedStarts,
}

struct Watching {
    property: Box<dyn Property>,
    at: Kinds,
}

/// Kinds of facts, as a set: each kind of routine, and all others as one.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const OTHERS: Kinds = Kinds(1 << 7);
    /// So many sets there are.
    const SETS: usize = 1 << 8;

    fn of_routine(kinds: &[Routine]) -> Kinds {
        Kinds(kinds.iter().fold(0, |set, kind| set | 1 << *kind as u8))
    }

    fn of(facts: &[TraceEntry]) -> Kinds {
        let kinds = facts.iter().map(|entry| match entry.fact.routine() {
            Some(kind) => Kinds::of_routine(&[kind]),
            None => Kinds::OTHERS,
        });
        kinds.fold(Kinds(0), Kinds::and)
    }

    fn and(self, others: Kinds) -> Kinds {
        Kinds(self.0 | others.0)
    }

    fn meets(self, others: Kinds) -> bool {
        self.0 & others.0 != 0
    }
}

impl Checks {
    /// The built-in ones. Three make way for a plan that says in figures how they are broken: none is lost,
    /// no offset is used twice, replicas are equal.
    pub fn built_in(plan: &Plan) -> Self {
        let expects = |which: fn(&Expectation) -> bool| {
            let mut expected = plan.expect.iter();
            expected.any(|expected| which(&expected.what))
        };
        let may_be_lost = zookeeper_past::may_be_lost(plan);
        let remembered = |property: Box<dyn Property>| -> Box<dyn Property> {
            match may_be_lost {
                true => Box::new(WhileRemembered::new(property)),
                false => property,
            }
        };
        let log_starts = LogStartsMoveAsAllowed::new(plan);
        let allowed_starts = log_starts.allowed();
        let mut properties: Vec<Box<dyn Property>> = vec![
            Box::new(log_starts),
            remembered(Box::<OneLeaderAnEpoch>::default()),
            Box::new(HighWatermarkInBounds::default()),
            Box::new(HighWatermarkNeverFalls::default()),
            Box::new(LeaderInIsr::default()),
            remembered(Box::<EpochsNeverFall>::default()),
            Box::new(NothingAboveHighWatermarkDeleted::default()),
            Box::new(RetentionKeepsOffsets::default()),
            Box::new(RecoveryLeavesAValidPrefix::new(plan)),
            Box::new(EpochCachesMatchLogs::default()),
            remembered(Box::<NothingCommittedIsCutOff>::default()),
            remembered(Box::<BrokersObeyTheCurrentController>::default()),
            remembered(Box::<OnlyTheCurrentControllerWrites>::default()),
            Box::new(OnlyLiveBrokersJoinTheIsr::default()),
            Box::new(OnlyACleanStopIsTakenForClean::of(plan)),
        ];
        if let Some(property) = HighWatermarkNeedsMinIsr::of(plan) {
            properties.push(Box::new(property));
        }
        if !expects(|what| matches!(what, Expectation::ReplicasDiffer { .. })) {
            properties.push(Box::new(LogsEqualBelowHighWatermark::default()));
        }
        if !expects(|what| matches!(what, Expectation::UsedTwice { .. })) {
            properties.push(Box::new(NoOffsetUsedTwice::default()));
        }
        properties.push(Box::new(ConsumersReadWithoutGaps::default()));
        properties.push(Box::new(APartitionHasOneReader::default()));
        if let Some(property) = SequencesFollowEachOther::of(plan) {
            properties.push(Box::new(property));
        }
        if let Some(property) = GroupsGoOnWhereTheyCommitted::of(plan) {
            properties.push(Box::new(property));
        }
        if let Some(property) = GenerationsOfGroupsGrow::of(plan) {
            properties.push(Box::new(property));
        }
        properties.push(Box::new(GroupsSkipNothing::default()));
        properties.push(Box::new(LivingGroupsAreRemembered::new(plan)));
        if let Some(property) = GroupsConverge::of(plan) {
            properties.push(Box::new(property));
        }
        if !expects(|what| matches!(what, Expectation::Lost { .. })) {
            properties.push(Box::new(NoAcknowledgedRecordLost::default()));
            let in_sync = Box::new(InSyncReplicasHoldWhatIsCommitted::default());
            properties.push(remembered(in_sync));
            let repeat_nothing = IdempotentProducersRepeatNothing::new(plan);
            properties.push(remembered(Box::new(repeat_nothing)));
        }
        if WholeAfterHealing::is_promised_by(plan) {
            properties.push(Box::new(WholeAfterHealing::default()));
        }
        properties.push(Box::new(ZooKeeperForgetsNothing::new(plan)));
        let of_zookeeper = zookeeper::properties().into_iter();
        properties.extend(of_zookeeper.map(remembered));
        Checks {
            allowed_starts,
            ..Checks::of(properties)
        }
    }

    /// What must hold of a ZooKeeper ensemble alone, whoever its clients are.
    pub fn of_zookeeper() -> Self {
        Checks::of(zookeeper::properties())
    }

    pub(super) fn of(properties: Vec<Box<dyn Property>>) -> Self {
        let mut checks = Checks {
            properties: Vec::new(),
            looking: Vec::new(),
            allowed_starts: AllowedStarts::default(),
        };
        for property in properties {
            checks.add(property);
        }
        checks
    }

    /// Routine facts are not stated: properties that need them see nothing, and say nothing.
    pub fn leave_out_routine(&mut self) {
        self.properties
            .retain(|watching| watching.at == Kinds::OTHERS);
        self.looking.clear();
    }

    /// Leaves one out.
    pub fn leave_out(&mut self, name: &str) {
        self.properties
            .retain(|watching| watching.property.name() != name);
        self.looking.clear();
    }

    /// The run did not come to its end: what would be whole by then is not judged.
    pub fn ends_early(&mut self) {
        for name in [
            super::whole_after_healing::NAME,
            super::groups_converge::NAME,
        ] {
            self.leave_out(name);
        }
    }

    /// Adds a property of the caller's own.
    pub fn add(&mut self, property: Box<dyn Property>) {
        self.properties.push(Watching {
            at: Kinds::of_routine(property.routine()).and(Kinds::OTHERS),
            property,
        });
        self.looking.clear();
    }

    /// Called after every event that stated facts; the first violation ends the run.
    pub fn after_event(
        &mut self,
        facts: &[TraceEntry],
        view: &dyn ClusterView,
    ) -> Option<Violation> {
        if facts.is_empty() {
            return None;
        }
        let stated = Kinds::of(facts);
        self.looking.resize(Kinds::SETS, None);
        let properties = &self.properties;
        let looking = self.looking[usize::from(stated.0)].get_or_insert_with(|| {
            let all = 0..properties.len();
            all.filter(|place| properties[*place].at.meets(stated))
                .collect()
        });
        let properties = &mut self.properties;
        looking
            .iter()
            .find_map(|place| properties[*place].property.after_event(facts, view))
    }

    /// What properties and expectations look at once the run is over.
    pub fn end_of_run<'a>(&self, view: &'a dyn ClusterView) -> EndOfRun<'a> {
        EndOfRun::new(view).allowing(self.allowed_starts.clone())
    }

    /// Called once.
    pub fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let mut partitions = end.partitions();
        for Watching { property, .. } in &self.properties {
            partitions.extend(property.partitions());
        }
        let mut found = vec![Vec::new(); self.properties.len()];
        for partition in &partitions {
            for (Watching { property, .. }, found) in self.properties.iter_mut().zip(&mut found) {
                found.extend(property.at_end_of(partition, end));
            }
        }
        for (Watching { property, .. }, found) in self.properties.iter_mut().zip(&mut found) {
            found.extend(property.at_end(end));
        }
        found.concat()
    }

    /// What properties have found that breaks nothing.
    pub fn remarks(&self) -> Vec<String> {
        let properties = self.properties.iter();
        properties.filter_map(|it| it.property.remark()).collect()
    }

    /// Each property's name and what it looked at.
    pub fn figures(&self) -> Vec<(&'static str, String)> {
        self.properties
            .iter()
            .map(|Watching { property, .. }| (property.name(), property.figures()))
            .collect()
    }
}
