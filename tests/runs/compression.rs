//! Clusters whose producers and topics compress: what is acknowledged is stored, replicated and read.

use kafka_trial::{run, scenario};

const SCENARIO: &str = "
format: 1
name: packed
about: A producer packs records; a topic packs them again.
duration: 10s
cluster: {brokers: 2}
topics:
  kept: {partitions: 2, replication.factor: 2}
  again: {partitions: 1, replication.factor: 2, config: {compression.type: TOPIC}}
producers:
  trucks: {count: 2, topic: kept, key: truck_id, value: position, every: 1s, config: {compression.type: CLIENT}}
  others: {count: 1, topic: again, key: truck_id, value: position, every: 1s, config: {compression.type: CLIENT}}
consumers:
  dashboard: {topics: [kept, again]}
expect:
  - no acknowledged record is lost
";

#[test]
fn every_codec_keeps_what_is_acknowledged() {
    for (client, topic) in [
        ("gzip", "zstd"),
        ("snappy", "uncompressed"),
        ("lz4", "producer"),
        ("zstd", "snappy"),
        ("none", "lz4"),
    ] {
        let text = SCENARIO.replace("CLIENT", client).replace("TOPIC", topic);
        let loaded = scenario::load("packed.yaml", text.into_bytes(), &[]).unwrap();
        let report = run::run(&loaded.plan, 7).unwrap();
        assert!(report.held(), "{client} to {topic}");
    }
}
