//! Everything that travels on a connection, its size on the wire, and its content hash.

use super::kafka::{Request, Response};
use super::zab::{ElectionMessage, QuorumPacket};
use super::zookeeper::{ClientMessage, ServerMessage};
use crate::kernel::Payload;
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// A request with its header (`RequestHeader`).
#[derive(Clone, Debug, Hash)]
pub struct KafkaRequest {
    pub correlation_id: i32,
    pub client_id: Rc<str>,
    pub body: Request,
}

/// A response with its header.
#[derive(Clone, Debug, Hash)]
pub struct KafkaResponse {
    pub correlation_id: i32,
    pub body: Response,
}

/// A message between two nodes.
#[derive(Clone, Debug)]
pub enum Message {
    Request(KafkaRequest),
    Response(KafkaResponse),
    ZooKeeperRequest(Box<ClientMessage>),
    ZooKeeperReply(Box<ServerMessage>),
    /// Between ZooKeeper servers, on their election connections.
    Election(Box<ElectionMessage>),
    /// Between a ZooKeeper leader and its learners.
    Quorum(Box<QuorumPacket>),
}

impl Message {
    /// Name for transcripts, e.g. `Produce`, `FetchResponse`, `ZooKeeper multi`.
    pub fn name(&self) -> &'static str {
        match self {
            Message::Request(request) => request.body.name(),
            Message::Response(response) => response.body.name(),
            Message::ZooKeeperRequest(_) => "ZooKeeper request",
            Message::ZooKeeperReply(_) => "ZooKeeper reply",
            Message::Election(message) => message.name(),
            Message::Quorum(packet) => packet.name(),
        }
    }
}

impl Payload for Message {
    fn wire_bytes(&self) -> u64 {
        match self {
            Message::Request(request) => HEADER_BYTES + request_bytes(&request.body),
            Message::Response(response) => HEADER_BYTES + response_bytes(&response.body),
            Message::ZooKeeperRequest(message) => message.wire_bytes(),
            Message::ZooKeeperReply(message) => message.wire_bytes(),
            Message::Election(message) => message.wire_bytes(),
            Message::Quorum(packet) => packet.wire_bytes(),
        }
    }

    fn kind(&self) -> u16 {
        match self {
            Message::Request(request) => request.body.api_key() as u16,
            Message::Response(response) => 1000 + response.body.api_key() as u16,
            Message::ZooKeeperRequest(_) => 2000,
            Message::ZooKeeperReply(_) => 2001,
            Message::Election(_) => 2002,
            Message::Quorum(_) => 2003,
        }
    }

    fn content_hash(&self) -> u64 {
        let mut hasher = ContentHasher::default();
        match self {
            Message::Request(request) => request.hash(&mut hasher),
            Message::Response(response) => response.hash(&mut hasher),
            Message::ZooKeeperRequest(message) => message.hash(&mut hasher),
            Message::ZooKeeperReply(message) => message.hash(&mut hasher),
            Message::Election(message) => message.hash(&mut hasher),
            Message::Quorum(packet) => packet.hash(&mut hasher),
        }
        hasher.finish()
    }
}

/// A small multiplicative hash over values (not memory), so that every machine agrees.
#[derive(Default)]
struct ContentHasher(u64);

