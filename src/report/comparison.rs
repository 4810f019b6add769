//! Several runs of one scenario beside each other: a table of what each came to, and where each parts from the
//! first.
//!
//! "Lost" is what a producer was told is stored, or with acks=0 has sent, and no log that counts holds at the
//! end. "Read twice" counts records, not offsets: a copy that a retry has stored is read twice too, and the
//! members of a group are one reader.

use super::account::{Account, ClientTotals};
use crate::check::{Judgement, NO_ACKNOWLEDGED_RECORD_IS_LOST, Unprocessed, millis};
use crate::plan::Plan;
use crate::protocol::{Fact, counted};
use crate::run::Report;
use crate::trace::{Beside, Excerpt, Observer, StallReader, TraceEntry};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// Counts, while a run is played, what a comparison tells of it.
#[derive(Debug)]
pub struct Tally {
    account: Account,
    /// Who reads as one: the group of each consumer, or itself.
    readers: BTreeMap<String, Rc<str>>,
    /// Records may be equal: so many of each content were made.
    made: BTreeMap<u64, u64>,
    reads: BTreeMap<(Rc<str>, u64), u64>,
    /// If there are groups.
    unprocessed: Option<Unprocessed>,
    refused: u64,
    stalls: StallReader,
    stalled: u64,
}

/// What a run came to, in figures.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Figures {
    pub totals: ClientTotals,
    pub lost: u64,
    pub read_twice: u64,
    /// What the applications of groups made of it, if there are groups.
    pub groups: Option<GroupFigures>,
    /// Batches that a broker refused.
    pub refused: u64,
    /// Times that acks=all writes or readers waited for a second or longer for a high watermark that stood still.
    pub stalls: u64,
    /// In nanoseconds, of what was acknowledged.
    pub p50: Option<u64>,
    pub p99: Option<u64>,
    /// Expectations of the scenario that held, of so many that were judged.
    pub expectations: (usize, usize),
    /// The first property that broke.
    pub broken: Option<&'static str>,
    /// Why the run did not come to its end.
    pub stopped: Option<String>,
    pub digest: u64,
}

/// What all groups together did, and did not do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct GroupFigures {
    /// Committed, and no member was ever done with it.
    pub never_processed: u64,
    pub processed_twice: u64,
}

/// One of the runs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Compared {
    /// The values that were set for it, in the order of the keys.
    pub values: Vec<String>,
    pub figures: Figures,
    /// How it came out beside the first run; none for that.
    pub beside: Option<Beside>,
    /// What the first run says where this one parts from it; nothing where it says nothing more.
    pub first: Vec<String>,
}

impl Compared {
    /// Where it parts from the first run.
    pub fn parting(&self) -> Option<&Excerpt> {
        match &self.beside {
            Some(Beside::Parts(excerpt)) => Some(excerpt),
            _ => None,
        }
    }
}

impl Tally {
    pub fn of(plan: &Plan) -> Self {
        let consumers = plan.consumers.iter();
        let readers = consumers.flat_map(|consumer| {
            let group = consumer.config.get("group.id");
            consumer.members().into_iter().map(move |member| {
                let reader = Rc::from(group.unwrap_or(&member).as_str());
                (member, reader)
            })
        });
        Tally {
            account: Account::default(),
            readers: readers.collect(),
            made: BTreeMap::new(),
            reads: BTreeMap::new(),
            unprocessed: (plan.consumers.iter())
                .any(|consumer| consumer.group_id().is_some())
                .then(Unprocessed::default),
            refused: 0,
            stalls: StallReader::of_all(),
            stalled: 0,
        }
    }

    /// The figures of the run that was played; its records were to be counted (`Run::count_lost`).
    pub fn finish(self, report: &Report) -> Figures {
        let again = self.reads.iter().map(|((_, content), reads)| {
            let made = self.made.get(content).copied().unwrap_or(1);
            reads.saturating_sub(made)
        });
        let told = self.account.finish(report.end);
        let again_of_groups = told.groups.groups().map(|(_, group)| group.processed.again);
        let processed_twice = again_of_groups.sum();
        let plan = &report.plan;
        let producers = plan.producers.iter().flat_map(|it| it.members());
        let consumers = plan.consumers.iter().flat_map(|it| it.members());
        let clients: Vec<String> = producers.chain(consumers).collect();
        let judged = report.outcomes.iter().map(|outcome| outcome.judgement);
        let judged: Vec<Judgement> = judged.filter(|it| *it != Judgement::NotJudged).collect();
        let held = judged.iter().filter(|it| **it == Judgement::Held).count();
        let at = |per_mille| told.latencies.at(per_mille).map(|latency| latency.0);
        Figures {
            lost: report.lost.unwrap_or_default(),
            read_twice: again.sum(),
            groups: self.unprocessed.map(|unprocessed| GroupFigures {
                never_processed: unprocessed.count(),
                processed_twice,
            }),
            refused: self.refused,
            stalls: self.stalled,
            p50: at(500),
            p99: at(990),
            expectations: (held, judged.len()),
            broken: report.violations.first().map(|it| it.property),
            stopped: report.stopped.clone(),
            digest: report.digest,
            totals: told.sum(&clients),
        }
    }
}

