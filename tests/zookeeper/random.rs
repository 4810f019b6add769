//! Random operations of several clients on a real server, replayed.

use crate::kazoo::{array, data, error_name, latin1, mode, text, type_name, version};
use crate::world::{Do, World, recorded_config};
use kafka_trial::kernel::{Fault, NodeId};
use kafka_trial::protocol::zookeeper::{
    Answer, Code, MultiAnswer, MultiOp, Op, Path, SessionEvent, SessionId, Stat, Zxid,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

#[test]
fn random_ensemble_transcripts_replay() {
    let file = include_str!("../vectors/zookeeper/random_ensemble.json");
    replay_all(file, 8);
}

/// Clients that lose their connection with watches outstanding among them.
#[test]
fn more_random_ensemble_transcripts_replay() {
    let file = include_str!("../vectors/zookeeper/random_ensemble_more.json");
    replay_all(file, 2);
}

#[test]
fn random_standalone_transcripts_replay() {
    let file = include_str!("../vectors/zookeeper/random_standalone.json");
    replay_all(file, 40);
}

fn replay_all(file: &str, count: usize) {
    let file: Value = serde_json::from_str(file).expect("JSON");
    let transcripts = array(&file["transcripts"]);
    assert_eq!(transcripts.len(), count);
    for transcript in transcripts {
        replay(transcript);
    }
}

/// Which server each client is connected to is chance, and a recorded crash shows who had its connection
/// there: a few seeds are tried for one that places them so.
fn replay(transcript: &Value) {
    let seed = transcript["seed"].as_u64().expect("seed");
    let steps = array(&transcript["steps"]);
    let differs = |place: &u64| {
        let found = replay_at(transcript, seed + 1_000 * place);
        let Some((number, differs)) = found else {
            return false;
        };
        let misplaced = steps
            .get(number)
            .is_some_and(|step| step["cluster"].is_string());
        assert!(misplaced, "seed {seed}, step {number}: {differs}");
        true
    };
    let tried = (0..64).take_while(differs).count();
    assert!(
        tried < 64,
        "seed {seed}: nobody loses its connection as recorded"
    );
}

/// The first step that differs, and how.
fn replay_at(transcript: &Value, seed: u64) -> Option<(usize, String)> {
    let mut replay = Replay {
        world: match text(&transcript["mode"]) {
            "ensemble" => World::ensemble(seed, &recorded_config(), 3),
            _ => World::new(seed, recorded_config()),
        },
        clients: BTreeMap::new(),
        sessions: BTreeMap::new(),
        down: None,
    };
    for (number, step) in array(&transcript["steps"]).iter().enumerate() {
        let ours = Value::Object(replay.step(step));
        let theirs: Map<String, Value> = ["result", "error", "events"]
            .into_iter()
            .filter_map(|part| Some((part.to_owned(), step.get(part)?.clone())))
            .collect();
        let theirs = Value::Object(theirs);
        if ours != theirs {
            return Some((number, format!("{ours} in {step}")));
        }
    }
    let tree = replay.tree();
    let differs = tree != transcript["final_tree"];
    differs.then(|| (usize::MAX, format!("the tree {tree}")))
}

struct Replay {
    world: World,
    clients: BTreeMap<String, NodeId>,
    sessions: BTreeMap<SessionId, String>,
    /// The server that is down.
    down: Option<NodeId>,
}

impl Replay {
    /// Something happens to a server; the next step comes when the ensemble serves and every client is
    /// connected again.
    fn fault(&mut self, what: &str, who: Option<&str>) {
        let leader = self.world.leader().expect("a leader");
        match (what, who) {
            ("crash", Some(who)) => {
                let mut servers = self.world.servers.iter().copied();
                let victim = servers.find(|server| (*server == leader) == (who == "leader"));
                self.down = victim;
                self.world.kernel.apply(Fault::Crash(victim.expect(who)));
            }
            ("restart", None) => {
                let back = self.down.take().expect("one is down");
                self.world.kernel.apply(Fault::Start(back));
            }
            other => panic!("step {other:?}"),
        }
        let clients: Vec<NodeId> = self.clients.values().copied().collect();
        self.world.run_ms(60);
        self.world.until(|world| {
            let connected = |client: &NodeId| {
                world.session(*client).session_id().is_none()
                    || world.session(*client).is_connected()
            };
            clients.iter().all(connected) && world.all_serve()
        });
    }

    fn step(&mut self, step: &Value) -> Map<String, Value> {
        let mut shown = Map::new();
        if let Some(what) = step["cluster"].as_str() {
            self.fault(what, step["who"].as_str());
            let events = self.take_events();
            if !events.is_empty() {
                shown.insert("events".to_owned(), json!(events));
            }
            return shown;
        }
        let (name, args) = (text(&step["client"]), &step["args"]);
        match text(&step["op"]) {
            "connect" => {
                let seconds = args["timeout_s"].as_u64().expect("timeout_s");
                let node = self.world.kazoo(name, seconds as u32 * 1000);
                self.clients.insert(name.to_owned(), node);
                let id = self.world.session_id(node);
                self.sessions.insert(id, name.to_owned());
            }
            "close_session" => {
                let node = self.clients[name];
                self.world.tell(node, Do::Close);
                self.world
                    .until(|world| world.take_events(node).contains(&SessionEvent::Closed));
            }
            op => {
                let answer = self.world.ask(self.clients[name], request(op, args));
                match answer {
                    Err(Code::NoNode) if op == "exists" => {
                        shown.insert("result".to_owned(), Value::Null);
                    }
                    Err(code) => {
                        shown.insert("error".to_owned(), json!(error_name(code)));
                    }
                    Ok(Answer::Synced) => {
                        shown.insert("result".to_owned(), args["path"].clone());
                    }
                    Ok(answer) => {
                        shown.insert("result".to_owned(), self.shown(answer));
                    }
                }
            }
        }
        self.world.run_ms(60);
        let events = self.take_events();
        if !events.is_empty() {
            shown.insert("events".to_owned(), json!(events));
        }
        shown
    }

    fn take_events(&mut self) -> Vec<[Value; 3]> {
        let mut events = Vec::new();
        for (name, node) in &self.clients {
            for event in self.world.take_events(*node) {
                match event {
                    SessionEvent::Watch(event) => {
                        let kind = type_name(event.kind);
                        events.push([json!(name), json!(kind), json!(&*event.path)]);
                    }
                    SessionEvent::WatchesForgotten => {
                        events.push([json!(name), json!("NONE"), Value::Null]);
                    }
                    _ => {}
                }
            }
        }
        events.sort_by_key(|event| event.each_ref().map(Value::to_string));
        events
    }

    fn shown(&self, answer: Answer) -> Value {
        match answer {
            Answer::Created { path, stat } => json!({"value": &*path, "stat": self.stat(&stat)}),
            Answer::Deleted => json!(true),
            Answer::SetData(stat) | Answer::Exists(stat) => json!({"stat": self.stat(&stat)}),
            Answer::Data { data, stat } => {
                json!({"value": latin1(&data), "stat": self.stat(&stat)})
            }
            Answer::Children { children, .. } => {
                children.iter().map(|child| json!(&**child)).collect()
            }
            Answer::Multi(results) => results
                .into_iter()
                .map(|result| match result {
                    Ok(MultiAnswer::Created(path)) => json!(&*path),
                    Ok(MultiAnswer::SetData(stat)) => json!({"stat": self.stat(&stat)}),
                    Ok(MultiAnswer::Deleted | MultiAnswer::Checked) => json!(true),
                    Ok(MultiAnswer::RolledBack) => json!({"error": "RolledBack"}),
                    Err(code) => json!({"error": error_name(code)}),
                })
                .collect(),
            other => panic!("answer {other:?}"),
        }
    }

    fn stat(&self, stat: &Stat) -> Value {
        let pair = |zxid: Zxid| json!([zxid >> 32, zxid & 0xffff_ffff]);
        json!({
            "czxid": pair(stat.czxid), "mzxid": pair(stat.mzxid), "pzxid": pair(stat.pzxid),
            "version": stat.version, "cversion": stat.cversion, "aversion": stat.aversion,
            "dataLength": stat.data_length, "numChildren": stat.num_children,
            "mtime_eq_ctime": stat.mtime == stat.ctime,
            "ephemeralOwner": match stat.ephemeral_owner {
                0 => json!(0),
                owner => json!(format!("session:{}", self.sessions[&owner])),
            },
        })
    }

    fn tree(&self) -> Value {
        let ours = |(path, data, stat): (&Path, &bytes::Bytes, Stat)| {
            let mut node = self.stat(&stat);
            node["value"] = json!(latin1(data));
            (path.to_string(), node)
        };
        self.world
            .tree()
            .iter()
            .filter(|(path, ..)| !path.starts_with("/zookeeper"))
            .map(ours)
            .collect::<Map<_, _>>()
            .into()
    }
}

fn request(op: &str, args: &Value) -> Op {
    let path = || -> Path { Rc::from(text(&args["path"])) };
    let watch = args["watch"].as_bool().unwrap_or(false);
    match op {
        "create" => Op::Create {
            path: path(),
            data: data(&args["value"]),
            mode: mode(args),
        },
        "set" => Op::SetData {
            path: path(),
            data: data(&args["value"]),
            version: version(args),
        },
        "delete" => Op::Delete {
            path: path(),
            version: version(args),
        },
        "get" => Op::GetData {
            path: path(),
            watch,
        },
        "exists" => Op::Exists {
            path: path(),
            watch,
        },
        "get_children" => Op::GetChildren {
            path: path(),
            watch,
        },
        "sync" => Op::Sync { path: path() },
        "multi" => Op::Multi(array(&args["ops"]).iter().map(multi_op).collect()),
        other => panic!("step {other}"),
    }
}

fn multi_op(op: &Value) -> MultiOp {
    let path: Path = Rc::from(text(&op["path"]));
    match text(&op["op"]) {
        "create" => MultiOp::Create {
            path,
            data: data(&op["value"]),
            mode: mode(op),
        },
        "set_data" => MultiOp::SetData {
            path,
            data: data(&op["value"]),
            version: version(op),
        },
        "delete" => MultiOp::Delete {
            path,
            version: version(op),
        },
        "check" => MultiOp::Check {
            path,
            version: version(op),
        },
        other => panic!("multi {other}"),
    }
}
