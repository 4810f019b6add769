//! The page of the book that lists why things happen is the table of the code, with the test that proves each rule.

use kafka_trial::figure::TABLE;
use std::fs;
use std::path::Path;

/// As it stands in the book. `UPDATE_BOOK=1 cargo test --test figures why` writes it anew.
#[test]
fn the_page_of_reasons_is_the_table_of_the_code() {
    let book = Path::new(env!("CARGO_MANIFEST_DIR")).join("book/src");
    let rules = fs::read_to_string(book.join("rules.md")).expect("the rules");
    let page = page(&rules);
    let path = book.join("why.md");
    if std::env::var_os("UPDATE_BOOK").is_some() {
        fs::write(&path, &page).expect("the page");
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(found, page, "book/src/why.md is not what the code says");
}

fn page(rules: &str) -> String {
    let mut page = "# Why things happen\n\n\
        What stands beside each arrow and each state of a [picture](figures.md): the rule in words, the Kafka setting that\n\
        governs it, where it is read from, and the test that proves it. Written from the table in `src/figure/why.rs`.\n\n\
        | What | Rule | Setting | Read from | Rule's id | Test |\n|---|---|---|---|---|---|\n"
        .to_owned();
    for why in TABLE {
        let key = why
            .key
            .map_or_else(|| "none".to_owned(), |key| format!("`{key}`"));
        page.push_str(&format!(
            "| `{}` | {} | {key} | {} | {} | {} |\n",
            why.of,
            why.words,
            why.source,
            why.rule,
            test_of(rules, why.rule)
        ));
    }
    page
}

/// The last cell of the rule's row.
fn test_of<'a>(rules: &'a str, rule: &str) -> &'a str {
    let begins = format!("| {rule} |");
    let row = rules.lines().find(|line| line.starts_with(&begins));
    let row = row.unwrap_or_else(|| panic!("{rule} has no row"));
    let cells = row.trim_end_matches('|').rsplit_once('|');
    cells.map_or("", |(_, test)| test.trim())
}
