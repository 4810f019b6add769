//! Entries for the tests of these properties.

use crate::check::testing::Scene;
use crate::protocol::Fact;
use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::{Acl, Answer, Code, CreateMode, Op, SessionId, Stat, Zxid};
use crate::trace::TraceEntry;
use bytes::Bytes;
use std::rc::Rc;

/// A server applies a transaction of session 7.
pub fn applied(scene: &Scene, node: &str, zxid: Zxid, cxid: i32, body: TxnBody) -> TraceEntry {
    let txn = Txn {
        session: 7,
        cxid,
        zxid,
        time: 0,
        body,
    };
    let txn = Rc::new(txn);
    scene.fact(node, Fact::TxnApplied { txn })
}

pub fn creates(path: &str, ephemeral: bool) -> TxnBody {
    TxnBody::Create {
        path: path.into(),
        data: Bytes::new(),
        acl: Rc::from([Acl::open()]),
        ephemeral,
        parent_cversion: 1,
    }
}

pub fn sets(path: &str, version: i32) -> TxnBody {
    TxnBody::SetData {
        path: path.into(),
        data: Bytes::new(),
        version,
    }
}

pub fn asked(scene: &Scene, session: SessionId, xid: i32, op: Op) -> TraceEntry {
    let op = Rc::new(op);
    scene.fact("client", Fact::ZooKeeperAsked { session, xid, op })
}

pub fn answered(
    scene: &Scene,
    session: SessionId,
    xid: i32,
    zxid: Zxid,
    result: Result<Answer, Code>,
) -> TraceEntry {
    let result = Rc::new(result);
    scene.fact(
        "client",
        Fact::ZooKeeperAnswered {
            session,
            xid,
            zxid,
            result,
        },
    )
}

pub fn create_op(path: &str) -> Op {
    Op::Create {
        path: path.into(),
        data: Bytes::new(),
        mode: CreateMode::PERSISTENT,
    }
}

pub fn get_op(path: &str, watch: bool) -> Op {
    Op::GetData {
        path: path.into(),
        watch,
    }
}

pub fn data(stat: Stat) -> Result<Answer, Code> {
    Ok(Answer::Data {
        data: Bytes::new(),
        stat,
    })
}
