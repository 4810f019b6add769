//! Tables of groups as `kafka-consumer-groups` prints them, to the character and in its order (class
//! `ConsumerGroupCommand` of 3.9.1).
//!
//! Held against `tests/vectors/kafka/tools.zookeeper.json`. What the tool says beside a table, on its standard error,
//! stands in lines that begin with `#`. `-` where nothing is known.

use crate::client::{JavaHashMap, in_hash_order};
use crate::node::view::{ClusterView, CommittedPartition, Described, GroupView, MemberView};
use crate::protocol::{BrokerId, GROUP_METADATA_TOPIC, NO_LEADER, TopicPartition, partition_for};
use std::collections::BTreeMap;
use std::rc::Rc;

/// The narrowest that its columns are, and that of `group.instance.id`.
const NARROW: usize = 15;
const INSTANCE: usize = 17;
const COORDINATOR: usize = 25;
/// By how much a list is wider than its longest name.
const LISTED_WIDER: usize = 10;

const NOTHING: &str = "-";

/// `kafka-consumer-groups --list --state`, in the order of a Java map. Nothing where there is no group, of which the
/// tool prints the header.
pub fn kafka_consumer_groups_list(view: &dyn ClusterView) -> String {
    groups_list(&view.groups())
}

pub(super) fn groups_list(all: &[GroupView]) -> String {
    let mut groups = JavaHashMap::default();
    for group in all {
        groups.insert(Rc::clone(&group.group), group.state);
    }
    if groups.is_empty() {
        return String::new();
    }
    let longest = groups.iter().map(|(name, _)| name.len()).max();
    let wide = longest.unwrap_or(0).max(NARROW) + LISTED_WIDER;
    let row = |name: &str, state: &str| format!("{name:wide$} {state:20}\n");
    let rows = groups.iter().map(|(name, state)| row(name, state));
    row("GROUP", "STATE") + &rows.collect::<String>()
}

/// CG47: `kafka-consumer-groups --describe --all-groups`: a line a partition that a member has, members with most
/// partitions first, then those that only the group has committed; each in the order of a Java map.
pub fn kafka_consumer_groups_describe(view: &dyn ClusterView) -> String {
    groups_describe(view, view.described().as_ref(), &view.groups())
}

/// Of these groups, in a cluster that brokers describe so.
pub(super) fn groups_describe(
    view: &dyn ClusterView,
    described: Option<&Described>,
    groups: &[GroupView],
) -> String {
    of_each_group(groups, |text, group| {
        let rows = rows(group);
        if !rows.is_empty() {
            push_offsets(text, (view, described), group, &rows);
        }
    })
}

/// `kafka-consumer-groups --describe --all-groups --members --verbose`. Which topic a partition is of the tool does
/// not say.
pub fn kafka_consumer_groups_members(view: &dyn ClusterView) -> String {
    groups_members(&view.groups())
}

pub(super) fn groups_members(groups: &[GroupView]) -> String {
    of_each_group(groups, |text, group| {
        if !group.members.is_empty() {
            push_members(text, group);
        }
    })
}

/// `kafka-consumer-groups --describe --all-groups --state`.
pub fn kafka_consumer_groups_state(view: &dyn ClusterView) -> String {
    groups_state(&view.groups())
}

pub(super) fn groups_state(groups: &[GroupView]) -> String {
    of_each_group(groups, |text, group| {
        let coordinator = format!("{}  ({})", group.coordinator_at, group.coordinator);
        let wide = coordinator.len().max(COORDINATOR);
        let mut push = |cells: [&str; 5]| {
            let [group, coordinator, strategy, state, members] = cells;
            text.push_str(&format!(
                "{group:wide$} {coordinator:25} {strategy:20} {state:15} {members}\n"
            ));
        };
        push([
            "GROUP",
            "COORDINATOR (ID)",
            "ASSIGNMENT-STRATEGY",
            "STATE",
            "#MEMBERS",
        ]);
        let members = group.members.len().to_string();
        push([
            &group.group,
            &coordinator,
            group.protocol.as_deref().unwrap_or_default(),
            group.state,
            &members,
        ]);
    })
}

/// Of these groups, those of which the tool learns nothing, in lines that begin with `#`. It asks each broker for its
/// groups: one that does not answer makes the whole of it fail, and of a partition without a leader nobody tells.
pub fn groups_of_which_nobody_tells<'a>(
    view: &dyn ClusterView,
    groups: impl Iterator<Item = &'a Rc<str>>,
) -> String {
    silent_groups(view, view.described().as_ref(), groups)
}

