//! What a property is, and what breaking one looks like.

use super::end_of_run::EndOfRun;
use crate::kernel::Time;
use crate::node::view::ClusterView;
use crate::protocol::{BrokerId, Routine, TopicPartition};
use crate::trace::TraceEntry;
use std::rc::Rc;

/// Something that must hold in every run, whatever fails.
pub trait Property {
    /// The property as a sentence.
    fn name(&self) -> &'static str;

    /// Which routine facts (`Fact::is_routine`) it looks at. Events that state no others, nearly all, are
    /// kept from it.
    fn routine(&self) -> &'static [Routine] {
        Routine::ALL
    }

    /// Looks at the facts of one dispatched event, and at what these touched in the view after it.
    fn after_event(&mut self, facts: &[TraceEntry], view: &dyn ClusterView) -> Option<Violation> {
        facts.iter().find_map(|entry| self.after_fact(entry, view))
    }

    /// The same, for a property that judges each fact by itself.
    fn after_fact(&mut self, entry: &TraceEntry, view: &dyn ClusterView) -> Option<Violation> {
        let _ = (entry, view);
        None
    }

    /// Partitions that it has something to say of at the end, beside those that the cluster still knows.
    fn partitions(&self) -> Vec<TopicPartition> {
        Vec::new()
    }

    /// Looks at one partition at the end. Each is looked at once, in order and by all properties together: so
    /// its logs are read once, and no two partitions' are in memory.
    fn at_end_of(&mut self, partition: &TopicPartition, end: &EndOfRun<'_>) -> Vec<Violation> {
        let _ = (partition, end);
        Vec::new()
    }

    /// Looks at the whole history, after that.
    fn at_end(&mut self, end: &EndOfRun<'_>) -> Vec<Violation> {
        let _ = end;
        Vec::new()
    }

    /// What it has found that breaks nothing, and that a reader of the run should know all the same.
    fn remark(&self) -> Option<String> {
        None
    }

    /// What was looked at so far, in figures: a property that has looked at nothing proves nothing.
    fn figures(&self) -> String;
}

/// A property that does not hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Violation {
    /// Name of the property.
    pub property: &'static str,
    /// What broke it.
    pub sentence: String,
    /// The first event that shows it; `None` if only the end does.
    pub event: Option<u64>,
    pub time: Option<Time>,
    /// Nodes involved, by name.
    pub nodes: Vec<Rc<str>>,
    pub partition: Option<TopicPartition>,
    /// Contents (`protocol::content_of`) of the records that the sentence is about.
    pub contents: Vec<u64>,
}

impl Violation {
    /// Shown by one fact.
    pub(super) fn at(property: &'static str, entry: &TraceEntry, sentence: String) -> Self {
        Violation {
            property,
            sentence,
            event: Some(entry.event),
            time: Some(entry.time),
            nodes: vec![entry.node.clone()],
            partition: None,
            contents: Vec::new(),
        }
    }

    /// Shown at the end only.
    pub(super) fn finally(property: &'static str, sentence: String) -> Self {
        Violation {
            property,
            sentence,
            event: None,
            time: None,
            nodes: Vec::new(),
            partition: None,
            contents: Vec::new(),
        }
    }

    pub(super) fn of(mut self, partition: &TopicPartition) -> Self {
        self.partition = Some(partition.clone());
        self
    }

    pub(super) fn about(mut self, contents: [u64; 2]) -> Self {
        self.contents.extend(contents);
        self
    }

    pub(super) fn with(mut self, brokers: impl IntoIterator<Item = BrokerId>) -> Self {
        for broker in brokers {
            let name: Rc<str> = format!("broker-{broker}").into();
            if !self.nodes.contains(&name) {
                self.nodes.push(name);
            }
        }
        self
    }
}
