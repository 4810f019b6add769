//! What a broker asks about topics' configurations: all of them when it starts, one when it makes a
//! partition's log.
//!
//! May not know where configurations are kept: its node answers, from ZooKeeper or from wherever the cluster
//! has them.

use crate::kernel::task::Calls;
use crate::protocol::TopicName;
use crate::protocol::config::Properties;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

/// A question that a thread of the broker waits for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigQuestion {
    /// Which topics there are.
    Topics,
    /// What was set for this one; nothing where nothing was.
    Overrides(TopicName),
}

/// The answer to the question of its name.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigAnswer {
    Topics(Vec<TopicName>),
    Overrides(Properties),
}

/// Questions with their answers; `Err` says why there is none.
pub type ConfigCalls = Calls<ConfigQuestion, Result<ConfigAnswer, Rc<str>>>;

/// One question on its way.
pub(crate) struct Asked {
    question: ConfigQuestion,
    answer: Pin<Box<dyn Future<Output = Result<ConfigAnswer, Rc<str>>>>>,
}

impl Asked {
    pub(crate) fn topics(calls: &ConfigCalls) -> Asked {
        Asked::ask(calls, ConfigQuestion::Topics)
    }

    pub(crate) fn overrides(calls: &ConfigCalls, topic: TopicName) -> Asked {
        Asked::ask(calls, ConfigQuestion::Overrides(topic))
    }

    fn ask(calls: &ConfigCalls, question: ConfigQuestion) -> Asked {
        Asked {
            answer: Box::pin(calls.call(question.clone())),
            question,
        }
    }

    /// The names of all topics, once they are there.
    pub(crate) fn poll_topics(&mut self) -> Option<Result<Vec<TopicName>, Rc<str>>> {
        Some(self.poll()?.map(|answer| match answer {
            ConfigAnswer::Topics(topics) => topics,
            ConfigAnswer::Overrides(_) => unreachable!("asked {:?}", self.question),
        }))
    }

    /// What was set for the topic, once it is there.
    pub(crate) fn poll_overrides(&mut self) -> Option<Result<Properties, Rc<str>>> {
        Some(self.poll()?.map(|answer| match answer {
            ConfigAnswer::Overrides(overrides) => overrides,
            ConfigAnswer::Topics(_) => unreachable!("asked {:?}", self.question),
        }))
    }

    fn poll(&mut self) -> Option<Result<ConfigAnswer, Rc<str>>> {
        let mut context = Context::from_waker(Waker::noop());
        match self.answer.as_mut().poll(&mut context) {
            Poll::Pending => None,
            Poll::Ready(answer) => Some(answer),
        }
    }
}

impl std::fmt::Debug for Asked {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Asked({:?})", self.question)
    }
}
