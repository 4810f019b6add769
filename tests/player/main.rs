//! The page that plays a run: whole, alone, the same each time, and true to the facts. How it behaves in a browser is tested
//! by `tests/player/run.sh`, a command of its own.

mod replayed;

use kafka_trial::figure::Recording;
use kafka_trial::player::{data, page};
use kafka_trial::protocol::Fact;
use kafka_trial::report::trace_header;
use kafka_trial::run::Run;
use kafka_trial::scenario::{SHIPPED, load};
use kafka_trial::trace::{Closing, Keep, TraceWriter};
use serde_json::{Value, json};
use std::collections::BTreeMap;

fn plan(name: &str) -> kafka_trial::plan::Plan {
    let shipped = SHIPPED.iter().find(|it| it.name() == name);
    let shipped = shipped.unwrap_or_else(|| panic!("no scenario {name}"));
    let loaded = load(shipped.path, shipped.text.as_bytes().to_vec(), &[]);
    loaded.unwrap_or_else(|error| panic!("{error}")).plan
}

fn played(name: &str) -> Recording {
    let plan = plan(name);
    Recording::of(&plan, plan.seed).unwrap_or_else(|error| panic!("{error}"))
}

/// The data as a browser finds them.
fn data_in(page: &str) -> Value {
    let (_, rest) = page.split_once("id=\"run\">").expect("the data's element");
    let (text, _) = rest.split_once("</script>").expect("its end");
    serde_json::from_str(text).expect("JSON")
}

fn list<'a>(data: &'a Value, path: &str) -> &'a Vec<Value> {
    let found = data.pointer(path).and_then(Value::as_array);
    found.unwrap_or_else(|| panic!("no list at {path}"))
}

#[test]
fn a_page_is_one_file_that_asks_for_nothing() {
    for name in ["leader-crash", "eager-rebalance", "zookeeper-leader-crash"] {
        let recording = played(name);
        let made = page(&recording);
        assert_eq!(made, page(&recording), "{name}: the same bytes twice");
        assert_eq!(data_in(&made), data(&recording), "{name}");
        // Of what a run says nothing counts: a policy in the page forbids all loading.
        let (before, rest) = made.split_once("id=\"run\">").unwrap();
        let (_, after) = rest.split_once("</script>").unwrap();
        for part in [before, after] {
            for word in [
                "http:", "https:", "src=", "@import", "url(h", "fetch(", "import ",
            ] {
                assert!(!part.contains(word), "{name}: {word}");
            }
            assert!(!part.contains("%%"), "{name}: every mark is filled");
        }
        assert!(before.contains("default-src 'none'"));
        assert_eq!(made.matches("</script>").count(), 2, "{name}");
        assert!(made.starts_with("<!doctype html>\n<html lang=\"en\">"));
    }
}

#[test]
fn what_a_run_says_is_no_markup() {
    let mut recording = played("first-steps");
    recording.name = "</script><b>&".into();
    recording.about = "<!--<script>".into();
    let made = page(&recording);
    assert_eq!(made.matches("</script>").count(), 2);
    assert!(made.contains("<title>&lt;/script>&lt;b>&amp; · "));
    assert_eq!(data_in(&made)["name"], "</script><b>&");
    assert_eq!(data_in(&made)["about"], "<!--<script>");
}

/// Every number names something, and time does not go back.
#[test]
fn the_columns_of_every_scenario_fit_together() {
    let mut answers = 0;
    for shipped in SHIPPED {
        let name = shipped.name();
        let data = data(&played(name));
        answers += replayed::questions_fit(name, &plan(name), &data);
        let events = list(&data, "/events/time").len();
        for column in [
            "node", "kind", "text", "marks", "of", "message", "record", "from", "to", "changes",
        ] {
            assert_eq!(
                list(&data, &format!("/events/{column}")).len(),
                events,
                "{name}: {column}"
            );
        }
        let messages = list(&data, "/messages/time").len();
        for column in ["flight", "from", "to", "kind", "label"] {
            assert_eq!(
                list(&data, &format!("/messages/{column}")).len(),
                messages,
                "{name}: {column}"
            );
        }
        let below = |path: &str, most: usize| {
            let fits =
                |it: &Value| it.is_null() || it.as_u64().is_some_and(|it| (it as usize) < most);
            assert!(list(&data, path).iter().all(fits), "{name}: {path}");
        };
        let [nodes, words, kinds, slots] =
            ["/nodes", "/words", "/kinds", "/slots"].map(|path| list(&data, path).len());
        for (path, most) in [
            ("/events/node", nodes),
            ("/events/text", words),
            ("/events/of", words),
            ("/events/kind", kinds),
            ("/events/message", messages),
            ("/messages/from", nodes),
            ("/messages/to", nodes),
            ("/messages/kind", words),
            ("/messages/label", words),
        ] {
            below(path, most);
        }
        for changes in list(&data, "/events/changes") {
            let changes = changes.as_array().unwrap();
            let fits = |slot: &Value| slot.as_u64().is_some_and(|slot| (slot as usize) < slots);
            assert!(changes.iter().step_by(2).all(fits), "{name}: slots");
            assert_eq!(changes.len() % 2, 0, "{name}");
        }
        for path in ["/events/time", "/messages/time"] {
            assert!(
                list(&data, path).iter().all(Value::is_u64),
                "{name}: {path}"
            );
        }
        assert!(events <= 10_100, "{name}: {events} events");
        assert!(data.to_string().len() < 10_000_000, "{name}: too large");
    }
    assert!(answers > 30, "{answers} answers");
}

