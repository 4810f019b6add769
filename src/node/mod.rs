//! Nodes: a broker or controller wired to its ZooKeeper session, and the read-only views of them.

pub mod view;