/// Where brokers describe the cluster so.
pub(super) fn silent_groups<'a>(
    view: &dyn ClusterView,
    described: Option<&Described>,
    groups: impl Iterator<Item = &'a Rc<str>>,
) -> String {
    let partitions = described.map_or(&[][..], |it| &it.partitions);
    let is_of_groups = |it: &&CommittedPartition| *it.partition.topic == *GROUP_METADATA_TOPIC;
    let kept_in: Vec<&CommittedPartition> = partitions.iter().filter(is_of_groups).collect();
    let mut silent: BTreeMap<&TopicPartition, (BrokerId, Vec<&str>)> = BTreeMap::new();
    for group in groups {
        let number = partition_for(group, kept_in.len().try_into().unwrap_or(i32::MAX));
        let of_group = kept_in.iter().find(|it| it.partition.partition == number);
        let Some(state) = of_group else {
            continue;
        };
        if view.replica(state.leader, &state.partition).is_none() {
            let (_, names) = silent
                .entry(&state.partition)
                .or_insert((state.leader, Vec::new()));
            names.push(group);
        }
    }
    let mut text = String::new();
    for (partition, (leader, names)) in silent {
        let names = format!("group {}", names.join(" and group "));
        text.push_str(&match leader {
            NO_LEADER => format!("# {names}: nobody tells of it, since {partition}, where it is kept, has no leader\n"),
            _ => format!("# {names}: broker-{leader}, the coordinator, does not answer; the tool waits for it and fails (TimeoutException)\n"),
        });
    }
    text
}

/// CG48: of a group that rebalances nobody says who has what.
fn of_each_group(groups: &[GroupView], table: impl Fn(&mut String, &GroupView)) -> String {
    let mut text = String::new();
    for group in groups {
        let name = &group.group;
        match group.state {
            "Stable" => {}
            "Empty" => text.push_str(&format!(
                "# Consumer group '{name}' has no active members.\n"
            )),
            _ => text.push_str(&format!(
                "# Warning: Consumer group '{name}' is rebalancing.\n"
            )),
        }
        table(&mut text, group);
    }
    text
}

/// A partition, and the member that has it.
struct Row {
    partition: TopicPartition,
    consumer: Rc<str>,
    host: Rc<str>,
    client: Rc<str>,
}

fn rows(group: &GroupView) -> Vec<Row> {
    let mut members: Vec<&MemberView> = group.members.iter().collect();
    members.sort_by_key(|member| std::cmp::Reverse(member.assignment.len()));
    let mut rows: Vec<Row> = Vec::new();
    for member in members {
        let mut assigned = member.assignment.clone();
        assigned.sort_by_key(|it| it.partition);
        rows.extend(in_hash_order(assigned).into_iter().map(|partition| Row {
            partition,
            consumer: Rc::clone(&member.member_id),
            host: Rc::clone(&member.host),
            client: Rc::clone(&member.client_id),
        }));
    }
    let taken: Vec<TopicPartition> = rows.iter().map(|row| row.partition.clone()).collect();
    let free = group.committed.keys().filter(|it| !taken.contains(it));
    let mut free: Vec<TopicPartition> = free.cloned().collect();
    free.sort_by_key(|it| it.partition);
    rows.extend(in_hash_order(free).into_iter().map(|partition| Row {
        partition,
        consumer: NOTHING.into(),
        host: NOTHING.into(),
        client: NOTHING.into(),
    }));
    rows
}

fn push_offsets(
    text: &mut String,
    (view, described): (&dyn ClusterView, Option<&Described>),
    group: &GroupView,
    rows: &[Row],
) {
    let width = |of: fn(&Row) -> usize| rows.iter().map(of).max().unwrap_or(0).max(NARROW);
    let name = group.group.len().max(NARROW);
    let topic = width(|row| row.partition.topic.len());
    let consumer = width(|row| row.consumer.len());
    let host = width(|row| row.host.len());
    let mut push = |cells: [&str; 9]| {
        let [
            group,
            of_topic,
            partition,
            current,
            end,
            lag,
            id,
            at,
            client,
        ] = cells;
        text.push_str(&format!(
            "{group:name$} {of_topic:topic$} {partition:10} {current:15} {end:15} {lag:15} {id:consumer$} {at:host$} {client}\n"
        ));
    };
    push([
        "GROUP",
        "TOPIC",
        "PARTITION",
        "CURRENT-OFFSET",
        "LOG-END-OFFSET",
        "LAG",
        "CONSUMER-ID",
        "HOST",
        "CLIENT-ID",
    ]);
    for row in rows {
        let current = group.committed.get(&row.partition).copied();
        let end = described.and_then(|it| log_end(view, it, &row.partition));
        let lag = current.zip(end).map(|(current, end)| end - current);
        let cell = |number: Option<i64>| number.map_or_else(|| NOTHING.into(), |n| n.to_string());
        push([
            &group.group,
            &row.partition.topic,
            &row.partition.partition.to_string(),
            &cell(current),
            &cell(end),
            &cell(lag),
            &row.consumer,
            &row.host,
            &row.client,
        ]);
    }
}

