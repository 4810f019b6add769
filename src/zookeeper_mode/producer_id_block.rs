//! The next block of producer ids, as ZooKeeper remembers the last (object `ZkProducerIdManager`; D20).
//!
//! No fence of the controller guards it: two controllers at once get different blocks by the node's version
//! alone.

use super::{Abandoned, ZkCalls};
use crate::metadata::znode::{self, ProducerIdBlockZNode};
use crate::protocol::BrokerId;
use crate::protocol::zookeeper::{Answer, Code, Op};

/// How many ids a block has.
const PRODUCER_ID_BLOCK_SIZE: i64 = 1_000;

/// Takes the block after the last for `broker`: its first and its last id.
pub(crate) async fn new_producer_id_block(
    zk: &ZkCalls,
    broker: BrokerId,
) -> Result<(i64, i64), Abandoned> {
    loop {
        let read = zk
            .call(Op::GetData {
                path: znode::LATEST_PRODUCER_ID_BLOCK.into(),
                watch: false,
            })
            .await;
        let (first, version) = match read {
            Ok(Answer::Data { data, stat }) if data.is_empty() => (0, stat.version),
            Ok(Answer::Data { data, stat }) => {
                let last = ProducerIdBlockZNode::decode(&data)
                    .ok_or(Abandoned::IllegalState("/latest_producer_id_block"))?
                    .block_end;
                if last > i64::MAX - PRODUCER_ID_BLOCK_SIZE {
                    return Err(Abandoned::IllegalState("all producer ids are given out"));
                }
                (last + 1, stat.version)
            }
            Ok(_) => return Err(Code::MarshallingError.into()),
            Err(code) => return Err(code.into()),
        };
        let block = ProducerIdBlockZNode {
            broker,
            block_start: first,
            block_end: first + PRODUCER_ID_BLOCK_SIZE - 1,
        };
        let written = zk
            .call(Op::SetData {
                path: znode::LATEST_PRODUCER_ID_BLOCK.into(),
                data: block.encode(),
                version,
            })
            .await;
        match written {
            Ok(_) => return Ok((first, block.block_end)),
            // Somebody else took it in between.
            Err(Code::BadVersion) => {}
            Err(code) => return Err(code.into()),
        }
    }
}
