//! The administrator's library (class KafkaAdminClient).
//!
//! A call goes to the controller, to a broker, or to whichever is least busy; each broker gets one
//! call at a time. What fails by a lost connection is tried again until `default.api.timeout.ms`
//! is over; an error that a broker answers is the application's, but for NOT_CONTROLLER where Java
//! looks for the controller again (`createTopics`; not `electLeaders`).
//!
//! May not know who is the controller now, only who was when it last asked.

pub mod api_driver;
pub mod call;
mod metadata_manager;

use crate::client::Bootstrap;
use crate::client::cluster_client::{ClusterClient, LeastLoaded};
use crate::kernel::{Duration, Time};
use crate::network_client::{Completed, Node};
use crate::protocol::config::AdminConfig;
use crate::protocol::{BrokerId, Ctx, ErrorCode, Event, Response, exponential};
use api_driver::{AdminApiDriver, Question, Scope};
use call::{Call, Failure, Pending, Prepared, Stage, Target, Verdict};
use metadata_manager::AdminMetadataManager;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

#[derive(Debug)]
pub struct KafkaAdminClient {
    config: AdminConfig,
    /// The tag of a request: its call.
    client: ClusterClient<u64>,
    metadata: AdminMetadataManager,
    next_id: u64,
    calls: BTreeMap<u64, Pending>,
    /// Questions that take several calls.
    drivers: BTreeMap<u64, AdminApiDriver>,
    /// Brokers that work on a call.
    busy: BTreeSet<BrokerId>,
    answers: VecDeque<(u64, Result<Response, Failure>)>,
}

impl KafkaAdminClient {
    /// `owner`: see `ClusterClient`.
    pub fn new(
        owner: u8,
        client_id: &str,
        bootstrap: &Bootstrap,
        config: AdminConfig,
    ) -> KafkaAdminClient {
        let mut common = config.common.clone();
        common.network.max_in_flight = 1;
        KafkaAdminClient {
            metadata: AdminMetadataManager::new(&common),
            client: ClusterClient::new(owner, client_id, bootstrap, common),
            config,
            next_id: 0,
            calls: BTreeMap::new(),
            drivers: BTreeMap::new(),
            busy: BTreeSet::new(),
            answers: VecDeque::new(),
        }
    }

    pub fn start(&mut self, ctx: &mut Ctx<'_>) {
        self.client.start(ctx);
        self.poll(ctx);
    }

    /// Closes all connections; nothing is answered any more.
    pub fn close(&mut self, ctx: &mut Ctx<'_>) {
        self.client.shut_down(ctx);
    }

    /// Begins a call; its answer comes by `next_answer` with the number returned here.
    pub fn call(&mut self, ctx: &mut Ctx<'_>, call: Call) -> u64 {
        let timeout = Duration::from_millis(self.config.default_api_timeout_ms);
        let id = self.enqueue(ctx.wall(), call, timeout);
        self.begin(ctx);
        id
    }

    /// Begins a question that takes several calls, likewise; it has so long in all.
    pub fn ask(&mut self, ctx: &mut Ctx<'_>, question: Question, timeout: Duration) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let driver = AdminApiDriver::new(question, ctx.wall() + timeout);
        self.drivers.insert(id, driver);
        self.send_what_is_driven(ctx, id);
        self.begin(ctx);
        id
    }

    fn begin(&mut self, ctx: &mut Ctx<'_>) {
        self.poll(ctx);
        self.client.time_out(ctx);
        if self.take_completed(ctx) {
            self.poll(ctx);
        }
    }

    /// The next call that has ended. A response without top-level error counts as an answer; what it
    /// says about each topic or partition is its caller's to read, unless the call was about one only.
    pub fn next_answer(&mut self) -> Option<(u64, Result<Response, Failure>)> {
        self.answers.pop_front()
    }

    /// Takes an event that is this client's; gives back one that is not.
    pub fn on_event(&mut self, event: Event, ctx: &mut Ctx<'_>) -> Result<(), Event> {
        self.client.on_event(event, ctx)?;
        self.take_completed(ctx);
        self.poll(ctx);
        Ok(())
    }

    /// True if a request has ended.
    fn take_completed(&mut self, ctx: &mut Ctx<'_>) -> bool {
        let mut any = false;
        while let Some(completed) = self.client.next_completed() {
            self.on_completed(ctx, completed);
            any = true;
        }
        any
    }

    // ---- AdminClientRunnable.processRequests

    fn poll(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        // A lost connection may be the result of a stale picture.
        if self.client.metadata.take_update_request() {
            self.metadata.request_update();
        }
        let mut wake = self.time_out(now);
        wake = wake.min(self.assign_nodes(ctx));
        wake = wake.min(self.maybe_fetch_metadata(ctx));
        self.send_eligible_calls(ctx);
        if wake < Time::MAX {
            self.client.wake_at(ctx, wake);
        }
    }

