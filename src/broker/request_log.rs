//! What a broker was asked and has answered, in the order of its answers, for who wants to look at it from outside
//! (the logger `kafka.request.logger`). It changes nothing, and is kept only where somebody asked for it.

use crate::kernel::{ConnId, Time};
use crate::protocol::{KafkaRequest, Pending, Request, Response};
use std::collections::BTreeMap;
use std::rc::Rc;

/// A request that was answered.
#[derive(Clone, Debug)]
pub struct CompletedRequest {
    pub time: Time,
    pub client_id: Rc<str>,
    pub request: Request,
    pub response: Response,
}

/// Which requests are wanted.
pub type Wanted = fn(&Request) -> bool;

#[derive(Debug, Default)]
pub(super) struct RequestLog {
    wanted: Option<Wanted>,
    open: BTreeMap<(ConnId, i32), (Rc<str>, Request)>,
    completed: Vec<CompletedRequest>,
}

impl RequestLog {
    pub(super) fn keep(&mut self, wanted: Wanted) {
        self.wanted = Some(wanted);
    }

    pub(super) fn take(&mut self) -> Vec<CompletedRequest> {
        std::mem::take(&mut self.completed)
    }

    pub(super) fn on_request(&mut self, to: Pending, request: &KafkaRequest) {
        if self.wanted.is_some_and(|wanted| wanted(&request.body)) {
            let asked = (Rc::clone(&request.client_id), request.body.clone());
            self.open.insert((to.conn, to.correlation_id), asked);
        }
    }

    pub(super) fn on_answer(&mut self, time: Time, to: Pending, response: &Response) {
        if self.wanted.is_none() {
            return;
        }
        if let Some((client_id, request)) = self.open.remove(&(to.conn, to.correlation_id)) {
            self.completed.push(CompletedRequest {
                time,
                client_id,
                request,
                response: response.clone(),
            });
        }
    }
}
