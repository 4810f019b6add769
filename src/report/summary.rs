//! The summary of a run for people: seed, transcript, tables, clients, what held, digest.

use super::failure::failure;
use super::zookeeper::zookeeper;
use super::{Ending, kafka_get_offsets, kafka_topics_describe};
use crate::check::{Judgement, Latencies};
use crate::trace::{Style, transcript};

/// The whole summary. `style` is that of the transcript; `quiet` leaves out transcript and tables.
pub fn summary(ending: &Ending<'_>, style: Style, quiet: bool) -> String {
    let mut sections = vec![heading(ending)];
    if !quiet {
        sections.push(transcript(ending.trace, style));
        sections.push(tables(ending));
        sections.push(clients(ending));
    }
    sections.push(verdicts(ending, style));
    sections.push(figures(ending));
    if !ending.held() {
        sections.push(failure(ending));
    }
    sections.retain(|section| !section.is_empty());
    sections.join("\n")
}

/// One line about a run, for a list of several; names take `name_width` characters.
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
    format!(
        "{verdict:<6}  {:<name_width$}  seed {}  {held} of {} expectations{not_judged}, {} of {} properties  digest {:016x}",
        ending.plan.name,
        ending.seed,
        ending.outcomes.len(),
        ending
            .figures
            .iter()
            .filter(|(name, _)| !is_broken(ending, name))
            .count(),
        ending.figures.len(),
        ending.digest
    )
}

pub(super) fn is_broken(ending: &Ending<'_>, property: &str) -> bool {
    ending
        .violations
        .iter()
        .any(|violation| violation.property == property)
}

fn heading(ending: &Ending<'_>) -> String {
    let mut text = format!("seed {}\n{}", ending.seed, ending.plan.name);
    if !ending.plan.about.is_empty() {
        text.push_str(&format!(": {}", ending.plan.about.trim_end()));
    }
    text.push('\n');
    text
}

/// The end as Kafka's tools print it, and ZooKeeper's tree where it is shown.
pub fn tables(ending: &Ending<'_>) -> String {
    let topics = kafka_topics_describe(ending.view, ending.plan.cluster.kafka_version);
    let offsets = kafka_get_offsets(ending.view);
    let cache = ending.view.described().and_then(|it| it.cache_of);
    let source = cache.map_or_else(String::new, |id| {
        format!("   # from the metadata cache of broker-{id}: ZooKeeper tells of no topic")
    });
    let mut text =
        format!("$ kafka-topics --describe{source}\n{topics}\n$ kafka-get-offsets\n{offsets}");
    if let Some(most_nodes) = ending.zookeeper {
        text.push_str(&format!("\n{}", zookeeper(ending, most_nodes)));
    }
    text
}

fn clients(ending: &Ending<'_>) -> String {
    let mut text = String::new();
    for (name, totals) in ending.producers() {
        let arrived = match totals.sent {
            0 => format!("acknowledged {}", totals.acknowledged),
            sent => format!("sent {sent} (acks=0: nobody acknowledges)"),
        };
        text.push_str(&format!(
            "{name}: records made {}, {arrived}, given up {}, sent again {}\n",
            totals.created, totals.failed, totals.retried
        ));
    }
    for (name, totals) in ending.consumers() {
        text.push_str(&format!("{name}: records read {}\n", totals.read));
    }
    let latencies = Latencies::of(ending.trace);
    if latencies.count() > 0 {
        text.push_str(&format!("from hand-over to acknowledgement: {latencies}\n"));
    }
    text
}

/// Expectations of the plan, then properties that hold in every run: each where one asks for all or one is
/// broken, else in a line.
fn verdicts(ending: &Ending<'_>, style: Style) -> String {
    let mut text = String::new();
    for outcome in ending.outcomes {
        text.push_str(&format!("{outcome}\n"));
        if let Some(because) = &outcome.because {
            text.push_str(&format!("      since {}\n", because.trim_end()));
        }
    }
    if ending.violations.is_empty() && !style.verbose {
        let count = ending.figures.len();
        text.push_str(&format!(
            "held: {count} properties that must hold in every run (--verbose names them)\n"
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
        "digest {:016x}  {} simulated seconds, {} events, {} messages\n",
        ending.digest,
        ending.end.0 / 1_000_000_000,
        ending.events,
        ending.messages
    )
}
