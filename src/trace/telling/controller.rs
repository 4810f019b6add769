//! What the controller sees and decides, in words.

use super::{Telling, brokers_named, ids, joined, loud, quiet};
use crate::protocol::{BrokerId, Fact, NO_LEADER, StateWriteReason, counted};
use crate::trace::TraceEntry;
use crate::trace::story::{Story, broker_name};

pub(super) fn of_controller(entry: &TraceEntry, story: &Story) -> Telling {
    match &entry.fact {
        Fact::ControllerElected { controller_epoch } => loud(format!(
            "becomes the controller, epoch {controller_epoch}: it decides who leads"
        )),
        Fact::ControllerResigned {
            controller_epoch,
            why,
        } => loud(format!(
            "is the controller of epoch {controller_epoch} no more: {why}"
        )),
        Fact::BrokersChanged { new, dead, bounced } => {
            let parts: Vec<String> = [
                (new, "has come", "have come"),
                (dead, "is gone", "are gone"),
                (
                    bounced,
                    "has been away and is back",
                    "have been away and are back",
                ),
            ]
            .iter()
            .filter(|(brokers, ..)| !brokers.is_empty())
            .map(|(brokers, of_one, of_several)| {
                let verb = if brokers.len() == 1 {
                    of_one
                } else {
                    of_several
                };
                format!("{} {verb}", brokers_named(brokers))
            })
            .collect();
            loud(format!("as controller sees: {}", parts.join("; ")))
        }
        Fact::TopicSeen { topic, partitions } => quiet(format!(
            "as controller sees the new topic {topic} with {}",
            counted(partitions, "partition")
        )),
        Fact::StateWritten { .. } => of_state(entry, story),
        Fact::ElectionFailed {
            partition,
            reason,
            live,
            isr,
        } => {
            let leader = story.leader(partition);
            let waits = story.who_waits([partition], entry.time);
            let waits = |before| waits.map_or_else(String::new, |wait| format!("{before}{wait}"));
            let led = format!(
                "{partition} ({} leads on, ISR {})",
                broker_name(leader),
                ids(isr)
            );
            match reason {
                _ if leader == NO_LEADER => joined(
                    "finds no leader for ",
                    format!("{partition} (ISR {})", ids(isr)),
                    match live.len() {
                        0 => format!(": no broker runs{}", waits("; ")),
                        _ => format!(
                            ": of the ISR nobody is there (of all brokers {}){}",
                            ids(live),
                            waits("; ")
                        ),
                    },
                ),
                StateWriteReason::PreferredElection => joined(
                    "does not give leadership back, since the preferred replica is not there or not in the ISR: ",
                    led,
                    "",
                ),
                StateWriteReason::ControlledShutdown => joined(
                    "finds nobody else in the ISR to lead instead of the broker that stops: ",
                    led,
                    format!(" until it has stopped{}", waits("; from then on ")),
                ),
                _ => joined("finds no other leader: ", led, ""),
            }
        }
        Fact::LeadersImbalanced {
            broker,
            led_by_others,
            preferred,
            allowed_percentage,
        } => loud(format!(
            "looks at the balance of leaders, as it does by timer: {} should lead {}, and others lead \
             {led_by_others} of them; that is more than {allowed_percentage} % \
             (leader.imbalance.per.broker.percentage), so what it can lead goes back to it",
            broker_name(*broker),
            counted(preferred, "partition"),
        )),
        Fact::AlterPartitionRefused {
            partition,
            from,
            error,
        } => joined(
            format!("refuses the ISR that {} asked for: ", broker_name(*from)),
            partition.to_string(),
            format!(" ({error})"),
        ),
        other => unreachable!("not of the controller: {other:?}"),
    }
}

/// What the controller wrote about a partition, and what is new in it.
fn of_state(entry: &TraceEntry, story: &Story) -> Telling {
    let Fact::StateWritten {
        partition,
        leader,
        leader_epoch,
        isr,
        reason,
        ..
    } = &entry.fact
    else {
        unreachable!("not a state: {:?}", entry.fact);
    };
    let known = story.isr(partition);
    let left: Vec<BrokerId> = known
        .iter()
        .copied()
        .filter(|id| !isr.contains(id))
        .collect();
    let joined_isr: Vec<BrokerId> = isr
        .iter()
        .copied()
        .filter(|id| !known.contains(id))
        .collect();
    let new_isr = format!("{partition} (now {})", ids(isr));
    let led = format!(
        "{} for {partition} (epoch {leader_epoch}, ISR {})",
        broker_name(*leader),
        ids(isr)
    );
    match reason {
        StateWriteReason::NewPartition => joined(
            "decides who leads the new partitions: ",
            format!(
                "{} for {partition} (ISR {})",
                broker_name(*leader),
                ids(isr)
            ),
            "",
        ),
        _ if *leader == NO_LEADER && story.leader(partition) != NO_LEADER => joined(
            "leaves without a leader: ",
            format!("{partition} (epoch {leader_epoch}, ISR {})", ids(isr)),
            match story.who_waits([partition], entry.time) {
                Some(wait) => format!("; {wait}"),
                None => String::new(),
            },
        ),
        StateWriteReason::OfflineElection => {
            joined("elects the first of the ISR that is alive: ", led, "")
        }
        StateWriteReason::UncleanElection => joined(
            "elects from outside the ISR (unclean election): ",
            led,
            "; acknowledged records that only others hold are lost",
        ),
        StateWriteReason::PreferredElection => {
            joined("gives leadership back to the preferred replica: ", led, "")
        }
        StateWriteReason::ControlledShutdown => {
            joined("moves leadership away from the stopping broker: ", led, "")
        }
        StateWriteReason::ReplicaOffline => joined(
            format!("takes {} out of the ISR of ", brokers_named(&left)),
            new_isr,
            ": gone, or about to stop; acks=all does not wait for that any more",
        ),
        StateWriteReason::AlterPartition if !left.is_empty() => joined(
            format!("takes {} out of the ISR of ", brokers_named(&left)),
            new_isr,
            ": the leader has not heard from there for replica.lag.time.max.ms",
        ),
        StateWriteReason::AlterPartition if !joined_isr.is_empty() => joined(
            format!("takes {} back into the ISR of ", brokers_named(&joined_isr)),
            new_isr,
            ": caught up, says the leader",
        ),
        StateWriteReason::AlterPartition => quiet(format!("writes the state of {new_isr} again")),
    }
}
