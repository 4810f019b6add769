//! The book's table of costs says what the code does.

use kafka_trial::kernel::{Config, Distribution, Duration};
use kafka_trial::plan::write_duration;
use std::collections::BTreeMap;

/// Name and default of every row.
fn table() -> BTreeMap<String, String> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/book/src/costs.md");
    let book = std::fs::read_to_string(path).expect("the chapter");
    let rows = book.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 3, "{row}");
        (cells[0].trim_matches('`').to_string(), cells[1].to_string())
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
        ("message", time(costs.message)),
        (
            "message_picos_per_byte",
            picos(costs.message_picos_per_byte),
        ),
        ("connection", time(costs.connection)),
        ("timer", time(costs.timer)),
        ("same_rack", log_normal(&network.same_rack, "150us", 25)),
        ("other_rack", log_normal(&network.other_rack, "500us", 25)),
        ("loopback", constant(&network.loopback)),
        ("bytes_per_second", bytes(network.bytes_per_second)),
        ("window", bytes(network.window)),
        ("retransmit_first", time(network.retransmit_first)),
        ("retransmit_longest", time(network.retransmit_longest)),
        ("give_up", time(network.give_up)),
        ("connect_retry_first", time(network.connect_retry_first)),
        ("connect_give_up", time(network.connect_give_up)),
        ("call", time(disk.call)),
        ("memory_picos_per_byte", picos(disk.memory_picos_per_byte)),
        ("read_latency", constant(&disk.read_latency)),
        ("sync_latency", log_normal(&disk.sync_latency, "1ms", 25)),
        ("disk bytes_per_second", bytes(disk.bytes_per_second)),
        ("writeback_after", time(disk.writeback_after)),
        ("dirty_limit", bytes(disk.dirty_limit)),
    ];
    let defaults: BTreeMap<String, String> = defaults
        .into_iter()
        .map(|(name, value)| (name.to_string(), value))
        .collect();
    assert_eq!(table(), defaults);
}
