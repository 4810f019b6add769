//! The catalogue of bugs as a table: what breaks, since and until when, and what shows it.

use kafka_trial::campaign::catalogue::{Entry, entries};

pub fn made() -> String {
    let mut text =
        "| Bug | Since | Fixed | What breaks | See it | Not with |\n|---|---|---|---|---|---|\n"
            .to_owned();
    text.extend(entries().map(row));
    text
}

fn row(entry: &Entry) -> String {
    let Entry {
        id,
        title,
        report,
        since,
        fixed,
        broken,
        scenario,
        ..
    } = entry;
    format!(
        "| {id} {title} ({report}) | {since} | {fixed} | {broken} | `trial run {scenario}` | {} |\n",
        mended(entry)
    )
}

/// What to add to the command so that nothing breaks.
fn mended(entry: &Entry) -> String {
    let sets = entry
        .todays()
        .into_iter()
        .map(|(rule, now)| format!("rules/{rule}={now}"));
    let safe = entry.safe.iter().map(|set| (*set).to_owned());
    let sets: Vec<String> = sets
        .chain(safe)
        .map(|set| format!("`--set {set}`"))
        .collect();
    sets.join(" ")
}
