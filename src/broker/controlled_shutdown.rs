//! A broker's request to be relieved of its leaderships before it stops (class `KafkaServer`,
//! `controlledShutdown`; rules CT19, CT26).
//!
//! Finds the controller in the metadata cache anew for each attempt. May not know what is moved.

use super::MetadataCache;
use crate::kernel::{Duration, NodeId};
use crate::network_client::{Completed, NetworkClient};
use crate::protocol::config::BrokerConfig;
use crate::protocol::config::NetworkClientConfig;
use crate::protocol::{
    BrokerId, BrokerTimer, ControlledShutdownRequest, Ctx, Hosts, Response, Timer,
};
use std::rc::Rc;

/// Timer number (`BrokerTimer::Wake`).
pub(crate) const WAKE_TRY_AGAIN: u64 = 3;

pub(crate) struct ControlledShutdown {
    pub(crate) client: NetworkClient<()>,
    broker: BrokerId,
    hosts: Hosts,
    config: Rc<BrokerConfig>,
    remaining_tries: u32,
    controller: Option<NodeId>,
    /// What the controller said last.
    remaining_partitions: u32,
    under_way: bool,
}

impl ControlledShutdown {
    pub(crate) fn new(owner: u8, broker: BrokerId, hosts: Hosts, config: Rc<BrokerConfig>) -> Self {
        let settings = NetworkClientConfig {
            reconnect_backoff_ms: 0,
            reconnect_backoff_max_ms: 0,
            max_in_flight: 1,
            ..NetworkClientConfig::default()
        };
        ControlledShutdown {
            client: NetworkClient::new(owner, Rc::from(broker.to_string()), settings),
            broker,
            hosts,
            remaining_tries: config.controlled_shutdown_max_retries,
            config,
            controller: None,
            remaining_partitions: 0,
            under_way: false,
        }
    }

    /// The first attempt. `led`: partitions that it leads now, which all remain if nobody is asked.
    /// Answers the remaining ones once it is over.
    pub(crate) fn begin(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        broker_epoch: i64,
        led: u32,
    ) -> Option<u32> {
        self.under_way = true;
        self.remaining_partitions = led;
        self.attempt(ctx, cache, broker_epoch)
    }

    /// `BrokerTimer::Wake(WAKE_TRY_AGAIN)`.
    pub(crate) fn attempt(
        &mut self,
        ctx: &mut Ctx<'_>,
        cache: &MetadataCache,
        broker_epoch: i64,
    ) -> Option<u32> {
        if !self.under_way {
            return None;
        }
        if self.remaining_tries == 0 {
            return self.end(ctx);
        }
        self.remaining_tries -= 1;
        let found = cache
            .controller_id()
            .and_then(|id| cache.broker(id))
            .and_then(|endpoint| self.hosts.resolve(&endpoint.host));
        if let Some(node) = found
            && self.controller != Some(node)
            && let Some(previous) = self.controller.replace(node)
        {
            self.client.close(ctx, previous);
        }
        match self.controller {
            None => self.retry_later(ctx),
            Some(node) => {
                let request = ControlledShutdownRequest {
                    broker_id: self.broker,
                    broker_epoch,
                };
                let timeout = Duration::from_millis(self.config.request_timeout_ms);
                self.client.send(ctx, node, request.into(), timeout, ());
                None
            }
        }
    }

    pub(crate) fn on_completed(
        &mut self,
        ctx: &mut Ctx<'_>,
        completed: Completed<()>,
    ) -> Option<u32> {
        if !self.under_way {
            return None;
        }
        if let Ok(Response::ControlledShutdown(response)) = completed.result
            && response.error.is_none()
        {
            self.remaining_partitions =
                u32::try_from(response.remaining_partitions.len()).unwrap_or(u32::MAX);
            if self.remaining_partitions == 0 {
                return self.end(ctx);
            }
        }
        self.retry_later(ctx)
    }

    fn retry_later(&mut self, ctx: &mut Ctx<'_>) -> Option<u32> {
        if self.remaining_tries == 0 {
            return self.end(ctx);
        }
        let pause = Duration::from_millis(self.config.controlled_shutdown_retry_backoff_ms);
        ctx.set_timer(pause, Timer::Broker(BrokerTimer::Wake(WAKE_TRY_AGAIN)));
        None
    }

    fn end(&mut self, ctx: &mut Ctx<'_>) -> Option<u32> {
        self.under_way = false;
        if let Some(node) = self.controller.take() {
            self.client.close(ctx, node);
        }
        Some(self.remaining_partitions)
    }
}

impl std::fmt::Debug for ControlledShutdown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ControlledShutdown")
            .field("remaining_tries", &self.remaining_tries)
            .field("controller", &self.controller)
            .finish_non_exhaustive()
    }
}