impl Observer for Tally {
    fn fact(&mut self, entry: &TraceEntry) {
        self.stalled += self.stalls.pass(entry.time).len() as u64;
        self.stalls.learn(entry);
        self.account.fact(entry);
        if let Some(unprocessed) = &mut self.unprocessed {
            unprocessed.learn(entry);
        }
        match &entry.fact {
            Fact::RecordCreated { content, .. } => *self.made.entry(*content).or_default() += 1,
            Fact::Consumed { content, .. } => {
                if let Some(reader) = self.readers.get(&*entry.node) {
                    *self.reads.entry((reader.clone(), *content)).or_default() += 1;
                }
            }
            Fact::ProduceRefused { .. } => self.refused += 1,
            _ => {}
        }
    }
}

impl Figures {
    /// Whether the run came to its end, and nothing broke that must hold in every run.
    pub fn is_well(&self) -> bool {
        self.broken.is_none() && self.stopped.is_none()
    }

    /// What stands in each column, under its name.
    fn columns(&self) -> Vec<(&'static str, String)> {
        let ClientTotals {
            created,
            acknowledged,
            sent,
            failed,
            read,
            ..
        } = self.totals;
        let arrived = match (acknowledged, sent) {
            (0, sent) if sent > 0 => "-".to_owned(),
            _ => acknowledged.to_string(),
        };
        let latency = |nanos: Option<u64>| {
            nanos.map_or("-".to_owned(), |nanos| {
                millis(crate::kernel::Duration(nanos))
            })
        };
        let (held, judged) = self.expectations;
        let mut columns = vec![
            ("made", created.to_string()),
            ("acknowledged", arrived),
            ("lost", self.lost.to_string()),
            ("given up", failed.to_string()),
            ("refused", self.refused.to_string()),
            ("read", read.to_string()),
            ("read twice", self.read_twice.to_string()),
        ];
        if let Some(groups) = self.groups {
            columns.push(("never processed", groups.never_processed.to_string()));
            columns.push(("processed twice", groups.processed_twice.to_string()));
        }
        columns.extend([
            ("p50", latency(self.p50)),
            ("p99", latency(self.p99)),
            ("stalls", self.stalls.to_string()),
            ("as expected", format!("{held} of {judged}")),
        ]);
        columns
    }
}

/// Who says a line, where both do.
const BOTH: &str = "both";

/// The table, and where the runs part. `keys` are what was varied.
pub fn comparison(keys: &[String], runs: &[Compared]) -> String {
    let mut text = table(keys, runs);
    for run in runs {
        let label = label(keys, &run.values);
        if let Some(why) = &run.figures.stopped {
            text.push_str(&format!("STOPPED with {label}: {why}\n"));
        }
        if let Some(property) = run.figures.broken {
            text.push_str(&format!("BROKEN with {label}: always, {property}\n"));
        }
    }
    let loses = |run: &Compared| run.figures.broken == Some(NO_ACKNOWLEDGED_RECORD_IS_LOST);
    if runs.iter().any(loses) {
        text.push_str(
            "That an acknowledged record is lost is what such values do (acks=1, min.insync.replicas=1, unclean \
             elections): it is what is to be seen, and no fault of the simulator.\n",
        );
    }
    if runs.iter().any(|run| run.figures.totals.sent > 0) {
        text.push_str(
            "With acks=0 nobody acknowledges: lost is what was sent and lies in no log.\n",
        );
    }
    let Some((first, others)) = runs.split_first() else {
        return text;
    };
    for run in others {
        text.push('\n');
        text.push_str(&parting(keys, &first.values, run));
    }
    text
}

fn table(keys: &[String], runs: &[Compared]) -> String {
    let mut rows: Vec<Vec<String>> = Vec::new();
    for run in runs {
        let columns = run.figures.columns();
        if rows.is_empty() {
            let names = columns.iter().map(|(name, _)| (*name).to_owned());
            rows.push(keys.iter().cloned().chain(names).collect());
        }
        let figures = columns.into_iter().map(|(_, value)| value);
        rows.push(run.values.iter().cloned().chain(figures).collect());
    }
    let width = |column: usize| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..rows.first().map_or(0, Vec::len)).map(width).collect();
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(place, (cell, width))| match place < keys.len() {
            true => format!("{cell:<width$}"),
            false => format!("{cell:>width$}"),
        });
        text.push_str(cells.collect::<Vec<_>>().join("  ").trim_end());
        text.push('\n');
    }
    text
}

