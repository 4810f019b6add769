//! Three brokers and a ZooKeeper server in the kernel: what clients and brokers see of a partition
//! while its replicas stop, die and return. The scenes are those of recordings of real Kafka 3.9.1
//! (CT25 to CT33, HW, I, A, E, P rules), with the same settings.

mod lives;
mod replicas;
mod world;
