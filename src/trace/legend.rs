//! The words of the transcript that a beginner may not know, explained where they are used: exactly those.

/// The legend of the words that these lines use.
pub(super) fn legend(lines: &[String]) -> Vec<String> {
    let is_used = |term: &&Term| lines.iter().any(|line| term.is_in(line));
    let used: Vec<&Term> = LEGEND.iter().filter(is_used).collect();
    let width = used.iter().map(|term| term.word.len()).max().unwrap_or(0);
    let mut legend =
        vec!["Each line: time since the start, who, what happened and why.".to_owned()];
    legend.extend(
        used.iter()
            .map(|term| format!("  {:<width$}  {}", term.word, term.meaning)),
    );
    legend
}

/// A word, and what it means in a transcript.
struct Term {
    word: &'static str,
    /// Where the same word means something else.
    but_not_in: &'static [&'static str],
    meaning: &'static str,
}

impl Term {
    fn is_in(&self, line: &str) -> bool {
        let mut line = line.to_owned();
        for other in self.but_not_in {
            line = line.replace(other, "");
        }
        let is_part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
        line.match_indices(self.word).any(|(at, word)| {
            let (before, after) = (&line[..at], &line[at + word.len()..]);
            // Of a setting's name, as of `session.timeout.ms`, too.
            let before = before.strip_suffix('.').unwrap_or(before);
            let after = after.strip_prefix('.').unwrap_or(after);
            !before.ends_with(is_part_of_a_word) && !after.starts_with(is_part_of_a_word)
        })
    }
}

const fn term(word: &'static str, meaning: &'static str) -> Term {
    Term {
        word,
        but_not_in: &[],
        meaning,
    }
}

/// Words of the transcript and what they mean.
const LEGEND: &[Term] = &[
    Term {
        but_not_in: &["leads epoch"],
        ..term(
            "leads",
            "a partition has one leader, which takes all its writes; the others follow, that is, copy",
        )
    },
    Term {
        but_not_in: &["broker epoch"],
        ..term(
            "epoch",
            "counts the leaders of a partition (or the controllers, or ZooKeeper's leaders): who speaks for an older one is refused",
        )
    },
    term(
        "broker epoch",
        "tells a broker's registration from its earlier ones: the number of ZooKeeper's transaction that made it",
    ),
    term(
        "ISR",
        "in-sync replicas: those of whom the leader knows that they keep up; one of them is the next leader",
    ),
    Term {
        but_not_in: &["committed offset", "what it has committed stays"],
        ..term(
            "committed",
            "every in-sync replica has it; only committed records are read (the high watermark ends them)",
        )
    },
    term(
        "high watermark",
        "the offset at which committed records end",
    ),
    term(
        "acks=all",
        "a write is acknowledged only when every in-sync replica has it",
    ),
    term(
        "acks=1",
        "a write is acknowledged when its leader has it; if that dies first, it is lost",
    ),
    term(
        "acks=0",
        "a write is sent, and nobody says whether it came to anything",
    ),
    term(
        "min.insync.replicas",
        "in a smaller ISR nothing is committed, and acks=all is refused",
    ),
    term(
        "replica.lag.time.max.ms",
        "a follower that has not caught up with its leader for so long leaves the ISR",
    ),
    term(
        "controller",
        "the broker that decides who leads; ZooKeeper holds its decisions",
    ),
    term(
        "advertised.listeners",
        "where a broker says that it is to be reached; clients and other brokers are told that, and go there",
    ),
    term(
        "session",
        "a broker's sign of life to ZooKeeper; ZooKeeper gives it up after a timeout without a ping",
    ),
    term(
        "quorum",
        "more than half of ZooKeeper's servers: what they have stored is decided",
    ),
    term(
        "zxid",
        "the number of a transaction of ZooKeeper: in front the epoch of the leader that made it, behind a count",
    ),
    term(
        "DIFF",
        "a ZooKeeper server is sent the transactions that it lacks, and no more",
    ),
    term(
        "TRUNC",
        "a ZooKeeper server cuts transactions that the leader does not have",
    ),
    term("SNAP", "a ZooKeeper server is sent the whole tree"),
    Term {
        but_not_in: &["group.initial.rebalance.delay.ms", "group.max.size"],
        ..term(
            "group",
            "consumers that share the work: each partition is read by one of them; every group reads everything",
        )
    },
    Term {
        but_not_in: &["member of the ISR", "members of the ISR"],
        ..term("member", "a consumer of a group")
    },
    term(
        "coordinator",
        "the broker that keeps a group: it leads the partition of __consumer_offsets with the group's records",
    ),
    Term {
        but_not_in: &["group.initial.rebalance.delay.ms"],
        ..term(
            "rebalance",
            "a group shares its partitions out anew; what members give up for it nobody reads meanwhile",
        )
    },
    term(
        "generation",
        "counts the rebalances of a group: who speaks for an older one is refused",
    ),
    term(
        "group's committed offset",
        "where a group reads on: a consumer has stored in __consumer_offsets that all before it is read",
    ),
    term(
        "heartbeat",
        "a member's sign of life to its group's coordinator",
    ),
    term(
        "send again",
        "a retry: where the first attempt was stored after all, a producer without enable.idempotence has its record there twice",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    /// The words that are explained to who reads this line.
    fn explained(line: &str) -> Vec<&'static str> {
        let terms = LEGEND.iter().filter(|term| term.is_in(line));
        terms.map(|term| term.word).collect()
    }

    #[test]
    fn exactly_the_terms_of_a_transcript_are_explained() {
        assert_eq!(explained("broker-1 is paused"), [""; 0]);
        assert_eq!(
            explained("leads t-0 (epoch 1; log ends at 4, committed below 3)"),
            ["leads", "epoch", "committed"]
        );
        assert_eq!(
            explained("brings server 1, whose last zxid is 0x0, up to date by DIFF"),
            ["zxid", "DIFF"]
        );
        assert_eq!(
            explained("leads epoch 1: a quorum has all that it has, up to zxid 0x0"),
            ["epoch", "quorum", "zxid"]
        );
        for mode in ["DIFF", "TRUNC", "SNAP"] {
            assert_eq!(explained(&format!("up to date by {mode}")), [mode]);
        }
        assert_eq!(explained("gives up the session of broker-2"), ["session"]);
        assert_eq!(
            explained("nothing heard within session.timeout.ms"),
            [""; 0]
        );
    }

    #[test]
    fn a_word_that_means_something_else_is_not_explained() {
        assert_eq!(
            explained("registers: /brokers/ids/1, broker epoch 73"),
            ["broker epoch"]
        );
        assert_eq!(explained("there is no committed offset"), [""; 0]);
        assert_eq!(explained("asks the controllers"), [""; 0]);
        assert_eq!(explained("misleads"), [""; 0]);
        assert_eq!(explained("acks=10"), [""; 0]);
    }

    #[test]
    fn no_meaning_needs_a_word_that_is_explained_nowhere() {
        for term in LEGEND {
            assert!(!term.meaning.is_empty() && !term.meaning.ends_with('.'));
            let others = LEGEND.iter().filter(|other| other.word == term.word);
            assert_eq!(others.count(), 1, "{}", term.word);
        }
    }
}
