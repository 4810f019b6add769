//! A consumer's settings as a member of a group (`ConsumerConfig`, `GroupRebalanceConfig`). Rules CC38, CC60.

use super::ConfigError;
use super::client_config::Keys;
use crate::kernel::Duration;
use crate::protocol::is_topic_name;
use std::rc::Rc;

/// Present where there is a `group.id`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GroupMembership {
    pub group_id: Rc<str>,
    pub group_instance_id: Option<Rc<str>>,
    pub session_timeout: Duration,
    pub heartbeat_interval: Duration,
    pub max_poll_interval: Duration,
    pub auto_commit: bool,
    pub auto_commit_interval: Duration,
    /// Names that go over the wire, in order of preference.
    pub assignors: Vec<&'static str>,
}

/// Classes of `partition.assignment.strategy`, and what each is called on the wire.
const ASSIGNORS: &[(&str, &str)] = &[
    ("org.apache.kafka.clients.consumer.RangeAssignor", "range"),
    (
        "org.apache.kafka.clients.consumer.RoundRobinAssignor",
        "roundrobin",
    ),
    ("org.apache.kafka.clients.consumer.StickyAssignor", "sticky"),
    (
        "org.apache.kafka.clients.consumer.CooperativeStickyAssignor",
        "cooperative-sticky",
    ),
];

impl GroupMembership {
    pub(super) fn parse(keys: &mut Keys<'_>) -> Result<Option<GroupMembership>, ConfigError> {
        let group_id = keys.text("group.id");
        if group_id.is_empty() {
            return Ok(None);
        }
        if let Some(expected) = unfit_group_id(&group_id) {
            return Err(ConfigError::Value {
                key: "group.id",
                value: group_id,
                expected: expected.to_owned(),
            });
        }
        let session = keys.number("session.timeout.ms", 0, 45_000)?;
        let heartbeat = keys.number("heartbeat.interval.ms", 0, 3_000)?;
        if heartbeat >= session {
            return Err(ConfigError::Value {
                key: "heartbeat.interval.ms",
                value: heartbeat.to_string(),
                expected: format!("less than session.timeout.ms, which is {session}"),
            });
        }
        let max_poll = keys.number("max.poll.interval.ms", 1, 300_000)?;
        // CC43: the heartbeat thread counts from the last turn of `poll`, and a turn waits for answers until a heartbeat
        // is due (`timeToNextPoll`).
        if max_poll <= heartbeat {
            return Err(ConfigError::Value {
                key: "max.poll.interval.ms",
                value: max_poll.to_string(),
                expected: format!(
                    "more than heartbeat.interval.ms, which is {heartbeat}: so long poll itself may wait for answers, \
                     and a member that is put out for its wait in poll is not modelled"
                ),
            });
        }
        let instance = keys.text("group.instance.id");
        // `JoinGroupRequest.validateGroupInstanceId` holds it to the rules of a topic's name.
        if keys.has("group.instance.id") && !is_topic_name(&instance) {
            return Err(ConfigError::Value {
                key: "group.instance.id",
                value: instance,
                expected: "what a topic may be called: at most 249 letters, digits, dots, underscores and \
                           hyphens, and not only one or two dots"
                    .to_owned(),
            });
        }
        let classes = keys.text("partition.assignment.strategy");
        if classes.is_empty() && keys.has("partition.assignment.strategy") {
            return Err(ConfigError::Value {
                key: "partition.assignment.strategy",
                value: classes,
                expected: "at least one class, or no such setting: with none subscribe throws \
                           IllegalStateException (\"Must configure at least one partition assigner class name to \
                           partition.assignment.strategy configuration property\")"
                    .to_owned(),
            });
        }
        let assignors = assignors(&classes)?;
        let rack = keys.text("client.rack");
        let looks = |it: &&str| !matches!(*it, "sticky" | "cooperative-sticky");
        if !rack.is_empty() && !assignors.first().is_some_and(looks) {
            return Err(ConfigError::Value {
                key: "client.rack",
                value: rack,
                expected: "nothing where partitions are given out by StickyAssignor or \
                           CooperativeStickyAssignor: how they look at racks is not modelled"
                    .to_owned(),
            });
        }
        Ok(Some(GroupMembership {
            group_id: group_id.as_str().into(),
            group_instance_id: (!instance.is_empty()).then(|| instance.as_str().into()),
            session_timeout: Duration::from_millis(session),
            heartbeat_interval: Duration::from_millis(heartbeat),
            max_poll_interval: Duration::from_millis(max_poll),
            auto_commit: keys.flag("enable.auto.commit", true)?,
            auto_commit_interval: Duration::from_millis(keys.number(
                "auto.commit.interval.ms",
                0,
                5_000,
            )?),
            assignors,
        }))
    }
}

/// What a group's name is to be instead, where lines and tables that name it could not be read. Kafka takes any text of
/// up to 32767 bytes, which is what a string in `__consumer_offsets` may have.
pub fn unfit_group_id(id: &str) -> Option<&'static str> {
    // That of a topic's name.
    const MOST: usize = 249;
    if id.contains(char::is_control) {
        Some(
            "a name without control characters: Kafka takes them, and they break the lines that name the group",
        )
    } else if id.chars().count() > MOST {
        Some(
            "at most 249 characters, as of a topic's name: Kafka takes more, and no table of groups could be read",
        )
    } else {
        None
    }
}

/// CC48: by default the cooperative sticky one is offered behind range, so that a group may move to it; range is
/// what comes of it, and members give everything up before they join.
fn assignors(classes: &str) -> Result<Vec<&'static str>, ConfigError> {
    if classes.is_empty() {
        return Ok(vec!["range", "cooperative-sticky"]);
    }
    let named = |class: &str| {
        let found = ASSIGNORS.iter().find(|(known, _)| *known == class.trim());
        found.map(|(_, name)| *name).ok_or_else(|| {
            let known: Vec<&str> = ASSIGNORS.iter().map(|(class, _)| *class).collect();
            ConfigError::Value {
                key: "partition.assignment.strategy",
                value: class.trim().to_owned(),
                expected: known.join(" or "),
            }
        })
    };
    let names: Vec<&str> = classes.split(',').map(named).collect::<Result<_, _>>()?;
    match (1..names.len()).find(|place| names[..*place].contains(&names[*place])) {
        Some(place) => Err(ConfigError::Value {
            key: "partition.assignment.strategy",
            value: classes.to_owned(),
            expected: format!("each assignor once, and {} is there twice", names[place]),
        }),
        None => Ok(names),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_may_have_any_name_that_a_line_can_hold() {
        for fit in ["g", "a b", "Größe/1", &"g".repeat(249), &"ß".repeat(249)] {
            assert_eq!(unfit_group_id(fit), None, "{fit}");
        }
        for unfit in [
            "a\nb",
            "a\tb",
            "\u{1b}[31m",
            "a\u{85}",
            "\0",
            &"g".repeat(250),
        ] {
            assert!(unfit_group_id(unfit).is_some(), "{unfit:?}");
        }
    }
}
