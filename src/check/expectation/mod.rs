//! What a plan expects of its run: each sentence with its outcome and its figures.
//!
//! A [`Judge`] looks at every fact as it is stated, keeps and counts what the plan's sentences are about,
//! and answers at the end, with a look at `EndOfRun`. The meaning of each sentence stands at its
//! variant of `plan::Expectation`.

mod applications;
mod consumers;
mod delays;
mod groups;
mod history;
mod keys;
mod leadership;
mod logs;
mod messages;
mod records;
mod replicas;
mod tally;
mod zookeeper;

use super::end_of_run::EndOfRun;
use super::no_acknowledged_record_lost::Acknowledged;
use crate::kernel::{Duration, Time};
use crate::plan::{Entry, Expectation, Expected, Plan, When, write_duration};
use crate::protocol::{Fact, GroupFact, MessageFact};
use crate::trace::TraceEntry;
use history::History;
use std::collections::BTreeSet;
use std::fmt;
use tally::Tally;

/// A sentence, whether it holds, and why one can say so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// As the plan says it, with its window.
    pub sentence: String,
    pub judgement: Judgement,
    /// What was found, in figures; or why it was not judged.
    pub figures: String,
    /// Why the plan expects it, if it says so.
    pub because: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Judgement {
    Held,
    Failed,
    /// The run was cut short: what was to come might have decided it.
    NotJudged,
}

/// What came of all that a plan says of its run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Verdicts {
    /// Of what it expects; and what else went otherwise than it says.
    pub outcomes: Vec<Outcome>,
    /// Of the answers of its predictions, in the order of `Plan::answers`.
    pub answers: Vec<Outcome>,
}

impl Outcome {
    pub fn failed(&self) -> bool {
        self.judgement == Judgement::Failed
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.judgement {
            Judgement::Held => "held",
            Judgement::Failed => "FAILED",
            Judgement::NotJudged => "not judged",
        };
        write!(f, "{verdict}: {} — {}", self.sentence, self.figures)
    }
}

/// What a plan expects, held against the facts of a run as they are stated.
pub struct Judge {
    plan: Plan,
    /// Of each expectation, in the plan's order.
    tallies: Vec<Tally>,
    /// Places of those that count something.
    counting: Vec<usize>,
    /// Facts that some sentence is about, and that are few, or of which it needs each.
    kept: Vec<TraceEntry>,
    keeps: Keeps,
    last: Time,
    /// Routine facts are not stated.
    blind: bool,
    /// For `lost`, if somebody asks.
    acknowledged: Option<Acknowledged>,
}

/// Routine facts that a sentence needs one by one.
#[derive(Clone, Copy, Debug, Default)]
struct Keeps {
    created: bool,
    acked: bool,
    consumed: bool,
    processed: bool,
    serialized: bool,
}

impl Judge {
    pub fn new(plan: &Plan) -> Self {
        let tallies: Vec<Tally> = plan.sentences().map(|it| Tally::of(plan, it)).collect();
        let counting = (0..tallies.len()).filter(|place| tallies[*place].looks());
        let counting = counting.collect();
        let mut keeps = Keeps::default();
        for expected in plan.sentences() {
            keeps.add(&expected.what);
        }
        Judge {
            plan: plan.clone(),
            tallies,
            counting,
            kept: Vec::new(),
            keeps,
            last: Time::ZERO,
            blind: false,
            acknowledged: None,
        }
    }

    /// Counts what becomes of every record, whether the plan asks or not.
    pub fn count_lost(&mut self) {
        self.acknowledged = Some(Acknowledged::default());
    }

    /// Records that a producer was told are stored, or has sent with acks=0, and that no log holds which
    /// counts. `None` unless they were to be counted.
    pub fn lost(&self, end: &EndOfRun<'_>) -> Option<u64> {
        let fate = self.acknowledged.as_ref()?.fates(end);
        Some(fate.lost + fate.nowhere)
    }

