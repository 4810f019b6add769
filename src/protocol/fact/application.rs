//! What applications of members of groups do with records beside reading them, and what the services say that they
//! call.

use super::Fact;
use crate::protocol::TopicPartition;
use serde::{Deserialize, Serialize};
use std::rc::Rc;

/// What an application does, or a service that it calls.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "fact")]
pub enum ApplicationFact {
    /// By a consumer: its application has sent a record to another topic, and it was acknowledged there.
    #[serde(rename = "forwarded")]
    Forwarded {
        partition: TopicPartition,
        offset: i64,
        to: TopicPartition,
        to_offset: i64,
    },
    /// By a service: it was called for this record, and does what it does.
    #[serde(rename = "service-called")]
    ServiceCalled {
        client: Rc<str>,
        partition: TopicPartition,
        offset: i64,
    },
    /// By a consumer: the service has not answered; it will be called again.
    #[serde(rename = "service-not-reached")]
    ServiceNotReached {
        service: Rc<str>,
        partition: TopicPartition,
        offset: i64,
        why: Rc<str>,
    },
    /// By a consumer: its application throws, closes its consumer, and ends.
    #[serde(rename = "application-failed")]
    Failed {
        partition: TopicPartition,
        offset: i64,
        why: Rc<str>,
    },
    /// By a consumer: its application wants nothing of these partitions until it resumes them.
    #[serde(rename = "partitions-paused")]
    Paused { partitions: Vec<TopicPartition> },
    /// By a consumer: its application wants these partitions again.
    #[serde(rename = "partitions-resumed")]
    Resumed { partitions: Vec<TopicPartition> },
    /// By a consumer: its application's `ConsumerRebalanceListener` has thrown in this method, and `poll` (or `close`)
    /// throws a KafkaException: it is caught, and `poll` is called again, or the application closes its consumer and ends.
    /// Where `close` throws it says no farewell to its group.
    #[serde(rename = "listener-threw")]
    ListenerThrew {
        callback: Rc<str>,
        is_caught: bool,
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        in_close: bool,
    },
    /// By a consumer: its application has asked its library for this offset. There may be none.
    #[serde(rename = "offset-told")]
    OffsetTold {
        call: Rc<str>,
        partition: TopicPartition,
        offset: Option<i64>,
    },
    /// By a consumer: its application has called this, which throws; it closes its consumer and ends.
    #[serde(rename = "call-threw")]
    CallThrew {
        call: Rc<str>,
        partition: TopicPartition,
        exception: Rc<str>,
    },
}

impl From<ApplicationFact> for Fact {
    fn from(fact: ApplicationFact) -> Fact {
        Fact::Application(fact)
    }
}
