//! What ZooKeeper holds at the end, as its own tools would show it: who leads (`srvr`), the sessions
//! (`dump`), the tree (`zkCli ls -R /` and `stat`).

use super::{Ending, ShowZooKeeper};
use crate::node::view::{ZnodeView, ZooKeeperRole, ZooKeeperServerView, ZooKeeperSessionView};
use crate::protocol::counted;
use crate::protocol::zookeeper::SessionId;
use serde_json::{Value, json};

/// The tables that are to be shown; empty if none is.
pub fn zookeeper(ending: &Ending<'_>) -> String {
    if ending.zookeeper == ShowZooKeeper::Nothing {
        return String::new();
    }
    let view = ending.view.zookeeper();
    let mut text = String::from("ZooKeeper's servers (of one, srvr tells the like)\n");
    for server in &view.servers {
        text.push_str(&format!("{}\n", server_line(server)));
    }
    text.push_str("\nits sessions (dump tells the like)\n");
    if view.sessions.is_empty() {
        text.push_str("no sessions\n");
    }
    for session in &view.sessions {
        text.push_str(&format!("{}\n", session_line(ending, session)));
    }
    if ending.zookeeper == ShowZooKeeper::Servers {
        let nodes = counted(view.znodes.len(), "node");
        text.push_str(&format!(
            "\nits tree has {nodes} (--show zookeeper shows them)\n"
        ));
        return text;
    }
    text.push_str("\nits tree (as zkCli's ls -R / and stat of each)\n");
    for znode in &view.znodes {
        text.push_str(&format!("{}\n", znode_line(znode)));
    }
    text
}

/// The same for programs; the tree only if it is to be shown.
pub fn zookeeper_json(ending: &Ending<'_>) -> Value {
    let view = ending.view.zookeeper();
    let servers = view.servers.iter().map(|server| {
        json!({
            "server": server.name,
            "runs": server.runs,
            "role": role(&server.role),
            "epoch": server.epoch,
            "last_logged": hex(server.last_logged),
            "last_committed": hex(server.last_committed),
            "last_applied": hex(server.last_applied),
        })
    });
    let sessions = view.sessions.iter().map(|session| {
        json!({
            "session": hex(session.id),
            "owner": owner(ending, session.id),
            "server": session.server,
            "timeout_ms": session.timeout_ms,
            "left_ms": session.left_ms,
            "ephemerals": session.ephemerals,
        })
    });
    let znodes = view.znodes.iter().map(|znode| {
        let stat = &znode.stat;
        json!({
            "path": znode.path,
            "data": String::from_utf8_lossy(&znode.data),
            "czxid": hex(stat.czxid),
            "mzxid": hex(stat.mzxid),
            "pzxid": hex(stat.pzxid),
            "version": stat.version,
            "cversion": stat.cversion,
            "aversion": stat.aversion,
            "ctime_ms": stat.ctime,
            "mtime_ms": stat.mtime,
            "ephemeral_owner": hex(stat.ephemeral_owner),
            "data_length": stat.data_length,
            "num_children": stat.num_children,
        })
    });
    let shown = ending.zookeeper == ShowZooKeeper::Tree;
    json!({
        "servers": servers.collect::<Vec<_>>(),
        "sessions": sessions.collect::<Vec<_>>(),
        "znodes": shown.then(|| znodes.collect::<Vec<_>>()),
    })
}

fn server_line(server: &ZooKeeperServerView) -> String {
    let role = match server.runs {
        true => role(&server.role),
        false => "down; it was left with".to_string(),
    };
    let epoch = server.epoch.map(|epoch| format!("  epoch {epoch}"));
    format!(
        "{}  {role}{}  logged {}  committed {}  applied {}",
        server.name,
        epoch.unwrap_or_default(),
        hex(server.last_logged),
        hex(server.last_committed),
        hex(server.last_applied)
    )
}

fn role(role: &ZooKeeperRole) -> String {
    match role {
        ZooKeeperRole::Standalone => "standalone".to_string(),
        ZooKeeperRole::Leader => "leader".to_string(),
        ZooKeeperRole::Follower { leader } => format!("follower of zookeeper-{leader}"),
        ZooKeeperRole::NotServing => "not serving requests".to_string(),
    }
}

fn session_line(ending: &Ending<'_>, session: &ZooKeeperSessionView) -> String {
    let timeout = format!("timeout {} ms", session.timeout_ms);
    let left = session.left_ms.map(|left| format!(", {left} ms left"));
    let server = session
        .server
        .map(|server| format!(" by zookeeper-{server}"));
    let mut line = format!(
        "{}  {}{}  {timeout}{}",
        hex(session.id),
        owner(ending, session.id).unwrap_or("nobody known"),
        server.unwrap_or_default(),
        left.unwrap_or_default()
    );
    for path in &session.ephemerals {
        line.push_str(&format!("  {path}"));
    }
    line
}

fn znode_line(znode: &ZnodeView) -> String {
    let stat = &znode.stat;
    let mut line = format!(
        "{}  cZxid={} mZxid={} pZxid={} cversion={} dataVersion={} aclVersion={}",
        znode.path,
        hex(stat.czxid),
        hex(stat.mzxid),
        hex(stat.pzxid),
        stat.cversion,
        stat.version,
        stat.aversion
    );
    if stat.ephemeral_owner != 0 {
        line.push_str(&format!(" ephemeralOwner={}", hex(stat.ephemeral_owner)));
    }
    line.push_str(&format!(" numChildren={}", stat.num_children));
    if !znode.data.is_empty() {
        line.push_str(&format!("  {}", String::from_utf8_lossy(&znode.data)));
    }
    line
}

/// The node that last said that it has this session.
fn owner<'a>(ending: &Ending<'a>, session: SessionId) -> Option<&'a str> {
    let owner = ending.told.session_owners.get(&session);
    owner.map(|node| &**node)
}

fn hex(number: i64) -> String {
    format!("0x{number:x}")
}