    fn enqueue(&mut self, now: Time, call: Call, timeout: Duration) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let pending = Pending {
            call,
            leader: None,
            prepared: None,
            deadline: now + timeout,
            tries: 0,
            not_before: now,
            stage: Stage::Unassigned,
        };
        self.calls.insert(id, pending);
        id
    }

    /// Fails the calls whose time is up while they wait; those in flight end with their request.
    fn time_out(&mut self, now: Time) -> Time {
        let mut next = Time::MAX;
        let mut expired = Vec::new();
        for (id, pending) in &self.calls {
            if pending.stage == Stage::InFlight {
                continue;
            }
            if pending.deadline <= now {
                expired.push((*id, pending.timed_out()));
            } else {
                next = next.min(pending.deadline);
            }
        }
        for (id, failure) in expired {
            self.end(id, Err(failure));
        }
        next
    }

    /// The question for metadata is a call as others are: it waits for its turn at the broker that is
    /// chosen for it, and goes to another if that one is gone.
    fn maybe_fetch_metadata(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let now = ctx.wall();
        let due = self.metadata.fetch_at();
        if now < due {
            return due;
        }
        self.metadata.transition_to_update_pending(now);
        let timeout = self.config.common.request_timeout();
        let id = self.enqueue(now, Call::FetchMetadata, timeout);
        self.assign_node(ctx, id)
    }

    fn assign_nodes(&mut self, ctx: &mut Ctx<'_>) -> Time {
        let ids: Vec<u64> = self.calls.keys().copied().collect();
        let mut wake = Time::MAX;
        for id in ids {
            wake = wake.min(self.assign_node(ctx, id));
        }
        wake
    }

    /// Chooses a node for a call that has none; when to look again if there is none.
    fn assign_node(&mut self, ctx: &mut Ctx<'_>, id: u64) -> Time {
        let now = ctx.wall();
        let Some(pending) = self.calls.get_mut(&id) else {
            return Time::MAX;
        };
        // A connection that failed sends its calls back to the choice of a node.
        if let Stage::Assigned(node) = pending.stage
            && self.client.is_backing_off(node)
        {
            pending.stage = Stage::Unassigned;
        }
        if pending.stage != Stage::Unassigned {
            return Time::MAX;
        }
        if now < pending.not_before {
            return pending.not_before;
        }
        let target = pending.target();
        match self.node_for(ctx, target) {
            // Assigned, but held back: it would only come back here.
            Some(node) if self.client.is_backing_off(node) => Time::MAX,
            Some(node) => {
                if let Some(pending) = self.calls.get_mut(&id) {
                    pending.stage = Stage::Assigned(node);
                }
                Time::MAX
            }
            None => now + Duration::from_millis(self.config.common.retry_backoff_ms),
        }
    }

    /// `NodeProvider.provide`
    fn node_for(&mut self, ctx: &mut Ctx<'_>, target: Target) -> Option<Node> {
        if target == Target::WhoeverTellsMetadata {
            return self.node_for_metadata(ctx);
        }
        if !self.client.metadata.is_bootstrapped() {
            self.metadata.request_update();
            return None;
        }
        let broker = match target {
            Target::Broker(broker) => broker,
            Target::Controller => self.client.metadata.controller(),
            Target::LeastLoaded | Target::WhoeverTellsMetadata => {
                return self.client.least_loaded_node(ctx).node();
            }
        };
        let node = self.client.metadata.node(broker);
        if node.is_none() {
            self.metadata.request_update();
        }
        node
    }

    fn node_for_metadata(&mut self, ctx: &mut Ctx<'_>) -> Option<Node> {
        let choice = self.client.least_loaded_node(ctx);
        if self.config.common.rebootstrap && choice == LeastLoaded::NoneAvailable {
            self.client.rebootstrap(ctx);
            self.metadata.rebootstrap();
            return self.client.least_loaded_node(ctx).node();
        }
        choice.node()
    }

    fn send_eligible_calls(&mut self, ctx: &mut Ctx<'_>) {
        let now = ctx.wall();
        let request_timeout = self.config.common.request_timeout();
        // Java's thread sleeps until the deadline of a call, unless something happens, and looks at
        // `request.timeout.ms` only then: a call that nobody answers is tried once, to its end.
        let deadlines = self.calls.values().map(|pending| pending.deadline);
        let wakes = deadlines.filter(|deadline| *deadline >= now + request_timeout);
        let wakes = wakes.min();
        for (id, pending) in &mut self.calls {
            let Stage::Assigned(node) = pending.stage else {
                continue;
            };
            if self.busy.contains(&node.id) || !self.client.ready(ctx, node) {
                continue;
            }
            let left = pending.deadline.since(now);
            let timeout = request_timeout.min(left);
            let request = pending.request(timeout.as_millis() as i32);
            pending.stage = Stage::InFlight;
            self.busy.insert(node.id);
            let noticed = wakes.map_or(timeout, |wakes| wakes.since(now).min(left));
            self.client.send(ctx, node, request, noticed, *id);
        }
    }

    fn on_completed(&mut self, ctx: &mut Ctx<'_>, completed: Completed<u64>) {
        self.busy.remove(&completed.to.id);
        let id = completed.tag;
        let Some(pending) = self.calls.get_mut(&id) else {
            return;
        };
        if let Call::Driven { driver, scope } = pending.call {
            if completed.result.is_err() && pending.deadline <= ctx.wall() {
                let failure = pending.timed_out();
                self.end(id, Err(failure));
                return;
            }
            self.calls.remove(&id);
            self.drive(ctx, driver, scope, completed.result.ok());
            return;
        }
        match completed.result {
            Err(_) => {
                pending.leader = None;
                self.fail(ctx, id, ErrorCode::NetworkException);
            }
            Ok(Response::Metadata(answer)) if pending.call == Call::FetchMetadata => {
                self.calls.remove(&id);
                self.metadata.update(ctx.wall());
                self.client.on_metadata(ctx, completed.to, *answer);
            }
            Ok(response) => match pending.judge(&response) {
                Verdict::Answer => self.end(id, Ok(response)),
                Verdict::Failed(failure) => self.end(id, Err(failure)),
                Verdict::Leader(leader) => {
                    pending.leader = Some(leader);
                    pending.stage = Stage::Unassigned;
                }
                Verdict::Retry(error) => {
                    if error == ErrorCode::NotController {
                        self.client.metadata.clear_controller();
                        self.metadata.request_update();
                    }
                    self.fail(ctx, id, error);
                }
            },
        }
    }

    /// `Call.fail` with a retriable exception.
    fn fail(&mut self, ctx: &mut Ctx<'_>, id: u64, _: ErrorCode) {
        let Some(pending) = self.calls.get_mut(&id) else {
            return;
        };
        let common = &self.config.common;
        let pause = exponential(
            ctx,
            common.retry_backoff_ms,
            common.retry_backoff_max_ms,
            pending.tries,
        );
        pending.tries += 1;
        pending.not_before = ctx.wall() + pause;
        if pending.deadline <= ctx.wall() || pending.tries > self.config.retries {
            let failure = pending.timed_out();
            self.end(id, Err(failure));
            return;
        }
        pending.stage = Stage::Unassigned;
    }

    fn end(&mut self, id: u64, answer: Result<Response, Failure>) {
        match self.calls.remove(&id).map(|ended| ended.call) {
            Some(Call::FetchMetadata) => self.metadata.update_failed(),
            Some(Call::Driven { driver, .. }) => self.end_driver(driver, answer),
            _ => self.answers.push_back((id, answer)),
        }
    }

    // ---- AdminApiDriver's calls

    fn send_what_is_driven(&mut self, ctx: &Ctx<'_>, id: u64) {
        let Some(driver) = self.drivers.get_mut(&id) else {
            return;
        };
        let left = driver.deadline.since(ctx.wall());
        for spec in driver.poll() {
            let scope = spec.scope;
            let call = self.enqueue(ctx.wall(), Call::Driven { driver: id, scope }, left);
            if let Some(pending) = self.calls.get_mut(&call) {
                pending.prepared = Some(Prepared {
                    name: spec.name,
                    request: spec.request,
                });
                pending.not_before = spec.not_before;
                pending.tries = spec.tries;
            }
        }
    }

    /// `None`: the connection is lost.
    fn drive(&mut self, ctx: &mut Ctx<'_>, id: u64, scope: Scope, response: Option<Response>) {
        let Some(driver) = self.drivers.get_mut(&id) else {
            return;
        };
        let common = &self.config.common;
        let ended = match response {
            Some(response) => driver.on_response(ctx, common, scope, response),
            None => {
                driver.on_disconnect(ctx, common, scope);
                None
            }
        };
        match ended {
            Some(answer) => self.end_driver(id, answer),
            None => self.send_what_is_driven(ctx, id),
        }
    }

    /// What it has under way still is nobody's any more.
    fn end_driver(&mut self, id: u64, answer: Result<Response, Failure>) {
        if self.drivers.remove(&id).is_some() {
            let is_its = |call: &Call| matches!(call, Call::Driven { driver, .. } if *driver == id);
            self.calls
                .retain(|_, pending| pending.stage == Stage::InFlight || !is_its(&pending.call));
            self.answers.push_back((id, answer));
        }
    }
}
