//! The words of the transcript that a beginner may not know, explained where they are used.

/// The legend of the words that these lines use.
pub(super) fn legend(lines: &[String]) -> Vec<String> {
    let mut legend =
        vec!["Each line: time since the start, who, what happened and why.".to_owned()];
    for (word, meaning) in LEGEND {
        if lines.iter().any(|line| uses(line, word)) {
            legend.push(format!("  {word:<12} {meaning}"));
        }
    }
    legend
}

/// A broker epoch is none of a leader's or a controller's.
fn uses(line: &str, word: &str) -> bool {
    match word {
        "epoch" => line.replace("broker epoch", "").contains(word),
        _ => line.contains(word),
    }
}

/// Words of the transcript and what they mean.
const LEGEND: &[(&str, &str)] = &[
    (
        "leads",
        "a partition has one leader, which takes all its writes; the others follow, that is, copy",
    ),
    (
        "epoch",
        "counts the leaders of a partition (or the controllers): who speaks for an older one is refused",
    ),
    (
        "broker epoch",
        "tells a broker's registration from its earlier ones: the number of ZooKeeper's transaction that made it",
    ),
    (
        "ISR",
        "in-sync replicas: those of whom the leader knows that they keep up; one of them is the next leader",
    ),
    (
        "committed",
        "every in-sync replica has it; only committed records are read (the high watermark ends them)",
    ),
    (
        "acks=all",
        "a write is acknowledged only when every in-sync replica has it",
    ),
    (
        "controller",
        "the broker that decides who leads; ZooKeeper holds its decisions",
    ),
    (
        "session",
        "a broker's sign of life to ZooKeeper; ZooKeeper gives it up after a timeout without a ping",
    ),
    (
        "send again",
        "a retry: where the first attempt was stored after all, the record is there twice (producers are not idempotent here)",
    ),
];
