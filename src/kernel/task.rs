//! Coroutines of a node: straight-line code that waits for messages, without threads.
//!
//! Kafka's controller is one thread that blocks on ZooKeeper; here that thread is a `Task`, polled
//! whenever something that it may be waiting for has arrived. Nothing here knows time or the queue:
//! the node that owns a task feeds its `Mailbox` and `Calls` from events and drains what it asks.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// One coroutine. Dropping it is how its thread dies with the process.
pub struct Task {
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

impl Task {
    pub fn new(future: impl Future<Output = ()> + 'static) -> Self {
        Task {
            future: Some(Box::pin(future)),
        }
    }

    /// Runs until it waits for something that is not there. True once it has ended.
    pub fn poll(&mut self) -> bool {
        let Some(future) = &mut self.future else {
            return true;
        };
        let done = future
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_ready();
        if done {
            self.future = None;
        }
        done
    }

    pub fn is_done(&self) -> bool {
        self.future.is_none()
    }
}

impl std::fmt::Debug for Task {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_done() {
            "Task(done)"
        } else {
            "Task(waiting)"
        })
    }
}

/// A first-in first-out queue that a task waits on.
pub struct Mailbox<T>(Rc<RefCell<VecDeque<T>>>);

impl<T> Mailbox<T> {
    pub fn new() -> Self {
        Mailbox(Rc::default())
    }
    pub fn put(&self, item: T) {
        self.0.borrow_mut().push_back(item);
    }
    pub fn put_first(&self, item: T) {
        self.0.borrow_mut().push_front(item);
    }
    pub fn try_take(&self) -> Option<T> {
        self.0.borrow_mut().pop_front()
    }
    /// Removes everything that waits.
    pub fn clear(&self) {
        self.0.borrow_mut().clear();
    }
    pub fn len(&self) -> usize {
        self.0.borrow().len()
    }
    pub fn is_empty(&self) -> bool {
        self.0.borrow().is_empty()
    }
    /// Waits for the next item.
    pub async fn take(&self) -> T {
        std::future::poll_fn(|_| match self.try_take() {
            Some(item) => Poll::Ready(item),
            None => Poll::Pending,
        })
        .await
    }
}

impl<T> Clone for Mailbox<T> {
    fn clone(&self) -> Self {
        Mailbox(Rc::clone(&self.0))
    }
}

impl<T> Default for Mailbox<T> {
    fn default() -> Self {
        Self::new()
    }
}

/// Questions that tasks ask and their node answers: the question goes out with a token, the answer
/// comes back with it, and the task that asked goes on.
pub struct Calls<Q, R>(Rc<RefCell<CallTable<Q, R>>>);

struct CallTable<Q, R> {
    next_token: u64,
    asked: Vec<(u64, Q)>,
    answered: BTreeMap<u64, R>,
}

impl<Q, R> Calls<Q, R> {
    pub fn new() -> Self {
        Calls(Rc::new(RefCell::new(CallTable {
            next_token: 0,
            asked: Vec::new(),
            answered: BTreeMap::new(),
        })))
    }

    /// Begins a call at once; await the returned future for its answer. Several may be begun
    /// before any is awaited (a pipeline).
    pub fn call(&self, question: Q) -> impl Future<Output = R> + use<Q, R> {
        let token = {
            let mut table = self.0.borrow_mut();
            let token = table.next_token;
            table.next_token += 1;
            table.asked.push((token, question));
            token
        };
        let table = Rc::clone(&self.0);
        std::future::poll_fn(move |_| match table.borrow_mut().answered.remove(&token) {
            Some(answer) => Poll::Ready(answer),
            None => Poll::Pending,
        })
    }

    /// Questions asked since the last call of this, oldest first (for the node).
    pub fn drain(&self) -> Vec<(u64, Q)> {
        std::mem::take(&mut self.0.borrow_mut().asked)
    }

    /// True if nothing was asked since `drain`.
    pub fn is_quiet(&self) -> bool {
        self.0.borrow().asked.is_empty()
    }

    /// Hands an answer to the task that asked (the node must poll that task next).
    pub fn answer(&self, token: u64, answer: R) {
        self.0.borrow_mut().answered.insert(token, answer);
    }
}

impl<Q, R> Clone for Calls<Q, R> {
    fn clone(&self) -> Self {
        Calls(Rc::clone(&self.0))
    }
}

impl<Q, R> Default for Calls<Q, R> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_waits_for_its_calls_and_its_mail_in_order() {
        let mail: Mailbox<u32> = Mailbox::new();
        let calls: Calls<u32, u32> = Calls::new();
        let log = Rc::new(RefCell::new(Vec::new()));
        let mut task = {
            let (mail, calls, log) = (mail.clone(), calls.clone(), Rc::clone(&log));
            Task::new(async move {
                loop {
                    let n = mail.take().await;
                    if n == 0 {
                        return;
                    }
                    let (a, b) = (calls.call(n), calls.call(n + 1));
                    let (b, a) = (b.await, a.await);
                    log.borrow_mut().push((a, b));
                }
            })
        };
        assert!(!task.poll());
        mail.put(5);
        mail.put(0);
        assert!(!task.poll());
        assert_eq!(calls.drain(), vec![(0, 5), (1, 6)]);
        calls.answer(0, 50);
        assert!(!task.poll(), "one answer of two is not enough");
        calls.answer(1, 60);
        assert!(task.poll());
        assert_eq!(*log.borrow(), vec![(50, 60)]);
    }
}
