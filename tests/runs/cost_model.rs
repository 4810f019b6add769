//! The book's table of costs says what the code does.

use kafka_trial::kernel::{Config, Distribution, Duration};
use kafka_trial::plan::write_duration;
use std::collections::BTreeMap;

/// Name and default of every row.
fn table() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/book/src/costs.md");
    let book = std::fs::read_to_string(path).expect("the chapter");
    let is_row = |line: &&str| {
        let rest = line.strip_prefix("| ");
        rest.is_some_and(|rest| !rest.starts_with("**") && !rest.starts_with("What "))
    };
    let rows = book.lines().filter(is_row);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        (cells[0].to_string(), cells[1].to_string())
    })
    .collect()
}

#[test]
fn the_books_table_of_costs_equals_the_defaults() {
    let Config {
        costs,
        network,
        disk,
        ..
    } = Config::default();
    let time = |time: Duration| write_duration(time);
    let bytes = |bytes: u64| format!("{bytes} B");
    let picos = |picos: u64| format!("{picos} ps");
    let log_normal = |latency: &Distribution, median: &str, sigma: u32| {
        let median_time = kafka_trial::plan::parse_duration(median).expect("a time");
        assert_eq!(*latency, Distribution::log_normal(median_time, sigma));
        format!("log-normal, median {median}, sigma {sigma}%")
    };
    let constant = |latency: &Distribution| match latency {
        Distribution::Constant(time) => write_duration(*time),
        other => panic!("the table calls this constant: {other:?}"),
    };
    let defaults = [
        ("a message", time(costs.message)),
        ("a byte of it", picos(costs.message_picos_per_byte)),
        ("a connection", time(costs.connection)),
        ("a timer", time(costs.timer)),
        (
            "`network: latency`",
            log_normal(&network.same_rack, "150us", 25),
        ),
        (
            "`network: other_rack`",
            log_normal(&network.other_rack, "500us", 25),
        ),
        ("to itself", constant(&network.loopback)),
        ("`network: bandwidth`", bytes(network.bytes_per_second)),
        ("window", bytes(network.window)),
        ("first retransmission", time(network.retransmit_first)),
        ("longest wait for one", time(network.retransmit_longest)),
        ("giving up a connection", time(network.give_up)),
        ("first repeated connect", time(network.connect_retry_first)),
        ("giving up a connect", time(network.connect_give_up)),
        ("a call", time(disk.call)),
        ("a byte in memory", picos(disk.memory_picos_per_byte)),
        ("`disk: read`", constant(&disk.read_latency)),
        ("`disk: sync`", log_normal(&disk.sync_latency, "1ms", 25)),
        ("`disk: bandwidth`", bytes(disk.bytes_per_second)),
        ("write-back", time(disk.writeback_after)),
        ("dirty limit", bytes(disk.dirty_limit)),
    ];
    let defaults: BTreeMap<String, String> = defaults
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    assert_eq!(table(), defaults);
}

#[test]
fn names_that_look_like_keys_are_keys_of_a_scenario() {
    let keys: Vec<String> = table()
        .into_keys()
        .filter(|name| name.starts_with('`'))
        .collect();
    assert_eq!(keys.len(), 6);
    for key in keys {
        let (room, key) = key
            .trim_matches('`')
            .split_once(": ")
            .expect("room and key");
        let value = if key == "bandwidth" { "1MB/s" } else { "1ms" };
        let text =
            format!("format: 1\nname: s\nabout: a\nduration: 1m\n{room}: {{{key}: {value}}}\n");
        let loaded = kafka_trial::scenario::load("s.yaml", text.into_bytes(), &[]);
        assert!(loaded.is_ok(), "{room}: {key}: {loaded:?}");
    }
}
