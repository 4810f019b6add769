//! The znode tree that a cluster leaves, as a recording shows it: what of it is compared.
//!
//! The rules are the recordings' README ("What to compare"): the same nodes with the same versions,
//! kinds and numbers of children, and their data without timestamps, addresses and ids. ZooKeeper's own
//! nodes are left out, and who won the controller's election where a second recording had another.

use crate::metadata::znode;
use crate::node::view::ZnodeView;
use serde_json::{Map, Value, json};

/// The tree here, in the shape of a recording's `znode_tree`.
pub(super) fn znode_tree(znodes: &[ZnodeView]) -> Value {
    znodes
        .iter()
        .map(|znode| {
            let stat = &znode.stat;
            let node = json!({
                "data": String::from_utf8_lossy(&znode.data),
                "version": stat.version,
                "cversion": stat.cversion,
                "ephemeral": stat.ephemeral_owner != 0,
                "children": stat.num_children,
            });
            (znode.path.clone(), node)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// The part of such a tree that is compared.
pub(super) fn compared_tree(tree: &Value, any_controller: bool) -> Value {
    let nodes = tree.as_object().into_iter().flatten();
    nodes
        .filter(|(path, _)| !path.starts_with("/zookeeper"))
        .map(|(path, node)| {
            let mut node = node.clone();
            if let Some(data) = node.get_mut("data") {
                *data = compared_data(path, data, any_controller);
            }
            // ZooKeeper's own node is a child too.
            if path == "/"
                && let Some(node) = node.as_object_mut()
            {
                node.remove("children");
            }
            (path.clone(), node)
        })
        .collect::<Map<_, _>>()
        .into()
}

/// Times, addresses and ids, by the names that Kafka's znodes have for them.
const OF_THIS_RUN: [&str; 6] = ["timestamp", "endpoints", "host", "port", "topic_id", "id"];

fn compared_data(path: &str, data: &Value, any_controller: bool) -> Value {
    let parsed = data.as_str().map(serde_json::from_str);
    let Some(Ok(Value::Object(mut fields))) = parsed else {
        return data.clone();
    };
    fields.retain(|name, _| !OF_THIS_RUN.contains(&name.as_str()));
    if path == znode::CONTROLLER && any_controller {
        fields.remove("brokerid");
    }
    Value::Object(fields)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_addresses_and_ids_are_left_out_and_nothing_else() {
        let tree = json!({
            "/zookeeper": {"data": "", "version": 0},
            "/brokers/ids/1": {
                "data": "{\"jmx_port\":-1,\"port\":19091,\"host\":\"h\",\"endpoints\":[],\"version\":5,\"timestamp\":\"1\"}",
                "version": 1
            },
            "/controller_epoch": {"data": "2", "version": 2},
            "/controller": {"data": "{\"brokerid\":3,\"timestamp\":\"1\"}", "version": 0}
        });
        let compared = json!({
            "/brokers/ids/1": {"data": {"jmx_port": -1, "version": 5}, "version": 1},
            "/controller_epoch": {"data": "2", "version": 2},
            "/controller": {"data": {"brokerid": 3}, "version": 0}
        });
        assert_eq!(compared_tree(&tree, false), compared);
        let any = compared_tree(&tree, true);
        assert_eq!(any["/controller"]["data"], json!({}));
    }
}
