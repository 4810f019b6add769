//! Reads are answered from the server's own tree (`FinalRequestProcessor`), and watches are set.

use super::DataTree;
use super::watch_manager::{Rewatch, WatchManager};
use crate::kernel::ConnId;
use crate::protocol::zookeeper::{Answer, Code, Op, WatchedEvent};

/// The answer to a read, and the events that must be told before it. `conn` is who would be told of
/// later changes, if the request asks for a watch.
pub fn read(
    tree: &DataTree,
    watches: &mut WatchManager,
    conn: ConnId,
    op: &Op,
) -> (Vec<WatchedEvent>, Result<Answer, Code>) {
    let answer = match op {
        Op::GetData { path, watch } => tree.get(path).ok_or(Code::NoNode).map(|(data, stat)| {
            if *watch {
                watches.watch_data(conn, path);
            }
            let data = data.clone();
            Answer::Data { data, stat }
        }),
        Op::Exists { path, watch } => {
            // Unlike the others it leaves its watch on a node that is not there, too.
            if *watch {
                watches.watch_data(conn, path);
            }
            tree.get(path)
                .map(|(_, stat)| Answer::Exists(stat))
                .ok_or(Code::NoNode)
        }
        Op::GetChildren { path, watch } => tree.get(path).ok_or(Code::NoNode).map(|(_, stat)| {
            if *watch {
                watches.watch_children(conn, path);
            }
            let children = tree.children(path).cloned().collect();
            Answer::Children { children, stat }
        }),
        Op::GetAcl { path } => tree
            .node(path)
            .map(|node| Answer::Acl {
                acl: node.acl.clone(),
                stat: node.stat(),
            })
            .ok_or(Code::NoNode),
        Op::Sync { .. } => Ok(Answer::Synced),
        Op::SetWatches {
            relative_zxid,
            data,
            exist,
            child,
        } => {
            let rewatch = Rewatch {
                relative_zxid: *relative_zxid,
                data,
                exist,
                child,
            };
            let missed = watches.set_watches(conn, tree, &rewatch);
            return (missed, Ok(Answer::WatchesSet));
        }
        Op::Create { .. }
        | Op::Delete { .. }
        | Op::SetData { .. }
        | Op::SetAcl { .. }
        | Op::Multi(_)
        | Op::CloseSession => Err(Code::Unimplemented),
    };
    (Vec::new(), answer)
}
