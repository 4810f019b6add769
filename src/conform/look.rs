//! A look at everything that a step's recording shows: ZooKeeper, what the client was answered and is told
//! now, and files on disks.

use super::compare::compared_part;
use super::play::Player;
use super::recorder_client::result_in_recorded_shape;
use super::recording::Step;
use crate::client::{DriverOperation, DriverResult};
use crate::kernel::NodeStatus;
use crate::metadata::znode;
use crate::protocol::TopicPartition;
use serde_json::{Map, Value, json};
use std::rc::Rc;

/// What the client is asked for a look.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Questions {
    All,
    /// Not for offsets: a leader that answers nobody takes its time for each.
    Metadata,
}

impl Player {
    /// Looks at what the step's recording shows, in its shape.
    pub(super) fn look(
        &mut self,
        step: &Step,
        operation: Option<u32>,
        questions: Questions,
    ) -> Value {
        let mut seen = Map::new();
        if let Some(number) = operation {
            let result = self.lab.answer(number);
            self.put_result(&mut seen, step, result);
        }
        if step.seen.get("state").is_some() {
            seen.insert("state".to_string(), self.state());
        }
        let topics = topics_of(step);
        let mut metadata = Map::new();
        let mut offsets = Map::new();
        for topic in &topics {
            metadata.insert(topic.clone(), self.described(topic));
            let recorded = step.seen.get("offsets");
            let recorded = recorded.and_then(|offsets| offsets.get(topic));
            if recorded.is_some() && questions == Questions::All {
                offsets.insert(topic.clone(), self.lab.offsets(topic));
            }
        }
        if !metadata.is_empty() {
            seen.insert("metadata".to_string(), Value::Object(metadata));
        }
        if !offsets.is_empty() {
            seen.insert("offsets".to_string(), Value::Object(offsets));
        }
        if step.seen.get("files").is_some() {
            seen.insert("files".to_string(), self.leader_epoch_files(&topics));
        }
        compared_part(&Value::Object(seen))
    }

    fn put_result(&self, seen: &mut Map<String, Value>, step: &Step, result: Option<DriverResult>) {
        let result = result.map_or(Value::Null, |result| result_in_recorded_shape(&result));
        let field = if step.seen.get("results").is_some() {
            "results"
        } else {
            "result"
        };
        // The recorder left an empty result out where it made a topic.
        let left_out = step.seen.get(field).is_none() && result == json!({});
        if !left_out {
            seen.insert(field.to_string(), result);
        }
    }

    fn state(&self) -> Value {
        let view = self.lab.run.view();
        let away = json!({"zookeeper": "away"});
        if view.kernel.status(self.lab.zookeeper) == NodeStatus::Down || !view.coordination_serves()
        {
            return away;
        }
        let Some(tree) = view.tree() else { return away };
        let mut state = Map::new();
        state.insert("brokers".to_string(), json!(view.registered_brokers()));
        let controller = tree
            .get(znode::CONTROLLER)
            .and_then(|(data, _)| znode::ControllerZNode::decode(data));
        state.insert(
            "controller".to_string(),
            json!(controller.map(|controller| controller.broker_id)),
        );
        let epoch = tree
            .get(znode::CONTROLLER_EPOCH)
            .and_then(|(data, _)| znode::decode_controller_epoch(data));
        state.insert("controller_epoch".to_string(), json!(epoch));
        let mut partitions = Map::new();
        for topic in tree
            .children(znode::TOPICS)
            .filter(|topic| !topic.starts_with("__"))
        {
            for partition in tree.children(&znode::topic_partitions_path(topic)) {
                let Ok(number) = partition.parse() else {
                    continue;
                };
                let tp = TopicPartition::new(Rc::clone(topic), number);
                let Some((data, stat)) = tree.get(&znode::topic_partition_state_path(&tp)) else {
                    continue;
                };
                let Ok(Value::Object(mut fields)) = serde_json::from_slice(data) else {
                    continue;
                };
                fields.remove("version");
                fields.insert("zk_version".to_string(), json!(stat.version));
                partitions.insert(tp.to_string(), Value::Object(fields));
            }
        }
        state.insert("partitions".to_string(), Value::Object(partitions));
        Value::Object(state)
    }

    fn described(&mut self, topic: &str) -> Value {
        let question = DriverOperation::Describe {
            topic: Rc::from(topic),
        };
        match self.lab.operate(question).ok().and_then(|number| self.lab.answer(number)) {
            Some(DriverResult::Described(partitions)) => partitions
                .into_iter()
                .map(|(number, partition)| {
                    let shown = json!({
                        "leader": partition.leader, "replicas": partition.replicas, "isr": partition.isr
                    });
                    (number.to_string(), shown)
                })
                .collect(),
            // The recorder's client had begun its answer when the exception came.
            Some(DriverResult::Failed { .. }) => json!({}),
            _ => Value::Null,
        }
    }

    /// Every broker's leader-epoch files of these topics, without their two header lines.
    fn leader_epoch_files(&self, topics: &[String]) -> Value {
        let view = self.lab.run.view();
        let mut brokers = Map::new();
        for (id, node) in &self.lab.brokers {
            let disk = view.kernel.disk(*node);
            let mut epochs = Map::new();
            for (path, file) in disk.files() {
                let mut parts = path.rsplit('/');
                if parts.next() != Some("leader-epoch-checkpoint") {
                    continue;
                }
                let Some(dir) = parts.next() else { continue };
                if dir
                    .rsplit_once('-')
                    .is_none_or(|(topic, _)| !topics.iter().any(|t| t == topic))
                {
                    continue;
                }
                let content: Vec<u8> = disk.peek(file).concat();
                let text = String::from_utf8_lossy(&content).into_owned();
                epochs.insert(dir.to_string(), text.lines().skip(2).collect());
            }
            let mut files = Map::new();
            if !epochs.is_empty() {
                files.insert("leader_epochs".to_string(), Value::Object(epochs));
            }
            brokers.insert(id.to_string(), Value::Object(files));
        }
        Value::Object(brokers)
    }
}

/// The topics that a step shows.
pub(super) fn topics_of(step: &Step) -> Vec<String> {
    let topics = step.seen.get("metadata").and_then(Value::as_object);
    topics
        .into_iter()
        .flat_map(|topics| topics.keys().cloned())
        .collect()
}
