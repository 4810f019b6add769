//! Who cannot be reached where it says that it is, and for whom a run waited in vain, in words.

use super::{Telling, brokers_named, episode, loud};
use crate::protocol::{BrokerId, Errand, Lack, NotReached, is_localhost};
use crate::trace::TraceEntry;
use crate::trace::story::{broker_id, broker_name};

pub(super) fn of_not_reached(
    entry: &TraceEntry,
    errand: Errand,
    broker: BrokerId,
    at: &str,
    why: NotReached,
) -> Telling {
    let host = at.rsplit_once(':').map_or(at, |(host, _)| host);
    let whose_localhost = match errand {
        Errand::Client => "each one's".to_owned(),
        _ => format!("{}'s", entry.node),
    };
    let because = match why {
        NotReached::UnknownHost => format!("and nobody knows a host \"{host}\""),
        NotReached::Refused if is_localhost(host) => format!(
            "which is {whose_localhost} own machine, where nobody listens (connection refused)"
        ),
        NotReached::Refused => "where nobody listens (connection refused)".to_owned(),
        NotReached::Itself => format!("which is {} itself", entry.node),
        NotReached::TimedOut => "from where no answer comes (the attempt times out)".to_owned(),
    };
    let name = broker_name(broker);
    let itself = broker_id(&entry.node) == broker;
    let aim = match itself {
        true => "itself",
        false => &name,
    };
    let what = match errand {
        Errand::Client => {
            return episode(
                format!(
                    "have reached the cluster, and are told that {name} is at {at} (advertised.listeners), {because}: "
                ),
                entry.node.to_string(),
            )
            .of_clients();
        }
        Errand::Control => {
            format!(
                "the controller does not reach {aim}, and can tell {} nothing of who lives and who leads",
                match itself {
                    true => "itself",
                    false => "it",
                }
            )
        }
        Errand::Follow => format!("does not reach {aim}, and can copy nothing from there"),
        Errand::AlterPartition => {
            format!("does not reach {aim}, the controller, and no ISR that it leads can change")
        }
        Errand::ControlledShutdown => {
            format!("does not reach {aim}, the controller, and cannot hand over what it leads")
        }
        Errand::AllocateProducerIds => {
            format!("does not reach {aim}, the controller, and has no ids for producers")
        }
    };
    loud(format!(
        "{what}: its advertised.listeners say {at}, {because}"
    ))
}

pub(super) fn of_start_unfinished(lacks: &[Lack]) -> Telling {
    let lacks: Vec<String> = lacks.iter().map(lack).collect();
    loud(format!(
        "the servers have had their time to start, and the run goes on without: {}",
        lacks.join("; ")
    ))
}

fn lack(lack: &Lack) -> String {
    match lack {
        Lack::ZooKeeper => "ZooKeeper does not serve".to_owned(),
        Lack::Controller => "no broker is the controller".to_owned(),
        Lack::Broker { broker } => format!("{} is not up", broker_name(*broker)),
        Lack::Knowledge {
            broker,
            controller,
            unknown,
        } => {
            let mut misses = Vec::new();
            if controller.is_none() {
                misses.push("who the controller is".to_owned());
            }
            let (itself, others): (Vec<BrokerId>, Vec<BrokerId>) =
                unknown.iter().partition(|id| *id == broker);
            if !itself.is_empty() {
                misses.push("that it is a member itself".to_owned());
            }
            if !others.is_empty() {
                misses.push(format!("of {}", brokers_named(&others)));
            }
            format!(
                "{} has not been told {}",
                broker_name(*broker),
                misses.join(", nor ")
            )
        }
    }
}
