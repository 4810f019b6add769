//! The recorder's question for the offsets of a topic: one `listOffsets` after the other, four for
//! each partition.

use crate::client::kafka_admin_client::call::{Call, Failure};
use crate::client::{OffsetAnswer, PartitionOffsets};
use crate::protocol::{
    EARLIEST_TIMESTAMP, LATEST_TIMESTAMP, MAX_TIMESTAMP, Response, TopicName, TopicPartition,
};
use std::collections::{BTreeMap, VecDeque};

/// The question as far as it has been answered.
#[derive(Debug)]
pub(super) struct Offsets {
    topic: TopicName,
    /// Questions that are still to be asked; the first is being asked.
    questions: VecDeque<(i32, Question)>,
    described: bool,
    pub(super) answers: BTreeMap<i32, PartitionOffsets>,
}

#[derive(Clone, Copy, Debug)]
enum Question {
    Earliest,
    Latest,
    LatestCommitted,
    MaxTimestamp,
}

impl Offsets {
    /// Asked first: how many partitions are there?
    pub(super) fn new(topic: TopicName) -> (Offsets, Call) {
        let describe = Call::DescribeTopic(TopicName::clone(&topic));
        let offsets = Offsets {
            topic,
            questions: VecDeque::new(),
            described: false,
            answers: BTreeMap::new(),
        };
        (offsets, describe)
    }

    /// Takes an answer; what is to be asked next, `None` at the end. An error if the topic cannot be
    /// described.
    pub(super) fn go_on(
        &mut self,
        answer: Result<Response, Failure>,
    ) -> Result<Option<Call>, Failure> {
        if self.described {
            if let Some((partition, question)) = self.questions.pop_front() {
                self.take(partition, question, answer);
            }
        } else if let Response::Metadata(metadata) = answer? {
            self.described = true;
            let count: usize = metadata.topics.iter().map(|t| t.partitions.len()).sum();
            self.ask_about(count as i32);
        }
        Ok(self.next_call())
    }

    fn ask_about(&mut self, partitions: i32) {
        use Question::{Earliest, Latest, LatestCommitted, MaxTimestamp};
        for partition in 0..partitions {
            for question in [Earliest, Latest, LatestCommitted, MaxTimestamp] {
                self.questions.push_back((partition, question));
            }
        }
    }

    fn next_call(&self) -> Option<Call> {
        let (partition, question) = self.questions.front()?;
        let timestamp = match question {
            Question::Earliest => EARLIEST_TIMESTAMP,
            Question::Latest | Question::LatestCommitted => LATEST_TIMESTAMP,
            Question::MaxTimestamp => MAX_TIMESTAMP,
        };
        Some(Call::ListOffsets {
            partition: TopicPartition::new(TopicName::clone(&self.topic), *partition),
            timestamp,
            read_committed: matches!(question, Question::LatestCommitted),
        })
    }

    fn take(&mut self, partition: i32, question: Question, answer: Result<Response, Failure>) {
        let unanswered = || OffsetAnswer::Failed {
            exception: "UnknownServerException".into(),
        };
        let entry = self
            .answers
            .entry(partition)
            .or_insert_with(|| PartitionOffsets {
                earliest: unanswered(),
                latest: unanswered(),
                latest_committed: unanswered(),
                max_timestamp: unanswered(),
                leader_epoch: None,
            });
        let (answer, leader_epoch) = match answer {
            Ok(Response::ListOffsets(response)) => match response.partitions.first() {
                Some(found) => (OffsetAnswer::Offset(found.offset), Some(found.leader_epoch)),
                None => (unanswered(), None),
            },
            Ok(_) => (unanswered(), None),
            Err(failure) => {
                let exception = failure.exception().into();
                (OffsetAnswer::Failed { exception }, None)
            }
        };
        match question {
            Question::Earliest => entry.earliest = answer,
            Question::Latest => {
                entry.latest = answer;
                entry.leader_epoch = leader_epoch;
            }
            Question::LatestCommitted => entry.latest_committed = answer,
            Question::MaxTimestamp => entry.max_timestamp = answer,
        }
    }
}
