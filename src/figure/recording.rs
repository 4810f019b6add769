//! What figures are drawn from: the facts of a run in their order and, where it was asked for, what caused each event
//! and which messages were sent. From a run that is played now, or from a trace that is read back.

use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::plan::{Plan, Value};
use crate::protocol::{Fact, TopicPartition};
use crate::run::{Run, Unbuildable};
use crate::trace::{
    CauseEntry, Closing, Keep, Observer, SentEntry, TraceEntry, TraceFileError, TraceHeader,
    TraceLine, TraceReader,
};
use std::collections::BTreeSet;
use std::fmt;
use std::io::BufRead;
use std::rc::Rc;

#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// The scenario's name and what it is about.
    pub name: String,
    pub about: String,
    pub seed: u64,
    pub facts: Vec<TraceEntry>,
    /// None in a trace that was written without them.
    pub causes: Vec<CauseEntry>,
    pub sent: Vec<SentEntry>,
    /// Of the last thing that happened.
    pub end: Time,
    /// Where another run that is drawn beside it does something else.
    pub parts_at: Option<Time>,
    /// None of a trace, which holds what processes said and not what they held.
    pub played: Option<Rc<Played>>,
}

/// A run at its end, and what it was begun with.
pub struct Played {
    plan: Plan,
    run: Run,
}

impl Recording {
    /// Plays a plan to its end.
    ///
    /// # Errors
    /// A plan that cannot be run.
    pub fn of(plan: &Plan, seed: u64) -> Result<Recording, Unbuildable> {
        Recording::of_run(plan, seed, true)
    }

    /// As `of`; without causes and messages it takes half the memory.
    ///
    /// # Errors
    /// A plan that cannot be run.
    pub fn of_run(plan: &Plan, seed: u64, messages: bool) -> Result<Recording, Unbuildable> {
        let mut recording = Recording {
            name: plan.name.clone(),
            about: plan.about.clone(),
            seed,
            ..Recording::default()
        };
        let mut run = Run::start(plan, seed)?;
        run.keep(Keep::Nothing);
        if messages {
            run.keep_causes();
        }
        run.until_watched(run.end(), &mut recording);
        recording.end = run.end();
        let plan = plan.clone();
        recording.played = Some(Rc::new(Played { plan, run }));
        Ok(recording)
    }

    /// Reads a trace back.
    ///
    /// # Errors
    /// What is no whole trace of this version, with its line.
    pub fn read(
        input: impl BufRead,
        messages: bool,
    ) -> Result<(Recording, Closing), TraceFileError> {
        let (
            TraceHeader {
                scenario,
                about,
                seed,
                ..
            },
            mut reader,
        ) = TraceReader::open(input)?;
        let mut recording = Recording {
            name: scenario,
            about,
            seed,
            ..Recording::default()
        };
        loop {
            match reader.next_entry()? {
                TraceLine::Fact(entry) => recording.fact(&entry),
                TraceLine::Cause(cause) if messages => recording.cause(&cause),
                TraceLine::Sent(sent) if messages => recording.sent(&sent),
                TraceLine::Cause(_) | TraceLine::Sent(_) => {}
                TraceLine::End(closing) => {
                    recording.end = recording.end.max(Time(closing.end_ns));
                    return Ok((recording, closing));
                }
            }
        }
    }
}

impl Recording {
    /// All that were made in it.
    pub fn partitions(&self) -> BTreeSet<&TopicPartition> {
        let made = self.facts.iter().filter_map(|it| match &it.fact {
            Fact::StateWritten { partition, .. } => Some(partition),
            _ => None,
        });
        made.collect()
    }

    /// The same run once more, before anything has happened, with its plan; nothing of its trace is kept. `None` of a trace.
    pub(crate) fn again(&self) -> Option<(&Plan, Run)> {
        let Played { plan, .. } = self.played.as_deref()?;
        let mut again = Run::start(plan, self.seed).ok()?;
        again.keep(Keep::Nothing);
        Some((plan, again))
    }

    /// Whether its producers tell where several trucks are.
    pub(super) fn has_trucks(&self) -> bool {
        let played = self.played.as_deref();
        let producers = played.into_iter().flat_map(|it| &it.plan.producers);
        let trucks = producers.filter(|it| it.value == Value::Position);
        trucks.map(|it| it.members().len()).sum::<usize>() > 1
    }

    /// Looks at the cluster as it was at a moment: at the end, or where the same run comes to that moment again. `None`
    /// of a trace.
    pub(super) fn look<T>(&self, at: Time, look: impl FnOnce(&dyn ClusterView) -> T) -> Option<T> {
        if at >= self.end {
            let Played { run, .. } = self.played.as_deref()?;
            return Some(look(&run.view()));
        }
        let (_, mut again) = self.again()?;
        again.until(at);
        Some(look(&again.view()))
    }
}

impl fmt::Debug for Played {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Played")
            .field("plan", &self.plan.name)
            .finish_non_exhaustive()
    }
}

impl Observer for Recording {
    fn fact(&mut self, entry: &TraceEntry) {
        self.end = self.end.max(entry.time);
        self.facts.push(entry.clone());
    }

    fn cause(&mut self, cause: &CauseEntry) {
        self.causes.push(cause.clone());
    }

    fn sent(&mut self, sent: &SentEntry) {
        self.sent.push(sent.clone());
    }
}