    /// Routine facts are not stated: nothing can be said of a sentence that is about them.
    pub fn leave_out_routine(&mut self) {
        self.blind = true;
    }

    /// Looks at the next facts of the run.
    pub fn learn(&mut self, entries: &[TraceEntry]) {
        for entry in entries {
            for place in &self.counting {
                self.tallies[*place].learn(entry);
            }
            if let Some(acknowledged) = &mut self.acknowledged {
                acknowledged.learn(entry);
            }
            if self.keeps(&entry.fact) {
                self.kept.push(entry.clone());
            }
        }
        if let Some(last) = entries.last() {
            self.last = last.time;
        }
    }

    /// Whether some sentence may be about a fact.
    fn keeps(&self, fact: &Fact) -> bool {
        match fact {
            Fact::RecordCreated { .. } => self.keeps.created,
            Fact::Acked { .. } => self.keeps.acked,
            Fact::Consumed { .. } => self.keeps.consumed,
            Fact::Group(GroupFact::Processed { .. }) => self.keeps.processed,
            Fact::Message(MessageFact::Serialized { .. }) => self.keeps.serialized,
            Fact::Message(MessageFact::Deserialized { .. }) => false,
            Fact::Appended { .. } | Fact::HighWatermarkMoved { .. } => false,
            // What ZooKeeper's servers and clients say by the thousand, of which no sentence speaks.
            Fact::TxnApplied { .. }
            | Fact::ZooKeeperAsked { .. }
            | Fact::ZooKeeperAnswered { .. }
            | Fact::ZooKeeperWatchFired { .. }
            | Fact::Retrying { .. }
            | Fact::FetchRefused { .. } => false,
            _ => true,
        }
    }

    /// The outcome of every expectation of the plan, in its order; then of every fault that found no
    /// target, of every answer that the run does not give, and of every topic that was not made. Of a run
    /// that was cut short by its plan, or `stopped`, only the faults.
    pub fn verdicts(&self, end: &EndOfRun<'_>, stopped: Option<&str>) -> Verdicts {
        let facts = (&self.kept[..], self.last);
        let stopped = match self.blind {
            true => stopped.or(Some("routine facts were left out")),
            false => stopped,
        };
        let verdicts = judge_kept(&self.plan, facts, &self.tallies, end, stopped);
        debug_assert!(verdicts.outcomes.len() >= self.plan.expect.len());
        verdicts
    }
}

impl Keeps {
    fn add(&mut self, what: &Expectation) {
        use Expectation::*;
        match what {
            EveryRecordRead | ReadsEverything { .. } | NeverRead { .. } => {
                (self.acked, self.consumed) = (true, true)
            }
            KeysInOnePartition { .. } | KeysElsewhere { .. } => self.acked = true,
            ValueBytes { .. } => self.serialized = true,
            StuckAtTheEnd { .. } => self.consumed = true,
            ReadTwice { .. } | OrderOfKeys { .. } | OutOfOrder { .. } | NoOrderAcross { .. } => {
                (self.created, self.consumed) = (true, true);
            }
            ProcessesEverything { .. } | ProcessedTwice { .. } => {
                (self.acked, self.processed) = (true, true);
            }
            NeverProcessed { .. } => {
                (self.acked, self.consumed, self.processed) = (true, true, true);
            }
            _ => {}
        }
    }
}

/// Judges a plan by a whole trace.
pub fn judge(
    plan: &Plan,
    entries: &[TraceEntry],
    end: &EndOfRun<'_>,
    stopped: Option<&str>,
) -> Vec<Outcome> {
    let mut judge = Judge::new(plan);
    judge.learn(entries);
    judge.verdicts(end, stopped).outcomes
}

