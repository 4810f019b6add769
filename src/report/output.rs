//! The files of `--out`: the plan as run, transcript, tables, reports, and each broker's disk. The trace is
//! written beside them while the run goes on.
//!
//! Paths are relative, with `/`, and of characters that every file system takes.

use super::{
    Ending, Tools, json, json_document, kafka_get_offsets, kafka_topics_describe, summary,
};
use crate::protocol::BrokerId;
use crate::trace::{Style, with_legend};
use bytes::Bytes;

/// A file to be written: path and content in pieces.
pub type OutputFile = (String, Vec<Bytes>);

/// Every file of `--out`.
///
/// `plan_as_run` is the plan as YAML with the seed that was used. `disks` are the files of each broker's
/// disk, which go under `brokers/broker-<id>/` as they are: Kafka's own tools can open them.
pub fn output_files<'a>(
    ending: &Ending<'a>,
    plan_as_run: &str,
    disks: impl IntoIterator<Item = (BrokerId, String, Vec<Bytes>)>,
) -> impl Iterator<Item = OutputFile> {
    // Where a file of text has room for a remark, what the plan's author should know stands in it.
    let warnings = ending.plan.warnings();
    let warned = |text: String| {
        let lines = warnings.iter().map(|it| format!("# warning: {it}\n"));
        lines.collect::<String>() + &text
    };
    let version = ending.plan.cluster.kafka_version;
    let known = ending.told.groups.groups().map(|(name, _)| name);
    let of_groups = Tools::asked(ending.view, version).told_of_groups(known);
    let documents = [
        ("plan.yaml", warned(plan_as_run.to_owned())),
        (
            "transcript.txt",
            warned(with_legend(&ending.told.transcript)),
        ),
        (
            "kafka-topics.txt",
            warned(kafka_topics_describe(ending.view, version, false)),
        ),
        (
            "kafka-get-offsets.txt",
            warned(kafka_get_offsets(ending.view, false)),
        ),
        ("kafka-consumer-groups.txt", warned(of_groups)),
        ("report.txt", summary(ending, Style::default(), false)),
        (
            "report.json",
            format!("{:#}\n", json_document(vec![json(ending)])),
        ),
    ];
    let documents = documents
        .into_iter()
        .map(|(name, text)| (name.to_owned(), vec![Bytes::from(text)]));
    let disks = disks
        .into_iter()
        .map(|(broker, path, chunks)| (format!("brokers/broker-{broker}/{path}"), chunks));
    documents.chain(disks)
}
