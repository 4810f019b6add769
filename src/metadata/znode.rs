//! Paths and payloads of Kafka's znodes (`ZkData`), with Kafka's exact text and key order (12 C).
