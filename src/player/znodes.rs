//! ZooKeeper's tree as its committed transactions say: each counts once, when the first server states that it has applied
//! it. Data are shown as text; what is longer than a line is cut.

use super::slots::Slots;
use crate::protocol::zab::{Txn, TxnBody};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

/// So many characters of a znode's data.
const MOST: usize = 160;

#[derive(Debug, Default)]
pub(super) struct Znodes {
    last: i64,
}

impl Znodes {
    pub(super) fn apply(&mut self, slots: &mut Slots, txn: &Txn, owners: &BTreeMap<i64, Rc<str>>) {
        if txn.zxid > self.last {
            self.last = txn.zxid;
            let owner = owners.get(&txn.session);
            let owner = owner.map_or_else(
                || format!("session 0x{:x}", txn.session),
                |it| it.to_string(),
            );
            apply(slots, &txn.body, &owner);
        }
    }
}

fn apply(slots: &mut Slots, body: &TxnBody, owner: &str) {
    match body {
        TxnBody::Create {
            path,
            data,
            ephemeral,
            ..
        } => {
            let owner = ephemeral.then_some(owner);
            slots.set("znode", path, "", json!([text(data), owner]));
        }
        TxnBody::SetData { path, data, .. } => {
            let owner = slots.get("znode", path, "").get(1).cloned();
            slots.set("znode", path, "", json!([text(data), owner]));
        }
        TxnBody::Delete { path } => slots.set("znode", path, "", Value::Null),
        TxnBody::CloseSession { paths } => {
            for path in paths {
                slots.set("znode", path, "", Value::Null);
            }
        }
        TxnBody::Multi(bodies) => bodies.iter().for_each(|body| apply(slots, body, owner)),
        TxnBody::CreateSession { .. }
        | TxnBody::SetAcl { .. }
        | TxnBody::Check { .. }
        | TxnBody::Error(_) => {}
    }
}

fn text(data: &[u8]) -> String {
    let text = String::from_utf8_lossy(data);
    match text.char_indices().nth(MOST) {
        Some((end, _)) => format!("{} …", &text[..end]),
        None => text.into_owned(),
    }
}
