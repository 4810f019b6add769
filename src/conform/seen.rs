//! The shape of what a recording saw at the end of a step: whatever is compared must be of the kind that
//! a cluster can show, or the file is no recording. The shapes are those of the recordings' README.

use super::field::Field;
use crate::plan::Problem;

/// Checks everything that a step in ZooKeeper mode shows of a cluster of `brokers`.
pub(super) fn check_seen(step: &Field<'_>, brokers: i64) -> Result<(), Problem> {
    let seen = Seen { brokers };
    seen.state(&step.need("state", "\"state\": {\"brokers\": [1], ...}")?)?;
    step.may("metadata", |topics| {
        each_partition(topics, |partition| seen.metadata(partition))
    })?;
    step.may("offsets", |topics| each_partition(topics, offsets))?;
    step.may("files", |files| seen.files(files))?;
    step.may("result", |result| result.map().map(|_| ()))?;
    step.may("results", |results| {
        results
            .items()?
            .try_for_each(|result| result.map().map(|_| ()))
    })
}

/// What the recorder reads of a broker's files.
const FILES: [&str; 4] = [
    "replication-offset-checkpoint",
    "recovery-point-offset-checkpoint",
    "log-start-offset-checkpoint",
    "leader_epochs",
];

/// The largest epoch or version.
const MOST: i64 = i32::MAX as i64;

struct Seen {
    brokers: i64,
}

impl Seen {
    fn state(&self, state: &Field<'_>) -> Result<(), Problem> {
        if let Some(away) = state.get("zookeeper") {
            // An exception's name: the recorder's own client was not answered.
            away.text()?;
            return state.only(&["zookeeper"]);
        }
        self.ids(&state.need("brokers", "\"brokers\": [1, 2, 3]")?)?;
        state.may("controller", |id| unless_null(id, 1, self.brokers))?;
        state.may("controller_epoch", |epoch| unless_null(epoch, 0, MOST))?;
        state.may("partitions", |partitions| {
            partitions
                .fields()?
                .try_for_each(|(_, partition)| self.partition_state(&partition))
        })
    }

    fn partition_state(&self, partition: &Field<'_>) -> Result<(), Problem> {
        let leader = partition.need("leader", "\"leader\": 1, or -1 for none")?;
        leader.number(-1, self.brokers)?;
        self.ids(&partition.need("isr", "\"isr\": [1, 2, 3]")?)?;
        let others = [
            "leader_epoch",
            "controller_epoch",
            "zk_version",
            "leader_recovery_state",
        ];
        others
            .into_iter()
            .try_for_each(|key| partition.may(key, |number| number.number(0, MOST).map(|_| ())))
    }

    fn metadata(&self, partition: &Field<'_>) -> Result<(), Problem> {
        partition.may("leader", |leader| unless_null(leader, -1, self.brokers))?;
        partition.may("replicas", |ids| self.ids(ids))?;
        partition.may("isr", |ids| self.ids(ids))
    }

    fn files(&self, files: &Field<'_>) -> Result<(), Problem> {
        for (broker, content) in files.fields()? {
            let id = broker.parse::<i64>();
            if !id.is_ok_and(|id| (1..=self.brokers).contains(&id)) {
                return Err(content
                    .problem(format!("the files of a broker \"{broker}\""))
                    .on_key()
                    .expected(format!("a broker from 1 to {}", self.brokers)));
            }
            content.only(&FILES)?;
            content.may("leader_epochs", |partitions| {
                partitions
                    .fields()?
                    .try_for_each(|(_, lines)| lines.items()?.try_for_each(|line| epoch(&line)))
            })?;
        }
        Ok(())
    }

    /// A list of brokers of this cluster.
    fn ids(&self, list: &Field<'_>) -> Result<(), Problem> {
        for id in list.items()? {
            id.number(1, self.brokers)?;
        }
        Ok(())
    }
}

fn unless_null(field: &Field<'_>, least: i64, most: i64) -> Result<(), Problem> {
    match field.value.is_null() {
        true => Ok(()),
        false => field.number(least, most).map(|_| ()),
    }
}

/// A line of a leader-epoch file.
fn epoch(line: &Field<'_>) -> Result<(), Problem> {
    let numbers: Result<Vec<i64>, _> = line.text()?.split(' ').map(str::parse).collect();
    match numbers.as_deref() {
        Ok([_, _]) => Ok(()),
        _ => Err(line.wrong("an epoch and its first offset, such as \"0 0\"")),
    }
}

fn offsets(partition: &Field<'_>) -> Result<(), Problem> {
    partition.fields()?.try_for_each(|(_, offset)| {
        // What could not be asked shows an exception's name.
        match offset.value.is_string() {
            true => Ok(()),
            false => offset.number(-1, i64::MAX).map(|_| ()),
        }
    })
}

/// Goes through a map of topics to maps of partition numbers.
fn each_partition(
    topics: &Field<'_>,
    check: impl Fn(&Field<'_>) -> Result<(), Problem>,
) -> Result<(), Problem> {
    for (_, partitions) in topics.fields()? {
        // What could not be asked shows an exception's name, or nothing.
        if partitions.value.is_string() || partitions.value.is_null() {
            continue;
        }
        for (number, partition) in partitions.fields()? {
            if number.parse::<i32>().is_err() {
                return Err(partition
                    .problem(format!("\"{number}\" is no partition"))
                    .on_key()
                    .expected("a partition's number, such as \"0\""));
            }
            check(&partition)?;
        }
    }
    Ok(())
}
