//! What clients of a partition feel of its outage, and when they go on: the first error, how often they asked who leads,
//! the first that succeeds.

use super::partition::{Case, State};
use super::past::name_of;
use super::phase::{Kind, Phase};
use crate::figure::words::moment;
use crate::kernel::{Duration, Time};
use crate::protocol::counted;
use crate::protocol::{ErrorCode, Fact};
use crate::trace::TraceEntry;

/// Who reads so soon after something was committed was waiting for that.
const AT_ONCE: Duration = Duration(50_000_000);

/// What users felt.
pub(super) enum Felt {
    /// Nothing was acknowledged, or read, after the fault.
    Never,
    /// No pause was longer than those before.
    Nothing,
    Gap(Phase),
}

impl Case<'_, '_> {
    pub(super) fn clients(&self, told: Time, after: State<'_>, phases: &mut Vec<Phase>) {
        let mut felt = Vec::new();
        let why = "a client that gets an error, or no answer, asks for metadata again and waits longer each time (KIP-580)";
        match self.felt_writes() {
            Felt::Nothing => phases.push(Phase::missing(
                "writes",
                "not felt: no pause was longer than those before",
                "acks: with 0 or 1 the other replicas are not waited for; who writes seldom waits for nobody",
            )),
            Felt::Never => {
                let said = "no record was acknowledged after this";
                phases.push(Phase::missing("writes", said, why));
            }
            Felt::Gap(phase) => {
                phases.push(self.writes(told, after, &phase));
                felt.push(phase);
            }
        }
        match self.felt_reads() {
            Felt::Nothing => phases.push(Phase::missing(
                "reads",
                "not felt: no pause was longer than those before",
                "reading goes on up to the high watermark",
            )),
            Felt::Never => {
                let said = "no consumer got a record after this";
                phases.push(Phase::missing("reads", said, why));
            }
            Felt::Gap(phase) => {
                phases.push(self.reads(told, after, &phase));
                felt.push(phase);
            }
        }
        phases.splice(0..0, felt);
    }

    pub(super) fn felt_writes(&self) -> Felt {
        let why = "from one acknowledged record to the next";
        self.felt("no write", |it| self.is_acked(it), why)
    }

    pub(super) fn felt_reads(&self) -> Felt {
        let why = "from one record that a consumer got to the next";
        self.felt("no read", |it| self.is_consumed(it), why)
    }

    /// The longest time since the fault without this, if it was longer than any before; what begins after the next
    /// fault is that one's.
    fn felt(
        &self,
        name: &'static str,
        is_it: impl Fn(&TraceEntry) -> bool,
        why: &'static str,
    ) -> Felt {
        let (mut last, mut usual) = (None, 0);
        let mut longest: Option<(u64, Time, Time)> = None;
        for entry in self.past.recording.facts.iter().filter(|it| is_it(it)) {
            let from: Time = last.replace(entry.time).unwrap_or(entry.time);
            if self.fault.next.is_some_and(|next| from >= next) {
                break;
            }
            let gap = entry.time.0 - from.0;
            if entry.time < self.fault.time {
                usual = usual.max(gap);
            } else if longest.is_none_or(|(longest, ..)| gap > longest) {
                longest = Some((gap, from, entry.time));
            }
        }
        match longest {
            None => Felt::Never,
            // What comes by chance comes half as late again now and then.
            Some((gap, ..)) if gap <= usual + usual / 2 => Felt::Nothing,
            Some((_, from, until)) => Felt::Gap(Phase {
                name,
                span: Some((from, until)),
                key: String::new(),
                said: format!(
                    "the last at {}, the next at {}",
                    moment(from),
                    moment(until)
                ),
                why,
                kind: Kind::Felt,
            }),
        }
    }

