//! One request queue a broker (`ControllerChannelManager`, `RequestSendThread`; CT8, Z10).
//!
//! Each queue is its own thread in Kafka: it goes on sending while the controller's thread waits for
//! ZooKeeper. One request is in flight for each broker; it is sent again until it is answered or the
//! broker is removed, which drops its queue.
//!
//! May not know whether a request that is sent again was carried out before.

use crate::protocol::{
    BrokerEndpoint, BrokerId, ListenerName, RegisteredBroker, Request, Response,
};
use std::collections::{BTreeMap, VecDeque};

/// Pause of a channel after a failed attempt.
const BACKOFF_MS: u64 = 100;

/// What a channel wants done.
#[derive(Debug)]
pub(super) enum ChannelOutput {
    Send {
        to: BrokerEndpoint,
        id: u64,
        body: Request,
    },
    Close {
        broker: BrokerId,
    },
    /// Call `backoff_is_over` with this broker and id after this time.
    Backoff {
        after_ms: u64,
        broker: BrokerId,
        id: u64,
    },
}

/// See the module's doc.
#[derive(Debug, Default)]
pub(super) struct ControllerChannelManager {
    channels: BTreeMap<BrokerId, Channel>,
    next_id: u64,
}

#[derive(Debug)]
struct Channel {
    endpoint: BrokerEndpoint,
    queue: VecDeque<Request>,
    state: ChannelState,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ChannelState {
    Idle,
    /// The head of the queue was sent with this id.
    InFlight(u64),
    /// The attempt with this id failed; the head waits.
    Backoff(u64),
}

impl ControllerChannelManager {
    /// Opens a channel by that listener, unless there is one. Who has no such listener cannot be spoken to.
    pub fn add_broker(&mut self, broker: &RegisteredBroker, listener: &ListenerName) {
        let Some(endpoint) = broker.node(listener) else {
            return;
        };
        self.channels.entry(endpoint.id).or_insert(Channel {
            endpoint,
            queue: VecDeque::new(),
            state: ChannelState::Idle,
        });
    }

    /// Drops a channel with all that waits in it.
    pub fn remove_broker(&mut self, broker: BrokerId) -> Vec<ChannelOutput> {
        match self.channels.remove(&broker) {
            Some(_) => vec![ChannelOutput::Close { broker }],
            None => Vec::new(),
        }
    }

    pub fn shutdown(&mut self) -> Vec<ChannelOutput> {
        std::mem::take(&mut self.channels)
            .into_keys()
            .map(|broker| ChannelOutput::Close { broker })
            .collect()
    }

    /// Queues a request; one to a broker without channel goes nowhere.
    pub fn send_request(&mut self, broker: BrokerId, body: Request) -> Option<ChannelOutput> {
        let channel = self.channels.get_mut(&broker)?;
        channel.queue.push_back(body);
        self.send_next(broker)
    }

    /// The attempt with `id` was answered. Gives the response if it was the channel's latest, and
    /// what to send next.
    pub fn on_response(
        &mut self,
        broker: BrokerId,
        id: u64,
        response: Response,
    ) -> (Option<Response>, Option<ChannelOutput>) {
        let Some(channel) = self.channels.get_mut(&broker) else {
            return (None, None);
        };
        if channel.state != ChannelState::InFlight(id) {
            return (None, None);
        }
        let asked = channel.queue.pop_front();
        assert!(
            asked.is_some(),
            "broker-{broker} answers {id}, and nothing was asked"
        );
        channel.state = ChannelState::Idle;
        (Some(response), self.send_next(broker))
    }

    /// The attempt with `id` failed, before or after it was sent.
    pub fn on_disconnected(&mut self, broker: BrokerId, id: u64) -> Option<ChannelOutput> {
        let channel = self.channels.get_mut(&broker)?;
        if channel.state != ChannelState::InFlight(id) {
            return None;
        }
        channel.state = ChannelState::Backoff(id);
        Some(ChannelOutput::Backoff {
            after_ms: BACKOFF_MS,
            broker,
            id,
        })
    }

    pub fn backoff_is_over(&mut self, broker: BrokerId, id: u64) -> Option<ChannelOutput> {
        let channel = self.channels.get_mut(&broker)?;
        if channel.state != ChannelState::Backoff(id) {
            return None;
        }
        channel.state = ChannelState::Idle;
        self.send_next(broker)
    }

    fn send_next(&mut self, broker: BrokerId) -> Option<ChannelOutput> {
        let channel = self.channels.get_mut(&broker)?;
        if channel.state != ChannelState::Idle {
            return None;
        }
        let body = channel.queue.front()?.clone();
        let id = self.next_id;
        self.next_id += 1;
        channel.state = ChannelState::InFlight(id);
        Some(ChannelOutput::Send {
            to: channel.endpoint.clone(),
            id,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::{UpdateMetadataRequest, UpdateMetadataResponse};

    fn request(controller_epoch: i32) -> Request {
        UpdateMetadataRequest {
            controller_id: 1,
            controller_epoch,
            broker_epoch: 1,
            topic_ids: Vec::new(),
            partition_states: Vec::new(),
            live_brokers: Vec::new(),
        }
        .into()
    }

    fn response() -> Response {
        UpdateMetadataResponse {
            error: crate::protocol::ErrorCode::None,
        }
        .into()
    }

    fn sent(output: Option<ChannelOutput>) -> Option<(u64, i32)> {
        match output {
            Some(ChannelOutput::Send {
                id,
                body: Request::UpdateMetadata(request),
                ..
            }) => Some((id, request.controller_epoch)),
            _ => None,
        }
    }

    #[test]
    fn ct8_one_in_flight_in_order_and_again_until_answered() {
        let mut channels = ControllerChannelManager::default();
        assert!(channels.send_request(2, request(1)).is_none(), "no channel");
        channels.add_broker(&BrokerEndpoint::usual(2).into(), &ListenerName::default());
        let (first, epoch) = sent(channels.send_request(2, request(1))).unwrap();
        assert_eq!(epoch, 1);
        assert!(channels.send_request(2, request(2)).is_none(), "it waits");
        assert!(matches!(
            channels.on_disconnected(2, first),
            Some(ChannelOutput::Backoff { after_ms: 100, .. })
        ));
        assert!(channels.send_request(2, request(3)).is_none());
        let (again, epoch) = sent(channels.backoff_is_over(2, first)).unwrap();
        assert_eq!(epoch, 1, "the same request");
        assert_ne!(again, first);
        assert!(
            channels.on_response(2, first, response()).0.is_none(),
            "late"
        );
        let (answer, next) = channels.on_response(2, again, response());
        assert!(answer.is_some());
        assert_eq!(sent(next).map(|(_, epoch)| epoch), Some(2));
    }

    #[test]
    fn z10_removing_a_broker_drops_its_queue() {
        let mut channels = ControllerChannelManager::default();
        channels.add_broker(&BrokerEndpoint::usual(2).into(), &ListenerName::default());
        let (first, _) = sent(channels.send_request(2, request(1))).unwrap();
        channels.send_request(2, request(2));
        assert_eq!(channels.remove_broker(2).len(), 1);
        channels.add_broker(&BrokerEndpoint::usual(2).into(), &ListenerName::default());
        assert!(channels.on_disconnected(2, first).is_none());
        let (_, epoch) = sent(channels.send_request(2, request(3))).unwrap();
        assert_eq!(epoch, 3);
    }
}
