//! Checks what applications of members of groups do, and the services that they call.

use super::{Check, Checked, with_suggestion};
use crate::plan::{
    Assign, Call, Commit, CommitWhen, ConsumerPlan, CrashAt, CrashPoint, EachRecord, Problem,
    StepWhen,
};
use crate::protocol::TopicPattern;
use crate::protocol::config::{GroupMembership, nearest};

impl Check<'_> {
    /// What only a member of a group does.
    pub(super) fn member_of_group(
        &self,
        consumer: &ConsumerPlan,
        group: Option<&GroupMembership>,
        at: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        if consumer.group_id().is_some_and(|id| id.trim().is_empty()) {
            let mut path = at("config");
            path.push("group.id".to_owned());
            return Err(Problem::new(path, "a group without a name")
                .expected("a name, or no group.id: who is in no group reads all partitions"));
        }
        let Some(group) = group else {
            return without_group(consumer, at);
        };
        if consumer.assign.is_some() && consumer.listener.is_some() {
            return Err(Problem::new(
                at("listener"),
                "a listener of a consumer that assigns its partitions itself",
            )
            .expected("no assign, so that its group gives it partitions, or no listener"));
        }
        if consumer.seek.is_some() && consumer.assign.is_none() {
            return Err(
                Problem::new(at("seek"), "an offset for a member of a group").expected(
                    "none: where it begins is what the group has committed, or auto.offset.reset; or assign, so that its application says which partitions it reads",
                ),
            );
        }
        commits(consumer.commit, group, &at)?;
        if let Some(each_record) = &consumer.each_record {
            self.goes_somewhere(consumer, each_record, &at)?;
        }
        self.steps(consumer, &at)?;
        if consumer.fails_on == Some(0) {
            return Err(Problem::new(at("fails_on"), "record 0").expected("at least 1"));
        }
        match consumer.crashes {
            Some(crash) => crashes(crash, consumer.commit, &at),
            None => Ok(()),
        }
    }

    /// Only `subscribe` takes one, and some topic must match sooner or later.
    pub(super) fn subscribes_to_pattern(
        &self,
        consumer: &ConsumerPlan,
        pattern: &TopicPattern,
        at: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        let of = |key: &str, within: &str| {
            let mut place = at(key);
            place.push(within.to_owned());
            place
        };
        if consumer.group_id().is_none() {
            return Err(Problem::new(
                of("topics", "pattern"),
                "a pattern for a consumer without a group",
            )
            .expected(
                "a group.id in config, since only members of groups subscribe, or names of topics",
            ));
        }
        if consumer.assign.is_some() {
            return Err(
                Problem::new(at("assign"), "partitions of topics that have no names")
                    .expected("names of topics, or a pattern and no assign"),
            );
        }
        let internal = consumer.config.get("exclude.internal.topics");
        if internal.is_some_and(|it| it.trim().eq_ignore_ascii_case("false")) {
            return Err(Problem::new(
                of("config", "exclude.internal.topics"),
                "a pattern that matches brokers' own topics, which is not modelled",
            )
            .expected("true, as it is by default"));
        }
        let is_met = self.partitions.keys().any(|it| consumer.reads_topic(it));
        if !is_met && self.plan.auto_created().is_empty() {
            return Err(Problem::new(
                of("topics", "pattern"),
                format!("no topic matches \"{pattern}\""),
            )
            .expected("a pattern for a topic that is there or is made"));
        }
        Ok(())
    }

    /// Partitions of topics that it says it reads, each once; and of each topic one at least.
    pub(super) fn assigned_by_hand(
        &self,
        consumer: &ConsumerPlan,
        at: impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        let Some(Assign::These(these)) = &consumer.assign else {
            return Ok(());
        };
        for (i, partition) in these.iter().enumerate() {
            let mut place = at("assign");
            place.extend((these.len() > 1).then(|| i.to_string()));
            if !consumer.topics.contains(&partition.topic) {
                return Err(Problem::new(
                    place,
                    format!("{partition}, whose topic it does not name"),
                )
                .expected("a partition of one of its topics"));
            }
            self.partition_there(partition, place.clone())?;
            if these[..i].contains(partition) {
                return Err(
                    Problem::new(place, format!("{partition} for the second time"))
                        .expected("each partition once"),
                );
            }
        }
        let is_read = |topic: &String| these.iter().any(|it| it.topic == *topic);
        match consumer.topics.iter().find(|topic| !is_read(topic)) {
            Some(topic) => Err(
                Problem::new(at("assign"), format!("no partition of \"{topic}\""))
                    .expected("one at least of each of its topics"),
            ),
            None => Ok(()),
        }
    }

    fn steps(&self, consumer: &ConsumerPlan, at: &impl Fn(&str) -> Vec<String>) -> Checked {
        if consumer.pauses && !consumer.steps.is_empty() {
            return Err(Problem::new(
                at("steps"),
                "steps of an application that hands its work on",
            )
            .expected("no pauses: true, so that one thread does all, or no steps"));
        }
        for (i, step) in consumer.steps.iter().enumerate() {
            let place = |key: &str| {
                let mut place = at("steps");
                place.extend([i.to_string(), key.to_owned()]);
                place
            };
            match step.when {
                StepWhen::At(time) => self.within_run(time, place("when"))?,
                StepWhen::Point(point) => {
                    if point.point == CrashPoint::AfterCommit {
                        return Err(Problem::new(place("when"), "a step after a commit")
                            .expected(StepWhen::EXPECTED));
                    }
                    if point.record == 0 {
                        return Err(Problem::new(place("when"), "record 0").expected("at least 1"));
                    }
                }
            }
            if let Some(partition) = &step.partition {
                self.partition_there(partition, place("do"))?;
                if !consumer.reads_topic(&partition.topic) {
                    return Err(Problem::new(
                        place("do"),
                        format!("{partition}, of which it reads nothing"),
                    )
                    .expected("a partition of a topic that it reads"));
                }
            }
            if let Call::Ask(_) = step.call
                && (step.partition.is_none() || !matches!(step.when, StepWhen::At(_)))
            {
                return Err(Problem::new(place("do"), "a question").expected(
                    "one about one partition, between two calls of poll: when is a time",
                ));
            }
            if let Call::Seek(offset) = step.call
                && offset < 0
            {
                return Err(Problem::new(place("do"), format!("offset {offset}"))
                    .expected("an offset from 0 on"));
            }
        }
        Ok(())
    }

    fn goes_somewhere(
        &self,
        consumer: &ConsumerPlan,
        each_record: &EachRecord,
        at: &impl Fn(&str) -> Vec<String>,
    ) -> Checked {
        let place = |key: &str| {
            let mut place = at("each_record");
            place.push(key.to_owned());
            place
        };
        match each_record {
            EachRecord::Count => Ok(()),
            EachRecord::Forward(topic) if consumer.reads_topic(topic) => Err(Problem::new(
                place("forward"),
                format!("it reads \"{topic}\" itself"),
            )
            .expected("a topic that it does not read")),
            EachRecord::Forward(topic) => self.topic_there(topic, place("forward")),
            EachRecord::Call(name) => {
                let services = self.plan.services.iter();
                let known: Vec<&str> = services.map(|it| it.name.as_str()).collect();
                if known.contains(&name.as_str()) {
                    return Ok(());
                }
                let expected = match known[..] {
                    [] => "a service that stands under services (there is none)".to_owned(),
                    _ => format!("one of {}", known.join(", ")),
                };
                let problem =
                    Problem::new(place("call"), format!("there is no service \"{name}\""))
                        .expected(expected);
                Err(with_suggestion(
                    problem,
                    nearest(name, known.iter().copied()),
                ))
            }
        }
    }
}

