//! Where the replicas of a new topic go (CT21; `AdminUtils.assignReplicasToBrokers`).
