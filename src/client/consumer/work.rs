//! The loop of a member's application: poll, process one record after the other, commit if that is its own task; and
//! the points in it at which it can come to harm.
//!
//! What it was given is numbered from 1 in each life of the process. A crash and a failure come once: a fresh
//! process has forgotten them.

use super::own_producer::OwnProducer;
use super::service_client::ServiceClient;
use super::steps::Step;
use super::{Consumer, ConsumerOptions, Leaving};
use crate::client::consumer_coordinator::commits::Committing;
use crate::client::consumer_coordinator::listener::Callback;
use crate::client::kafka_consumer::ConsumerRecord;
use crate::kernel::{Address, Duration};
use crate::log::batch::Headers;
use crate::protocol::{
    ApplicationFact, ClientTimer, Ctx, Event, Fact, GroupFact, Timer, TopicName, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;

/// What the application of a member of a group does.
#[derive(Clone, Debug, Default)]
pub struct WorkOptions {
    /// What it takes for each record, beside reading it.
    pub processing: Duration,
    pub commit: CommitPolicy,
    pub each: Each,
    /// While it works it has its partitions paused, and goes on calling `poll`.
    pub pauses: bool,
    pub steps: Vec<Step>,
    /// It throws at the record of this number.
    pub fails_on: Option<u64>,
    /// Its listener throws when this is called first, and whether it catches what `poll` throws then.
    pub listener: Option<(Callback, bool)>,
    /// Its process is gone at this point, where this record is concerned.
    pub crash: Option<(Point, u64)>,
}

/// Who commits what a member has read, and when.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum CommitPolicy {
    /// The library does (`enable.auto.commit`), or nobody.
    #[default]
    Library,
    /// `waits`: by `commitSync`, else by `commitAsync`.
    Own { waits: bool, when: CommitWhen },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CommitWhen {
    /// What `poll` gave, before it is processed: a crash loses records.
    Before,
    /// After it is processed: a crash has them read twice.
    After,
    /// Whenever so many records more are processed, up to the last of these.
    Every(u64),
}

/// What processing a record is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Each {
    #[default]
    Count,
    /// A producer of the application's own sends it to this topic.
    Forward(TopicName),
    /// The service of this name is called.
    Call(Rc<str>, Option<Address>),
}

/// A point of the loop.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Point {
    AfterPoll,
    BeforeProcessing,
    AfterProcessing,
    AfterCommit,
}

/// The library's number among those of the node.
const OWNER: u8 = 3;
/// Of a process that was killed.
const KILLED: i32 = 137;

#[derive(Debug)]
pub(super) struct Work {
    in_work: VecDeque<Given>,
    /// It works on the first of them.
    busy: bool,
    /// Records that `poll` gave in this life.
    given: u64,
    /// Processed since the last commit of `CommitWhen::Every`, and up to where.
    uncommitted: u64,
    done: BTreeMap<TopicPartition, i64>,
    /// The record of a crash that comes after its commit.
    marked: Option<(TopicPartition, i64)>,
    /// `commitSync` has not returned.
    commits: bool,
    /// `wakeup` was called.
    stops: bool,
    target: Target,
    /// What it has still to do to its consumer.
    pub(super) steps: Vec<Step>,
    fails_on: Option<u64>,
    crash: Option<(Point, u64)>,
}

/// A record that the application was given.
#[derive(Debug)]
struct Given {
    number: u64,
    partition: TopicPartition,
    offset: i64,
    /// If somebody is to get it.
    record: Option<Box<ConsumerRecord>>,
}

#[derive(Debug)]
enum Target {
    Nobody,
    Topic(Box<OwnProducer>),
    Service(ServiceClient),
}

