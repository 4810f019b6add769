//! What is printed, looked at as a whole: every shipped scenario's transcript and summary stand in
//! `snapshots`, and none may have a sentence of a kind that readers stumbled over.

use std::collections::BTreeSet;
use std::path::Path;

/// The name of each printed run, and its text.
fn printed() -> Vec<(String, String)> {
    let mut printed = snapshots();
    printed.retain(|(name, _)| name.starts_with("run@"));
    assert!(printed.len() >= 40, "the shipped scenarios are there");
    printed
}

/// All that is printed anywhere: runs, log tools, reports.
fn snapshots() -> Vec<(String, String)> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots");
    let mut snapshots = Vec::new();
    for file in std::fs::read_dir(directory).expect("snapshots") {
        let path = file.expect("a file").path();
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        if name.ends_with(".snap") {
            let text = std::fs::read_to_string(&path).expect("text");
            let (_header, text) = text.split_once("\n---\n").expect("a header");
            snapshots.push((name, text.to_owned()));
        }
    }
    snapshots.sort();
    snapshots
}

/// Legend and transcript of a printed run.
fn parts(text: &str) -> (Vec<&str>, Vec<&str>) {
    let (told, _tables) = text.split_once("$ kafka-topics").expect("tables");
    let (_about, told) = told
        .split_once("Each line: time since the start")
        .expect("a legend");
    let (legend, transcript) = told.split_once("\n\n").expect("a transcript");
    (
        legend.lines().skip(1).collect(),
        transcript.lines().collect(),
    )
}

fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
}

/// No line of any run is wrong in the way that `wrong` finds.
fn no_line(wrong: impl Fn(&str) -> bool) {
    let mut found = Vec::new();
    for (name, text) in printed() {
        let lines = text.lines().filter(|line| wrong(line));
        found.extend(lines.map(|line| format!("{name}: {line}")));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_legend_explains_words_of_its_transcript_and_no_others() {
    for (name, text) in printed() {
        let (legend, transcript) = parts(&text);
        for line in legend {
            let (word, _meaning) = line.trim_start().split_once("  ").expect("two columns");
            assert!(
                transcript.iter().any(|line| line.contains(word)),
                "{name}: {word}"
            );
        }
    }
}

#[test]
fn no_abbreviation_stays_unexplained() {
    // Names of errors and signals are explained where they stand; these are those of settings and tools.
    let known: BTreeSet<&str> = BTreeSet::from([
        "SIGTERM",
        "UTC",
        "CRC",
        "NTP",
        "GPS",
        "JSON",
        "UUID",
        "ZooKeeper",
        "I",
        "O",
        // Columns of kafka-consumer-groups.
        "CURRENT",
        "OFFSET",
        "LOG",
        "END",
        "LAG",
        "CONSUMER",
        "HOST",
        "CLIENT",
    ]);
    for (name, text) in printed() {
        let (legend, transcript) = parts(&text);
        let legend = legend.join("\n");
        for line in transcript {
            let is_of_user = line.contains("  timeline  ");
            for word in words(line) {
                let is_short = word.len() >= 3 && word.chars().all(|c| c.is_ascii_uppercase());
                let is_error =
                    line.contains(&format!("{word}_")) || line.contains(&format!("_{word}"));
                if is_short && !is_error && !is_of_user && !known.contains(word) {
                    assert!(legend.contains(word), "{name}: {word} in {line}");
                }
            }
        }
    }
}

#[test]
fn one_thing_is_not_called_several() {
    // "server 1 has": it is the subject that the number names.
    const VERBS: [&str; 5] = ["does", "has", "is", "serves", "was"];
    let mut found = Vec::new();
    for (name, text) in snapshots() {
        for line in text.lines() {
            // "of 1,001 records" and "t-1 records" are no such thing.
            let mut words = line.split([' ', '(']).zip(line.split([' ', '(']).skip(1));
            let is_wrong = |(number, noun): (&str, &str)| {
                let noun = noun.trim_end_matches(|c: char| !c.is_alphanumeric());
                let is_plural = noun.len() > 2 && noun.ends_with('s') && !noun.ends_with("ss");
                let is_word = noun.chars().all(|c| c.is_ascii_lowercase());
                number == "1" && is_plural && is_word && !VERBS.contains(&noun)
            };
            if words.any(is_wrong) {
                found.push(format!("{name}: {line}"));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn several_do_not_do_it_as_one() {
    // "broker-1, broker-2 goes on", "/controller and /brokers/ids/1 goes with it".
    let is_name = |word: &str| word.starts_with('/') || word.contains('-');
    no_line(|line| {
        let clauses = line
            .split("  ")
            .flat_map(|part| part.split([';', ':', '(', ')', '.']));
        let mut subjects = clauses.filter_map(|clause| {
            let (subject, _) = clause
                .split_once(" goes on")
                .or_else(|| clause.split_once(" goes with it"))?;
            Some(subject.trim().replace(" and ", ", "))
        });
        subjects.any(|subject| {
            let names: Vec<&str> = subject.split(", ").collect();
            names.len() > 1
                && names
                    .iter()
                    .all(|name| is_name(name) && !name.contains(' '))
        })
    });
}

#[test]
fn a_reason_is_a_sentence_and_is_introduced_as_one() {
    no_line(|line| {
        let after = line.split("since ").nth(1).unwrap_or_default();
        let first = after.split(' ').next().unwrap_or_default();
        line.trim_start().starts_with("since ") && first.starts_with(|c: char| c.is_uppercase())
    });
}

#[test]
fn nothing_takes_no_time_at_all() {
    no_line(|line| {
        line.contains("after 0 ms") || line.contains("after 0.000 s") || line.contains(" 0 s for")
    });
}

#[test]
fn an_epoch_that_counts_no_leaders_is_called_a_brokers() {
    no_line(|line| {
        line.replace("broker epoch", "")
            .match_indices("epoch ")
            .any(|(at, _)| {
                let rest = &line.replace("broker epoch", "")[at + "epoch ".len()..];
                let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
                digits.len() > 6
            })
    });
}

#[test]
fn a_position_is_degrees() {
    // 52.520000, not 52520000: of what a consumer's application or a dump shows.
    no_line(|line| {
        (line.contains("\"lat\"") || line.contains("latitude"))
            && words(line).any(|word| {
                // A time in milliseconds has more.
                (8..=10).contains(&word.len()) && word.chars().all(|c| c.is_ascii_digit())
            })
    });
}

#[test]
fn no_tree_of_znodes_is_printed_unasked() {
    no_line(|line| line.contains("cZxid="));
}

#[test]
fn a_partition_that_a_table_leaves_out_is_named() {
    for (name, text) in printed() {
        let (_, tables) = text.split_once("$ kafka-topics").expect("tables");
        let (topics, offsets) = tables.split_once("$ kafka-get-offsets").expect("offsets");
        let offsets = offsets.split("\n\n").next().unwrap_or_default();
        for line in topics.lines().filter(|line| line.starts_with("\tTopic: ")) {
            let field = |name: &str| {
                let fields = line.split('\t');
                let mut of_it = fields.filter_map(|field| field.strip_prefix(name));
                of_it.next().unwrap_or_default()
            };
            let partition = format!("{}:{}", field("Topic: "), field("Partition: "));
            assert!(offsets.contains(&partition), "{name}: {partition}");
        }
    }
}