fn without_group(consumer: &ConsumerPlan, at: impl Fn(&str) -> Vec<String>) -> Checked {
    let of_members = [
        (
            "commit",
            consumer.commit.is_some(),
            "a commit without a group",
        ),
        (
            "processing",
            consumer.processing.is_some(),
            "a time for a consumer without a group",
        ),
        (
            "each_record",
            consumer.each_record.is_some(),
            "work for a consumer without a group",
        ),
        (
            "pauses",
            consumer.pauses,
            "a pause of a consumer without a group",
        ),
        (
            "steps",
            !consumer.steps.is_empty(),
            "steps of a consumer without a group",
        ),
        (
            "fails_on",
            consumer.fails_on.is_some(),
            "a failure of a consumer without a group",
        ),
        (
            "listener",
            consumer.listener.is_some(),
            "a listener of a consumer without a group",
        ),
        (
            "crashes",
            consumer.crashes.is_some(),
            "a point in the loop of a consumer without a group",
        ),
    ];
    match of_members.into_iter().find(|(_, is_said, _)| *is_said) {
        Some((key, _, found)) => {
            Err(Problem::new(at(key), found).expected(format!("a group.id in config, or no {key}")))
        }
        None => Ok(()),
    }
}

fn commits(
    commit: Option<Commit>,
    group: &GroupMembership,
    at: &impl Fn(&str) -> Vec<String>,
) -> Checked {
    match commit {
        Some(Commit::Auto) if !group.auto_commit => Err(Problem::new(
            at("commit"),
            "commits of the library, and enable.auto.commit is false",
        )
        .expected("enable.auto.commit: true in config, or a commit of the application's own")),
        Some(Commit::Own { .. }) if group.auto_commit => Err(Problem::new(
            at("commit"),
            "a commit beside those of the library",
        )
        .expected("enable.auto.commit: false in config, which is true by default, or no commit")),
        Some(Commit::Own {
            when: CommitWhen::Every(0),
            ..
        }) => Err(Problem::new(at("commit"), "a commit every 0 records").expected("at least 1")),
        _ => Ok(()),
    }
}

fn crashes(crash: CrashAt, commit: Option<Commit>, at: &impl Fn(&str) -> Vec<String>) -> Checked {
    if crash.record == 0 {
        return Err(Problem::new(at("crashes"), "record 0").expected("at least 1"));
    }
    let commits = matches!(commit, Some(Commit::Own { .. }));
    match crash.point {
        CrashPoint::AfterCommit if !commits => Err(Problem::new(
            at("crashes"),
            "a point after a commit, and the application does not commit",
        )
        .expected("another point, or a commit of its own: commit: sync after")),
        _ => Ok(()),
    }
}
