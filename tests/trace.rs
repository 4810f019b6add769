//! A trace is for looking: whoever looks, or does not, the run is the same run.

use kafka_trial::plan::Plan;
use kafka_trial::protocol::Fact;
use kafka_trial::run::{Report, Run};
use kafka_trial::scenario::{SHIPPED, load};
use kafka_trial::trace::{
    CauseEntry, Keep, Observer, Style, TraceEntry, TraceHeader, TraceLine, TraceReader, Transcript,
    transcript, write_json_lines,
};
use std::collections::BTreeSet;

fn plan(name: &str) -> Plan {
    let mut shipped = SHIPPED.iter();
    let found = shipped.find(|shipped| shipped.name() == name).unwrap();
    load(name, found.text.as_bytes().to_vec(), &[])
        .unwrap()
        .plan
}

fn play(plan: &Plan, prepare: impl FnOnce(&mut Run)) -> Report {
    let mut run = Run::start(plan, plan.seed).unwrap();
    prepare(&mut run);
    run.until(run.end());
    run.finish()
}

/// What is left of a report when its trace is not looked at.
fn course(report: &Report) -> (u64, u64, u64) {
    (report.digest, report.events, report.messages)
}

#[test]
fn no_sink_and_no_cause_changes_a_run() {
    for name in [
        "leader-crash",
        "acks-1-loss",
        "power-failure-of-all",
        "zookeeper-stale-read",
    ] {
        let plan = plan(name);
        let whole = play(&plan, |_| {});
        for keep in [Keep::WithoutRoutine, Keep::Last(10), Keep::Nothing] {
            let report = play(&plan, |run| run.keep(keep));
            assert_eq!(course(&report), course(&whole), "{name}, {keep:?}");
            assert_eq!(report.outcomes, whole.outcomes, "{name}, {keep:?}");
            assert_eq!(report.figures, whole.figures, "{name}, {keep:?}");
            assert_eq!(report.routine, whole.routine, "{name}, {keep:?}");
            // Without clients of Kafka nothing is routine.
            let routine = whole.trace.iter().any(|entry| entry.fact.is_routine());
            let fewer = report.trace.len() < whole.trace.len();
            assert!(
                fewer || (keep == Keep::WithoutRoutine && !routine),
                "{name}, {keep:?}"
            );
        }
        let with_causes = play(&plan, Run::keep_causes);
        assert_eq!(course(&with_causes), course(&whole), "{name}");
        assert!(with_causes.trace == whole.trace, "{name}");
        let without_routine = play(&plan, Run::leave_out_routine);
        assert_eq!(course(&without_routine), course(&whole), "{name}");
        let others = |report: &Report| -> Vec<TraceEntry> {
            let entries = report.trace.iter();
            let others = entries.filter(|entry| !entry.fact.is_routine());
            others.cloned().collect()
        };
        let (of_whole, of_it) = (others(&whole), others(&without_routine));
        let differs = of_whole.iter().zip(&of_it).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{name}");
        assert_eq!(of_it.len(), without_routine.trace.len(), "{name}");
    }
}

#[test]
fn facts_are_read_as_they_were_written() {
    for shipped in SHIPPED {
        let plan = plan(shipped.name());
        let report = play(&plan, |_| {});
        let text = write_json_lines(&TraceHeader::default(), &report.trace);
        let (_, mut reader) = TraceReader::open(text.as_bytes()).unwrap();
        let mut read = Vec::new();
        while let TraceLine::Fact(entry) = reader.next_entry().unwrap() {
            read.push(entry);
        }
        let differs = read.iter().zip(&report.trace).find(|(a, b)| a != b);
        assert_eq!(differs, None, "{}", shipped.name());
        assert_eq!(read.len(), report.trace.len(), "{}", shipped.name());
    }
}

/// Tells while the run goes on, and follows causes back.
#[derive(Default)]
struct Watcher {
    transcript: Option<Transcript>,
    handled: BTreeSet<u64>,
    /// Facts of events whose cause was told before them.
    explained: usize,
    stated: usize,
    broken: Vec<CauseEntry>,
}

impl Observer for Watcher {
    fn fact(&mut self, entry: &TraceEntry) {
        let transcript = self
            .transcript
            .get_or_insert_with(|| Transcript::new(Style::default()));
        transcript.push(entry);
        let by_operator = matches!(
            entry.fact,
            Fact::TimelineEvent { .. }
                | Fact::NobodyFits { .. }
                | Fact::StartUnfinished { .. }
                | Fact::Crashed
                | Fact::PowerFailed
                | Fact::Paused
                | Fact::Resumed
                | Fact::TerminateAsked
        );
        if !by_operator {
            self.stated += 1;
            self.explained += usize::from(self.handled.contains(&entry.event));
        }
    }

    fn cause(&mut self, cause: &CauseEntry) {
        // An arrow leads back in time, to an event that some node handled.
        let known = cause
            .cause
            .event()
            .is_none_or(|of| of < cause.event && self.handled.contains(&of));
        if !known {
            self.broken.push(cause.clone());
        }
        self.handled.insert(cause.event);
    }
}

#[test]
fn what_is_told_while_a_run_goes_on_is_what_its_trace_tells() {
    let plan = plan("leader-crash");
    let whole = play(&plan, |_| {});
    let mut run = Run::start(&plan, plan.seed).unwrap();
    run.keep(Keep::Nothing);
    let mut watcher = Watcher::default();
    run.until_watched(run.end(), &mut watcher);
    let lines = watcher.transcript.take().unwrap().finish();
    assert!(run.trace().is_empty());
    let text = transcript(&whole.trace, Style::default());
    let (_legend, told) = text.split_once("\n\n").unwrap();
    assert_eq!(lines.join("\n"), told.trim_end());
}

#[test]
fn every_event_that_states_a_fact_has_a_cause_and_every_cause_is_an_earlier_event() {
    for name in [
        "leader-crash",
        "power-failure-of-all",
        "zookeeper-stale-read",
    ] {
        let plan = plan(name);
        let mut run = Run::start(&plan, plan.seed).unwrap();
        run.keep(Keep::Nothing);
        run.keep_causes();
        let mut watcher = Watcher::default();
        run.until_watched(run.end(), &mut watcher);
        assert_eq!(watcher.broken, [], "{name}");
        assert!(watcher.stated > 100);
        assert_eq!(watcher.explained, watcher.stated, "{name}");
    }
}
