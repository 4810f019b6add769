//! The outage of a partition whose state nobody changes: since nobody noticed, or since nobody was left who could.

use super::clients::Felt;
use super::partition::Case;
use super::past::name_of;
use super::phase::{Kind, Phase};
use crate::figure::words::moment;
use crate::kernel::Time;
use crate::protocol::Fact;
use std::collections::BTreeSet;

impl Case<'_, '_> {
    pub(super) fn undecided(&self) -> Vec<Phase> {
        let (past, fault) = (self.past, self.fault);
        let felt = [self.felt_writes(), self.felt_reads()];
        let spans = felt.into_iter().filter_map(|it| match it {
            Felt::Gap(phase) => Some(phase),
            Felt::Nothing | Felt::Never => None,
        });
        let mut phases: Vec<Phase> = spans.collect();
        let back = past.back(fault);
        let until = back.unwrap_or(past.recording.end);
        if self.session_end().is_some_and(|it| it.time <= until) {
            self.session_ended(until, |found, key, said, why| {
                let noticed = found.unwrap_or(until);
                phases.push(Phase {
                    name: "detect",
                    span: Some((fault.time, noticed)),
                    key,
                    said,
                    why,
                    kind: Kind::Work,
                });
                noticed
            });
            let said = match self.anybody_is_left() {
                true => "leader and ISR stayed what they were",
                false => {
                    "no broker was left to become controller: leader and ISR stayed what they were"
                }
            };
            let why = "only a controller writes a partition's state, and a controller is one of the brokers (KafkaController.elect)";
            phases.push(Phase::missing("decide", said, why));
        } else {
            let why = "a leader is elected when its broker's registration is gone; the ISR shrinks then, or when a follower \
                       has not caught up for replica.lag.time.max.ms";
            let said = "nobody took note: leader and ISR stayed what they were";
            phases.push(Phase::missing("detect", said, why));
        }
        let Some(back) = back else {
            return phases;
        };
        let why = match phases.iter().any(|it| it.name == "decide") {
            true => {
                "who comes back finds its partition's state in ZooKeeper as it was written last"
            }
            false => {
                "the session lives, and the followers have caught up: nobody has a reason to act"
            }
        };
        phases.push(Phase {
            name: "it lasts",
            span: Some((fault.time, back)),
            key: "no key: who runs the machines".to_owned(),
            said: format!("over at {}", moment(back)),
            why,
            kind: Kind::Away,
        });
        phases.extend(self.leads_again(back));
        phases
    }

    /// Whether a broker lives on that was not hit.
    fn anybody_is_left(&self) -> bool {
        let before = self.past.before(self.fault.time).iter();
        let mut alive = BTreeSet::new();
        for entry in before {
            match entry.fact {
                Fact::Registered { .. } => {
                    alive.insert(&*entry.node);
                }
                Fact::Crashed | Fact::PowerFailed | Fact::Paused | Fact::Exiting { .. } => {
                    alive.remove(&*entry.node);
                }
                _ => {}
            }
        }
        alive.iter().any(|it| !self.fault.hits.contains(it))
    }

    /// The leader of before is told that it leads, once it is back.
    fn leads_again(&self, back: Time) -> Option<Phase> {
        let leader = name_of(self.before.leader);
        let leads = self.past.first(back, |it| {
            let is_it = matches!(&it.fact, Fact::BecameLeader { partition, .. } if partition == self.partition);
            is_it && *it.node == *leader
        })?;
        let Fact::BecameLeader {
            leader_epoch,
            log_end_offset,
            ..
        } = leads.fact
        else {
            return None;
        };
        let ended = self.past.last(self.fault.time, |it| {
            let is_it =
                matches!(&it.fact, Fact::Appended { partition, .. } if partition == self.partition);
            is_it && *it.node == *leader
        });
        let lacks = match ended.map(|it| &it.fact) {
            Some(Fact::Appended { last_offset, .. }) if *last_offset >= log_end_offset => {
                format!(", not {}: its disk did not have the rest", last_offset + 1)
            }
            _ => String::new(),
        };
        Some(Phase {
            name: "lead",
            span: Some((back, leads.time)),
            key: "no key: logs to check, then the controller".to_owned(),
            said: format!(
                "{leader} leads again, epoch {leader_epoch}; its log ends at {log_end_offset}{lacks}"
            ),
            why: "a start reads its logs; the first broker back is the controller, finds the state as it was, and tells all \
                  (KafkaController.onControllerFailover)",
            kind: Kind::Work,
        })
    }
}