fn push_members(text: &mut String, group: &GroupView) {
    let members = &group.members;
    let width = |of: fn(&MemberView) -> usize| members.iter().map(of).max().unwrap_or(0);
    let instance = |member: &MemberView| member.instance.as_deref().unwrap_or_default().len();
    let name = group.group.len().max(NARROW);
    let consumer = width(|it| it.member_id.len()).max(NARROW);
    let instances = members.iter().map(instance).max().unwrap_or(0);
    let host = width(|it| it.host.len()).max(NARROW);
    let client = width(|it| it.client_id.len()).max(NARROW);
    let mut push = |cells: [&str; 7]| {
        let [group, id, instance, at, of_client, partitions, assignment] = cells;
        text.push_str(&format!("{group:name$} {id:consumer$} "));
        // Only where somebody has one.
        if instances > 0 {
            let wide = instances.max(INSTANCE);
            text.push_str(&format!("{instance:wide$} "));
        }
        text.push_str(&format!(
            "{at:host$} {of_client:client$} {partitions:15} {assignment}\n"
        ));
    };
    push([
        "GROUP",
        "CONSUMER-ID",
        "GROUP-INSTANCE-ID",
        "HOST",
        "CLIENT-ID",
        "#PARTITIONS",
        "ASSIGNMENT",
    ]);
    for member in members {
        push([
            &group.group,
            &member.member_id,
            member.instance.as_deref().unwrap_or_default(),
            &member.host,
            &member.client_id,
            &member.assignment.len().to_string(),
            &assignment(member),
        ]);
    }
}

/// Numbers of partitions in brackets, topic by topic, both sorted as texts.
fn assignment(member: &MemberView) -> String {
    let mut by_topic: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for partition in &member.assignment {
        let numbers = by_topic.entry(&partition.topic).or_default();
        numbers.push(partition.partition.to_string());
    }
    let in_brackets = by_topic.into_values().map(|mut numbers| {
        numbers.sort();
        format!("({})", numbers.join(","))
    });
    let mut groups: Vec<String> = in_brackets.collect();
    groups.sort();
    match groups.is_empty() {
        true => NOTHING.to_owned(),
        false => groups.join(", "),
    }
}

