//! Fetch sessions (KIP-227): routine is left to `--verbose`, what costs somebody more than it expected is told.

use super::{Telling, episode, loud, quiet};
use crate::protocol::{ErrorCode, FetchSessionFact, counted};
use crate::trace::story::broker_name;

pub(super) fn of_fetch_session(fact: &FetchSessionFact) -> Telling {
    match fact {
        FetchSessionFact::Created {
            session,
            client,
            partitions,
        } => quiet(format!(
            "opens fetch session {session} for {client}, of {}",
            counted(u64::from(*partitions), "partition")
        )),
        FetchSessionFact::Closed { session, client } => {
            quiet(format!("ends fetch session {session}, as {client} asks"))
        }
        FetchSessionFact::Evicted {
            client,
            partitions,
            idle_ms,
            in_favour_of,
            ..
        } => loud(format!(
            "drops the fetch session of {client} ({}, last used {}.{} s ago) to make room for that of {in_favour_of}: \
             it has as many as max.incremental.fetch.session.cache.slots allows",
            counted(u64::from(*partitions), "partition"),
            idle_ms / 1_000,
            idle_ms % 1_000 / 100,
        )),
        FetchSessionFact::NoRoom { client, .. } => episode(
            "has no room for a fetch session of ",
            format!(
                "{client}, which names all its partitions in each fetch \
                 (max.incremental.fetch.session.cache.slots)"
            ),
        ),
        FetchSessionFact::Lost { broker, error, .. } => {
            let broker = broker_name(*broker);
            loud(match error {
                ErrorCode::FetchSessionIdNotFound => format!(
                    "is told by {broker} that it does not know its fetch session ({error}): it names all its \
                     partitions again"
                ),
                _ => format!(
                    "cannot go on with its fetch session at {broker} ({error}): it names all its partitions again"
                ),
            })
        }
    }
}
