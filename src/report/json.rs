//! Runs as one JSON document for other programs: the same form for one run, for several, and for those
//! that could not be. The book describes it.
//!
//! Numbers that may not fit a double (seed, digest) are text; times are whole nanoseconds.

use super::Ending;
use super::summary::is_broken;
use super::zookeeper::zookeeper_json;
use crate::check::Judgement;
use crate::kernel::Duration;
use serde_json::{Value, json};

/// Version of the document.
const VERSION: u64 = 2;

/// The document of these runs, each made by `json` or `json_unusable`.
pub fn json_document(runs: Vec<Value>) -> Value {
    json_document_of("kafka-trial report", VERSION, runs)
}

/// A document of this form about other runs. A run's `held` is null where nothing was judged.
pub fn json_document_of(format: &str, version: u64, runs: Vec<Value>) -> Value {
    let held = runs.iter().all(|run| run["held"] != false);
    json!({
        "format": format,
        "version": version,
        "held": held,
        "runs": runs,
    })
}

/// In place of a run that could not be: `file` as the user named it, and what is wrong with it.
pub fn json_unusable(file: &str, error: Value) -> Value {
    json!({"file": file, "held": false, "error": error})
}

/// A run.
pub fn json(ending: &Ending<'_>) -> Value {
    json!({
        "file": ending.file,
        "error": null,
        "scenario": ending.plan.name,
        "about": ending.plan.about,
        "seed": ending.seed.to_string(),
        "held": ending.held(),
        "warnings": ending.plan.warnings(),
        "stopped": ending.stopped,
        "remarks": ending.remarks,
        "expectations": expectations(ending),
        "properties": properties(ending),
        "topics": topics(ending),
        "producers": producers(ending),
        "consumers": consumers(ending),
        "groups": groups(ending),
        "services": services(ending),
        "produce_latency_ns": latency(ending),
        "transcript": ending.told.transcript,
        "simulated_ns": ending.end.0,
        "events": ending.events,
        "messages": ending.messages,
        "digest": format!("{:016x}", ending.digest),
        "repeat": ending.repeat,
        "zookeeper": zookeeper_json(ending),
    })
}

fn expectations(ending: &Ending<'_>) -> Vec<Value> {
    let outcomes = ending.outcomes.iter();
    outcomes
        .map(|outcome| {
            json!({
                "sentence": outcome.sentence,
                // Null: not judged, since the run was cut short.
                "held": match outcome.judgement {
                    Judgement::Held => Some(true),
                    Judgement::Failed => Some(false),
                    Judgement::NotJudged => None,
                },
                "figures": outcome.figures,
                "because": outcome.because,
            })
        })
        .collect()
}

fn properties(ending: &Ending<'_>) -> Vec<Value> {
    let figures = ending.figures.iter();
    figures
        .map(|(name, figures)| {
            let violations = ending.violations.iter().filter(|v| v.property == *name);
            let violations: Vec<Value> = violations
                .map(|violation| {
                    json!({
                        "sentence": violation.sentence,
                        "event": violation.event,
                        "time_ns": violation.time.map(|time| time.0),
                        "nodes": violation.nodes.iter().map(|node| &**node).collect::<Vec<_>>(),
                        "partition": violation.partition.as_ref().map(ToString::to_string),
                    })
                })
                .collect();
            json!({
                "name": name,
                "held": !is_broken(ending, name),
                "figures": figures,
                "violations": violations,
            })
        })
        .collect()
}

fn topics(ending: &Ending<'_>) -> Vec<Value> {
    let committed = ending.view.committed();
    let topics = ending.view.topics().into_iter();
    topics
        .map(|topic| {
            let states = committed
                .iter()
                .filter(|state| state.partition.topic == topic.name);
            let partitions: Vec<Value> = states
                .map(|state| {
                    let replica = ending.view.replica(state.leader, &state.partition);
                    json!({
                        "partition": state.partition.partition,
                        "leader": state.leader,
                        "leader_epoch": state.leader_epoch,
                        "replicas": state.replicas,
                        "isr": state.isr,
                        "high_watermark": replica.as_ref().map(|replica| replica.high_watermark),
                        "log_end_offset": replica.as_ref().map(|replica| replica.log_end_offset),
                    })
                })
                .collect();
            let configs: serde_json::Map<String, Value> = topic
                .configs
                .iter()
                .map(|(key, value)| (key.clone(), json!(value)))
                .collect();
            json!({
                "name": &*topic.name,
                "topic_id": topic.topic_id.to_string(),
                "configs": configs,
                "partitions": partitions,
            })
        })
        .collect()
}

fn producers(ending: &Ending<'_>) -> Vec<Value> {
    let producers = ending.producers().into_iter();
    producers
        .map(|(name, totals)| {
            json!({
                "name": name,
                "created": totals.created,
                "acknowledged": totals.acknowledged,
                "sent_with_acks_0": totals.sent,
                "failed": totals.failed,
                "gone": totals.gone,
                "waiting": totals.waiting(),
                "retried": totals.retried,
            })
        })
        .collect()
}

fn consumers(ending: &Ending<'_>) -> Vec<Value> {
    let consumers = ending.consumers().into_iter();
    consumers
        .map(|(name, totals)| json!({"name": name, "read": totals.read, "read_again": totals.read_again}))
        .collect()
}

fn groups(ending: &Ending<'_>) -> Vec<Value> {
    let told = &ending.told.groups;
    let groups = told.groups();
    groups
        .map(|(name, totals)| {
            let lag = told.lag_of(totals);
            let lag: Vec<Value> = lag
                .map(|(time, records)| json!({"time_ns": time.0, "records": records}))
                .collect();
            json!({
                "name": &**name,
                "processed": totals.processed.times,
                "processed_again": totals.processed.again,
                "lag": lag,
            })
        })
        .collect()
}

fn services(ending: &Ending<'_>) -> Vec<Value> {
    let services = ending.told.groups.services.iter();
    services
        .map(|(name, calls)| json!({"name": &**name, "calls": calls.times, "again": calls.again}))
        .collect()
}

fn latency(ending: &Ending<'_>) -> Value {
    let latencies = &ending.told.latencies;
    let at = |per_mille| latencies.at(per_mille).map(|Duration(nanos)| nanos);
    json!({
        "count": latencies.count(),
        "p50": at(500),
        "p90": at(900),
        "p99": at(990),
        "max": at(1_000),
    })
}
