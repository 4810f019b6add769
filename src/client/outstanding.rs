//! Records that an application has handed to its producer's library and that are not settled, and what is stated of
//! each: made, tried again, acknowledged, given up. In that order, and of each the first and one of the last two.
//!
//! Knows what the library tells (`Delivery`), whoever the application is.

use crate::client::delivery::Delivery;
use crate::kernel::Time;
use crate::protocol::{Ctx, Fact, RecordId, TopicPartition, content_of};
use std::collections::VecDeque;
use std::rc::Rc;

/// By the library's numbers, which rise by one.
#[derive(Debug)]
pub(super) struct Outstanding {
    /// Under which they are told of.
    producer: Rc<str>,
    /// Number of the first.
    first: u64,
    records: VecDeque<Option<HandedOver>>,
    count: usize,
}

#[derive(Debug)]
struct HandedOver {
    /// The application's.
    number: u64,
    /// When its application has called `send`, and when the library had the bytes.
    called: Time,
    at: Time,
    content: u64,
    /// It is said that it was made.
    is_told_of: bool,
}

impl Outstanding {
    pub(super) fn new(producer: Rc<str>) -> Outstanding {
        Outstanding {
            producer,
            first: 0,
            records: VecDeque::new(),
            count: 0,
        }
    }

    /// What facts will say of a record; nothing if nobody listens to them.
    pub(super) fn content(ctx: &Ctx<'_>, key: Option<&[u8]>, value: Option<&[u8]>) -> u64 {
        match ctx.states_routine() {
            true => content_of(key, value),
            false => 0,
        }
    }

    /// The library has just taken a record, and calls it `send`.
    pub(super) fn push(&mut self, ctx: &Ctx<'_>, send: u64, number: u64, content: u64) {
        self.push_called(ctx, ctx.now(), send, number, content);
    }

    /// The same, of a record that its serializers have held up since its application called.
    pub(super) fn push_called(
        &mut self,
        ctx: &Ctx<'_>,
        called: Time,
        send: u64,
        number: u64,
        content: u64,
    ) {
        let handed_over = HandedOver {
            number,
            called,
            at: ctx.now(),
            content,
            is_told_of: false,
        };
        self.push_one(send, handed_over);
    }

    /// The same, of a record that was handed over before: it was made then.
    pub(super) fn push_again(&mut self, ctx: &Ctx<'_>, send: u64, number: u64, content: u64) {
        let handed_over = HandedOver {
            number,
            called: ctx.now(),
            at: ctx.now(),
            content,
            is_told_of: true,
        };
        self.push_one(send, handed_over);
    }

    fn push_one(&mut self, send: u64, handed_over: HandedOver) {
        assert_eq!(
            self.first + self.records.len() as u64,
            send,
            "one after the other"
        );
        self.records.push_back(Some(handed_over));
        self.count += 1;
    }

    pub(super) fn count(&self) -> usize {
        self.count
    }

    pub(super) fn record_id(&self, number: u64) -> RecordId {
        RecordId {
            producer: Rc::clone(&self.producer),
            number,
        }
    }

    /// States what the library tells.
    pub(super) fn state(&mut self, ctx: &mut Ctx<'_>, delivery: &Delivery) {
        match delivery {
            Delivery::Queued { send, partition } => self.state_created(ctx, *send, partition),
            Delivery::Retrying {
                sends,
                partition,
                error,
                attempts,
                idempotent,
            } => {
                for send in sends {
                    if let Some(number) = self.get_mut(*send).map(|it| it.number) {
                        ctx.fact(Fact::Retrying {
                            record: self.record_id(number),
                            partition: partition.clone(),
                            error: *error,
                            attempts: *attempts,
                            idempotent: *idempotent,
                        });
                    }
                }
            }
            Delivery::Stored {
                sends,
                partition,
                base_offset,
                attempts,
            } => {
                // CP46: in order.
                for (index, send) in (0..).zip(sends) {
                    if let Some(stored) = self.take(*send)
                        && ctx.states_routine()
                    {
                        ctx.fact(Fact::Acked {
                            record: self.record_id(stored.number),
                            partition: partition.clone(),
                            // CP47
                            offset: if *base_offset < 0 {
                                -1
                            } else {
                                base_offset + index
                            },
                            content: stored.content,
                            latency_ns: ctx.now().since(stored.at).0,
                            attempts: *attempts,
                        });
                    }
                }
            }
            Delivery::Failed {
                sends,
                partition,
                exception,
                attempts,
            } => {
                for send in sends {
                    self.state_created(ctx, *send, partition);
                    if let Some(failed) = self.take(*send) {
                        ctx.fact(Fact::Failed {
                            record: self.record_id(failed.number),
                            partition: partition.clone(),
                            exception: Rc::clone(exception),
                            attempts: *attempts,
                        });
                    }
                }
            }
        }
    }

    /// `send` has thrown this, and has taken nothing.
    pub(super) fn state_thrown(
        &self,
        ctx: &mut Ctx<'_>,
        (number, called): (u64, Time),
        content: u64,
        partition: TopicPartition,
        exception: &str,
    ) {
        let record = self.record_id(number);
        ctx.fact(Fact::RecordCreated {
            record: record.clone(),
            partition: partition.clone(),
            content,
            waited_ns: ctx.now().since(called).0,
        });
        ctx.fact(Fact::Failed {
            record,
            partition,
            exception: exception.into(),
            attempts: 0,
        });
    }

    /// Once for each record: when it is in a batch, or when it failed before.
    fn state_created(&mut self, ctx: &mut Ctx<'_>, send: u64, partition: &TopicPartition) {
        let Some(made) = self.get_mut(send) else {
            return;
        };
        if std::mem::replace(&mut made.is_told_of, true) || !ctx.states_routine() {
            return;
        }
        let (number, content) = (made.number, made.content);
        let waited_ns = ctx.now().since(made.called).0;
        ctx.fact(Fact::RecordCreated {
            record: self.record_id(number),
            partition: partition.clone(),
            content,
            waited_ns,
        });
    }

    fn get_mut(&mut self, send: u64) -> Option<&mut HandedOver> {
        let place = send.checked_sub(self.first)?;
        self.records.get_mut(place as usize)?.as_mut()
    }

    /// It is settled.
    fn take(&mut self, send: u64) -> Option<HandedOver> {
        let place = send.checked_sub(self.first)?;
        let taken = self.records.get_mut(place as usize)?.take();
        self.count -= usize::from(taken.is_some());
        while let Some(None) = self.records.front() {
            self.records.pop_front();
            self.first += 1;
        }
        taken
    }
}
