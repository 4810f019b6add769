//! The course as a table: each heading with its scenarios, the pictures that these are about, and what they ask.

use crate::{by_two, pages, root, scenarios};
use kafka_trial::figure::{Recording, chosen};
use kafka_trial::scenario::{SHIPPED, Shipped};
use std::collections::{BTreeMap, BTreeSet};

pub fn made(up: &str) -> Result<String, String> {
    let shown = shown();
    let kinds = kinds()?;
    let mut text = String::new();
    let mut folder = "";
    for shipped in SHIPPED.iter().filter(|it| !it.shows_a_bug()) {
        let (own, _) = shipped.path.split_once('/').unwrap_or_default();
        if own != folder {
            folder = own;
            text.push_str(&format!(
                "\n## {}\n\n| Scenario | Pictures | Asks | In the book |\n|---|---|---|---|\n",
                heading(own)
            ));
        }
        text.push_str(&row(shipped, &kinds[shipped.name()], &shown, up)?);
    }
    Ok(text.trim_start().to_owned())
}

fn row(
    shipped: &Shipped,
    kinds: &str,
    shown: &BTreeMap<String, BTreeSet<(String, String)>>,
    up: &str,
) -> Result<String, String> {
    let name = shipped.name();
    let plan = scenarios::plan(name)?;
    let asks = plan
        .predict
        .iter()
        .map(|it| format!("{} (`{}`)", it.question.ask.trim(), it.id));
    let asks: Vec<String> = asks.collect();
    let pages = shown.get(name).into_iter().flatten();
    let pages = pages.map(|(path, title)| format!("[{title}]({up}{path})"));
    let pages: Vec<String> = pages.collect();
    Ok(format!(
        "| `{name}`: {} | {kinds} | {} | {} |\n",
        super::cell(first_sentence(&plan.about)),
        super::cell(&asks.join("<br>")),
        pages.join("<br>")
    ))
}

fn first_sentence(text: &str) -> &str {
    let text = text.trim();
    let end = text.match_indices(['.', '?']).map(|(at, _)| at + 1);
    let end = end.filter(|end| text[*end..].is_empty() || text[*end..].starts_with(' '));
    text.split_at(end.min().unwrap_or(text.len())).0
}

/// "02-topics-and-partitions" as "2. Topics and partitions".
fn heading(folder: &str) -> String {
    let (number, words) = folder.split_once('-').unwrap_or(("", folder));
    let words = words.replace('-', " ");
    let (first, rest) = words.split_at(words.len().min(1));
    let named = format!("{}{rest}", first.to_uppercase());
    let named = named
        .replace("gps", "GPS")
        .replace("isr", "ISR")
        .replace("Zookeeper", "ZooKeeper");
    format!("{}. {named}", number.trim_start_matches('0'))
}

/// The pages in which something is made of a scenario, by its name.
fn shown() -> BTreeMap<String, BTreeSet<(String, String)>> {
    let mut shown: BTreeMap<String, BTreeSet<(String, String)>> = BTreeMap::new();
    for page in pages::under(&root().join("book/src")) {
        let title = page.text.lines().find_map(|line| line.strip_prefix("# "));
        let title = title.unwrap_or(&page.path);
        for piece in &page.pieces {
            let pages::Piece::Make { what, .. } = piece else {
                continue;
            };
            for word in what
                .split_whitespace()
                .filter(|it| SHIPPED.iter().any(|of| of.name() == *it))
            {
                let pages = shown.entry(word.to_owned()).or_default();
                pages.insert((page.path.clone(), title.to_owned()));
            }
        }
    }
    shown
}

/// The pictures that `trial chart` draws of each scenario where nobody names one.
fn kinds() -> Result<BTreeMap<&'static str, String>, String> {
    let named = by_two(SHIPPED, |shipped| (shipped.name(), of(shipped.name())));
    named
        .into_iter()
        .map(|(name, of)| Ok((name, of?)))
        .collect()
}

fn of(name: &str) -> Result<String, String> {
    let plan = scenarios::plan(name)?;
    let recording =
        Recording::of_run(&plan, plan.seed, false).map_err(|error| error.to_string())?;
    let names: Vec<&str> = chosen(&recording)
        .into_iter()
        .map(|kind| kind.name())
        .collect();
    Ok(names.join(", "))
}

#[test]
fn a_sentence_ends_before_a_blank() {
    assert_eq!(
        first_sentence("Kafka 3.9 runs. It goes on."),
        "Kafka 3.9 runs."
    );
    assert_eq!(first_sentence("Is it lost? No."), "Is it lost?");
    assert_eq!(first_sentence("no end"), "no end");
}

#[test]
fn folders_are_headings() {
    assert_eq!(
        heading("02-topics-and-partitions"),
        "2. Topics and partitions"
    );
    assert_eq!(heading("12-leaders-and-isr"), "12. Leaders and ISR");
    assert_eq!(heading("03-truck-gps"), "3. Truck GPS");
    assert_eq!(heading("14-zookeeper"), "14. ZooKeeper");
}
