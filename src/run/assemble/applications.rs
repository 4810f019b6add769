//! What applications of members of groups do, from a plan.

use super::Addresses;
use crate::client::{
    Assign, Call, Callback, CommitPolicy, CommitWhen, Each, OffsetApi, Point, Step, StepWhen,
    WorkOptions,
};
use crate::kernel::{Address, Duration, Time};
use crate::plan::{self, ConsumerPlan};
use crate::protocol::TopicPartition;
use crate::service;

pub(super) fn work_options(consumer: &ConsumerPlan, addresses: &Addresses) -> WorkOptions {
    let service = |name: &String| {
        let node = addresses.hosts.resolve(name);
        let address = node.map(|node| Address::new(node, service::PORT));
        Each::Call(name.as_str().into(), address)
    };
    WorkOptions {
        processing: consumer.processing.unwrap_or(Duration::ZERO),
        commit: match consumer.commit {
            None | Some(plan::Commit::Auto) => CommitPolicy::Library,
            Some(plan::Commit::Own { waits, when }) => CommitPolicy::Own {
                waits,
                when: match when {
                    plan::CommitWhen::Before => CommitWhen::Before,
                    plan::CommitWhen::After => CommitWhen::After,
                    plan::CommitWhen::Every(records) => CommitWhen::Every(records),
                },
            },
        },
        each: match &consumer.each_record {
            None | Some(plan::EachRecord::Count) => Each::Count,
            Some(plan::EachRecord::Forward(topic)) => Each::Forward(topic.as_str().into()),
            Some(plan::EachRecord::Call(name)) => service(name),
        },
        pauses: consumer.pauses,
        steps: consumer.steps.iter().map(step).collect(),
        fails_on: consumer.fails_on,
        listener: consumer.listener.map(listener),
        crash: consumer
            .crashes
            .map(|crash| (point(crash.point), crash.record)),
    }
}

pub(super) fn assign(said: &plan::Assign) -> Assign {
    match said {
        plan::Assign::All => Assign::All,
        plan::Assign::These(these) => Assign::These(these.iter().map(partition).collect()),
    }
}

fn partition(it: &plan::Partition) -> TopicPartition {
    TopicPartition::new(it.topic.as_str(), it.partition)
}

fn listener(it: plan::ListenerThrows) -> (Callback, bool) {
    let callback = match it.callback {
        plan::Callback::Assigned => Callback::Assigned,
        plan::Callback::Revoked => Callback::Revoked,
        plan::Callback::Lost => Callback::Lost,
    };
    (callback, it.is_caught)
}

fn point(point: plan::CrashPoint) -> Point {
    match point {
        plan::CrashPoint::AfterPoll => Point::AfterPoll,
        plan::CrashPoint::BeforeProcessing => Point::BeforeProcessing,
        plan::CrashPoint::AfterProcessing => Point::AfterProcessing,
        plan::CrashPoint::AfterCommit => Point::AfterCommit,
    }
}

fn step(step: &plan::Step) -> Step {
    Step {
        when: match step.when {
            plan::StepWhen::At(time) => StepWhen::At(Time::ZERO + time),
            plan::StepWhen::Point(at) => StepWhen::Point(point(at.point), at.record),
        },
        call: match step.call {
            plan::Call::Seek(offset) => Call::Seek(offset),
            plan::Call::SeekToBeginning => Call::SeekToBeginning,
            plan::Call::SeekToEnd => Call::SeekToEnd,
            plan::Call::Pause => Call::Pause,
            plan::Call::Resume => Call::Resume,
            plan::Call::Ask(plan::OffsetApi::Position) => Call::Ask(OffsetApi::Position),
            plan::Call::Ask(plan::OffsetApi::Committed) => Call::Ask(OffsetApi::Committed),
            plan::Call::Ask(plan::OffsetApi::BeginningOffsets) => {
                Call::Ask(OffsetApi::BeginningOffsets)
            }
        },
        partition: step.partition.as_ref().map(partition),
    }
}
