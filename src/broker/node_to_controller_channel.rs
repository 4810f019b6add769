//! A broker's line to the controller: one request at a time, sent again until the controller answers it, or its
//! time is over (classes `NodeToControllerChannelManagerImpl`, `NodeToControllerRequestThread`; A5, CP55).
//!
//! The controller is looked up in the metadata cache once, and kept until a request fails. May not know what is
//! asked.

use super::connections::{
    Answered, Asker, CONTROLLER_RECONNECT_BACKOFF, Connections, errand_of, owner_of,
};
use crate::kernel::{Duration, Time};
use crate::metadata::MetadataCache;
use crate::network_client::Node;
use crate::protocol::{BrokerTimer, Ctx, ErrorCode, Request, Response, Timer};

/// How long to wait until the cache is asked for a controller again.
const FIND_CONTROLLER_EVERY: Duration = Duration::from_millis(100);

/// How a request has ended.
#[derive(Debug)]
pub(crate) enum Ended {
    Answered(Response),
    /// No controller has answered within `retry_timeout`.
    TimedOut,
}

#[derive(Debug)]
pub(crate) struct NodeToControllerChannel {
    asker: Asker,
    timeout: Duration,
    /// How long a request is sent again; `None`: for ever.
    retry_timeout: Option<Duration>,
    controller: Option<Node>,
    /// The request under way and since when: kept as it was built, however often it has to be sent.
    request: Option<(Request, Time)>,
}

impl NodeToControllerChannel {
    pub(crate) fn new(asker: Asker, timeout: Duration, retry_timeout: Option<Duration>) -> Self {
        NodeToControllerChannel {
            asker,
            timeout: retry_timeout.map_or(timeout, |it| it.min(timeout)),
            retry_timeout,
            controller: None,
            request: None,
        }
    }

    /// Sends a request, once the one before has ended. With a `retry_timeout` of 0 its time is over at once.
    pub(crate) fn send(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        request: Request,
    ) -> Option<Ended> {
        assert!(
            self.request.is_none(),
            "{:?}: one request at a time",
            self.asker
        );
        self.request = Some((request, ctx.wall()));
        self.try_send(ctx, connections, cache)
    }

    /// `BrokerTimer::FindController` of this line.
    pub(crate) fn on_find_controller(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) -> Option<Ended> {
        self.try_send(ctx, connections, cache)
    }

    /// Takes an answer, or the lack of one, in; `None` if the request goes again.
    pub(crate) fn on_answered(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
        answered: Answered,
    ) -> Option<Ended> {
        match answered.result {
            Ok(response) if !is_not_controller(&response) => {
                self.request.take()?;
                Some(Ended::Answered(response))
            }
            Ok(_) => {
                connections.close(ctx, self.asker, answered.to);
                self.controller = None;
                let errand = errand_of(owner_of(self.asker));
                let known = connections.controller(ctx, cache, errand);
                if known.is_some_and(|known| known.id == answered.to.id) {
                    // The cache does not know better yet; the next connection is held back.
                    self.find_controller_after(ctx, CONTROLLER_RECONNECT_BACKOFF);
                    None
                } else {
                    self.try_send(ctx, connections, cache)
                }
            }
            Err(_) => {
                self.controller = None;
                self.try_send(ctx, connections, cache)
            }
        }
    }

    pub(crate) fn shutdown(&mut self, ctx: &mut Ctx<'_>, connections: &mut Connections) {
        if let Some(node) = self.controller.take() {
            connections.close(ctx, self.asker, node);
        }
        self.request = None;
    }

    fn try_send(
        &mut self,
        ctx: &mut Ctx<'_>,
        connections: &mut Connections,
        cache: &MetadataCache,
    ) -> Option<Ended> {
        let (request, since) = self.request.as_ref()?;
        let waited = ctx.wall().since(*since);
        if self.retry_timeout.is_some_and(|limit| waited >= limit) {
            self.request = None;
            return Some(Ended::TimedOut);
        }
        let errand = errand_of(owner_of(self.asker));
        if self.controller.is_none() {
            self.controller = connections.controller(ctx, cache, errand);
        }
        match self.controller {
            None => self.find_controller_after(ctx, FIND_CONTROLLER_EVERY),
            Some(node) => connections.send(ctx, self.asker, node, request.clone(), self.timeout),
        }
        None
    }

    fn find_controller_after(&self, ctx: &mut Ctx<'_>, after: Duration) {
        let timer = BrokerTimer::FindController(owner_of(self.asker));
        ctx.set_timer(after, Timer::Broker(timer));
    }
}

/// NOT_CONTROLLER anywhere in the answer means that the wrong broker was asked.
fn is_not_controller(response: &Response) -> bool {
    match response {
        Response::AlterPartition(response) => {
            let of_partitions = response.partitions.iter().map(|partition| partition.error);
            of_partitions
                .chain([response.error])
                .any(|error| error == ErrorCode::NotController)
        }
        Response::AllocateProducerIds(response) => response.error == ErrorCode::NotController,
        _ => false,
    }
}
