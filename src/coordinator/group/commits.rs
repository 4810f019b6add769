//! OffsetCommit and OffsetFetch (`handleCommitOffsets`, `storeOffsets`, `getOffsets`). Rules CG26 to CG29,
//! CG33, CG40.

use super::group_coordinator::{Appending, GroupCoordinator, validate_member};
use super::group_metadata::{Committed, GroupMetadata, GroupState};
use super::records::{Key, OffsetAndMetadata};
use super::scala_map::{as_committed, as_immutable_map};
use crate::protocol::rules::GroupFencing;
use crate::protocol::{
    CommittedOffset, Ctx, ErrorCode, Fact, GroupFact, NO_COMMITTED_OFFSET, OffsetCommitRequest,
    OffsetCommitResponse, OffsetFetchPartition, OffsetFetchRequest, OffsetFetchResponse, Pending,
    TopicPartition, UNKNOWN_GENERATION_ID, UNKNOWN_MEMBER_ID,
};
use std::rc::Rc;

impl GroupCoordinator {
    /// `refused`: partitions that the broker knows nothing of, which it has answered already.
    pub fn handle_offset_commit(
        &mut self,
        ctx: &mut Ctx<'_>,
        to: Pending,
        request: &OffsetCommitRequest,
        refused: Vec<TopicPartition>,
    ) {
        let unknown = refused
            .into_iter()
            .map(|partition| (partition, Err(ErrorCode::UnknownTopicOrPartition)));
        let now_ms = ctx.wall_ms();
        if let Err(error) = self.check_commit(ctx, request) {
            let asked = request.partitions.iter().map(|(tp, _)| (tp.clone(), error));
            let asked = as_committed(asked.collect());
            let unknown = unknown.map(|(tp, _)| (tp, ErrorCode::UnknownTopicOrPartition));
            let partitions = unknown.chain(asked).collect();
            self.answer(to, OffsetCommitResponse { partitions });
            return;
        }
        let max = self.config.offset_metadata_max_bytes as usize;
        let values = request.partitions.iter().map(|(partition, asked)| {
            // CG26: characters, whatever the setting is called.
            if asked.metadata.encode_utf16().count() > max {
                return (partition.clone(), Err(ErrorCode::OffsetMetadataTooLarge));
            }
            let value = OffsetAndMetadata {
                offset: asked.offset,
                leader_epoch: asked.leader_epoch,
                metadata: Rc::clone(&asked.metadata),
                commit_timestamp: now_ms,
                expire_timestamp: None,
            };
            (partition.clone(), Ok(value))
        });
        let values = as_committed(values.collect());
        let partitions: Vec<_> = unknown.chain(values).collect();
        self.store_offsets(to, request, now_ms, partitions);
    }

    fn store_offsets(
        &mut self,
        to: Pending,
        request: &OffsetCommitRequest,
        now_ms: i64,
        partitions: Vec<(TopicPartition, Result<OffsetAndMetadata, ErrorCode>)>,
    ) {
        let group_id = &request.group_id;
        let mut records = Vec::new();
        let mut in_generation = UNKNOWN_GENERATION_ID;
        if let Some(group) = self.groups.get_mut(group_id) {
            in_generation = group.generation_id;
            for (partition, value) in &partitions {
                if let Ok(value) = value {
                    group
                        .pending_offsets
                        .insert(partition.clone(), value.clone());
                    let key = Key::Offset(Rc::clone(group_id), partition.clone());
                    records.push((key.to_bytes(), Some(value.to_bytes())));
                }
            }
        }
        if records.is_empty() {
            self.answer(to, response_of(&partitions, ErrorCode::None));
            return;
        }
        let appending = Appending::Offsets {
            group: Some(Rc::clone(group_id)),
            to,
            generations: (request.generation_id, in_generation),
            partitions,
        };
        self.append(group_id, now_ms, records, Some(appending));
    }

    pub(super) fn on_offsets_stored(
        &mut self,
        group_id: Option<&Rc<str>>,
        to: Pending,
        (of_generation, in_generation): (i32, i32),
        partitions: Vec<(TopicPartition, Result<OffsetAndMetadata, ErrorCode>)>,
        result: Result<i64, ErrorCode>,
    ) {
        let error = result.err().map_or(ErrorCode::None, stored_as);
        let group = group_id.and_then(|id| self.groups.get_mut(id));
        if let (Some(group_id), Some(group)) = (group_id, group) {
            for (partition, value) in &partitions {
                let Ok(value) = value else {
                    continue;
                };
                match result {
                    Ok(append_offset) => {
                        let committed = Committed {
                            append_offset,
                            value: value.clone(),
                        };
                        group.on_offset_committed(partition, committed);
                        self.facts.push(Fact::Group(GroupFact::OffsetCommitted {
                            group: Rc::clone(group_id),
                            partition: partition.clone(),
                            offset: value.offset,
                            of_generation,
                            in_generation,
                        }));
                    }
                    Err(_) => group.on_offset_failed(partition, value),
                }
            }
        }
        self.answer(to, response_of(&partitions, error));
    }