fn judge_kept(
    plan: &Plan,
    facts: (&[TraceEntry], Time),
    tallies: &[Tally],
    end: &EndOfRun<'_>,
    stopped: Option<&str>,
) -> Verdicts {
    let (entries, _) = facts;
    let cut_short = stopped.map(str::to_owned).or_else(|| {
        let until = plan.until?;
        Some(format!("the run ended at {}", write_duration(until)))
    });
    let judged = plan.sentences().zip(tallies).map(|(expected, tally)| {
        let (judgement, figures) = match &cut_short {
            Some(why) => (Judgement::NotJudged, why.clone()),
            None => {
                let history = History::new(plan, facts, tally, end, expected);
                verdict(&expected.what, &history).into_parts()
            }
        };
        Outcome {
            sentence: sentence(expected),
            judgement,
            figures,
            because: expected.because.clone(),
        }
    });
    let mut outcomes: Vec<Outcome> = judged.collect();
    let answers = outcomes.split_off(plan.expect.len());
    // The trace is long; without a timeline nothing in it tells of one.
    let of_timeline = if plan.timeline.is_empty() {
        &[]
    } else {
        entries
    };
    let missed = of_timeline.iter().filter_map(|entry| match &entry.fact {
        Fact::NobodyFits {
            text,
            optional: false,
        } => Some(Outcome {
            sentence: "every line of the timeline finds its target".to_owned(),
            judgement: Judgement::Failed,
            figures: format!("at {}, {text}", write_duration(Duration(entry.time.0))),
            because: None,
        }),
        _ => None,
    });
    let missed: Vec<Outcome> = missed.collect();
    // A line that found nobody has failed by itself.
    let all_found = missed.is_empty();
    outcomes.extend(missed);
    outcomes.extend(wrong_answers(plan, &answers));
    if cut_short.is_none() {
        if all_found {
            outcomes.extend(never_came(plan, of_timeline));
        }
        outcomes.extend(never_made(plan, entries));
    }
    Verdicts { outcomes, answers }
}

/// Answers that the run does not give. Those that it gives are no news: learners are to find them.
fn wrong_answers(plan: &Plan, answers: &[Outcome]) -> Vec<Outcome> {
    let asked = plan.predict.iter().flat_map(|prediction| {
        let recall = prediction.recall.iter();
        let recall = recall.map(|it| ("recall of", &prediction.id, &it.question));
        std::iter::once(("prediction", &prediction.id, &prediction.question)).chain(recall)
    });
    let wrong = asked.zip(answers).filter(|(_, answer)| answer.failed());
    wrong
        .map(|((what, id, question), answer)| Outcome {
            sentence: format!(
                "the scenario's own answer to the {what} {id}, \"{}\", is not so: {}",
                question.right(),
                answer.sentence
            ),
            ..answer.clone()
        })
        .collect()
}

/// Topics of the plan that nobody ever decided on: the clients had nothing to work with.
fn never_made(plan: &Plan, entries: &[TraceEntry]) -> Vec<Outcome> {
    let is_made = |name: &str| {
        entries.iter().any(|entry| {
            matches!(&entry.fact, Fact::StateWritten { partition, .. } if *partition.topic == *name)
        })
    };
    let missing = plan.topics.iter().filter(|topic| !is_made(&topic.name));
    missing
        .map(|topic| {
            let what = format!("create topic {}", topic.name);
            let refused = entries.iter().rev().find_map(|entry| match &entry.fact {
                Fact::AdminAnswered {
                    creates: Some(made),
                    error,
                    ..
                } if **made == *topic.name => Some(error),
                _ => None,
            });
            let why = match refused {
                Some(error) => format!("refused with {error}"),
                None => "nobody answered".to_owned(),
            };
            Outcome {
                sentence: "every topic of the plan is made".to_owned(),
                judgement: Judgement::Failed,
                figures: format!("{what}: {why}"),
                because: None,
            }
        })
        .collect()
}