fn parting(keys: &[String], first: &[String], run: &Compared) -> String {
    let values = [first, run.values.as_slice()];
    let [first, this] = values.map(|values| label(keys, values));
    let Some(parted) = run.parting() else {
        return match run.beside {
            Some(Beside::InMomentsOnly) => format!(
                "{first} and {this}: all do the same; what differs are moments, how they learnt of the cluster, and what they say they work by\n"
            ),
            _ => format!("{first} and {this}: not one fact differs\n"),
        };
    };
    let mut text = format!(
        "{first} and {this} part after {}:\n",
        counted(parted.common, "fact")
    );
    // Beside each line only what tells the two apart.
    let [first, this] = values.map(|own| {
        let [a, b] = values;
        let differs = |place: &usize| a.get(*place) != b.get(*place);
        let pairs = (0..keys.len()).filter(differs);
        let pairs = pairs.map(|place| format!("{}={}", keys[place], own[place]));
        pairs.collect::<Vec<_>>().join(", ")
    });
    let width = first
        .chars()
        .count()
        .max(this.chars().count())
        .max(BOTH.len());
    let mut say = |who: &str, lines: &[String]| match lines {
        [] => {
            let node = &parted.node;
            text.push_str(&format!("  {who:<width$}    ({node} does nothing more)\n"));
        }
        lines => {
            for (place, line) in lines.iter().enumerate() {
                let who = if place == 0 { who } else { "" };
                text.push_str(&format!("  {who:<width$}  {line}\n"));
            }
        }
    };
    if !parted.before.is_empty() {
        say(BOTH, &parted.before);
    }
    say(&first, &run.first);
    say(&this, &parted.after);
    text
}

/// `acks=0, min.insync.replicas=2`.
fn label(keys: &[String], values: &[String]) -> String {
    let pairs = keys.iter().zip(values);
    let pairs: Vec<String> = pairs.map(|(key, value)| format!("{key}={value}")).collect();
    pairs.join(", ")
}

/// Version of the document.
const VERSION: u64 = 1;

/// The same for programs. Seed and digests are text: not every reader's numbers hold 64 bits.
pub fn comparison_json(scenario: &str, seed: u64, keys: &[String], runs: &[Compared]) -> Value {
    let of = |run: &Compared| {
        let set: BTreeMap<&String, &String> = keys.iter().zip(&run.values).collect();
        let Figures {
            totals,
            lost,
            read_twice,
            groups,
            refused,
            stalls,
            p50,
            p99,
            expectations: (held, judged),
            broken,
            stopped,
            digest,
        } = &run.figures;
        let parted = run.parting();
        json!({
            "set": set,
            "made": totals.created,
            "acknowledged": totals.acknowledged,
            "sent_without_acknowledgement": totals.sent,
            "lost": lost,
            "given_up": totals.failed,
            "refused": refused,
            "read": totals.read,
            "read_twice": read_twice,
            "never_processed": groups.map(|it| it.never_processed),
            "processed_twice": groups.map(|it| it.processed_twice),
            "p50_ns": p50,
            "p99_ns": p99,
            "stalls": stalls,
            "expectations_held": held,
            "expectations_judged": judged,
            "broken": broken,
            "stopped": stopped,
            "digest": format!("{digest:016x}"),
            "parts_from_first": parted.map(|it| json!({
                "facts_in_common": it.common,
                "node": &*it.node,
                "both": it.before,
                "first": run.first,
                "this": it.after,
            })),
        })
    };
    json!({
        "format": "kafka-trial comparison",
        "version": VERSION,
        "scenario": scenario,
        "seed": seed.to_string(),
        "held": runs.iter().all(|run| run.figures.is_well()),
        "runs": runs.iter().map(of).collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_stopped_is_told_and_does_not_hold() {
        let run = |value: &str, stopped: Option<&str>| Compared {
            values: vec![value.to_owned()],
            figures: Figures {
                totals: ClientTotals::default(),
                lost: 0,
                read_twice: 0,
                groups: None,
                refused: 0,
                stalls: 0,
                p50: None,
                p99: None,
                expectations: (0, 0),
                broken: None,
                stopped: stopped.map(str::to_owned),
                digest: 1,
            },
            beside: None,
            first: Vec::new(),
        };
        let keys = ["partitions".to_owned()];
        let runs = [
            run("1", None),
            run("24", Some("disks hold 17 GiB together")),
        ];
        let text = comparison(&keys, &runs);
        let line = "\nSTOPPED with partitions=24: disks hold 17 GiB together\n";
        assert!(text.contains(line), "{text}");
        assert_eq!(text.matches("STOPPED").count(), 1, "{text}");
        let document = comparison_json("throughput", 7, &keys, &runs);
        assert_eq!(document["held"], false);
        assert_eq!(document["runs"][0]["stopped"], Value::Null);
        assert_eq!(document["runs"][1]["stopped"], "disks hold 17 GiB together");
        let document = comparison_json("throughput", 7, &keys, &runs[..1]);
        assert_eq!(document["held"], true);
    }
}
