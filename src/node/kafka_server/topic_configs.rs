//! What a broker asks about topics' configurations, asked of ZooKeeper (`ZkConfigRepository`).

use crate::broker::{ConfigAnswer, ConfigQuestion};
use crate::metadata::znode;
use crate::node::zookeeper_client::Caller;
use crate::protocol::config::Properties;
use crate::protocol::zookeeper::{Answer, Code, Op};
use std::rc::Rc;

pub fn question(question: ConfigQuestion) -> (Caller, Op) {
    let watch = false;
    match question {
        ConfigQuestion::Topics => {
            let path = znode::TOPICS.into();
            (Caller::TopicNames, Op::GetChildren { path, watch })
        }
        ConfigQuestion::Overrides(topic) => {
            let path = znode::topic_config_path(&topic);
            (Caller::TopicConfig, Op::GetData { path, watch })
        }
    }
}

/// A node that is not there holds nothing.
pub fn answer(caller: Caller, result: Result<Answer, Code>) -> Result<ConfigAnswer, Rc<str>> {
    match (caller, result) {
        (_, Err(code)) if code != Code::NoNode => Err(format!("ZooKeeper answered {code}").into()),
        (Caller::TopicNames, Ok(Answer::Children { children, .. })) => {
            Ok(ConfigAnswer::Topics(children))
        }
        (Caller::TopicNames, _) => Ok(ConfigAnswer::Topics(Vec::new())),
        (_, Ok(Answer::Data { data, .. })) => {
            Ok(ConfigAnswer::Overrides(znode::decode_config(&data)))
        }
        (_, _) => Ok(ConfigAnswer::Overrides(Properties::new())),
    }
}
