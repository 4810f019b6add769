//! The outage of a partition whose leader, or one of whose replicas in sync, is hit: who finds it out by which silence,
//! who decides, who is told when, when clients write and read again, when the ISR is whole.
//!
//! From facts and messages only: what nobody has stated did not occur.

use super::past::{Fault, Past, name_of};
use super::phase::{Kind, Outage, Phase};
use crate::figure::words::{lasted, moment};
use crate::kernel::{Duration, Time};
use crate::protocol::counted;
use crate::protocol::{BrokerId, Fact, IsrChange, StateWriteReason, TopicPartition};
use crate::trace::TraceEntry;
use std::collections::{BTreeMap, BTreeSet};

/// Controllers have told all brokers by then.
const ALL_TOLD: Duration = Duration(1_000_000_000);

/// As the controller has written it.
#[derive(Clone, Copy)]
pub(super) struct State<'a> {
    time: Time,
    by: &'a str,
    pub leader: BrokerId,
    epoch: i32,
    isr: &'a [BrokerId],
    reason: StateWriteReason,
}

/// What is asked about one partition.
pub(super) struct Case<'a, 'b> {
    pub past: &'b Past<'a>,
    pub fault: &'b Fault<'a>,
    pub partition: &'a TopicPartition,
    pub before: State<'a>,
    /// The first state with other replicas in sync, or another leader.
    after: Option<State<'a>>,
    states: &'b [State<'a>],
}

/// The states of all partitions, in the order in which they were written.
pub(super) type States<'a> = BTreeMap<&'a TopicPartition, Vec<State<'a>>>;

pub(super) fn states<'a>(past: &Past<'a>) -> States<'a> {
    let mut states = States::new();
    for entry in &past.recording.facts {
        if let Fact::StateWritten {
            partition,
            leader,
            leader_epoch,
            isr,
            reason,
            ..
        } = &entry.fact
        {
            states.entry(partition).or_default().push(State {
                time: entry.time,
                by: &entry.node,
                leader: *leader,
                epoch: *leader_epoch,
                isr,
                reason: *reason,
            });
        }
    }
    states
}

/// Of a partition that is hit, by its leader or by another in sync.
pub(super) fn case<'a, 'b>(
    past: &'b Past<'a>,
    fault: &'b Fault<'a>,
    partition: &'a TopicPartition,
    states: &'b [State<'a>],
) -> Option<Case<'a, 'b>> {
    let before = *states.iter().rev().find(|it| it.time < fault.time)?;
    let mut in_sync = before.isr.iter();
    let is_hit = fault.hits_broker(before.leader) || in_sync.any(|it| fault.hits_broker(*it));
    let changed = |it: &&State<'_>| {
        it.time >= fault.time
            && it.leader >= 0
            && it.reason != StateWriteReason::PreferredElection
            && (it.epoch != before.epoch || it.isr.len() < before.isr.len())
    };
    is_hit.then(|| Case {
        past,
        fault,
        partition,
        before,
        after: states.iter().find(changed).copied(),
        states,
    })
}

impl Case<'_, '_> {
    pub(super) fn leader_is_hit(&self) -> bool {
        self.fault.hits_broker(self.before.leader)
    }

    pub(super) fn outage(&self) -> Outage {
        let leader = name_of(self.before.leader);
        let role = match self.leader_is_hit() {
            true => format!("{leader} led it"),
            false => format!("led by {leader}"),
        };
        let isr: Vec<String> = self.before.isr.iter().map(BrokerId::to_string).collect();
        Outage {
            title: format!("{}: {role}, in sync {}", self.partition, isr.join(",")),
            phases: self.phases(),
        }
    }

    fn phases(&self) -> Vec<Phase> {
        let mut phases = Vec::new();
        let Some(after) = self.after else {
            return self.undecided();
        };
        let detected = self.detect(after, &mut phases);
        self.decide(after, detected, &mut phases);
        let told = self.tell(after, &mut phases);
        self.clients(told, after, &mut phases);
        self.catch_up(after, &mut phases);
        phases
    }

