//! The bytes of transactions in the log (`SerializeUtils`, `org.apache.zookeeper.txn`).

use super::jute::{Reader, Writer};
use crate::protocol::zab::{Txn, TxnBody};
use crate::protocol::zookeeper::{Acl, Acls, Code};

/// Writes a transaction's bytes, its header first.
pub fn encode(txn: &Txn, out: &mut Writer) {
    out.i64(txn.session);
    out.i32(txn.cxid);
    out.i64(txn.zxid);
    out.i64(txn.time);
    out.i32(op_code(&txn.body));
    encode_body(&txn.body, out);
}

/// A transaction out of its bytes; `None` where they end too early or make no sense.
pub fn decode(bytes: &[u8]) -> Option<Txn> {
    let mut input = Reader(bytes);
    Some(Txn {
        session: input.i64()?,
        cxid: input.i32()?,
        zxid: input.i64()?,
        time: input.i64()?,
        body: {
            let op_code = input.i32()?;
            decode_body(op_code, &mut input)?
        },
    })
}

/// `ZooDefs.OpCode`.
const fn op_code(body: &TxnBody) -> i32 {
    match body {
        TxnBody::Create { .. } => 1,
        TxnBody::Delete { .. } => 2,
        TxnBody::SetData { .. } => 5,
        TxnBody::SetAcl { .. } => 7,
        TxnBody::Check { .. } => 13,
        TxnBody::Multi(_) => 14,
        TxnBody::CreateSession { .. } => -10,
        TxnBody::CloseSession { .. } => -11,
        TxnBody::Error(_) => -1,
    }
}

fn encode_body(body: &TxnBody, out: &mut Writer) {
    match body {
        TxnBody::CreateSession { timeout_ms } => out.i32(*timeout_ms),
        TxnBody::CloseSession { paths } => {
            out.count(paths.len());
            for path in paths {
                out.string(path);
            }
        }
        TxnBody::Create {
            path,
            data,
            acl,
            ephemeral,
            parent_cversion,
        } => {
            out.string(path);
            out.buffer(data);
            encode_acl(acl, out);
            out.bool(*ephemeral);
            out.i32(*parent_cversion);
        }
        TxnBody::Delete { path } => out.string(path),
        TxnBody::SetData {
            path,
            data,
            version,
        } => {
            out.string(path);
            out.buffer(data);
            out.i32(*version);
        }
        TxnBody::SetAcl { path, acl, version } => {
            out.string(path);
            encode_acl(acl, out);
            out.i32(*version);
        }
        TxnBody::Check { path, version } => {
            out.string(path);
            out.i32(*version);
        }
        TxnBody::Multi(bodies) => {
            out.count(bodies.len());
            for body in bodies {
                out.i32(op_code(body));
                let mut record = Writer::default();
                encode_body(body, &mut record);
                out.buffer(&record.0);
            }
        }
        TxnBody::Error(code) => out.i32(code.code()),
    }
}

fn decode_body(op_code: i32, input: &mut Reader<'_>) -> Option<TxnBody> {
    Some(match op_code {
        -10 => TxnBody::CreateSession {
            timeout_ms: input.i32()?,
        },
        -11 => TxnBody::CloseSession {
            paths: {
                let count = input.count()?;
                (0..count).map(|_| input.string()).collect::<Option<_>>()?
            },
        },
        1 => TxnBody::Create {
            path: input.string()?,
            data: input.buffer()?,
            acl: decode_acl(input)?,
            ephemeral: input.bool()?,
            parent_cversion: input.i32()?,
        },
        2 => TxnBody::Delete {
            path: input.string()?,
        },
        5 => TxnBody::SetData {
            path: input.string()?,
            data: input.buffer()?,
            version: input.i32()?,
        },
        7 => TxnBody::SetAcl {
            path: input.string()?,
            acl: decode_acl(input)?,
            version: input.i32()?,
        },
        13 => TxnBody::Check {
            path: input.string()?,
            version: input.i32()?,
        },
        14 => TxnBody::Multi({
            let count = input.count()?;
            (0..count)
                .map(|_| {
                    let op_code = input.i32()?;
                    let record = input.buffer()?;
                    decode_body(op_code, &mut Reader(&record))
                })
                .collect::<Option<_>>()?
        }),
        -1 => TxnBody::Error(Code::of(input.i32()?)?),
        _ => return None,
    })
}

pub fn encode_acl(acl: &[Acl], out: &mut Writer) {
    out.count(acl.len());
    for entry in acl {
        out.i32(entry.perms);
        out.string(&entry.scheme);
        out.string(&entry.id);
    }
}

pub fn decode_acl(input: &mut Reader<'_>) -> Option<Acls> {
    let count = input.count()?;
    (0..count)
        .map(|_| {
            Some(Acl {
                perms: input.i32()?,
                scheme: input.string()?,
                id: input.string()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::zookeeper::Path;
    use bytes::Bytes;
    use std::rc::Rc;

    #[test]
    fn every_kind_of_transaction_is_read_back_from_its_bytes() {
        let path: Path = Rc::from("/a/b");
        let acl: Acls = Rc::from([Acl::open()]);
        let create = TxnBody::Create {
            path: path.clone(),
            data: Bytes::from_static(b"x"),
            acl: acl.clone(),
            ephemeral: true,
            parent_cversion: 7,
        };
        for body in [
            TxnBody::CreateSession { timeout_ms: 6000 },
            TxnBody::CloseSession {
                paths: vec![path.clone(), Rc::from("/c")],
            },
            create.clone(),
            TxnBody::Delete { path: path.clone() },
            TxnBody::SetData {
                path: path.clone(),
                data: Bytes::new(),
                version: 3,
            },
            TxnBody::SetAcl {
                path: path.clone(),
                acl,
                version: 1,
            },
            TxnBody::Check { path, version: 2 },
            TxnBody::Multi(vec![create, TxnBody::Error(Code::BadVersion)]),
            TxnBody::Error(Code::NoNode),
        ] {
            let txn = Txn {
                session: 0x0100_0000_0000_0001,
                cxid: 5,
                zxid: 0x1_0000_0002,
                time: 1_795_330_000_000,
                body,
            };
            let mut bytes = Writer::default();
            encode(&txn, &mut bytes);
            let bytes = bytes.0;
            assert_eq!(decode(&bytes).as_ref(), Some(&txn));
            for cut in 0..bytes.len() {
                assert_ne!(decode(&bytes[..cut]).as_ref(), Some(&txn), "cut {cut}");
            }
        }
    }
}
