//! What the application of a member of a group does to its consumer between two records: `seek`, `pause`, `resume`
//! (CC12), each once, at a point of its loop or at a time.
//!
//! A consumer is used by one thread: what falls due while a record is worked on waits until that is done. What `poll`
//! has given is worked off to its end wherever the position is by then.

use super::work::Point;
use super::{Consumer, Leaving};
use crate::client::kafka_consumer::asking::OffsetApi;
use crate::client::subscription_state::ResetTo;
use crate::kernel::{Duration, Time};
use crate::protocol::{ApplicationFact, ClientTimer, Ctx, Fact, Timer, TopicPartition};

/// Whether a `poll` that did not return in time has returned.
const LOOKS_AGAIN: Duration = Duration::from_millis(100);

#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Step {
    pub when: StepWhen,
    pub call: Call,
    /// `None`: all that it has.
    pub partition: Option<TopicPartition>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum StepWhen {
    /// Or when it has nothing in hand after that.
    At(Time),
    /// Where the record of this number is concerned.
    Point(Point, u64),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Call {
    Seek(i64),
    SeekToBeginning,
    SeekToEnd,
    Pause,
    Resume,
    /// Only between two calls of `poll`.
    Ask(OffsetApi),
}

impl Call {
    const fn name(self) -> &'static str {
        match self {
            Call::Seek(_) => "seek",
            Call::SeekToBeginning => "seekToBeginning",
            Call::SeekToEnd => "seekToEnd",
            Call::Pause => "pause",
            Call::Resume => "resume",
            Call::Ask(api) => api.name(),
        }
    }
}

impl Consumer {
    pub(super) fn set_step_timers(&self, ctx: &mut Ctx<'_>) {
        for step in &self.work.steps {
            if let StepWhen::At(time) = step.when {
                let timer = Timer::Client(ClientTimer::Step);
                ctx.set_timer(time.since(ctx.now()), timer);
            }
        }
    }

    /// The time of a step has come. `poll` returns with nothing, soon enough.
    pub(super) fn step_falls_due(&mut self, ctx: &mut Ctx<'_>) {
        if self.leaving.is_none() && self.library.is_held_in_poll() {
            ctx.set_timer(LOOKS_AGAIN, Timer::Client(ClientTimer::Step));
            return;
        }
        let is_in_poll = !self.work.is_busy() && !self.reading.has_something_in_hand();
        if self.leaving.is_none() && is_in_poll && !self.takes_due_steps(ctx) {
            self.library.poll(ctx);
        }
    }

    /// True if the application does not go on now: one of them has thrown, or waits.
    pub(super) fn takes_due_steps(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.now();
        let is_due = |step: &Step| matches!(step.when, StepWhen::At(time) if time <= now);
        self.takes_steps(ctx, is_due)
    }

    /// The same in the middle of what `poll` gave, where nothing is asked.
    pub(super) fn takes_due_steps_between_records(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.now();
        let is_due = |step: &Step| matches!(step.when, StepWhen::At(time) if time <= now);
        let waits = |step: &Step| matches!(step.call, Call::Ask(_));
        self.takes_steps(ctx, |step| is_due(step) && !waits(step))
    }

    /// CC35: the call has returned, or thrown.
    pub(super) fn is_told(
        &mut self,
        ctx: &mut Ctx<'_>,
        api: OffsetApi,
        partition: TopicPartition,
        result: Result<Option<i64>, &'static str>,
    ) {
        let call = api.name().into();
        let exception = match result {
            Ok(offset) => {
                ctx.fact(
                    ApplicationFact::OffsetTold {
                        call,
                        partition,
                        offset,
                    }
                    .into(),
                );
                return self.polls_again(ctx);
            }
            Err(exception) => exception.into(),
        };
        ctx.fact(
            ApplicationFact::CallThrew {
                call,
                partition,
                exception,
            }
            .into(),
        );
        self.leave(ctx, Leaving::Failed);
    }

    /// True if one of them has thrown.
    pub(super) fn takes_steps_at(&mut self, ctx: &mut Ctx<'_>, point: Point, record: u64) -> bool {
        self.takes_steps(ctx, |step| step.when == StepWhen::Point(point, record))
    }

    fn takes_steps(&mut self, ctx: &mut Ctx<'_>, is_now: impl Fn(&Step) -> bool) -> bool {
        while let Some(place) = self.work.steps.iter().position(&is_now) {
            let step = self.work.steps.remove(place);
            if !self.takes(ctx, step) {
                return true;
            }
        }
        false
    }

    fn takes(&mut self, ctx: &mut Ctx<'_>, step: Step) -> bool {
        let mut partitions = self.library.assignment();
        if let Some(one) = step.partition {
            let asks_about_any = matches!(
                step.call,
                Call::Ask(OffsetApi::Committed | OffsetApi::BeginningOffsets)
            );
            if !asks_about_any && !partitions.contains(&one) {
                ctx.fact(
                    ApplicationFact::CallThrew {
                        call: step.call.name().into(),
                        partition: one,
                        exception: "IllegalStateException".into(),
                    }
                    .into(),
                );
                self.leave(ctx, Leaving::Failed);
                return false;
            }
            partitions = vec![one];
        }
        match step.call {
            Call::Seek(offset) => {
                for partition in partitions {
                    self.library.seek(&partition, offset);
                    ctx.fact(Fact::PositionSet {
                        partition,
                        offset,
                        why: "its application seeks".into(),
                        by_application: true,
                    });
                }
            }
            // Where that is the leader will say.
            Call::SeekToBeginning | Call::SeekToEnd => {
                let to = match step.call {
                    Call::SeekToEnd => ResetTo::Latest,
                    _ => ResetTo::Earliest,
                };
                for partition in &partitions {
                    self.library.seek_to(partition, to);
                }
            }
            Call::Pause => {
                self.library.pause(&partitions);
                ctx.fact(ApplicationFact::Paused { partitions }.into());
            }
            Call::Ask(api) => {
                self.work.wait();
                if let Some(partition) = partitions.pop() {
                    self.library.ask_offset(ctx, api, partition);
                }
                return false;
            }
            Call::Resume => {
                self.library.resume(&partitions);
                ctx.fact(ApplicationFact::Resumed { partitions }.into());
            }
        }
        true
    }
}
