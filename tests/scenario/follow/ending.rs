//! What is said to have become of a record.

use super::{ends, followed};

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