    /// When somebody noticed.
    fn detect(&self, after: State<'_>, phases: &mut Vec<Phase>) -> Time {
        let from = self.fault.time;
        let (past, fault) = (self.past, self.fault);
        let until = after.time;
        let within = |entry: Option<&TraceEntry>| entry.map(|it| it.time).filter(|it| *it <= until);
        let mut push = |found: Option<Time>, key: String, said: String, why| {
            let until = found.unwrap_or(until);
            phases.push(Phase {
                name: "detect",
                span: Some((from, until)),
                key,
                said,
                why,
                kind: Kind::Work,
            });
            until
        };
        match after.reason {
            StateWriteReason::AlterPartition => {
                let asked = past.first(from, |it| matches!(&it.fact, Fact::IsrChangeAsked { partition, change: IsrChange::Shrink, .. } if partition == self.partition));
                let max = past
                    .before(until)
                    .iter()
                    .rev()
                    .find_map(|it| match it.fact {
                        Fact::BrokerConfigured {
                            replica_lag_time_max_ms,
                        } if *it.node == *name_of(after.leader) => Some(replica_lag_time_max_ms),
                        _ => None,
                    });
                let key = match max {
                    Some(max) => format!("replica.lag.time.max.ms={max}"),
                    None => "replica.lag.time.max.ms".to_owned(),
                };
                let said = format!(
                    "{}, the leader, looks at half that interval who has not caught up",
                    name_of(after.leader)
                );
                let why = "ReplicaManager.maybeShrinkIsr: a follower that has not caught up for so long leaves the ISR";
                push(within(asked), key, said, why)
            }
            StateWriteReason::ControlledShutdown => {
                let begins = past.first(from, |it| {
                    matches!(it.fact, Fact::ControlledShutdownBegins)
                        && fault.hits.contains(&*it.node)
                });
                let said = "it says itself that it stops: no silence is needed".to_owned();
                let why = "a broker that is asked to stop gives its leaderships away first (ControlledShutdown)";
                push(
                    within(begins),
                    "controlled.shutdown.enable".to_owned(),
                    said,
                    why,
                )
            }
            _ => self.session_ended(until, push),
        }
    }

