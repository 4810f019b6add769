//! Who is in a scenario, in plain lines. What a scenario says it is about often tells how it ends; this does not.

use crate::plan::{Acks, Plan};
use crate::protocol::counted;

/// More lines than this nobody reads on a slide.
const MOST: usize = 9;

pub(super) fn of(plan: &Plan) -> Vec<String> {
    let mut lines = vec![format!(
        "{}.",
        counted(plan.cluster.brokers.len(), "broker")
    )];
    for topic in &plan.topics {
        let partitions = topic.partitions.map(|it| counted(it, "partition"));
        let copies = topic
            .replication_factor
            .map(|it| format!("{} of each", counted(it, "replica")));
        let size: Vec<String> = partitions.into_iter().chain(copies).collect();
        lines.push(match size.is_empty() {
            true => format!("Topic {}.", topic.name),
            false => format!("Topic {}: {}.", topic.name, size.join(", ")),
        });
    }
    for producer in &plan.producers {
        let acks = match producer.acks {
            Some(Acks::None) => ", acks=0",
            Some(Acks::Leader) => ", acks=1",
            Some(Acks::All) => ", acks=all",
            None => "",
        };
        lines.push(format!(
            "{} to {}{acks}.",
            several(&producer.name, producer.count, "sends", "send"),
            producer.topic
        ));
    }
    for consumer in &plan.consumers {
        let group = consumer.group_id().map(|group| format!(", group {group}"));
        lines.push(format!(
            "{} {}{}.",
            several(&consumer.name, consumer.count, "reads", "read"),
            consumer.topics.join(", "),
            group.unwrap_or_default()
        ));
    }
    if lines.len() > MOST {
        let more = lines.len() - (MOST - 1);
        lines.truncate(MOST - 1);
        lines.push(format!("And {more} more."));
    }
    lines
}

/// "trucks (3) send", "dashboard reads".
fn several(name: &str, count: Option<u32>, one: &str, many: &str) -> String {
    match count {
        Some(count) if count > 1 => format!("{name} ({count}) {many}"),
        _ => format!("{name} {one}"),
    }
}
