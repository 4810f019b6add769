//! What a page has because its run was played for it: tables, bytes, questions.

use super::{list, plan, played};
use kafka_trial::kernel::Time;
use kafka_trial::node::view::ClusterView;
use kafka_trial::plan::Plan;
use kafka_trial::player::data;
use kafka_trial::protocol::TopicPartition;
use kafka_trial::report::{Account, Tools};
use kafka_trial::run::{Run, run};
use kafka_trial::scenario::SHIPPED;
use kafka_trial::trace::Keep;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// What a page shows, event by event.
struct Shown<'a> {
    data: &'a Value,
    slots: BTreeMap<usize, &'a Value>,
    time: u64,
    next: usize,
}

impl<'a> Shown<'a> {
    fn of(data: &'a Value) -> Shown<'a> {
        Shown {
            data,
            slots: BTreeMap::new(),
            time: 0,
            next: 0,
        }
    }

    /// To the last event that has happened until then, in microseconds.
    fn go_to(&mut self, time: u64) {
        let steps = list(self.data, "/events/time");
        let changes = list(self.data, "/events/changes");
        while let Some(step) = steps.get(self.next).and_then(Value::as_u64)
            && self.time + step <= time
        {
            self.time += step;
            for change in changes[self.next].as_array().unwrap().chunks(2) {
                let slot = change[0].as_u64().unwrap() as usize;
                self.slots.insert(slot, &change[1]);
            }
            self.next += 1;
        }
    }

    /// What slots of this kind are of, and what they hold.
    fn all(&self, kind: &str) -> BTreeMap<&'a str, &'a Value> {
        let names = list(self.data, "/slots");
        let of = |(slot, value): (&usize, &&'a Value)| {
            let name = &names[*slot];
            let is_meant = name[0] == kind && !value.is_null();
            is_meant.then(|| (name[1].as_str().unwrap(), *value))
        };
        self.slots.iter().filter_map(of).collect()
    }

    fn tables(&self) -> String {
        let words = list(self.data, "/words");
        let line = |(place, word): (&str, &Value)| {
            let line = words[word.as_u64().unwrap() as usize].as_str().unwrap();
            (place.parse().unwrap(), line.to_owned())
        };
        let lines: BTreeMap<usize, String> = self
            .all("tables")
            .into_iter()
            .map(|(k, v)| line((k, v)))
            .collect();
        assert!(lines.keys().copied().eq(0..lines.len()), "no gap");
        lines.into_values().collect::<Vec<_>>().join("\n")
    }

    /// Path, of its children or not, the server that holds it, whether a client counts on it.
    fn watches(&self) -> Vec<(String, bool, Option<String>, bool)> {
        let mut found = Vec::new();
        for (path, watches) in self.all("watches") {
            for it in watches.as_array().unwrap() {
                let server = it[2].as_str().map(str::to_owned);
                let [children, counts] = [0, 3].map(|place| it[place].as_bool().unwrap());
                found.push((path.to_owned(), children, server, counts));
            }
        }
        found.sort();
        found
    }
}

/// Five times a second, and at the end: what `trial run` would print, if the run had ended there; and who watches what.
#[test]
fn tables_and_watches_are_those_of_the_moment() {
    for name in [
        "leader-crash",
        "eager-rebalance",
        "zookeeper-leader-crash",
        "crash-before-the-commit",
    ] {
        let plan = plan(name);
        let recording = played(name);
        let data = data(&recording);
        let mut shown = Shown::of(&data);
        let mut run = Run::start(&plan, plan.seed).unwrap();
        run.keep(Keep::Nothing);
        let mut account = Account::default();
        let end = recording.end.0 / 1_000;
        let mut hollow = 0;
        for time in (200_000..end).step_by(200_000).chain([end]) {
            run.until_watched(Time(time * 1_000 + 999), &mut account);
            let view = run.view();
            let told = Tools::asked(&view, plan.cluster.kafka_version);
            let told = told.told(account.groups());
            shown.go_to(time);
            assert_eq!(
                shown.tables(),
                told.trim_end_matches('\n'),
                "{name} at {time} us"
            );
            let watches = view.watches().into_iter();
            let mut watches: Vec<_> = watches
                .map(|it| (it.path, it.children, it.server, it.client.is_some()))
                .collect();
            watches.sort();
            hollow += watches.iter().filter(|it| it.2.is_none()).count();
            assert_eq!(shown.watches(), watches, "{name} at {time} us");
        }
        assert_eq!(name.starts_with("zookeeper"), hollow > 0, "{name}");
    }
}

/// The files of a partition's leader, as hexadecimal digits.
fn stored(view: &dyn ClusterView, partition: &TopicPartition) -> String {
    let committed = view.committed();
    let state = committed.iter().find(|it| it.partition == *partition);
    let leader = state.expect("the partition").leader;
    let files = view.log_files(leader, partition);
    let bytes = files.iter().flat_map(|(_, pieces)| pieces).flatten();
    bytes.map(|byte| format!("{byte:02x}")).collect()
}

/// What is in the page lies on the leader's disk, byte for byte, and every byte of it belongs to one field.
#[test]
fn bytes_are_those_on_disk_and_fields_cover_them() {
    for name in ["leader-crash", "anatomy-of-a-message", "truck-gps-groups"] {
        let plan = plan(name);
        let data = data(&played(name));
        let report = run(&plan, plan.seed).unwrap();
        let words = list(&data, "/words");
        let fields = list(&data, "/batches/fields");
        let mut files: BTreeMap<&str, String> = BTreeMap::new();
        let all = list(&data, "/batches/list");
        assert_eq!(data["batches"]["all"], all.len(), "{name}");
        assert!(all.len() > 5, "{name}");
        for batch in all {
            let number = |place: usize| batch[place].as_u64().unwrap() as usize;
            let partition = words[number(0)].as_str().unwrap();
            let hex = batch[4].as_str().unwrap();
            let (topic, index) = partition.rsplit_once('-').unwrap();
            let of = TopicPartition::new(topic, index.parse().unwrap());
            let file = files.entry(partition);
            let file = file.or_insert_with(|| stored(&report.view(), &of));
            assert!(file.contains(hex), "{name}: {partition} {}", batch[1]);
            let mut covered = number(8);
            let records = batch[7].as_array().unwrap();
            for places in [&batch[6]].into_iter().chain(records) {
                for place in places.as_array().unwrap().chunks(3) {
                    let [field, length, says] =
                        [0, 1, 2].map(|it| place[it].as_u64().unwrap() as usize);
                    covered += length;
                    let (name, says) = (&fields[field][0], &words[says]);
                    if name == "crc" {
                        assert!(says.as_str().unwrap().ends_with("and is right"), "{says}");
                    }
                }
            }
            assert_eq!(2 * covered, hex.len(), "{name}: {partition} {}", batch[1]);
        }
    }
}

/// A record that was cut off is there too: two batches of one place, of two leaders.
#[test]
fn bytes_that_were_cut_off_are_there_by_their_epoch() {
    let data = data(&played("acks-1-loss"));
    let mut epochs: BTreeMap<(u64, i64), BTreeSet<i64>> = BTreeMap::new();
    for batch in list(&data, "/batches/list") {
        let place = (batch[0].as_u64().unwrap(), batch[1].as_i64().unwrap());
        let epoch = batch[3].as_i64().unwrap();
        epochs.entry(place).or_default().insert(epoch);
    }
    assert!(epochs.values().any(|epochs| epochs.len() > 1));
}

/// Each question in the order of their moments, and the run bears each answer out. How many answers there are.
pub(super) fn questions_fit(name: &str, plan: &Plan, data: &Value) -> usize {
    let mut count = 0;
    let asked = list(data, "/questions");
    assert_eq!(asked.len(), plan.predict.len(), "{name}");
    let times: Vec<u64> = asked.iter().map(|it| it["at"].as_u64().unwrap()).collect();
    assert!(times.is_sorted(), "{name}");
    for prediction in &plan.predict {
        let of = asked.iter().find(|it| it["id"] == prediction.id.as_str());
        let of = of.unwrap_or_else(|| panic!("{name}: {}", prediction.id));
        for (part, question) in [
            ("predict", Some(&prediction.question)),
            ("reason", prediction.reason.as_ref()),
            ("recall", prediction.recall.as_ref().map(|it| &it.question)),
        ] {
            let Some(question) = question else {
                assert!(of[part].is_null(), "{name}: {part}");
                continue;
            };
            assert_eq!(of[part]["ask"], question.ask.as_str());
            let right = of[part]["is"].as_u64().unwrap() as usize;
            assert_eq!(question.options[right].name, question.is);
            let shown = of[part]["options"].as_array().unwrap();
            for (shown, option) in shown.iter().zip(&question.options) {
                assert_eq!(shown[0], option.say.as_str());
                assert_eq!(shown[1].is_string(), option.misconception.is_some());
            }
            assert_eq!(part == "reason", of[part]["run"].is_null());
            if part != "reason" {
                assert_eq!(of[part]["run"][0], true, "{name}: {part}");
                count += 1;
            }
        }
    }
    count
}

/// With another knob the scenario's own answer may be wrong; the page does not say that it is right.
#[test]
fn an_answer_that_the_run_does_not_bear_out_is_not_told_as_right() {
    let shipped = SHIPPED
        .iter()
        .find(|it| it.name() == "commit-before-processing")
        .unwrap();
    let sets = ["consumers/dashboard/commit=sync after".to_owned()];
    let loaded = kafka_trial::scenario::load(shipped.path, shipped.text.as_bytes().to_vec(), &sets);
    let plan = loaded.unwrap_or_else(|error| panic!("{error}")).plan;
    let recording = kafka_trial::figure::Recording::of(&plan, plan.seed).unwrap();
    let data = data(&recording);
    let report = run(&plan, plan.seed).unwrap();
    assert!(report.answers[0].failed(), "each is processed");
    let says = &data["questions"][0]["predict"]["run"];
    assert_eq!(says[0], false);
    assert_eq!(says[1], report.answers[0].to_string());
}
