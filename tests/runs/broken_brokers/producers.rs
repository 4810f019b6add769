//! Idempotent producers: what leaders make of sequence numbers, and what producers give a retry.

use super::case::Case;

const ONE: &str = "
cluster: {brokers: 1}
topics: {t: {partitions: 1, replication.factor: 1}}
";

/// The only broker stands still, and afterwards works off what it was sent: each record and its retry.
#[test]
fn sequence_check_off() {
    Case {
        broken: "sequence_check=off",
        era: "",
        noticed_by: "a producer's sequence numbers follow each other",
        plan: format!(
            "{ONE}
producers: {{p: {{topic: t, every: 1s, config: {{request.timeout.ms: 2000}}}}}}
timeline: [{{at: 10s, for: 5s, pause: broker-1}}]
"
        ),
    }
    .check();
}

/// The same: a leader cannot know again what comes under another number.
#[test]
fn retry_sequence_new() {
    Case {
        broken: "retry_sequence=new",
        era: "",
        noticed_by: "an idempotent producer's records are stored once and in order",
        plan: format!(
            "{ONE}
producers: {{p: {{topic: t, every: 1s, config: {{request.timeout.ms: 2000}}}}}}
timeline: [{{at: 10s, for: 5s, pause: broker-1}}]
"
        ),
    }
    .check();
}