    fn writes(&self, told: Time, after: State<'_>, felt: &Phase) -> Phase {
        let until = felt.span.map_or(told, |(_, until)| until);
        if until < told {
            return again_before("writes", until);
        }
        let acked = self.past.first(until, |it| self.is_acked(it));
        let who = acked.map_or("", |it| &*it.node);
        let failed = self.past.since(self.fault.time).iter();
        let mut errors: Vec<ErrorCode> = failed
            .take_while(|it| it.time <= until)
            .filter_map(|it| match &it.fact {
                Fact::Retrying {
                    partition, error, ..
                } if partition == self.partition && &*it.node == who => Some(*error),
                _ => None,
            })
            .collect();
        errors.dedup();
        let too_few = errors.iter().any(|it| {
            matches!(
                it,
                ErrorCode::NotEnoughReplicas | ErrorCode::NotEnoughReplicasAfterAppend
            )
        });
        let key = match after.leader == self.before.leader {
            _ if too_few => "min.insync.replicas: too few are in sync",
            true => "acks=all waits for who is in the ISR",
            false if errors.contains(&ErrorCode::RequestTimedOut) => {
                "request.timeout.ms: the old leader does not answer"
            }
            false => "retry.backoff.ms to retry.backoff.max.ms",
        };
        let heard = match errors.last() {
            None => String::new(),
            Some(error) => format!(", after {}", error.name()),
        };
        Phase {
            name: "writes",
            span: Some((told, until)),
            key: key.to_owned(),
            said: format!("{who} is first{heard}{}", self.asked(who, until)),
            why: "the producer asks for metadata until it names a leader, with growing pauses; a request to a silent machine \
                  waits for its timeout (Sender, NetworkClient)",
            kind: Kind::Work,
        }
    }

    fn reads(&self, told: Time, after: State<'_>, felt: &Phase) -> Phase {
        let until = felt.span.map_or(told, |(_, until)| until);
        if until < told {
            return again_before("reads", until);
        }
        let got = self.past.first(until, |it| self.is_consumed(it));
        let who = got.map_or("", |it| &*it.node);
        let offset = got.and_then(|it| match it.fact {
            Fact::Consumed { offset, .. } => Some(offset),
            _ => None,
        });
        let leader = name_of(after.leader);
        // Since then it can be read.
        let committed = self.past.first(told, |it| match &it.fact {
            Fact::HighWatermarkMoved {
                partition,
                high_watermark,
                ..
            } => {
                partition == self.partition
                    && *it.node == *leader
                    && offset.is_some_and(|offset| *high_watermark > offset)
            }
            _ => false,
        });
        let held = self.past.first(self.fault.time, |it| {
            matches!(&it.fact, Fact::HighWatermarkHeld { partition, .. } if partition == self.partition)
        });
        let too_few = held.is_some_and(|it| it.time <= until);
        let was_there = committed.is_some_and(|it| it.time <= until);
        let at_once = committed.is_some_and(|it| until.0.saturating_sub(it.time.0) < AT_ONCE.0);
        let key = match after.leader == self.before.leader {
            true if too_few => "min.insync.replicas: too few are in sync",
            true => "the high watermark waits for who is in the ISR",
            false if was_there && at_once => "nothing was there to be read before",
            false if self.old_leader_answers(who, told, until) => {
                "metadata.max.age.ms: the old leader still answers"
            }
            false => "retry.backoff.ms to retry.backoff.max.ms",
        };
        let there = match committed.filter(|_| was_there) {
            Some(entry) => format!(" (committed at {})", moment(entry.time)),
            None => String::new(),
        };
        Phase {
            name: "reads",
            span: Some((told, until)),
            key: key.to_owned(),
            said: format!("{who} is first{there}{}", self.asked(who, until)),
            why: "a consumer gets what is committed; it asks for metadata until it names a leader (Fetcher, NetworkClient)",
            kind: Kind::Work,
        }
    }

    /// It sends this client something that is no error: so the client has no reason to ask who leads.
    fn old_leader_answers(&self, client: &str, told: Time, until: Time) -> bool {
        let old = name_of(self.before.leader);
        self.past.sent(told, until).any(|it| {
            *it.node == *old
                && &*it.to == client
                && (&*it.message == "nothing new" || it.message.contains("committed below"))
        })
    }

    /// How often a client asked for metadata since the fault, and since when.
    fn asked(&self, client: &str, until: Time) -> String {
        let sent = self.past.sent(self.fault.time, until);
        let mut asks = sent.filter(|it| &*it.node == client && it.message.starts_with("Metadata"));
        match asks.next() {
            None => String::new(),
            Some(first) => {
                let asks = counted(1 + asks.count(), "Metadata request");
                format!("; {asks} since {}", moment(first.time))
            }
        }
    }

    fn is_acked(&self, entry: &TraceEntry) -> bool {
        matches!(&entry.fact, Fact::Acked { partition, .. } if partition == self.partition)
    }

    fn is_consumed(&self, entry: &TraceEntry) -> bool {
        matches!(&entry.fact, Fact::Consumed { partition, .. } if partition == self.partition)
    }
}

/// Clients went on before anybody was told of anything.
fn again_before(name: &'static str, since: Time) -> Phase {
    let said = format!("they went on before that, at {}", moment(since));
    Phase::missing(
        name,
        said,
        "what stopped them was over before leader or ISR changed",
    )
}
