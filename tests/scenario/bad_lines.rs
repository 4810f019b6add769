//! Lines of a scenario that are wrong, one way or another: what `bad_inputs` reads, case by case.

/// A scenario without fault; cases change one line of it.
pub const GOOD: &str = "\
format: 1
name: test
about: A scenario without fault.
duration: 2m
cluster:
  brokers: 3
topics:
  trucks_gps: {partitions: 3, replication.factor: 3}
producers:
  trucks: {count: 3, topic: trucks_gps, key: truck_id, value: position, every: 1s, acks: all}
consumers:
  dashboard: {topics: [trucks_gps]}
timeline:
  - {at: 30s, crash: leader of trucks_gps-0}
  - {at: 75s, restart: crashed brokers}
expect:
  - no acknowledged record is lost
";

/// One bad input: what is wrong, the part of a good document that is replaced, and what stands there instead.
pub type Change = (String, String, String);

/// Reads a table of bad inputs, one a line: ``what is wrong | `part` | `instead` ``, with `\n` for the end of a
/// line.
pub fn changes(table: &str) -> Vec<Change> {
    let unescaped = |text: &str| {
        text.replace("\\n", "\n")
            .replace("\\t", "\t")
            .replace("\\\\", "\\")
    };
    let row = |line: &str| {
        let (what, rest) = line.split_once(" | `")?;
        let (part, instead) = rest.strip_suffix('`')?.split_once("` | `")?;
        Some((what.to_owned(), unescaped(part), unescaped(instead)))
    };
    let rows = table.lines();
    rows.map(|line| row(line).unwrap_or_else(|| panic!("no row: {line}")))
        .collect()
}