/// The page's own way to a state, against one that reads the facts alone.
#[test]
fn what_the_events_add_up_to_is_what_replicas_have_stated() {
    for name in ["leader-crash", "acks-1-loss", "truck-gps-100"] {
        let recording = played(name);
        let data = data(&recording);
        let mut slots: BTreeMap<u64, Value> = BTreeMap::new();
        let rest = [data["rest"].clone()];
        for changes in list(&data, "/events/changes").iter().chain(&rest) {
            for change in changes.as_array().unwrap().chunks(2) {
                slots.insert(change[0].as_u64().unwrap(), change[1].clone());
            }
        }
        let slot = |of: &Value| {
            let place = list(&data, "/slots").iter().position(|it| it == of);
            let place = place.unwrap_or_else(|| panic!("{name}: no slot {of}"));
            slots.get(&(place as u64)).cloned().unwrap_or_default()
        };
        let mut ends = BTreeMap::new();
        for entry in &recording.facts {
            let (partition, end) = match &entry.fact {
                Fact::Appended {
                    partition,
                    last_offset,
                    ..
                } => (partition, last_offset + 1),
                Fact::Truncated { partition, to, .. } => (partition, *to),
                Fact::BecameLeader {
                    partition,
                    log_end_offset,
                    ..
                }
                | Fact::BecameFollower {
                    partition,
                    log_end_offset,
                    ..
                } => (partition, *log_end_offset),
                _ => continue,
            };
            ends.insert((entry.node.to_string(), partition.to_string()), end);
        }
        assert!(ends.len() >= 3, "{name}");
        for ((node, partition), end) in ends {
            assert_eq!(
                slot(&json!(["end", node, partition])),
                json!(end),
                "{name}: {node} {partition}"
            );
        }
    }
}

#[test]
fn a_run_that_is_too_long_is_thinned_and_says_so() {
    let recording = played("truck-gps-100");
    let data = data(&recording);
    let kept = list(&data, "/events/kind").iter();
    let kinds = list(&data, "/kinds");
    let of_facts = kept
        .filter(|kind| kinds[kind.as_u64().unwrap() as usize][0] != "stall")
        .count();
    let left_out = data["left_out"].as_object().unwrap();
    let gone: u64 = left_out.values().filter_map(Value::as_u64).sum();
    assert_eq!(of_facts as u64 + gone, recording.facts.len() as u64);
    // What comes and goes with each record goes first.
    let routine = [
        "processed",
        "record-created",
        "consumed",
        "high-watermark-moved",
        "appended",
        "acked",
    ];
    assert!(
        left_out.keys().all(|kind| routine.contains(&kind.as_str())),
        "{left_out:?}"
    );
    let messages = list(&data, "/messages/time").len() as u64;
    let left_out = data["messages_left_out"].as_object().unwrap();
    let gone: u64 = left_out.values().filter_map(Value::as_u64).sum();
    assert_eq!(messages + gone, recording.sent.len() as u64);
    assert!(gone > 0 && messages == 15_000);
}

/// From a file or from the run itself: one page, but for what a trace does not hold.
#[test]
fn a_trace_gives_the_page_of_its_run() {
    let plan = plan("leader-crash");
    let mut run = Run::start(&plan, plan.seed).unwrap();
    run.keep(Keep::Nothing);
    run.keep_causes();
    let mut trace = TraceWriter::new(Vec::new(), &trace_header(&plan, plan.seed));
    run.until_watched(run.end(), &mut trace);
    let closing = Closing {
        end_ns: run.end().0,
        held: true,
        tables: String::new(),
        verdicts: String::new(),
        figures: String::new(),
        failure: String::new(),
    };
    let bytes = trace.finish(&closing).unwrap();
    let (read, _) = Recording::read(&bytes[..], true).unwrap();
    let own = played("leader-crash");
    // A trace holds what processes said. What needs the run itself is not there, and the page does not ask about it.
    let of_trace = data(&read);
    assert!(of_trace["questions"].is_null() && of_trace["batches"].is_null());
    let slots = list(&of_trace, "/slots");
    assert!(slots.iter().all(|slot| slot[0] != "tables"));
    let own = Recording {
        played: None,
        ..own
    };
    assert_eq!(page(&read), page(&own));
}
