//! One broker's fetch session, as who fetches from it knows it (KIP-227; class FetchSessionHandler; CC9, CC10, CC19 to CC21):
//! what the broker has been told, so that the next fetch need only name what is different.
//!
//! May not know whether the broker still has the session: it is told so, or the request fails.

use crate::protocol::{
    ErrorCode, FETCH_BY_TOPIC_ID, FETCH_BY_TOPIC_NAME, FetchMetadata, FetchPartition,
    FetchResponse, TopicId, TopicPartition,
};
use std::collections::BTreeMap;

/// What a fetch says of partitions.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct FetchRequestData {
    pub metadata: FetchMetadata,
    pub version: i16,
    pub to_send: Vec<FetchPartition>,
    pub forgotten: Vec<(TopicId, TopicPartition)>,
}

#[derive(Debug)]
pub struct FetchSessionHandler {
    /// Of the next fetch, or of the one that is under way.
    metadata: FetchMetadata,
    partitions: BTreeMap<TopicPartition, SessionPartition>,
    /// Of `build`, to tell who is asked for no longer.
    round: u64,
    next_place: u64,
}

#[derive(Debug)]
struct SessionPartition {
    asked: FetchPartition,
    /// In the session, which is walked in the order in which partitions came.
    place: u64,
    /// The last one that wanted it.
    round: u64,
}

impl Default for FetchSessionHandler {
    fn default() -> Self {
        FetchSessionHandler {
            metadata: FetchMetadata::INITIAL,
            partitions: BTreeMap::new(),
            round: 0,
            next_place: 0,
        }
    }
}

impl FetchSessionHandler {
    /// The next fetch, which is for all of these in this order, and for no others. There is nothing to be sent if
    /// the session is empty and forgets nothing.
    pub fn build(&mut self, wanted: impl IntoIterator<Item = FetchPartition>) -> FetchRequestData {
        self.round += 1;
        let mut by_id = true;
        let mut still_wanted = 0;
        let (mut to_send, mut altered) = (Vec::new(), Vec::new());
        let (mut gone, mut replaced) = (Vec::new(), Vec::new());
        if self.metadata.is_full() {
            self.partitions.clear();
            for asked in wanted {
                by_id &= asked.topic_id != TopicId::ZERO;
                to_send.push(asked.clone());
                self.add(asked);
            }
        } else {
            for asked in wanted {
                by_id &= asked.topic_id != TopicId::ZERO;
                let round = self.round;
                match self.partitions.get_mut(&asked.partition) {
                    None => {
                        to_send.push(asked.clone());
                        self.add(asked);
                        still_wanted += 1;
                    }
                    Some(known) => {
                        still_wanted += usize::from(known.round != round);
                        known.round = round;
                        if known.asked != asked {
                            // Of the same name, and another topic.
                            let before = known.asked.topic_id;
                            if before != TopicId::ZERO && before != asked.topic_id {
                                replaced.push((known.place, (before, asked.partition.clone())));
                            }
                            altered.push(asked.clone());
                            known.asked = asked;
                        }
                    }
                }
            }
            if altered.len() > 1 {
                altered.sort_by_cached_key(|it: &FetchPartition| {
                    self.partitions.get(&it.partition).map(|it| it.place)
                });
            }
            if still_wanted < self.partitions.len() {
                let round = self.round;
                self.partitions.retain(|name, known| {
                    if known.round != round {
                        let topic_id = known.asked.topic_id;
                        by_id &= topic_id != TopicId::ZERO;
                        gone.push((known.place, (topic_id, name.clone())));
                    }
                    known.round == round
                });
            }
        }
        // Whoever goes by name knows no other.
        if !by_id {
            replaced.clear();
        }
        // What is new comes first.
        let to_send = match to_send.is_empty() {
            true => altered,
            false => {
                to_send.append(&mut altered);
                to_send
            }
        };
        let forgotten = in_order(gone).chain(in_order(replaced)).collect();
        FetchRequestData {
            metadata: self.metadata,
            version: match by_id {
                true => FETCH_BY_TOPIC_ID,
                false => FETCH_BY_TOPIC_NAME,
            },
            to_send,
            forgotten,
        }
    }

    fn add(&mut self, asked: FetchPartition) {
        self.next_place += 1;
        let (place, round) = (self.next_place, self.round);
        let known = SessionPartition {
            asked,
            place,
            round,
        };
        self.partitions.insert(known.asked.partition.clone(), known);
    }

    /// False if nothing is to be taken from the answer.
    pub fn handle_response(&mut self, response: &FetchResponse) -> bool {
        if !response.error.is_none() {
            self.metadata = match response.error {
                ErrorCode::FetchSessionIdNotFound => FetchMetadata::INITIAL,
                _ => self.metadata.close_existing_attempt_new(),
            };
            return false;
        }
        let is_full = self.metadata.is_full();
        let mut answered = response.responses.iter();
        let all_known = answered.all(|it| self.partitions.contains_key(&it.partition));
        let all_there = !is_full || response.responses.len() == self.partitions.len();
        if !all_known || !all_there {
            self.metadata = match is_full {
                true => FetchMetadata::INITIAL,
                false => self.metadata.close_existing_attempt_new(),
            };
            return false;
        }
        self.metadata = match response.session_id {
            FetchMetadata::INVALID_SESSION_ID => FetchMetadata::INITIAL,
            id if is_full => FetchMetadata::new_incremental(id),
            _ => self.metadata.next_incremental(),
        };
        true
    }

    /// There is no answer.
    pub fn handle_error(&mut self) {
        self.metadata = self.metadata.close_existing_attempt_new();
    }

    /// The next fetch ends the session.
    pub fn notify_close(&mut self) {
        self.metadata = self.metadata.close_existing();
    }

    /// Of the session in which the next fetch will be, or is; 0: none.
    pub fn session_id(&self) -> i32 {
        self.metadata.session_id
    }

    /// Asks for nothing.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// What was asked of a partition when it was last fetched.
    pub fn asked(&self, partition: &TopicPartition) -> Option<&FetchPartition> {
        self.partitions.get(partition).map(|known| &known.asked)
    }

    pub fn partitions(&self) -> impl Iterator<Item = &TopicPartition> {
        self.partitions.keys()
    }
}

/// By their places in the session.
fn in_order<T>(mut with_places: Vec<(u64, T)>) -> impl Iterator<Item = T> {
    with_places.sort_unstable_by_key(|(place, _)| *place);
    with_places.into_iter().map(|(_, it)| it)
}

#[cfg(test)]
mod tests;
