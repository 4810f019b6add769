//! Checks what is expected: everything that a sentence speaks of must be there.

use super::{Check, Checked, with_suggestion};
use crate::plan::{
    Entry, EventRef, ExceptionName, Expectation, Expected, Problem, Role, write_duration,
};
use crate::protocol::ErrorCode;
use crate::protocol::config::nearest;

impl Check<'_> {
    pub(super) fn expected(&self, expected: &Expected) -> Checked {
        for (time, key) in [(expected.from, "from"), (expected.until, "until")] {
            if let Some(time) = time {
                if !expected.what.takes_window() {
                    return Err(Problem::new(
                        [key],
                        format!("\"{key}\" does not go with this expectation"),
                    )
                    .on_key()
                    .expected("none: it is about the whole run"));
                }
                self.within_run(time, vec![key.to_string()])?;
            }
        }
        if let (Some(from), Some(until)) = (expected.from, expected.until)
            && from >= until
        {
            return Err(
                Problem::new(["until"], "an end that is not after the beginning")
                    .expected(format!("later than {}", write_duration(from))),
            );
        }
        self.expectation(&expected.what)
    }

    /// Not that no record is lost and that some are.
    pub(super) fn losses(&self) -> Checked {
        let mut expected = self.plan.expect.iter().map(|expected| &expected.what);
        let lost = expected
            .position(|what| matches!(what, Expectation::Lost { count } if !count.holds(0)));
        let none_lost = |what: &Expected| matches!(what.what, Expectation::NoneLost);
        match lost {
            Some(place) if self.plan.expect.iter().any(none_lost) => Err(Problem::new(
                ["expect".to_string(), place.to_string()],
                "records lost beside \"no acknowledged record is lost\"",
            )
            .expected("one of the two")),
            _ => Ok(()),
        }
    }

    pub(super) fn expectation(&self, expectation: &Expectation) -> Checked {
        use Expectation::*;
        let at = || vec![String::new()];
        let event = |event: &EventRef| self.event(event);
        match expectation {
            AnotherLeader {
                partition,
                event: of,
                ..
            }
            | IsrShrinks {
                partition,
                event: of,
                ..
            }
            | IsrFullAgain {
                partition,
                event: of,
                ..
            }
            | AcknowledgedAgain {
                partition,
                event: of,
                ..
            } => {
                self.partition_there(partition, at())?;
                event(of)
            }
            LedAtTheEnd { partition, id } => {
                self.partition_there(partition, at())?;
                self.role_there(&Role::Broker { id: *id }, at())
            }
            KeepsLeader { partition }
            | UncleanElection { partition }
            | IsrStays { partition }
            | IsrFull { partition }
            | Truncates { partition }
            | SegmentsDeleted { partition }
            | LogRepaired { partition }
            | NotAcknowledged { partition }
            | AcknowledgedIn { partition, .. }
            | Stalls { partition } => self.partition_there(partition, at()),
            LogDirFails { id } | RefusesToStart { id } => {
                self.role_there(&Role::Broker { id: *id }, at())
            }
            Refused { partition, error } => {
                self.partition_there(partition, at())?;
                match ErrorCode::by_name(&error.0) {
                    Some(_) => Ok(()),
                    None => Err(with_suggestion(
                        Problem::new(
                            at(),
                            format!("Kafka has no error {error}, or it is not met here"),
                        )
                        .expected("an error code such as NOT_ENOUGH_REPLICAS"),
                        nearest(&error.0, ErrorCode::names()),
                    )),
                }
            }
            Meets {
                consumer,
                exception,
            } => {
                self.client_there(consumer, &["consumers"], at())?;
                match ExceptionName::all().any(|it| it == exception.0) {
                    true => Ok(()),
                    false => Err(with_suggestion(
                        Problem::new(
                            at(),
                            format!("no consumer throws {exception}, or it is not met here"),
                        )
                        .expected("the simple name of a Java exception, such as OffsetOutOfRangeException"),
                        nearest(&exception.0, ExceptionName::all()),
                    )),
                }
            }
            ValueBytes { producer, .. } => self.client_there(producer, &["producers"], at()),
            CannotRead { consumer, .. }
            | StuckAtTheEnd { consumer }
            | Skipped { consumer, .. }
            | DeadLettered { consumer, .. }
            | Forwarded { consumer, .. }
            | ForwardedTwice { consumer, .. } => self.client_there(consumer, &["consumers"], at()),
            Called { service, .. } | CalledTwice { service, .. } => {
                self.client_there(service, &["services"], at())
            }
            SchemaVersions { .. } | SchemasRefused { .. } => {
                match self.plan.schema_registry.is_some() {
                    true => Ok(()),
                    false => Err(Problem::new(at(), "there is no schema registry").expected(
                        "schema_registry: {compatibility: backward} at the top of the scenario",
                    )),
                }
            }
            AnotherController { event: of, .. }
            | SessionExpires { event: of, .. }
            | ZooKeeperLeads { event: of, .. } => event(of),
            BroughtUpToDate { number, .. } => {
                self.role_there(&Role::ZooKeeper { number: *number }, at())
            }
            ZooKeeperAnswers { client, .. } => {
                self.client_there(client, &["zookeeper_clients"], at())
            }
            ReadsAgain {
                consumer,
                event: of,
                ..
            } => {
                self.client_there(consumer, &["consumers"], at())?;
                event(of)
            }
            ReadsFrom {
                consumer,
                partition,
                id,
            } => {
                self.client_there(consumer, &["consumers"], at())?;
                self.partition_there(partition, at())?;
                self.role_there(&Role::Broker { id: *id }, at())
            }
            KeysInOnePartition { topic } => self.topic_there(topic, at()),
            KeysElsewhere { topic, other } => {
                self.topic_there(topic, at())?;
                self.topic_there(other, at())
            }
            ReadsLater { consumer, other } => {
                self.client_there(consumer, &["consumers"], at())?;
                self.client_there(other, &["consumers"], at())
            }
            ReadsEverything { consumer }
            | Read { consumer, .. }
            | ReadTwice { consumer, .. }
            | OrderOfKeys { consumer }
            | PartitionsAtTheEnd { consumer, .. }
            | OutOfOrder { consumer }
            | NoOrderAcross { consumer } => self.client_there(consumer, &["consumers"], at()),
            Acknowledged { producer, .. } | Failed { producer, .. } => {
                self.client_there(producer, &["producers"], at())
            }
            ProcessesEverything { group }
            | ProcessedTwice { group, .. }
            | NeverProcessed { group, .. }
            | NeverRead { group, .. }
            | KeepsGeneration { group }
            | StopsReading { group, .. }
            | PollTimeouts { group, .. }
            | GoesOn { group, .. }
            | CommitsBackwards { group, .. }
            | Lag { group, .. } => self.group_there(group),
            StableAgain {
                group, event: of, ..
            } => {
                self.group_there(group)?;
                event(of)
            }
            BootstrapsFrom { client, id } => {
                self.client_there(client, &["producers", "consumers"], at())?;
                self.role_there(&Role::Broker { id: *id }, at())
            }
            NoneLost
            | NoLogRepaired
            | Lost { .. }
            | UsedTwice { .. }
            | ReplicasDiffer { .. }
            | NoElection
            | NoUncleanElection
            | KeepsController
            | NoSessionExpires
            | EveryIsrFull
            | EveryRecordRead
            | NoZooKeeperLeader
            | ZooKeeperLosesItsPast
            | ProduceLatency { .. } => Ok(()),
        }
    }

    fn group_there(&self, group: &str) -> Checked {
        let consumers = self.plan.consumers.iter();
        let mut groups: Vec<&str> = consumers.filter_map(|it| it.group_id()).collect();
        if groups.contains(&group) {
            return Ok(());
        }
        groups.sort_unstable();
        groups.dedup();
        let expected = match groups.is_empty() {
            true => "a consumer with a group.id in its config".to_owned(),
            false => format!("a group.id of a consumer: {}", groups.join(", ")),
        };
        Err(Problem::new([""; 0], format!("there is no group {group}")).expected(expected))
    }

    pub(super) fn event(&self, event: &EventRef) -> Checked {
        let entries: Vec<&Entry> = self
            .plan
            .timeline
            .iter()
            .filter(|entry| entry.action.noun() == event.noun)
            .collect();
        let problem =
            |found: String, expected: &str| Err(Problem::new([""; 0], found).expected(expected));
        let which = match (event.ordinal, entries.len()) {
            (_, 0) => {
                return problem(
                    format!("there is no {} in the timeline", event.noun),
                    "an event of the timeline, such as \"the crash\"",
                );
            }
            (None, 1) => 0,
            (None, n) => {
                return problem(
                    format!("the timeline has {n} lines with a {}", event.noun),
                    &format!(
                        "\"the first {}\", \"the second {}\" and so on",
                        event.noun, event.noun
                    ),
                );
            }
            (Some(ordinal), n) if usize::from(ordinal) > n => {
                return problem(
                    format!("there is no {event} in the timeline, which has {n}"),
                    "an event of the timeline",
                );
            }
            (Some(ordinal), _) => usize::from(ordinal) - 1,
        };
        match event.end && entries[which].lasting.is_none() {
            true => problem(
                format!("{event} never comes: it lasts to the end of the run"),
                "\"for: 30s\" in that line of the timeline",
            ),
            false => Ok(()),
        }
    }
}