impl Work {
    pub(super) fn new(options: &ConsumerOptions) -> Work {
        let target = match &options.work.each {
            Each::Count => None,
            Each::Forward(topic) => {
                let name = format!("{}-forwarder", options.name);
                let producer = OwnProducer::new(OWNER, options, "forwarder", &name, topic);
                producer.map(|it| Target::Topic(Box::new(it)))
            }
            Each::Call(service, address) => Some(Target::Service(ServiceClient::new(
                &options.name,
                service,
                *address,
            ))),
        };
        Work {
            in_work: VecDeque::new(),
            busy: false,
            given: 0,
            uncommitted: 0,
            done: BTreeMap::new(),
            marked: None,
            commits: false,
            stops: false,
            target: target.unwrap_or(Target::Nobody),
            steps: options.work.steps.clone(),
            fails_on: options.work.fails_on,
            crash: options.work.crash,
        }
    }

    pub(super) fn is_done(&self) -> bool {
        self.in_work.is_empty()
    }

    /// It is in a call that waits for something else than records.
    pub(super) fn wait(&mut self) {
        self.busy = true;
    }

    /// It is not in `poll`.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(super) fn start(&mut self, ctx: &mut Ctx<'_>) {
        if let Target::Topic(producer) = &mut self.target {
            producer.start(ctx);
        }
    }

    pub(super) fn give(&mut self, record: &ConsumerRecord) {
        self.given += 1;
        if self.crash == Some((Point::AfterCommit, self.given)) {
            self.marked = Some((record.partition.clone(), record.offset));
        }
        let goes_on = !matches!(self.target, Target::Nobody);
        self.in_work.push_back(Given {
            number: self.given,
            partition: record.partition.clone(),
            offset: record.offset,
            record: goes_on.then(|| Box::new(record.clone())),
        });
    }

    /// What it gives up it does not commit.
    pub(super) fn give_up(&mut self, partitions: &[TopicPartition]) {
        self.done.retain(|it, _| !partitions.contains(it));
    }

    /// Takes an event that is its own; gives back one that is not.
    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        match &mut self.target {
            Target::Nobody => Err(event),
            Target::Topic(producer) => producer.on_event(event, ctx),
            Target::Service(service) => service.on_event(event, ctx),
        }
    }
}

impl Consumer {
    /// `poll` has returned.
    pub(super) fn process(&mut self, ctx: &mut Ctx<'_>) {
        if self.options.work.pauses {
            // Partitions that it was given meanwhile too: what came of them waits its turn.
            self.library.pause(&self.library.assignment());
            self.library.begin_poll(ctx);
        }
        if std::mem::replace(&mut self.work.busy, true) {
            return;
        }
        let given = self.work.in_work.iter().map(|given| given.number);
        let given: Vec<u64> = match (self.work.crash, &self.work.steps[..]) {
            (Some((Point::AfterPoll, _)), _) | (_, [_, ..]) => given.collect(),
            _ => Vec::new(),
        };
        let point = Point::AfterPoll;
        if given
            .into_iter()
            .any(|it| self.dies(ctx, point, it) || self.takes_steps_at(ctx, point, it))
        {
            return;
        }
        let CommitPolicy::Own { waits, when } = self.options.work.commit else {
            return self.begin_record(ctx);
        };
        if when != CommitWhen::Before || !self.commits(ctx, None, waits) {
            self.begin_record(ctx);
        }
    }

    /// CC55: the shutdown hook of the documented loop calls `wakeup`. What `poll` gave is processed to its end, unless the
    /// application is in `commitSync`; the next call that waits throws, and it closes its consumer.
    pub(super) fn stops(&mut self, ctx: &mut Ctx<'_>) {
        self.work.stops = true;
        if self.work.in_work.is_empty() || self.work.commits {
            self.leave(ctx, Leaving::Asked);
        }
    }

