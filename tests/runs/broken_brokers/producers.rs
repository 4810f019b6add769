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

/// The same, and the record was given up before the broker came to it: who hands it over again has it stored twice,
/// idempotent or not (B38).
#[test]
fn app_resend_after_timeout() {
    Case {
        broken: "app_resend=after-timeout",
        era: "",
        noticed_by: "duplicates read by c: 0",
        plan: format!(
            "{ONE}
producers:
  p:
    topic: t
    every: 1s
    config: {{request.timeout.ms: 2000, delivery.timeout.ms: 3000}}
consumers: {{c: {{topics: [t]}}}}
timeline: [{{at: 10s, for: 5s, pause: broker-1}}]
expect: ['duplicates read by c: 0']
"
        ),
    }
    .check();
}

/// For a moment a leader takes nothing, while batches are on their way: what it refused then is sent again, and comes
/// behind what it took after (B37, J10). A leader that looks at numbers refuses these until that has come.
#[test]
fn sequence_check_off_stores_in_another_order() {
    Case {
        broken: "sequence_check=off",
        era: "",
        noticed_by: "an idempotent producer's records are stored once and in order",
        plan: "
cluster:
  brokers: [{id: 1, machine: {start_after: 0s}}, {id: 2, machine: {start_after: 1s}}]
  config: {zookeeper.session.timeout.ms: 6000}
topics: {t: {assignment: [[1, 2]]}}
producers: {p: {topic: t, every: 100ms, config: {linger.ms: 0}}}
timeline:
  - {at: 8s, crash: broker-2}
  - {at: 18s, slow link: p, to: broker-1, by: 200ms}
  - {at: 20s, alter topic: t, set: {min.insync.replicas: 2}}
  - {at: 20150ms, alter topic: t, delete: [min.insync.replicas]}
"
        .to_owned(),
    }
    .check_beside("a producer's sequence numbers follow each other");
}
