//! Findings as a JSON document: how a campaign is kept, goes on, and is put together from its parts.

use super::{Example, Findings, Group, Kind, Seeds, Sightings};
use crate::campaign::coverage::CELLS;
use crate::campaign::judged::Failure;
use crate::campaign::limits::Limit;
use crate::campaign::situations;
use crate::kernel::Time;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Of the document's form.
const FORMAT: u64 = 1;

/// Why a document holds no findings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Unreadable {
    pub found: String,
    pub expected: &'static str,
}

impl Findings {
    /// The same findings give the same document, byte for byte.
    pub fn to_json(&self) -> String {
        let limits = self.limits.iter();
        let limits: Map<String, Value> = limits
            .map(|(limit, count)| (limit.name().into(), json!(count)))
            .collect();
        let groups: Vec<Value> = self.groups.iter().map(group).collect();
        let sightings = &self.sightings;
        let came = situations::all().zip(&sightings.situations);
        let situations: Map<String, Value> = came
            .map(|(it, came)| {
                (
                    it.name.into(),
                    json!({"best": came.best, "reached": came.reached}),
                )
            })
            .collect();
        let cells: BTreeMap<u16, u64> = sightings.cells.clone();
        let states = sightings.states.iter();
        let states: Vec<String> = states
            .map(|(state, (first, count))| format!("{state:016x} {first} {count}"))
            .collect();
        let document = json!({
            "campaign": FORMAT,
            "version": self.version,
            "target": self.target,
            "seeds": [self.asked.0, self.asked.1],
            "played": self.played.ranges(),
            "events": self.events,
            "limits": limits,
            "idle": self.idle,
            "failures": groups,
            "situations": situations,
            "faults_in_phases": cells,
            // Each as its hash, the first seed that showed it, and how many did.
            "states": states,
        });
        format!("{document:#}\n")
    }

    /// # Errors
    /// The text is no such document.
    pub fn from_json(text: &str) -> Result<Findings, Unreadable> {
        let document: Value = serde_json::from_str(text).map_err(|error| Unreadable {
            found: format!("no JSON document: {error}"),
            expected: "the campaign.json of a campaign",
        })?;
        read(&document).ok_or_else(|| match document.get("campaign") {
            Some(format) if *format != json!(FORMAT) => Unreadable {
                found: format!("a campaign of format {format}"),
                expected: "format 1, the only one that this version of trial reads",
            },
            Some(_) => Unreadable {
                found: "a campaign that is damaged: something is missing, or of another kind"
                    .into(),
                expected: "the campaign.json of a campaign, as trial has written it",
            },
            None => Unreadable {
                found: "a JSON document of another kind".into(),
                expected: "the campaign.json of a campaign",
            },
        })
    }
}

fn group((kind, group): (&Kind, &Group)) -> Value {
    let smallest = &group.smallest;
    json!({
        "broken": kind.broken,
        "fact": kind.fact,
        "count": group.count,
        "first_seed": group.first_seed,
        "smallest": {
            "faults": smallest.size,
            "seed": smallest.seed,
            "digest": format!("{:016x}", smallest.digest),
            "says": smallest.failure.says,
            "event": smallest.failure.event,
            "at_ns": smallest.failure.at.map(|at| at.0),
        },
    })
}

fn read(document: &Value) -> Option<Findings> {
    if document.get("campaign")? != &json!(FORMAT) {
        return None;
    }
    let text = |value: &Value, key: &str| value.get(key)?.as_str().map(str::to_owned);
    let number = |value: &Value, key: &str| value.get(key)?.as_u64();
    let pair = |value: &Value| Some((value.get(0)?.as_u64()?, value.get(1)?.as_u64()?));
    let played = document.get("played")?.as_array()?;
    let played: Vec<(u64, u64)> = played.iter().map(pair).collect::<Option<_>>()?;
    let mut findings = Findings::new(text(document, "target")?, pair(document.get("seeds")?)?);
    findings.version = text(document, "version")?;
    findings.played = Seeds::of(played);
    findings.events = number(document, "events")?;
    for (name, count) in document.get("limits")?.as_object()? {
        let limit = Limit::ALL.iter().find(|limit| limit.name() == name)?;
        findings.limits.insert(*limit, count.as_u64()?);
    }
    let idle = document.get("idle")?.as_object()?.iter();
    let idle = idle.map(|(property, count)| Some((property.clone(), count.as_u64()?)));
    findings.idle = idle.collect::<Option<BTreeMap<_, _>>>()?;
    findings.sightings = sightings(document)?;
    for it in document.get("failures")?.as_array()? {
        let smallest = it.get("smallest")?;
        let kind = Kind {
            broken: text(it, "broken")?,
            fact: text(it, "fact")?,
        };
        let failure = Failure {
            broken: kind.broken.clone(),
            says: text(smallest, "says")?,
            event: smallest.get("event")?.as_u64(),
            at: smallest.get("at_ns")?.as_u64().map(Time),
        };
        let group = Group {
            count: number(it, "count")?,
            first_seed: number(it, "first_seed")?,
            smallest: Example {
                size: usize::try_from(number(smallest, "faults")?).ok()?,
                seed: number(smallest, "seed")?,
                digest: u64::from_str_radix(&text(smallest, "digest")?, 16).ok()?,
                failure,
            },
        };
        findings.groups.insert(kind, group);
    }
    Some(findings)
}

fn sightings(document: &Value) -> Option<Sightings> {
    let mut sightings = Sightings::default();
    let told = document.get("situations")?.as_object()?;
    if told.len() != sightings.situations.len() {
        return None;
    }
    for (it, came) in situations::all().zip(&mut sightings.situations) {
        let told = told.get(it.name)?;
        came.best = told.get("best")?.as_u64()?.try_into().ok()?;
        came.reached = told.get("reached")?.as_u64()?;
    }
    for (cell, count) in document.get("faults_in_phases")?.as_object()? {
        let cell = cell.parse().ok().filter(|cell| *cell < CELLS)?;
        sightings.cells.insert(cell, count.as_u64()?);
    }
    for state in document.get("states")?.as_array()? {
        let mut words = state.as_str()?.split(' ');
        let state = u64::from_str_radix(words.next()?, 16).ok()?;
        let numbers = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        sightings.states.insert(state, numbers);
    }
    Some(sightings)
}
