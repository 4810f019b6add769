//! Everything that travels on a connection, its size on the wire, and its content hash.

use super::kafka::{Request, Response};
use super::schema_registry::{RegistryCall, RegistryResponse};
use super::service::{ServiceAnswer, ServiceCall};
use super::zab::{ElectionMessage, QuorumPacket};
use super::zookeeper::{ClientMessage, ServerMessage};
use crate::kernel::{ConnId, Payload};
use std::hash::{Hash, Hasher};
use std::rc::Rc;

/// What the header of a request or response takes.
const HEADER_BYTES: u64 = 24;

/// A request with its header (`RequestHeader`).
#[derive(Clone, Debug, Hash)]
pub struct KafkaRequest {
    pub correlation_id: i32,
    pub client_id: Rc<str>,
    pub body: Request,
}

/// A response with its header.
#[derive(Clone, Debug)]
pub struct KafkaResponse {
    pub correlation_id: i32,
    /// How long who asked is to ask no more on this connection, 0 if it may at once. In Kafka a field of each body that
    /// a broker may throttle (`Response::client_throttles`); it takes its bytes there here, too.
    pub throttle_time_ms: i32,
    pub body: Response,
}

impl Hash for KafkaResponse {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.correlation_id.hash(state);
        self.body.hash(state);
        // An answer that throttles nobody has the hash that it had before there were such.
        if self.throttle_time_ms != 0 {
            self.throttle_time_ms.hash(state);
        }
    }
}

/// Whose request it was: whom an answer goes to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Pending {
    pub conn: ConnId,
    pub correlation_id: i32,
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
    /// To a schema registry.
    RegistryCall(Box<RegistryCall>),
    RegistryResponse(Box<RegistryResponse>),
    /// To a service outside of Kafka.
    ServiceCall(Box<ServiceCall>),
    ServiceAnswer(Box<ServiceAnswer>),
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
            Message::RegistryCall(call) => call.request.name(),
            Message::RegistryResponse(_) => "registry response",
            Message::ServiceCall(_) => "call of a service",
            Message::ServiceAnswer(_) => "answer of a service",
        }
    }
}

impl Payload for Message {
    fn wire_bytes(&self) -> u64 {
        match self {
            Message::Request(request) => HEADER_BYTES + request.body.wire_bytes(),
            Message::Response(response) => HEADER_BYTES + response.body.wire_bytes(),
            Message::ZooKeeperRequest(message) => message.wire_bytes(),
            Message::ZooKeeperReply(message) => message.wire_bytes(),
            Message::Election(message) => message.wire_bytes(),
            Message::Quorum(packet) => packet.wire_bytes(),
            Message::RegistryCall(call) => call.request.wire_bytes(),
            Message::RegistryResponse(response) => response.wire_bytes(),
            Message::ServiceCall(call) => call.wire_bytes(),
            Message::ServiceAnswer(answer) => answer.wire_bytes(),
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
            Message::RegistryCall(_) => 3000,
            Message::RegistryResponse(_) => 3001,
            Message::ServiceCall(_) => 3002,
            Message::ServiceAnswer(_) => 3003,
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
            Message::RegistryCall(call) => call.hash(&mut hasher),
            Message::RegistryResponse(response) => response.hash(&mut hasher),
            Message::ServiceCall(call) => call.hash(&mut hasher),
            Message::ServiceAnswer(answer) => answer.hash(&mut hasher),
        }
        hasher.finish()
    }

    fn label(&self) -> (&'static str, Rc<str>) {
        (super::label::kind_of(self), super::label::label_of(self))
    }
}

/// A small multiplicative hash over values (not memory), so that every machine agrees.
#[derive(Default)]
struct ContentHasher(u64);

impl ContentHasher {
    #[inline]
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
        let last = rest.iter().rev();
        let last = last.fold(0, |word, byte| word << 8 | u64::from(*byte));
        self.mix(last ^ ((bytes.len() as u64) << 56));
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