/// Lines that waited for a moment that never came: whoever wrote them would take a run without the fault
/// for one that bore it.
fn never_came(plan: &Plan, entries: &[TraceEntry]) -> Vec<Outcome> {
    let begun: BTreeSet<u32> = entries
        .iter()
        .filter_map(|entry| match &entry.fact {
            Fact::TimelineEvent { entry, .. } => Some(*entry),
            _ => None,
        })
        .collect();
    let waits = |number: u32, entry: &Entry| {
        let moment = match &entry.when {
            When::On { moment, .. } => moment,
            When::At(_) | When::Every { .. } => return None,
        };
        let silent = !entry.optional && !begun.contains(&number);
        silent.then(|| Outcome {
            sentence: "every line of the timeline comes to pass".to_owned(),
            judgement: Judgement::Failed,
            figures: format!(
                "{} waited for \"{moment}\", which never was",
                entry.action.key()
            ),
            because: None,
        })
    };
    (0..)
        .zip(&plan.timeline)
        .filter_map(|(number, entry)| waits(number, entry))
        .collect()
}

/// Held or not, with figures either way.
type Verdict = Result<String, String>;

trait Parts {
    fn into_parts(self) -> (Judgement, String);
}

impl Parts for Verdict {
    fn into_parts(self) -> (Judgement, String) {
        match self {
            Ok(figures) => (Judgement::Held, figures),
            Err(figures) => (Judgement::Failed, figures),
        }
    }
}

fn verdict_of(held: bool, figures: impl Into<String>) -> Verdict {
    if held {
        Ok(figures.into())
    } else {
        Err(figures.into())
    }
}