    /// The time for a record is over.
    pub(super) fn processed(&mut self, ctx: &mut Ctx<'_>) {
        if self.leaving.is_some() {
            return;
        }
        while let Some(first) = self.work.in_work.front() {
            if self.work.fails_on == Some(first.number) {
                return self.fails(ctx);
            }
            if let Some(record) = &first.record {
                match &mut self.work.target {
                    Target::Topic(producer) => {
                        return producer.send(ctx, record, None, Headers::default());
                    }
                    Target::Service(service) => return service.call(ctx, record),
                    Target::Nobody => {}
                }
            }
            if self.is_done_with_one(ctx) {
                return;
            }
            // What takes no time is done at once.
            if self.options.work.processing > Duration::ZERO {
                return self.begin_record(ctx);
            }
            if let Some(next) = self.work.in_work.front().map(|next| next.number)
                && self.ends_before(ctx, next)
            {
                return;
            }
        }
        self.begin_record(ctx);
    }

    /// A record that was sent on is stored, or the service has answered. To be called after each event.
    pub(super) fn take_answers(&mut self, ctx: &mut Ctx<'_>) {
        let is_answered = match &mut self.work.target {
            Target::Nobody => false,
            Target::Service(service) => service.take_answer(),
            Target::Topic(producer) => match producer.settled(ctx) {
                None => false,
                Some(settled) => match settled.to {
                    Ok((to, to_offset)) => {
                        ctx.fact(
                            ApplicationFact::Forwarded {
                                partition: settled.partition,
                                offset: settled.offset,
                                to,
                                to_offset,
                            }
                            .into(),
                        );
                        true
                    }
                    Err(exception) if self.leaving.is_none() => {
                        return self.throws(ctx, &exception);
                    }
                    Err(_) => false,
                },
            },
        };
        if is_answered && self.leaving.is_none() && !self.is_done_with_one(ctx) {
            self.begin_record(ctx);
        }
    }

    /// CC47: `poll` has thrown what its listener threw, or `close`.
    pub(super) fn listener_threw(&mut self, ctx: &mut Ctx<'_>, callback: Callback) {
        let is_caught = matches!(self.options.work.listener, Some((_, true)));
        ctx.fact(
            ApplicationFact::ListenerThrew {
                callback: callback.name().into(),
                is_caught,
                in_close: self.leaving.is_some(),
            }
            .into(),
        );
        match is_caught {
            false if self.leaving.is_some() => self.leaving = Some(Leaving::Failed),
            true if self.leaving.is_some() => {}
            true if self.work.is_busy() => {}
            true => self.poll(ctx),
            false => self.leave(ctx, Leaving::Failed),
        }
    }

    /// `commitSync` has returned, or thrown what the application catches.
    pub(super) fn commit_returns(&mut self, ctx: &mut Ctx<'_>) {
        if !std::mem::take(&mut self.work.commits) || self.leaving.is_some() {
            return;
        }
        match self.options.work.commit {
            CommitPolicy::Own {
                when: CommitWhen::After,
                ..
            } => self.polls_again(ctx),
            _ => self.begin_record(ctx),
        }
    }

    /// These offsets are stored.
    pub(super) fn is_told_of_commit(
        &mut self,
        ctx: &mut Ctx<'_>,
        offsets: &[(TopicPartition, i64)],
    ) {
        let Some((marked, at)) = &self.work.marked else {
            return;
        };
        let covers =
            |(partition, offset): &(TopicPartition, i64)| partition == marked && offset > at;
        if offsets.iter().any(covers)
            && let Some((point, record)) = self.work.crash
        {
            self.dies(ctx, point, record);
        }
    }

    /// The next record, or what comes after the last.
    fn begin_record(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(next) = self.work.in_work.front().map(|next| next.number) {
            if !self.ends_before(ctx, next) {
                let timer = Timer::Client(ClientTimer::Processed);
                ctx.set_timer(self.options.work.processing, timer);
            }
            return;
        }
        let commits_now = match self.options.work.commit {
            CommitPolicy::Own {
                waits,
                when: CommitWhen::After,
            } => self.commits(ctx, None, waits),
            _ => false,
        };
        if !commits_now {
            self.polls_again(ctx);
        }
    }

