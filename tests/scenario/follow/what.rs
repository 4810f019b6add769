//! What a record is said to be: its key and value where no log has them, and why it goes to its partition.

use super::followed;

/// The lines before the stations.
fn head(arguments: &[&str]) -> String {
    let journey = followed(arguments);
    let lines = journey.lines().skip(1).take_while(|line| !line.is_empty());
    lines.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_record_that_is_in_no_log_is_shown_as_its_application_made_it() {
    let large = [
        "acks-and-min-insync",
        "trucks-1#3",
        "--set",
        "+producers/trucks/config/max.request.size=100",
    ];
    let key = "key        truck 1  (7 bytes: 74 72 75 63 6b 20 31)\n";
    let hash =
        "murmur2 of its key is 0xeb9e325e, without the sign 1805529694, modulo 1 partition = 0";
    let shown = head(&large);
    let value = "value      {\"truck\":\"truck 1\",\"number\":3,\"time\":1717401603079,\"latitude\":52.538072,\"longitude\":13.409932}  (94 bytes: 7b ";
    assert!(shown.contains(&format!("{key}{value}")), "{shown}");
    let none = format!(
        "partition  none of trucks_gps: it got none; its key would lead to trucks_gps-0: {hash}"
    );
    assert!(shown.ends_with(&none), "{shown}");
    // It was in a batch, and a broker refused it.
    let shown = head(&["min-insync-refused", "trucks-1#50"]);
    assert!(shown.starts_with(key), "{shown}");
    assert!(
        shown.ends_with(&format!("partition  trucks_gps-0: {hash}")),
        "{shown}"
    );
    // Its application had made the next one when this one was given up.
    let shown = head(&["explicit-partition", "early#1"]);
    let lines = "key        none\nvalue      1  (1 byte: 31)\npartition  letters-2: its application named it";
    assert_eq!(shown, lines);
    // Objects that never became bytes.
    let shown = head(&["incompatible-schema-change", "new-trucks#2"]);
    assert!(shown.starts_with("key        truck 1  (no bytes were made of it)\nvalue      {\"truck\":\"truck 1\",\"number\":2,"), "{shown}");
    assert!(shown.ends_with(&none), "{shown}");
}

#[test]
fn what_an_application_could_not_send_on_is_what_it_had_read() {
    let small = "+topics/trucks_copy/config/max.message.bytes=100";
    let forwarded = [
        "sent-on-twice",
        "copier#1",
        "--set",
        "timeline=[]",
        "--set",
        small,
    ];
    let shown = head(&forwarded);
    let read = head(&["sent-on-twice", "trucks_gps-0@0"]);
    let lines = |head: &str| -> Vec<String> {
        let bytes = |line: &&str| line.starts_with("key ") || line.starts_with("value ");
        // Who sends it on does not know by which serializer it was written.
        let lines = head.lines().filter(bytes);
        lines.map(|line| line.replace("1 by int  ", "")).collect()
    };
    assert_eq!(lines(&read).len(), 2, "{read}");
    assert_eq!(lines(&shown), lines(&read));
    let origin = "copy of    trucks_gps-0 offset 0, which copier could not send on\n";
    assert!(shown.contains(origin), "{shown}");
    let small = "+topics/trucks_gps.dead/config/max.message.bytes=100";
    let letter = head(&["poison-record-dead-letter", "dashboard#1", "--set", small]);
    let poison = head(&["poison-record-dead-letter", "stranger#1"]);
    assert_eq!(lines(&poison).len(), 2, "{poison}");
    assert_eq!(lines(&letter), lines(&poison));
    let origin =
        "copy of    trucks_gps-1 offset 18, which dashboard cannot read and could not send on\n";
    assert!(letter.starts_with(origin), "{letter}");
}

#[test]
fn a_long_value_is_shown_by_its_beginning() {
    let long = "producers/trucks/value={bytes: 5000B}";
    let shown = head(&["acks-and-min-insync", "trucks-1#3", "--set", long]);
    let value = format!("value      3{} ...  (5000 bytes: 33 2e ", ".".repeat(299));
    assert!(shown.contains(&value), "{shown}");
}

#[test]
fn a_partitioner_is_named_as_it_was_configured() {
    let class = |name: &str| {
        format!(
            "+producers/trucks/config/partitioner.class=org.apache.kafka.clients.producer.{name}"
        )
    };
    let why = |sets: &[&str]| {
        let mut arguments = vec!["partition-added", "trucks-3#5"];
        arguments.extend(sets.iter().flat_map(|set| ["--set", set]));
        let shown = head(&arguments);
        let (_, why) = shown
            .rsplit_once("partition  trucks_gps-")
            .expect("a partition");
        why[3..].to_owned()
    };
    let no_key = "producers/trucks/key=none";
    let stays = "stays with one partition until a batch is full, then draws another";
    for (sets, expected) in [
        (
            &[no_key][..],
            "it has no key: the built-in partitioner stays with one partition for batch.size bytes, then draws another".to_owned(),
        ),
        (
            &["+producers/trucks/config/partitioner.ignore.keys=true"],
            "its key does not count (partitioner.ignore.keys): the built-in partitioner stays with one partition for batch.size bytes, then draws another".to_owned(),
        ),
        (
            &[&class("RoundRobinPartitioner")],
            "its key does not count: RoundRobinPartitioner gives each record to the next partition".to_owned(),
        ),
        (
            &[&class("UniformStickyPartitioner")],
            format!("its key does not count: UniformStickyPartitioner {stays}"),
        ),
        (
            &["cluster/kafka_version=2.8", no_key],
            format!("it has no key: DefaultPartitioner (Kafka's until 3.2) {stays}"),
        ),
        (
            &["cluster/kafka_version=2.8"],
            "murmur2 of its key is 0x1569ac22, without the sign 359246882, modulo 2 partitions = 0".to_owned(),
        ),
    ] {
        assert_eq!(why(sets), expected, "{sets:?}");
    }
}

/// Two partitions more were made at 40 s, and producers ask every ten seconds.
#[test]
fn a_producer_that_does_not_know_of_more_partitions_yet_chooses_among_fewer() {
    let why = |number: u64| {
        let shown = head(&["partition-added", &format!("trucks-3#{number}")]);
        shown.lines().last().unwrap_or_default().to_owned()
    };
    let few = "modulo 2 partitions = 0";
    assert!(why(30).ends_with(few), "{}", why(30));
    let late = format!("{few}; its producer did not know yet that there are 4");
    assert!(why(41).ends_with(&late), "{}", why(41));
    assert!(why(60).ends_with("modulo 4 partitions = 2"), "{}", why(60));
}
