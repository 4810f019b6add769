//! What is said to have become of a record.

use super::{Scratch, ends, followed};

#[test]
fn refused_is_what_a_broker_or_the_registry_has_said_no_to() {
    let never = |why: &str| format!("never sent: no log has ever held it ({why})");
    let unsent = "TimeoutException: delivery.timeout.ms is over, and it was not sent once";
    let unasked = "SerializationException: its value: the registry cannot be asked for its schema's id: nobody listens there";
    for (scenario, record, why) in [
        ("topic-by-mistake", "new_truck#39", unsent),
        ("metrics", "machines-2#180", unsent),
        ("registry-down", "new-truck#1", unasked),
    ] {
        let journey = followed(&[scenario, record]);
        ends(&journey, &[&never(why), "nobody read it"]);
    }
    // It was sent, and nobody answered.
    let paused = [
        "wrong-deserializer",
        "counter#3",
        "--set",
        "+timeline=[{at: 7500ms, pause: broker-1, for: 5s}, {at: 9500ms, crash: broker-1}]",
        "--set",
        "+producers/counter/config/delivery.timeout.ms=6000",
        "--set",
        "+producers/counter/config/request.timeout.ms=5000",
    ];
    let given_up = "given up: no log has ever held it (TimeoutException: delivery.timeout.ms is over; the attempt before ended with NETWORK_EXCEPTION (the connection is lost, and with it the answer: if it is stored already, its sequence numbers tell))";
    ends(&followed(&paused), &[given_up, "nobody read it"]);
}

#[test]
fn who_is_stuck_before_it_or_elsewhere_is_said_to_read_nothing() {
    for place in ["trucks_gps-1@20", "trucks_gps-0@25"] {
        let journey = followed(&["poison-record-stuck", place]);
        let (partition, offset) = place.split_once('@').expect("a place");
        let held = format!("broker-1, broker-2, broker-3 hold it at {partition} offset {offset}");
        let stuck = "stuck: dashboard cannot read trucks_gps-1 offset 18, and reads nothing of its partitions any more";
        ends(&journey, &[&held, "nobody read it", stuck]);
    }
    // This one it came to.
    let read = followed(&["poison-record-stuck", "trucks_gps-1@17"]);
    assert!(!read.contains("stuck:"), "{read}");
}

#[test]
fn a_reader_that_has_fetched_it_throws_for_it_when_it_is_deleted_too() {
    let deleted = "+timeline=[{at: 30s, delete records: trucks_gps-1, before: 20}]";
    let journey = followed(&["poison-record-stuck", "stranger#1", "--set", deleted]);
    let gone = "deleted: no log holds it any more (an administrator asked for it)";
    ends(&journey, &[gone, super::POISON_STOPS]);
}

#[test]
fn each_way_in_which_a_group_came_to_do_it_again_is_named() {
    let scratch = Scratch::new("follow-done-again");
    let plan = scratch.file(
        "plan.yaml",
        "format: 1\nname: hands\nabout: Three read beside each other.\nduration: 40s\n\
         cluster: {brokers: 1, config: {offsets.topic.replication.factor: 1}}\n\
         topics: {t: {partitions: 1}}\n\
         producers: {p: {topic: t, every: 500ms}}\n\
         consumers:\n\
         \x20 m: {topics: [t], config: {group.id: g}}\n\
         \x20 hand: {topics: [t], assign: t-0, config: {group.id: g, enable.auto.commit: false}}\n\
         \x20 late: {topics: [t], assign: t-0, start: 20s, config: {group.id: g, enable.auto.commit: false}}\n",
    );
    let beside = "m and hand read its partition side by side (hand names its partitions itself)";
    let committed = "late began at offset 27 (its group's committed offset)";
    for (record, times, why) in [
        ("t-0@25", 2, beside.to_owned()),
        ("t-0@30", 3, format!("{beside}; {committed}")),
    ] {
        let held = format!("broker-1 holds it at t-0 offset {}", &record[4..]);
        let done = format!("processed twice: group g was done with it {times} times: {why}");
        ends(&followed(&[&plan, record]), &[&held, &done]);
    }
}