    /// All that it was given is processed.
    pub(super) fn polls_again(&mut self, ctx: &mut Ctx<'_>) {
        // While it waited for its commit the time of one may have come.
        if self.takes_due_steps(ctx) {
            return;
        }
        self.work.busy = false;
        if self.work.stops {
            return self.leave(ctx, Leaving::Asked);
        }
        if self.options.work.pauses {
            self.library.resume(&self.library.assignment());
        }
        self.poll(ctx);
    }

    /// True if its end comes before it processes this record.
    fn ends_before(&mut self, ctx: &mut Ctx<'_>, record: u64) -> bool {
        let point = Point::BeforeProcessing;
        self.dies(ctx, point, record) || self.takes_steps_at(ctx, point, record)
    }

    /// The first record is processed; true if the application does not go on at once.
    fn is_done_with_one(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let Some(done) = self.work.in_work.pop_front() else {
            return false;
        };
        if let Some(membership) = self.config.group.as_ref().filter(|_| ctx.states_routine()) {
            let processed = GroupFact::Processed {
                group: Rc::clone(&membership.group_id),
                partition: done.partition.clone(),
                offset: done.offset,
            };
            ctx.fact(processed.into());
        }
        if self.dies(ctx, Point::AfterProcessing, done.number)
            || self.takes_steps_at(ctx, Point::AfterProcessing, done.number)
            || self.takes_due_steps_between_records(ctx)
        {
            return true;
        }
        let CommitPolicy::Own {
            waits,
            when: CommitWhen::Every(records),
        } = self.options.work.commit
        else {
            return false;
        };
        self.work.done.insert(done.partition, done.offset + 1);
        self.work.uncommitted += 1;
        if self.work.uncommitted < records {
            return false;
        }
        self.work.uncommitted = 0;
        let done = std::mem::take(&mut self.work.done);
        self.commits(ctx, Some(done.into_iter().collect()), waits)
    }

    /// Without offsets: all that `poll` gave. True if it waits for that.
    fn commits(
        &mut self,
        ctx: &mut Ctx<'_>,
        offsets: Option<Vec<(TopicPartition, i64)>>,
        waits: bool,
    ) -> bool {
        self.work.commits = waits;
        let how = match waits {
            true => Committing::Sync,
            false => Committing::Async,
        };
        self.library.commit(ctx, offsets, how);
        if waits && self.work.stops {
            // It is sent, and `commitSync` throws.
            self.leave(ctx, Leaving::Asked);
        }
        waits
    }

    fn fails(&mut self, ctx: &mut Ctx<'_>) {
        self.work.fails_on = None;
        self.throws(ctx, "RuntimeException");
    }

    /// Nobody catches it.
    fn throws(&mut self, ctx: &mut Ctx<'_>, exception: &str) {
        if let Some(first) = self.work.in_work.front() {
            ctx.fact(
                ApplicationFact::Failed {
                    partition: first.partition.clone(),
                    offset: first.offset,
                    why: exception.into(),
                }
                .into(),
            );
        }
        self.leave(ctx, Leaving::Failed);
    }

    /// True if that is the point at which its process is gone. It is, then.
    fn dies(&mut self, ctx: &mut Ctx<'_>, point: Point, record: u64) -> bool {
        if self.work.crash != Some((point, record)) {
            return false;
        }
        let where_ = match point {
            Point::AfterPoll => "when poll has returned, with nothing done yet",
            Point::BeforeProcessing => "before it processes the next record",
            Point::AfterProcessing => "when it has processed a record, before anything else",
            Point::AfterCommit => "when it knows that its commit is stored",
        };
        ctx.fact(Fact::Exiting {
            status: KILLED,
            why: format!("killed {where_} (its record number {record})").into(),
        });
        ctx.exit(KILLED);
        self.leaving = Some(Leaving::Killed);
        true
    }
}