/// What a consumer may read up to, if the leader answers.
fn log_end(
    view: &dyn ClusterView,
    described: &Described,
    partition: &TopicPartition,
) -> Option<i64> {
    let state = described
        .partitions
        .iter()
        .find(|it| it.partition == *partition)?;
    let leader = view.replica(state.leader, partition)?;
    leader.is_leader.then_some(leader.high_watermark)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::testing::Scene;
    use serde_json::Value;

    /// What the tool printed when all was well, and on its standard error.
    fn printed(args: &[&str]) -> (String, String) {
        let text = include_str!("../../tests/vectors/kafka/tools.zookeeper.json");
        let tools: Vec<Value> = serde_json::from_str(text).unwrap();
        let run = tools.iter().find(|run| {
            run["tool"] == "kafka-groups"
                && run["state"] == "healthy"
                && run["args"] == Value::from(args)
        });
        let run = run.expect("it was recorded");
        let text = |key: &str| {
            run[key]
                .as_str()
                .unwrap()
                .trim_start_matches('\n')
                .to_owned()
        };
        (text("out"), text("err"))
    }

    fn member(client: &str, id: &str, partitions: &[i32]) -> MemberView {
        let of = |p: &i32| TopicPartition::new("trucks_gps", *p);
        MemberView {
            member_id: format!("{client}-{id}").into(),
            client_id: client.into(),
            host: "/127.0.0.1".into(),
            instance: None,
            assignment: partitions.iter().map(of).collect(),
        }
    }

    /// The two groups of the recording.
    fn recorded() -> Scene {
        let mut scene = Scene::new();
        let mut of_group = |topic: &str, ends: &[i64]| -> BTreeMap<TopicPartition, i64> {
            let committed = ends.iter().zip(0..).map(|(end, p)| {
                let name = format!("{topic}-{p}");
                scene.commit(&name, 1, &[1]);
                let leader = scene.replica_mut(1, &name);
                leader.is_leader = true;
                leader.high_watermark = *end;
                (TopicPartition::new(topic, p), *end)
            });
            committed.collect()
        };
        let (dashboard, old) = (
            of_group("trucks_gps", &[8, 3, 0]),
            of_group("lonely", &[1, 0]),
        );
        let group = |name: &str, state, committed| GroupView {
            group: name.into(),
            state,
            coordinator: 3,
            coordinator_at: "127.0.0.1:19093".into(),
            protocol: None,
            members: Vec::new(),
            committed,
        };
        scene.group(GroupView {
            protocol: Some("range".into()),
            members: vec![
                member("m1", "5981d39b-6b89-417b-91ed-67eb0a587fbb", &[0, 1]),
                member("m2", "d32c6651-a89e-4285-a6e2-ea331f4ea9b1", &[2]),
            ],
            ..group("dashboard", "Stable", dashboard)
        });
        scene.group(group("old", "Empty", old));
        scene
    }

    /// Tables, and what stands beside them.
    fn parts(told: &str) -> (String, String) {
        let (beside, table): (Vec<&str>, Vec<&str>) =
            told.lines().partition(|line| line.starts_with('#'));
        let beside: Vec<&str> = beside
            .iter()
            .map(|it| it.trim_start_matches("# "))
            .collect();
        (table.join("\n"), beside.join("\n"))
    }

    #[test]
    fn cg47_describe_prints_what_kafka_printed() {
        let told = kafka_consumer_groups_describe(&recorded());
        assert_eq!(parts(&told), printed(&["--describe", "--all-groups"]));
        for name in ["dashboard", "old"] {
            let mut scene = recorded();
            scene.groups.retain(|group| *group.group == *name);
            let told = kafka_consumer_groups_describe(&scene);
            assert_eq!(parts(&told), printed(&["--describe", "--group", name]));
        }
    }

    /// As the tool has it where it finds no commit, and one behind a log's end that was cut off.
    #[test]
    fn cg47_a_lag_is_unknown_without_a_commit_and_may_be_below_zero() {
        let mut scene = recorded();
        let committed = &mut scene.groups[0].committed;
        committed.insert(TopicPartition::new("trucks_gps", 0), 10);
        committed.remove(&TopicPartition::new("trucks_gps", 1));
        let told = kafka_consumer_groups_describe(&scene);
        let cells = |line: &str| -> Vec<String> {
            let cells = line.split_whitespace().skip(2).take(4);
            cells.map(str::to_owned).collect()
        };
        let mut rows: Vec<_> = told.lines().skip(1).take(2).map(cells).collect();
        rows.sort();
        assert_eq!(rows, [["0", "10", "8", "-2"], ["1", "-", "3", "-"]]);
    }

    #[test]
    fn cg48_of_a_group_that_rebalances_partitions_are_nobodys() {
        let mut scene = recorded();
        scene.groups.truncate(1);
        scene.groups[0].state = "PreparingRebalance";
        for member in &mut scene.groups[0].members {
            member.assignment.clear();
        }
        let told = kafka_consumer_groups_describe(&scene);
        let (table, beside) = parts(&told);
        assert_eq!(
            beside,
            "Warning: Consumer group 'dashboard' is rebalancing."
        );
        let ends = table
            .lines()
            .skip(1)
            .map(|line| line.split_whitespace().skip(6));
        for nobody in ends {
            assert_eq!(nobody.collect::<Vec<_>>(), ["-", "-", "-"]);
        }
        assert_eq!(table.lines().count(), 4, "what is committed is told");
    }

    #[test]
    fn list_prints_what_kafka_printed() {
        let told = kafka_consumer_groups_list(&recorded());
        let (expected, _) = printed(&["--list", "--state"]);
        assert_eq!(told.trim_end_matches('\n'), expected);
        assert_eq!(kafka_consumer_groups_list(&Scene::new()), "");
    }

    #[test]
    fn members_and_state_print_what_kafka_printed() {
        let mut scene = recorded();
        scene.groups.retain(|group| *group.group == *"dashboard");
        let of = |more: &[&str]| printed(&[&["--describe", "--group", "dashboard"], more].concat());
        let told = kafka_consumer_groups_members(&scene);
        assert_eq!(parts(&told), of(&["--members", "--verbose"]));
        let told = kafka_consumer_groups_state(&scene);
        assert_eq!(parts(&told), of(&["--state"]));
    }

    #[test]
    fn static_members_have_a_column_and_numbers_are_sorted_as_text() {
        let mut scene = recorded();
        let all: Vec<i32> = (0..11).collect();
        let mut one = member("m", "1", &all);
        one.instance = Some("screen-of-the-control-room".into());
        scene.groups[0].members = vec![one, member("n", "1", &[])];
        let told = kafka_consumer_groups_members(&scene);
        let lines: Vec<&str> = told.lines().collect();
        assert_eq!(
            lines[1],
            "dashboard       m-1             screen-of-the-control-room /127.0.0.1      m               11              (0,1,10,2,3,4,5,6,7,8,9)"
        );
        assert!(
            lines[2].ends_with("n               0               -"),
            "{}",
            lines[2]
        );
    }
}
