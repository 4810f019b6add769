//! What has come to the logs of all brokers.

use super::World;
use kafka_trial::log::batch::RecordBatch;

impl World {
    /// Epoch and first sequence number of each batch of a partition.
    pub fn sequences(&self, partition: usize) -> Vec<(i16, i32)> {
        let batches = &self.partitions[partition].batches;
        let sequence = |batch: &RecordBatch| (batch.producer_epoch(), batch.base_sequence());
        batches.iter().map(sequence).collect()
    }

    /// How many records each batch of a partition has.
    pub fn batches(&self, partition: usize) -> Vec<i32> {
        let batches = &self.partitions[partition].batches;
        batches.iter().map(RecordBatch::records_count).collect()
    }

    pub fn timestamps(&self, partition: usize) -> Vec<i64> {
        let batches = &self.partitions[partition].batches;
        let records = batches.iter().flat_map(RecordBatch::records);
        records.map(|record| record.unwrap().timestamp).collect()
    }

    pub fn values(&self, partition: usize) -> Vec<String> {
        let batches = &self.partitions[partition].batches;
        batches
            .iter()
            .flat_map(RecordBatch::records)
            .map(|record| String::from_utf8(record.unwrap().value.unwrap().to_vec()).unwrap())
            .collect()
    }
}