    /// Who may commit; a group that nobody has heard of is made for who is no member of any.
    fn check_commit(
        &mut self,
        ctx: &mut Ctx<'_>,
        request: &OffsetCommitRequest,
    ) -> Result<(), ErrorCode> {
        self.group_status(&request.group_id)?;
        if !self.groups.contains_key(&request.group_id) {
            if request.generation_id >= 0 {
                return Err(ErrorCode::IllegalGeneration);
            }
            let id = Rc::clone(&request.group_id);
            let group = GroupMetadata::new(Rc::clone(&id), GroupState::Empty, ctx.wall_ms());
            self.groups.insert(id, Box::new(group));
        }
        self.with_group(&request.group_id, |it, group| {
            if group.is(GroupState::Dead) {
                return Err(ErrorCode::CoordinatorNotAvailable);
            }
            let instance = request.group_instance_id.as_deref();
            let is_member = request.generation_id >= 0
                || *request.member_id != *UNKNOWN_MEMBER_ID
                || instance.is_some();
            if request.generation_id < 0 && group.is(GroupState::Empty) {
                return Ok(());
            }
            if !is_member {
                return Err(ErrorCode::UnknownMemberId);
            }
            validate_member(group, &request.member_id, instance)?;
            let is_fenced = it.config.rules.group_fencing == GroupFencing::Generation;
            if is_fenced && request.generation_id != group.generation_id {
                return Err(ErrorCode::IllegalGeneration);
            }
            match group.state() {
                GroupState::CompletingRebalance => Err(ErrorCode::RebalanceInProgress),
                GroupState::Empty => Ok(()),
                _ => {
                    it.restart_session(ctx, group, &request.member_id);
                    Ok(())
                }
            }
        })
        .unwrap_or(Err(ErrorCode::UnknownMemberId))
    }

    pub fn handle_offset_fetch(&mut self, to: Pending, request: &OffsetFetchRequest) {
        let response = match self.group_status(&request.group_id) {
            Ok(()) => OffsetFetchResponse {
                error: ErrorCode::None,
                partitions: self.committed(request),
            },
            Err(error) => OffsetFetchResponse {
                error,
                partitions: Vec::new(),
            },
        };
        self.answer(to, response);
    }

    /// CG40; CG27 for offsets that may be about to change.
    fn committed(&self, request: &OffsetFetchRequest) -> Vec<OffsetFetchPartition> {
        let group = self.groups.get(&request.group_id);
        let asked = match (&request.partitions, group) {
            (Some(partitions), _) => partitions.clone(),
            (None, Some(group)) => group.offsets.keys().cloned().collect(),
            (None, None) => Vec::new(),
        };
        let of_one = |partition: TopicPartition| {
            let pending = group.is_some_and(|it| it.pending_offsets.contains_key(&partition));
            let unstable = request.require_stable && pending;
            let found = group.and_then(|it| it.offsets.get(&partition));
            let value = found.map(|it| &it.value).filter(|_| !unstable);
            let answer = OffsetFetchPartition {
                partition: partition.clone(),
                error: match unstable {
                    true => ErrorCode::UnstableOffsetCommit,
                    false => ErrorCode::None,
                },
                committed: CommittedOffset {
                    offset: value.map_or(NO_COMMITTED_OFFSET, |it| it.offset),
                    leader_epoch: value.map_or(-1, |it| it.leader_epoch),
                    metadata: value.map_or_else(|| "".into(), |it| Rc::clone(&it.metadata)),
                },
            };
            (partition, answer)
        };
        let answers = as_immutable_map(asked.into_iter().map(of_one).collect());
        answers.into_iter().map(|(_, answer)| answer).collect()
    }
}

/// Each partition's own refusal, or what became of the batch.
fn response_of(
    partitions: &[(TopicPartition, Result<OffsetAndMetadata, ErrorCode>)],
    error: ErrorCode,
) -> OffsetCommitResponse {
    let of_one = |(partition, value): &(TopicPartition, Result<OffsetAndMetadata, ErrorCode>)| {
        let own = value.as_ref().err().copied();
        (partition.clone(), own.unwrap_or(error))
    };
    OffsetCommitResponse {
        partitions: partitions.iter().map(of_one).collect(),
    }
}

/// CG27.
fn stored_as(error: ErrorCode) -> ErrorCode {
    match error {
        ErrorCode::UnknownTopicOrPartition
        | ErrorCode::NotEnoughReplicas
        | ErrorCode::NotEnoughReplicasAfterAppend => ErrorCode::CoordinatorNotAvailable,
        ErrorCode::NotLeaderOrFollower | ErrorCode::KafkaStorageError => ErrorCode::NotCoordinator,
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            ErrorCode::InvalidCommitOffsetSize
        }
        ErrorCode::NetworkException => ErrorCode::CoordinatorLoadInProgress,
        other => other,
    }
}