impl ContentHasher {
    fn mix(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl Hasher for ContentHasher {
    fn finish(&self) -> u64 {
        let mut h = self.0;
        h ^= h >> 32;
        h = h.wrapping_mul(0xd6e8_feb8_6659_fd93);
        h ^ (h >> 32)
    }
    fn write(&mut self, bytes: &[u8]) {
        let (chunks, rest) = bytes.as_chunks::<8>();
        for chunk in chunks {
            self.mix(u64::from_le_bytes(*chunk));
        }
        let mut last = [0u8; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.mix(u64::from_le_bytes(last) ^ ((bytes.len() as u64) << 56));
    }
    fn write_u8(&mut self, i: u8) {
        self.mix(u64::from(i));
    }
    fn write_u16(&mut self, i: u16) {
        self.mix(u64::from(i));
    }
    fn write_u32(&mut self, i: u32) {
        self.mix(u64::from(i));
    }
    fn write_u64(&mut self, i: u64) {
        self.mix(i);
    }
    fn write_usize(&mut self, i: usize) {
        self.mix(i as u64);
    }
    fn write_i8(&mut self, i: i8) {
        self.mix(i as u64);
    }
    fn write_i16(&mut self, i: i16) {
        self.mix(i as u64);
    }
    fn write_i32(&mut self, i: i32) {
        self.mix(i as u64);
    }
    fn write_i64(&mut self, i: i64) {
        self.mix(i as u64);
    }
    fn write_isize(&mut self, i: isize) {
        self.mix(i as u64);
    }
}

// Sizes follow Kafka's flexible encodings closely enough for bandwidth: fixed fields exactly,
// names by their length, arrays by their entries.
const HEADER_BYTES: u64 = 24;

fn request_bytes(body: &Request) -> u64 {
    match body {
        Request::Produce(r) => {
            12 + r
                .data
                .iter()
                .map(|(tp, records)| 12 + tp.topic.len() as u64 + records.size_in_bytes())
                .sum::<u64>()
        }
        Request::Fetch(r) => 36 + r.partitions.len() as u64 * 56 + r.forgotten.len() as u64 * 20,
        Request::DeleteRecords(r) => 8 + r.partitions.len() as u64 * 24,
        Request::ListOffsets(r) => 8 + r.partitions.len() as u64 * 32,
        Request::Metadata(r) => {
            4 + r
                .topics
                .iter()
                .flatten()
                .map(|t| 2 + t.len() as u64)
                .sum::<u64>()
        }
        Request::LeaderAndIsr(r) => 40 + r.partition_states.len() as u64 * 96,
        Request::StopReplica(r) => 24 + r.partition_states.len() as u64 * 24,
        Request::UpdateMetadata(r) => {
            40 + r.partition_states.len() as u64 * 72 + r.live_brokers.len() as u64 * 32
        }
        Request::ControlledShutdown(_) => 12,
        Request::CreateTopics(r) => 12 + r.topics.len() as u64 * 96,
        Request::OffsetForLeaderEpoch(r) => 8 + r.partitions.len() as u64 * 28,
        Request::ElectLeaders(r) => 12 + r.partitions.as_ref().map_or(0, |p| p.len() as u64 * 20),
        Request::IncrementalAlterConfigs(r) => 8 + r.resources.len() as u64 * 64,
        Request::AlterPartition(r) => 16 + r.partitions.len() as u64 * 64,
    }
}

fn response_bytes(body: &Response) -> u64 {
    match body {
        Response::Produce(r) => 8 + r.responses.len() as u64 * 40,
        Response::Fetch(r) => {
            16 + r
                .responses
                .iter()
                .map(|p| 48 + p.records.size_in_bytes())
                .sum::<u64>()
        }
        Response::DeleteRecords(r) => 8 + r.partitions.len() as u64 * 26,
        Response::ListOffsets(r) => 8 + r.partitions.len() as u64 * 32,
        Response::Metadata(r) => {
            32 + r.brokers.len() as u64 * 32
                + r.topics
                    .iter()
                    .map(|t| 32 + t.partitions.len() as u64 * 48)
                    .sum::<u64>()
        }
        Response::LeaderAndIsr(r) => 8 + r.partition_errors.len() as u64 * 8,
        Response::StopReplica(r) => 8 + r.partition_errors.len() as u64 * 24,
        Response::UpdateMetadata(_) => 4,
        Response::ControlledShutdown(r) => 8 + r.remaining_partitions.len() as u64 * 20,
        Response::CreateTopics(r) => 8 + r.topics.len() as u64 * 64,
        Response::OffsetForLeaderEpoch(r) => 8 + r.partitions.len() as u64 * 34,
        Response::ElectLeaders(r) => 8 + r.results.len() as u64 * 24,
        Response::IncrementalAlterConfigs(r) => 8 + r.responses.len() as u64 * 32,
        Response::AlterPartition(r) => 8 + r.partitions.len() as u64 * 48,
    }
}
