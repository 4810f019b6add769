//! The summary of a run for people: seed, transcript, tables, clients, what held, digest.

use super::account::{ClientTotals, Told};
use super::failure::failure;
use super::zookeeper::zookeeper;
use super::{Ending, Tools};
use crate::check::Judgement;
use crate::protocol::counted;
use crate::trace::{Closing, Style, TraceHeader, with_legend};

/// The whole summary. `style` is that of the transcript; `quiet` leaves out transcript and tables.
pub fn summary(ending: &Ending<'_>, style: Style, quiet: bool) -> String {
    let closing = closing(ending, style);
    retell(&ending.trace_header(), ending.told, &closing, style, quiet)
}

/// What the last line of the run's trace says.
pub fn closing(ending: &Ending<'_>, style: Style) -> Closing {
    Closing {
        held: ending.held(),
        tables: tables(ending),
        verdicts: verdicts(ending, style),
        figures: figures(ending),
        failure: if ending.held() {
            String::new()
        } else {
            failure(ending)
        },
        end_ns: ending.end.0,
    }
}

/// The summary of a run that a trace is of.
pub fn retell(
    header: &TraceHeader,
    told: &Told,
    closing: &Closing,
    style: Style,
    quiet: bool,
) -> String {
    let mut sections = vec![heading(header)];
    if !quiet {
        sections.push(with_legend(match style.verbose {
            true => &told.verbose,
            false => &told.transcript,
        }));
        sections.push(closing.tables.clone());
        sections.push(clients(header, told));
    }
    sections.push(closing.verdicts.clone());
    sections.push(closing.figures.clone());
    sections.push(closing.failure.clone());
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

/// One line about a run, for a list of several, and one for each warning; names take `name_width`
/// characters.
pub fn verdict_line(ending: &Ending<'_>, name_width: usize) -> String {
    let count = |judgement| {
        let outcomes = ending.outcomes.iter();
        outcomes
            .filter(|outcome| outcome.judgement == judgement)
            .count()
    };
    let held = count(Judgement::Held);
    let not_judged = match count(Judgement::NotJudged) {
        0 => String::new(),
        count => format!(" ({count} not judged)"),
    };
    let verdict = if ending.held() { "held" } else { "FAILED" };
    let mut text = format!(
        "{verdict:<6}  {:<name_width$}  seed {}  {held} of {}{not_judged}, {} of {}  digest {:016x}",
        ending.plan.name,
        ending.seed,
        counted(ending.outcomes.len(), "expectation"),
        ending
            .figures
            .iter()
            .filter(|(name, _)| !is_broken(ending, name))
            .count(),
        counted(ending.figures.len(), "property"),
        ending.digest
    );
    for warning in ending.plan.warnings() {
        text.push_str(&format!("\n        warning: {warning}"));
    }
    text
}

pub(super) fn is_broken(ending: &Ending<'_>, property: &str) -> bool {
    ending
        .violations
        .iter()
        .any(|violation| violation.property == property)
}

fn heading(header: &TraceHeader) -> String {
    let mut text = format!("seed {}\n{}", header.seed, header.scenario);
    if !header.about.is_empty() {
        text.push_str(&format!(": {}", header.about.trim_end()));
    }
    text.push('\n');
    for warning in &header.warnings {
        text.push_str(&format!("warning: {warning}\n"));
    }
    text
}

/// The end as Kafka's tools print it, and ZooKeeper's tree where it is shown.
pub fn tables(ending: &Ending<'_>) -> String {
    let tools = Tools::asked(ending.view, ending.plan.cluster.kafka_version);
    let known = ending.told.groups.groups().map(|(name, _)| name);
    let mut text = tools.told(known);
    let zookeeper = zookeeper(ending);
    if !zookeeper.is_empty() {
        text.push_str(&format!("\n{zookeeper}"));
    }
    text
}

fn clients(header: &TraceHeader, told: &Told) -> String {
    let mut text = String::new();
    for group in &header.producers {
        text.push_str(&made(&group.name, told.sum(&group.members)));
    }
    for name in header.consumers.iter().flat_map(|group| &group.members) {
        let totals = told.sum(std::slice::from_ref(name));
        let again = match totals.read_again {
            0 => String::new(),
            again => format!(", of these {again} at offsets that it had read before"),
        };
        text.push_str(&format!("{name}: records read {}{again}\n", totals.read));
        // It sends on what it reads, or what it cannot read.
        if totals.created > 0 {
            text.push_str(&made(&format!("{name}'s own producer"), totals));
        }
    }
    text.push_str(&told.groups.in_words());
    if told.latencies.count() > 0 {
        let latencies = &told.latencies;
        text.push_str(&format!("from hand-over to acknowledgement: {latencies}\n"));
    }
    text
}

/// What became of the records of a producer.
fn made(name: &str, totals: ClientTotals) -> String {
    let waiting = totals.waiting();
    let ClientTotals {
        created,
        acknowledged,
        sent,
        failed,
        retried,
        ..
    } = totals;
    let arrived = match sent {
        0 => format!("acknowledged {acknowledged}"),
        sent => format!("sent {sent} (acks=0: nobody acknowledges)"),
    };
    let gone = match totals.gone {
        0 => String::new(),
        gone => format!(", gone with the process {gone}"),
    };
    format!(
        "{name}: records made {created}, {arrived}, given up {failed}{gone}, still waiting {waiting}; sent again {retried}\n"
    )
}

/// Expectations of the plan, then properties that hold in every run: each where one asks for all or one is
/// broken, else in a line.
fn verdicts(ending: &Ending<'_>, style: Style) -> String {
    let mut text = String::new();
    for outcome in ending.outcomes {
        text.push_str(&format!("{outcome}\n"));
        // A reason for what did not come is no reason: it is what was thought.
        if let Some(because) = &outcome.because {
            let word = match outcome.judgement {
                Judgement::Held => "because",
                Judgement::Failed => "it was expected because",
                Judgement::NotJudged => "it is expected because",
            };
            text.push_str(&format!("      {word}: {}\n", because.trim_end()));
        }
    }
    for remark in ending.remarks {
        text.push_str(&format!("note: {remark}\n"));
    }
    if ending.violations.is_empty() && !style.verbose {
        let properties = counted(ending.figures.len(), "property");
        text.push_str(&format!(
            "held: {properties} that must hold in every run (--verbose names them)\n"
        ));
        return text;
    }
    for (name, figures) in ending.figures {
        let verdict = match (is_broken(ending, name), ending.stopped) {
            (true, _) => "BROKEN",
            (false, None) => "held",
            (false, Some(_)) => "held so far",
        };
        text.push_str(&format!("{verdict}: always, {name} — {figures}\n"));
    }
    text
}

fn figures(ending: &Ending<'_>) -> String {
    format!(
        "digest {:016x}  {}, {}, {}\n",
        ending.digest,
        counted(ending.end.0 / 1_000_000_000, "simulated second"),
        counted(ending.events, "event"),
        counted(ending.messages, "message")
    )
}
