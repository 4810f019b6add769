//! A broker's request to be relieved of its leaderships before it stops (class `KafkaServer`,
//! `controlledShutdown`; rules CT19, CT26).
//!
//! Finds the controller in the metadata cache anew for each attempt. May not know what is moved.

use super::connections::{Answered, Asker, Connections};
use crate::kernel::Duration;
use crate::metadata::MetadataCache;
use crate::network_client::Node;
use crate::protocol::config::BrokerConfig;
use crate::protocol::{
    BrokerId, BrokerTimer, ControlledShutdownRequest, Ctx, Errand, Response, Timer,
};
use std::rc::Rc;

#[derive(Debug)]
pub(crate) struct ControlledShutdown {
    broker: BrokerId,
    config: Rc<BrokerConfig>,
    remaining_tries: u32,
    controller: Option<Node>,
    /// What the controller said last.
    remaining_partitions: u32,
    under_way: bool,
}

impl ControlledShutdown {
    pub(crate) fn new(broker: BrokerId, config: Rc<BrokerConfig>) -> Self {
        ControlledShutdown {
            broker,
            remaining_tries: config.controlled_shutdown_max_retries,
            config,
            controller: None,
            remaining_partitions: 0,
            under_way: false,
        }
    }

    /// `led`: partitions that it leads now, which all remain if nobody is asked. Call `attempt` next.
    pub(crate) fn begin(&mut self, led: u32) {
        self.under_way = true;
        self.remaining_partitions = led;
    }

    /// The first attempt, or the next after a pause. Answers what remains once it is over.
    pub(crate) fn attempt(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        broker_epoch: i64,
    ) -> Option<u32> {
        if !self.under_way {
            return None;
        }
        if self.remaining_tries == 0 {
            return self.end(ctx, connections);
        }
        self.remaining_tries -= 1;
        if let Some(node) = connections.controller(ctx, cache, Errand::ControlledShutdown)
            && self.controller != Some(node)
            && let Some(previous) = self.controller.replace(node)
        {
            connections.close(ctx, Asker::ControlledShutdown, previous);
        }
        match self.controller {
            None => self.retry_later(ctx, connections),
            Some(node) => {
                let request = ControlledShutdownRequest {
                    broker_id: self.broker,
                    broker_epoch,
                };
                let timeout = Duration::from_millis(self.config.request_timeout_ms);
                let asker = Asker::ControlledShutdown;
                connections.send(ctx, asker, node, request.into(), timeout);
                None
            }
        }
    }

    pub(crate) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        answered: Answered,
    ) -> Option<u32> {
        if !self.under_way {
            return None;
        }
        if let Ok(Response::ControlledShutdown(response)) = answered.result
            && response.error.is_none()
        {
            self.remaining_partitions =
                u32::try_from(response.remaining_partitions.len()).unwrap_or(u32::MAX);
            if self.remaining_partitions == 0 {
                return self.end(ctx, connections);
            }
        }
        self.retry_later(ctx, connections)
    }

    fn retry_later(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) -> Option<u32> {
        if self.remaining_tries == 0 {
            return self.end(ctx, connections);
        }
        let pause = Duration::from_millis(self.config.controlled_shutdown_retry_backoff_ms);
        ctx.set_timer(pause, Timer::Broker(BrokerTimer::ControlledShutdown));
        None
    }

    fn end(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) -> Option<u32> {
        self.under_way = false;
        if let Some(node) = self.controller.take() {
            connections.close(ctx, Asker::ControlledShutdown, node);
        }
        Some(self.remaining_partitions)
    }
}