    /// ZooKeeper gives a session up, or the controller sees that a broker is another process.
    pub(super) fn session_ended(
        &self,
        until: Time,
        mut push: impl FnMut(Option<Time>, String, String, &'static str) -> Time,
    ) -> Time {
        let (past, fault) = (self.past, self.fault);
        let ended = self.session_end();
        let why = "a broker lives as long as its session with ZooKeeper; ZooKeeper gives it up when it heard nothing for \
                   the timeout, rounded up to its tick";
        match ended.filter(|it| it.time <= until) {
            Some(entry) => {
                let session = match entry.fact {
                    Fact::SessionExpired { session, .. } => Some(session),
                    _ => None,
                };
                let timeout = session.and_then(|session| {
                    past.recording.facts.iter().find_map(|it| match it.fact {
                        Fact::SessionOpened {
                            session: of,
                            timeout_ms,
                        } if of == session => Some(timeout_ms),
                        _ => None,
                    })
                });
                let heard = past.heard_last(fault, "zookeeper-", entry.time);
                let (key, said) = match (session, timeout) {
                    (None, _) => (
                        "the session is closed".to_owned(),
                        "it says itself that it ends".to_owned(),
                    ),
                    (_, timeout) => (
                        timeout.map_or_else(
                            || "zookeeper.session.timeout.ms".to_owned(),
                            |it| format!("zookeeper.session.timeout.ms={it}"),
                        ),
                        match heard {
                            Some(heard) => format!(
                                "ZooKeeper heard its last word at {}, and gives its session up",
                                moment(heard)
                            ),
                            None => "ZooKeeper gives its session up".to_owned(),
                        },
                    ),
                };
                push(Some(entry.time), key, said, why)
            }
            None => {
                let seen = past.first(fault.time, |it| {
                    matches!(
                        it.fact,
                        Fact::BrokersChanged { .. } | Fact::ControllerElected { .. }
                    )
                });
                let said =
                    "the controller sees that it is another process, or not there".to_owned();
                let key = "no session had to end".to_owned();
                push(
                    seen.map(|it| it.time).filter(|it| *it <= until),
                    key,
                    said,
                    why,
                )
            }
        }
    }

    /// The first session of a broker that was hit that ends from then on.
    pub(super) fn session_end(&self) -> Option<&TraceEntry> {
        let hits = self.fault.hits.iter();
        let ids = hits.filter_map(|it| it.strip_prefix("broker-"));
        let paths: Vec<String> = ids.map(|id| format!("/brokers/ids/{id}")).collect();
        self.past.first(self.fault.time, |it| match &it.fact {
            Fact::SessionExpired { ephemerals, .. } | Fact::SessionClosed { ephemerals, .. } => {
                let mut ended = ephemerals.iter();
                ended.any(|path| paths.iter().any(|it| **it == **path))
            }
            _ => false,
        })
    }

    fn decide(&self, after: State<'_>, detected: Time, phases: &mut Vec<Phase>) {
        let (mut from, mut was_elected) = (detected, false);
        let elected = self.past.first(detected, |it| {
            matches!(it.fact, Fact::ControllerElected { .. })
        });
        if let Some(entry) = elected.filter(|it| it.time <= after.time)
            && let Fact::ControllerElected { controller_epoch } = entry.fact
        {
            phases.push(Phase {
                name: "elect",
                span: Some((detected, entry.time)),
                key: "no key: the first who makes /controller".to_owned(),
                said: format!(
                    "the controller was gone too: {} is it now, epoch {controller_epoch}",
                    entry.node
                ),
                why: "brokers watch /controller; when it goes with its session, the first who makes it is the controller \
                      (KafkaController.elect)",
                kind: Kind::Work,
            });
            (from, was_elected) = (entry.time, true);
        }
        let isr: Vec<String> = after.isr.iter().map(BrokerId::to_string).collect();
        let isr = isr.join(",");
        let what = match (after.reason, after.leader == self.before.leader) {
            (StateWriteReason::UncleanElection, _) => {
                format!(
                    "{} leads though it was out of the ISR, epoch {}",
                    name_of(after.leader),
                    after.epoch
                )
            }
            (_, false) => format!(
                "{} leads, epoch {}, in sync {isr}",
                name_of(after.leader),
                after.epoch
            ),
            (_, true) => format!("in sync {isr}, epoch {}", after.epoch),
        };
        let sent = self.past.sent(from, after.time);
        let asks = sent.filter(|it| {
            *it.node == *after.by && it.to.starts_with("zookeeper-") && &*it.message != "ping"
        });
        let asks = asks.count();
        let counted = match asks {
            0 => String::new(),
            _ => format!("; {} to ZooKeeper", counted(asks, "request")),
        };
        let key = match after.reason {
            StateWriteReason::UncleanElection => "unclean.leader.election.enable=true",
            StateWriteReason::AlterPartition => "no key: the leader asks, the controller writes",
            StateWriteReason::ControlledShutdown => "no key: the controller writes",
            // A new controller reads the state of all of them first.
            _ if was_elected => "no key: grows with all partitions",
            _ => "no key: grows with the partitions that it led",
        };
        phases.push(Phase {
            name: "decide",
            span: Some((from, after.time)),
            key: key.to_owned(),
            said: format!("{} writes: {what}{counted}", after.by),
            why: "the controller reads what is there, elects the first of the ISR that lives, and writes each partition's \
                  state to ZooKeeper (PartitionStateMachine, ReplicaStateMachine)",
            kind: Kind::Work,
        });
    }

    /// When the leader knew.
    fn tell(&self, after: State<'_>, phases: &mut Vec<Phase>) -> Time {
        let why = "LeaderAndIsr makes leaders and followers, UpdateMetadata is what clients are told; each broker has a \
                   queue and one request in flight (ControllerChannelManager)";
        let leads = self.past.first(after.time, |it| match &it.fact {
            Fact::BecameLeader {
                partition,
                leader_epoch,
                ..
            } => {
                partition == self.partition
                    && *leader_epoch >= after.epoch
                    && *it.node == *name_of(after.leader)
            }
            Fact::IsrChanged { partition, .. } => {
                partition == self.partition && *it.node == *name_of(after.leader)
            }
            _ => false,
        });
        let Some(leads) = leads else {
            let said = format!("{} never learnt of it", name_of(after.leader));
            phases.push(Phase::missing("tell", said, why));
            return after.time;
        };
        let (brokers, all) = self.metadata_updates(after);
        let until = all.map_or(leads.time, |all| all.max(leads.time));
        let updates = match (brokers, all) {
            (0, _) if self.past.recording.sent.is_empty() => {
                "; this trace has no messages".to_owned()
            }
            (_, None) => String::new(),
            (brokers, Some(all)) => format!(
                "; clients may learn it from {} after {}",
                counted(brokers, "broker"),
                lasted(after.time, all)
            ),
        };
        phases.push(Phase {
            name: "tell",
            span: Some((after.time, until)),
            key: "no key: a request at a time for each broker".to_owned(),
            said: format!(
                "{} knows after {}{updates}",
                name_of(after.leader),
                lasted(after.time, leads.time)
            ),
            why,
            kind: Kind::Work,
        });
        leads.time
    }

    /// How many brokers got the first UpdateMetadata that was sent to them then, and when the last of them did.
    fn metadata_updates(&self, after: State<'_>) -> (usize, Option<Time>) {
        if after.reason == StateWriteReason::AlterPartition {
            return (0, None);
        }
        let mut told: BTreeSet<&str> = BTreeSet::new();
        let mut last = None;
        let until = Time(after.time.0 + ALL_TOLD.0);
        for message in self.past.sent(after.time, until) {
            let is_it = &*message.message == "UpdateMetadata" && *message.node == *after.by;
            if is_it
                && !told.contains(&*message.to)
                && let Some(read) = self.past.read_at(message.number)
            {
                told.insert(&message.to);
                last = last.max(Some(read));
            }
        }
        (told.len(), last)
    }

    fn catch_up(&self, after: State<'_>, phases: &mut Vec<Phase>) {
        let why = "a follower is in sync again once it has the leader's high watermark and its epoch's start \
                   (Partition.maybeExpandIsr)";
        let whole = self.states.iter().find(|state| {
            state.time >= after.time && self.before.isr.iter().all(|it| state.isr.contains(it))
        });
        let back = match whole {
            Some(whole) => self.past.back_last(self.fault, whole.time),
            None => self.past.back(self.fault),
        };
        let Some(back) = back else {
            let said = "it did not come back in this run";
            phases.push(Phase::missing(
                "away",
                said,
                "no broker brings a machine back",
            ));
            phases.push(Phase::missing("catch up", "the ISR stayed smaller", why));
            return;
        };
        if back > after.time {
            phases.push(Phase {
                name: "away",
                span: Some((after.time, back)),
                key: "no key: who runs the machines".to_owned(),
                said: format!("what was hit is back at {}", moment(back)),
                why: "no broker brings a machine back; until then the partition has a replica less",
                kind: Kind::Away,
            });
        }
        let Some(whole) = whole else {
            phases.push(Phase::missing(
                "catch up",
                "the ISR did not become whole in this run",
                why,
            ));
            return;
        };
        let from = back.max(after.time);
        let step = |is_it: &dyn Fn(&Fact) -> bool| {
            let hit = |it: &TraceEntry| self.fault.hits.contains(&*it.node) && is_it(&it.fact);
            let found = self
                .past
                .first(from, hit)
                .filter(|it| it.time <= whole.time);
            found.map(|it| lasted(from, it.time))
        };
        let steps = [
            (
                "logs loaded",
                step(&|fact| matches!(fact, Fact::LogsLoaded { .. })),
            ),
            (
                "registered",
                step(&|fact| matches!(fact, Fact::Registered { .. })),
            ),
            (
                "follows",
                step(
                    &|fact| matches!(fact, Fact::BecameFollower { partition, .. } if partition == self.partition),
                ),
            ),
        ];
        let steps = steps
            .iter()
            .filter_map(|(name, after)| Some(format!("{name} after {}", after.as_ref()?)));
        let steps: Vec<String> = steps.collect();
        phases.push(Phase {
            name: "catch up",
            span: Some((from, whole.time.max(from))),
            key: "no key: the bytes that it lacks, and logs to check".to_owned(),
            said: match steps.is_empty() {
                true => format!("the ISR is whole at {}", moment(whole.time)),
                false => steps.join(", "),
            },
            why,
            kind: Kind::Work,
        });
    }
}
