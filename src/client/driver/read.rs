//! The recorder's `read`: a new consumer polls one partition for a while.

use crate::client::kafka_consumer::{KafkaConsumer, Polled};
use crate::client::subscription_state::ResetTo;
use crate::client::{Bootstrap, DriverResult, ReadFrom, ReadRecord};
use crate::kernel::{Duration, Time, TimerId};
use crate::protocol::config::{ConfigError, ConsumerConfig, Properties};
use crate::protocol::{ClientTimer, Ctx, Event, Fact, Timer, TopicPartition, content_of};
use std::rc::Rc;

/// The consumer's number among the libraries of this node.
const OWNER: u8 = 1;
/// The recorder's own timer: a call of `poll` returns.
pub(super) const POLL_RETURNS: ClientTimer = ClientTimer::Wake(u64::MAX);
const POLL_TIMEOUT: Duration = Duration::from_millis(200);
/// `default.api.timeout.ms` of the recorder's consumers.
const POSITION_TIMEOUT: Duration = Duration::from_secs(60);

#[derive(Debug)]
pub(super) struct Read {
    library: KafkaConsumer,
    partition: TopicPartition,
    /// The loop around `poll` ends with the first call that returns after this.
    end: Time,
    /// How long `position` may then wait for a position.
    position_deadline: Time,
    poll_returns: TimerId,
    records: Vec<ReadRecord>,
    exception: Option<Rc<str>>,
}

impl Read {
    pub(super) fn begin(
        ctx: &mut Ctx<'_>,
        bootstrap: &Bootstrap,
        partition: TopicPartition,
        from: ReadFrom,
        polls_for: Duration,
        chosen: &Properties,
    ) -> Result<Read, ConfigError> {
        let mut properties = chosen.clone();
        properties
            .entry("auto.offset.reset".into())
            .or_insert_with(|| "none".into());
        let config = ConsumerConfig::parse(&properties)?;
        let mut library = KafkaConsumer::new(OWNER, "reader", bootstrap, config);
        library.assign(partition.clone());
        match from {
            ReadFrom::Beginning => library.seek_to(&partition, ResetTo::Earliest),
            ReadFrom::Offset(offset) => {
                library.seek(&partition, offset);
                ctx.fact(Fact::PositionSet {
                    partition: partition.clone(),
                    offset,
                    why: "asked by the application".into(),
                    by_application: true,
                });
            }
        }
        library.start(ctx);
        let end = ctx.now() + polls_for;
        Ok(Read {
            library,
            partition,
            end,
            position_deadline: end + POSITION_TIMEOUT,
            poll_returns: set_poll_timer(ctx),
            records: Vec::new(),
            exception: None,
        })
    }

    pub(super) fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) {
        // What is nobody's is of no concern to this node.
        let _ = self.library.on_event(event, ctx);
    }

    /// A call of `poll` returns. True if it was the last one.
    pub(super) fn poll_returns(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let now = ctx.now();
        let has_position = self.position().is_some();
        if now >= self.end && (has_position || now >= self.position_deadline) {
            if !has_position {
                self.exception = Some("TimeoutException".into());
            }
            return true;
        }
        self.poll_returns = set_poll_timer(ctx);
        false
    }

    /// Takes what has arrived. True if an exception ends the reading.
    pub(super) fn take_polled(&mut self, ctx: &mut Ctx<'_>) -> bool {
        while let Some(polled) = self.library.next_polled() {
            match polled {
                Polled::PositionSet {
                    partition,
                    offset,
                    why,
                    by_application,
                } => ctx.fact(Fact::PositionSet {
                    partition,
                    offset,
                    why,
                    by_application,
                }),
                Polled::Record(record) => {
                    self.records.push(ReadRecord {
                        offset: record.offset,
                        key: record.key.as_deref().map(text),
                        value: record.value.as_deref().map(text),
                        leader_epoch: record.leader_epoch,
                    });
                    ctx.fact(Fact::Consumed {
                        content: content_of(record.key.as_deref(), record.value.as_deref()),
                        partition: record.partition,
                        offset: record.offset,
                        leader_epoch: record.leader_epoch,
                    });
                }
                Polled::ReadReplicaChosen {
                    partition,
                    replica,
                    why,
                } => ctx.fact(Fact::ReadReplicaChosen {
                    partition,
                    replica,
                    why,
                }),
                Polled::Returned | Polled::Group(_) | Polled::Told { .. } => {}
                Polled::Exception {
                    partition,
                    exception,
                } => {
                    ctx.fact(Fact::ConsumerError {
                        partition,
                        exception: exception.into(),
                    });
                    self.exception = Some(exception.into());
                    return true;
                }
            }
        }
        false
    }

    /// Closes the consumer.
    pub(super) fn into_result(mut self, ctx: &mut Ctx<'_>) -> DriverResult {
        self.library.close(ctx);
        ctx.cancel_timer(self.poll_returns);
        let position = self.position();
        DriverResult::Read {
            records: self.records,
            position: position.filter(|_| self.exception.is_none()),
            exception: self.exception,
        }
    }

    fn position(&self) -> Option<i64> {
        self.library.positions().get(&self.partition).copied()
    }
}

fn set_poll_timer(ctx: &mut Ctx<'_>) -> TimerId {
    ctx.set_timer(POLL_TIMEOUT, Timer::Client(POLL_RETURNS))
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