fn verdict(expectation: &Expectation, history: &History<'_>) -> Verdict {
    use Expectation::*;
    match expectation {
        NoneLost => records::none_lost(history),
        Lost { count } => records::lost(history, *count),
        UsedTwice { count } => consumers::used_twice(history, *count),
        ReplicasDiffer { count } => replicas::differ(history, *count),
        Acknowledged { count, .. } | AcknowledgedIn { count, .. } => {
            records::acknowledged(history, *count)
        }
        Failed { producer, count } => records::failed(history, producer, *count),
        ProduceLatency { percentile, bound } => {
            records::produce_latency(history, *percentile, *bound)
        }
        NotAcknowledged { .. } => records::not_acknowledged(history),
        AcknowledgedAgain { within, event, .. } => {
            records::acknowledged_again(history, within.0, event)
        }

        AnotherLeader {
            partition,
            within,
            event,
        } => leadership::another_leader(history, partition, within.0, event),
        LedAtTheEnd { partition, id } => leadership::led_at_the_end(history, partition, id.0),
        KeepsLeader { partition } => leadership::keeps_leader(history, partition),
        NoElection => leadership::no_election(history),
        NoUncleanElection => leadership::no_unclean_election(history),
        UncleanElection { partition } => leadership::unclean_election(history, partition),
        AnotherController { within, event } => {
            leadership::another_controller(history, within.0, event)
        }
        KeepsController => leadership::keeps_controller(history),
        NoSessionExpires => leadership::no_session_expires(history),
        SessionExpires { within, event } => leadership::session_expires(history, within.0, event),

        IsrShrinks {
            partition,
            within,
            event,
        } => replicas::isr_shrinks(history, partition, within.0, event),
        IsrFullAgain {
            partition,
            within,
            event,
        } => replicas::isr_full_again(history, partition, within.0, event),
        IsrStays { partition } => replicas::isr_stays(history, partition),
        IsrFull { partition } => replicas::isr_full(history, partition),
        EveryIsrFull => replicas::every_isr_full(history),
        Truncates { partition } => replicas::truncates(history, partition),
        SegmentsDeleted { partition } => logs::segments_deleted(history, partition),
        LogRepaired { partition } => logs::repaired(history, partition),
        NoLogRepaired => logs::none_repaired(history),
        LogDirFails { id } => logs::log_dir_fails(history, id.0),
        RefusesToStart { id } => logs::refuses_to_start(history, id.0),
        Refused { partition, error } => replicas::refused(history, partition, &error.0),
        Stalls { .. } => replicas::stalls(history),

        EveryRecordRead => consumers::every_record_read(history),
        ReadsEverything { consumer } => consumers::reads_everything(history, consumer),
        Read { count, .. } => consumers::read(history, *count),
        ReadTwice { consumer, count } => consumers::read_twice(history, consumer, *count),
        ReadsAgain { within, event, .. } => consumers::reads_again(history, within.0, event),
        Meets {
            consumer,
            exception,
        } => consumers::meets(history, consumer, &exception.0),
        ReadsFrom {
            consumer,
            partition,
            id,
        } => consumers::reads_from(history, consumer, partition, id.0),
        ReadsLater { consumer, other } => consumers::reads_later(history, consumer, other),
        OrderOfKeys { consumer } => consumers::order_of_keys(history, consumer),
        OutOfOrder { consumer } => consumers::out_of_order(history, consumer),
        NoOrderAcross { consumer } => consumers::no_order_across(history, consumer),
        KeysInOnePartition { topic } => keys::lie_in_one_partition(history, topic),
        KeysElsewhere { topic, other } => keys::lie_elsewhere(history, topic, other),

        ProcessesEverything { group } => groups::processes_everything(history, group),
        ProcessedTwice { group, count } => groups::processed_twice(history, group, *count),
        NeverProcessed { group, count } => groups::never_processed(history, group, *count),
        NeverRead { group, count } => groups::never_read(history, group, *count),
        PartitionsAtTheEnd { consumer, count } => {
            groups::partitions_at_the_end(history, consumer, *count)
        }
        StableAgain {
            group,
            within,
            event,
        } => groups::stable_again(history, group, within.0, event),
        KeepsGeneration { group } => groups::keeps_generation(history, group),
        StopsReading { group, count } => groups::stops_reading(history, group, *count),
        PollTimeouts { group, count } => groups::poll_timeouts(history, group, *count),
        GoesOn { group, count } => groups::goes_on(history, group, *count),
        CommitsBackwards { group, count } => groups::commits_backwards(history, group, *count),
        Lag { group, count } => groups::lag(history, group, *count),

        ValueBytes { producer, count } => messages::value_bytes(history, producer, *count),
        CannotRead { consumer, count } => messages::cannot_read(history, consumer, *count),
        StuckAtTheEnd { consumer } => messages::stuck_at_the_end(history, consumer),
        Skipped { consumer, count } => messages::skipped(history, consumer, *count),
        DeadLettered { consumer, count } => messages::dead_lettered(history, consumer, *count),
        Forwarded { consumer, count } => applications::forwarded(history, consumer, *count),
        ForwardedTwice { consumer, count } => {
            applications::forwarded_twice(history, consumer, *count)
        }
        Called { service, count } => applications::called(history, service, *count),
        CalledTwice { service, count } => applications::called_twice(history, service, *count),
        SchemaVersions { subject, count } => messages::versions(history, subject, *count),
        SchemasRefused { subject, count } => messages::refused(history, subject, *count),

        BootstrapsFrom { client, id } => consumers::bootstraps_from(history, client, id.0),

        ZooKeeperLeads { within, event } => zookeeper::has_a_leader(history, within.0, event),
        NoZooKeeperLeader => zookeeper::no_leader(history),
        ZooKeeperLosesItsPast => zookeeper::loses_its_past(history),
        BroughtUpToDate { number, mode } => zookeeper::brought_up_to_date(history, *number, *mode),
        ZooKeeperAnswers {
            client,
            command,
            answer,
        } => zookeeper::answers(history, client, &command.to_string(), &answer.0),
    }
}

/// The sentence with the part of the run that it is about.
fn sentence(expected: &Expected) -> String {
    let mut sentence = expected.what.to_string();
    if let Some(from) = expected.from {
        sentence.push_str(&format!(", from {}", write_duration(from)));
    }
    if let Some(until) = expected.until {
        sentence.push_str(&format!(", until {}", write_duration(until)));
    }
    sentence
}

#[cfg(test)]
mod tests;
