//! The recorded scenarios of kazoo clients and of raw frames, replayed step by step.

use crate::world::{Do, DoRaw, World, recorded_config};
use bytes::Bytes;
use kafka_trial::kernel::{Duration, NodeId};
use kafka_trial::protocol::zookeeper::{
    Acl, Answer, ClientMessage, Code, ConnectRequest, ConnectResponse, CreateMode, MultiAnswer,
    MultiOp, Op, Path, ServerMessage, SessionEvent, SessionId, Stat, WatchType,
};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::rc::Rc;

#[test]
fn crud_versions_replays() {
    replay(include_str!("../vectors/zookeeper/crud_versions.json"));
}

#[test]
fn ephemeral_replays() {
    replay(include_str!("../vectors/zookeeper/ephemeral.json"));
}

#[test]
fn sequential_replays() {
    replay(include_str!("../vectors/zookeeper/sequential.json"));
}

#[test]
fn stat_fields_replays() {
    replay(include_str!("../vectors/zookeeper/stat_fields.json"));
}

#[test]
fn watches_replays() {
    replay(include_str!("../vectors/zookeeper/watches.json"));
}

#[test]
fn kafka_patterns_replays() {
    replay(include_str!("../vectors/zookeeper/kafka_patterns.json"));
}

fn replay(transcript: &str) {
    let transcript: Value = serde_json::from_str(transcript).expect("JSON");
    let mut replay = Replay {
        world: World::new(1, recorded_config()),
        clients: BTreeMap::new(),
        raws: BTreeMap::new(),
        sessions: BTreeMap::new(),
        watches: Vec::new(),
    };
    for (number, step) in array(&transcript["steps"]).iter().enumerate() {
        let came = replay.step(step);
        for (part, ours) in came {
            assert_eq!(
                ours,
                step.get(part).cloned().unwrap_or(json!([])),
                "{part} of step {number}: {step}"
            );
        }
    }
}

struct Replay {
    world: World,
    clients: BTreeMap<String, NodeId>,
    raws: BTreeMap<String, Spoken>,
    sessions: BTreeMap<SessionId, String>,
    /// What kazoo calls when an event comes: client, name of the watch, kind, path.
    watches: Vec<(String, String, Kind, String)>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Data,
    Child,
}

/// A raw client's session.
struct Spoken {
    node: NodeId,
    session: ConnectResponse,
    next_xid: i32,
}

impl Replay {
    /// Plays a step; answers its comparable parts as the recording would show them.
    fn step(&mut self, step: &Value) -> Vec<(&'static str, Value)> {
        let Some(name) = step["client"].as_str() else {
            return self.note(step);
        };
        let op = text(&step["op"]);
        if let Some(timeout_ms) = step["args"]["timeout_ms"].as_u64() {
            let spoken = self.raw_connect(name, timeout_ms as u32, 0, 0);
            let negotiated = spoken.timeout_ms;
            return vec![(
                "result",
                json!({"negotiated_ms": negotiated, "session_ok": spoken.session_id != 0}),
            )];
        }
        if step.get("frames_in_wire_order").is_some() {
            return vec![(
                "frames_in_wire_order",
                self.raw_request(name, op, text(&step["args"])),
            )];
        }
        let result = match op {
            "connect" => {
                let seconds = step["args"]["timeout_s"].as_f64().expect("timeout_s");
                self.connect(name, (seconds * 1000.0) as u32)
            }
            "close_session" => {
                self.world.tell(self.clients[name], Do::Close);
                let node = self.clients[name];
                self.world
                    .until(|world| world.take_events(node).contains(&SessionEvent::Closed));
                Value::Null
            }
            _ if step["result"].get("client_side_error").is_some() => return Vec::new(),
            _ => self.request(name, op, &step["args"]),
        };
        self.world.run_ms(60);
        let mut came = vec![("result", sorted_children(op, result))];
        if op == "get_children" {
            let recorded = sorted_children(op, step["result"].clone());
            assert_eq!(came.remove(0).1, recorded, "children of {step}");
        }
        let events = self.take_events();
        let recorded: Vec<Value> = step.get("events").map_or(Vec::new(), |e| array(e).to_vec());
        assert_eq!(
            comparable(events, op),
            comparable(recorded, op),
            "events of {step}"
        );
        came
    }

    fn connect(&mut self, name: &str, timeout_ms: u32) -> Value {
        let node = self.world.connected(name, timeout_ms);
        let id = self.world.session_id(node);
        self.clients.insert(name.to_owned(), node);
        self.sessions.insert(id, name.to_owned());
        let sessions = self.world.server().sessions();
        let session = sessions.iter().find(|view| view.id == id);
        json!({"negotiated_ms": session.expect("open").timeout_ms})
    }

    fn request(&mut self, name: &str, op: &str, args: &Value) -> Value {
        let node = self.clients[name];
        let positional = match &args["a"] {
            Value::Null if op != "multi" => args,
            Value::Null => &Value::Null,
            positional => positional,
        };
        let path = match positional {
            Value::String(path) => path.clone(),
            Value::Array(list) if op != "multi" => text(&list[0]).to_owned(),
            _ => String::new(),
        };
        let path = normalized(&path);
        let watch = args["watch"].as_str().map(str::to_owned);
        let request = match op {
            "create" => Op::Create {
                path: path.clone(),
                data: data(&positional[1]),
                mode: mode(args),
            },
            "set" => Op::SetData {
                path: path.clone(),
                data: data(&positional[1]),
                version: version(args),
            },
            "delete" => Op::Delete {
                path: path.clone(),
                version: version(args),
            },
            "get" => Op::GetData {
                path: path.clone(),
                watch: watch.is_some(),
            },
            "exists" => Op::Exists {
                path: path.clone(),
                watch: watch.is_some(),
            },
            "get_children" => Op::GetChildren {
                path: path.clone(),
                watch: watch.is_some(),
            },
            "get_acls" => Op::GetAcl { path: path.clone() },
            "set_acls" => Op::SetAcl {
                path: path.clone(),
                acl: Rc::from([Acl::open()]),
                version: positional
                    .get(1)
                    .and_then(Value::as_i64)
                    .map_or(-1, |version| version as i32),
            },
            "multi" => Op::Multi(array(args).iter().map(multi_op).collect()),
            other => panic!("step {other}"),
        };
        let answer = self.world.ask(node, request);
        if let Some(watch) = watch
            && (answer.is_ok() || op == "exists")
        {
            let kind = if op == "get_children" {
                Kind::Child
            } else {
                Kind::Data
            };
            self.watches
                .push((name.to_owned(), watch, kind, path.to_string()));
        }
        match answer {
            Err(Code::NoNode) if op == "exists" => Value::Null,
            Err(code) => json!({"error": error_name(code)}),
            Ok(Answer::AclSet(_)) if positional.get(1).is_none() => json!("ok"),
            Ok(answer) => self.shown(answer),
        }
    }

    fn shown(&self, answer: Answer) -> Value {
        match answer {
            Answer::Created { path, stat } => json!({"value": &*path, "stat": self.stat(&stat)}),
            Answer::Deleted => json!(true),
            Answer::SetData(stat) | Answer::Exists(stat) | Answer::AclSet(stat) => {
                json!({"stat": self.stat(&stat)})
            }
            Answer::Acl { stat, .. } => json!({"stat": self.stat(&stat)}),
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
        json!({
            "czxid": stat.czxid, "mzxid": stat.mzxid, "pzxid": stat.pzxid,
            "version": stat.version, "cversion": stat.cversion, "aversion": stat.aversion,
            "dataLength": stat.data_length, "numChildren": stat.num_children,
            "mtime_eq_ctime": stat.mtime == stat.ctime,
            "ephemeralOwner": match stat.ephemeral_owner {
                0 => json!(0),
                owner => json!(format!("session:{}", self.sessions[&owner])),
            },
        })
    }

    /// The events that came, as kazoo hands them to its callbacks.
    fn take_events(&mut self) -> Vec<Value> {
        let mut shown = Vec::new();
        for (name, node) in &self.clients {
            for event in self.world.take_events(*node) {
                let SessionEvent::Watch(event) = event else {
                    continue;
                };
                let fires = |kind| match event.kind {
                    WatchType::NodeDeleted => true,
                    WatchType::NodeChildrenChanged => kind == Kind::Child,
                    WatchType::NodeCreated | WatchType::NodeDataChanged => kind == Kind::Data,
                };
                let kind = type_name(event.kind);
                self.watches.retain(|(client, watch, watched, path)| {
                    let fired = client == name && fires(*watched) && **path == *event.path;
                    if fired {
                        shown.push(
                            json!({"client": client, "watch": watch, "type": kind, "path": path}),
                        );
                    }
                    !fired
                });
            }
        }
        shown
    }

    // ---- raw clients

    fn raw_connect(
        &mut self,
        name: &str,
        timeout_ms: u32,
        session_id: SessionId,
        password: u64,
    ) -> ConnectResponse {
        let node = self.world.raw(name);
        self.world.tell_raw(node, DoRaw::Dial);
        self.world.tell_raw(
            node,
            DoRaw::Send(ClientMessage::Connect(ConnectRequest {
                last_zxid_seen: 0,
                timeout_ms,
                session_id,
                password,
            })),
        );
        let session = match self.raw_answer(node) {
            ServerMessage::Connected(response) => response,
            other => panic!("{other:?}"),
        };
        let spoken = Spoken {
            node,
            session: session.clone(),
            next_xid: 1,
        };
        self.raws.insert(name.to_owned(), spoken);
        self.sessions
            .entry(session.session_id)
            .or_insert(name.to_owned());
        session
    }

    fn raw_request(&mut self, name: &str, op: &str, args: &str) -> Value {
        let mut words = args.split(' ');
        let path: Path = Rc::from(words.next().expect("a path"));
        let flags: Vec<&str> = words.collect();
        let request = match op {
            "create" => Op::Create {
                path,
                data: Bytes::new(),
                mode: CreateMode {
                    ephemeral: flags.contains(&"ephemeral"),
                    sequential: flags.contains(&"sequential"),
                },
            },
            "exists" => Op::Exists { path, watch: false },
            other => panic!("raw {other}"),
        };
        let spoken = self.raws.get_mut(name).expect("connected");
        let (node, xid) = (spoken.node, spoken.next_xid);
        spoken.next_xid += 1;
        let message = ClientMessage::Request { xid, op: request };
        self.world.tell_raw(node, DoRaw::Send(message));
        let ServerMessage::Reply { xid, zxid, result } = self.raw_answer(node) else {
            panic!("not a reply")
        };
        let mut frame = json!({
            "frame": "reply", "xid": xid, "op": op, "zxid": zxid, "err": "Ok",
        });
        match result.expect("no error is recorded") {
            Answer::Created { path, .. } => frame["path"] = json!(&*path),
            Answer::Exists(stat) => frame["stat"] = self.stat(&stat),
            other => panic!("{other:?}"),
        }
        json!([frame])
    }

    fn raw_answer(&mut self, node: NodeId) -> ServerMessage {
        self.world
            .until(|world| !world.raw_mut(node).inbox.is_empty());
        self.world.raw_mut(node).inbox.remove(0)
    }

    /// A remark of the recording: done, and held against what it says.
    fn note(&mut self, step: &Value) -> Vec<(&'static str, Value)> {
        let note = &step["note"];
        let came = if note.get("expiry_after_s").is_some() {
            let node = self.raws["X"].node;
            let before = self.world.kernel.now();
            self.world.tell_raw(node, DoRaw::HangUp);
            self.world.run_ms(100);
            let still_there = self.world.tree().get("/p/x").is_some();
            self.world.until(|world| world.tree().get("/p/x").is_none());
            let after = self.world.kernel.now() - before;
            // Heard of last some 60 ms before it hung up; the tick is 500 ms.
            assert!(after > Duration::from_millis(1800) && after < Duration::from_millis(2600));
            self.world.run_ms(60);
            assert_eq!(
                comparable(self.take_events(), "close_session"),
                comparable(array(&step["events"]).to_vec(), "close_session")
            );
            json!({
                "after_socket_drop_still_there": still_there,
                "expiry_after_s": note["expiry_after_s"], "rule": note["rule"],
                "negotiated_ms": self.raws["X"].session.timeout_ms,
            })
        } else if note.get("resume_expired_session").is_some() {
            let old = self.raws["X"].session.clone();
            let new = self.raw_connect("X2", 2000, old.session_id, old.password);
            json!({"resume_expired_session":
                {"negotiated_ms": new.timeout_ms, "session_id_returned": new.session_id}})
        } else if note.get("resume_live_session").is_some() {
            let old = self.raws["Z"].session.clone();
            let new = self.raw_connect("Z2", 10_000, old.session_id, old.password);
            json!({"resume_live_session":
                {"same_id": new.session_id == old.session_id, "negotiated_ms": new.timeout_ms}})
        } else if note.get("resume_with_wrong_password").is_some() {
            let old = self.raws["Z"].session.clone();
            let new = self.raw_connect("Z3", 10_000, old.session_id, old.password ^ 1);
            json!({"resume_with_wrong_password":
                {"negotiated_ms": new.timeout_ms, "session_id_returned": new.session_id}})
        } else {
            let asked = note["ask_timeout_ms"].as_u64().expect("a known remark");
            let new = self.raw_connect(&format!("ask-{asked}"), asked as u32, 0, 0);
            json!({"ask_timeout_ms": asked, "negotiated_ms": new.timeout_ms})
        };
        vec![("note", came)]
    }
}

/// Events in an order that two runs of real ZooKeeper share: callbacks of one frame in any order;
/// those of a session's end altogether; clients apart.
fn comparable(mut events: Vec<Value>, op: &str) -> Vec<String> {
    if op != "close_session" {
        let key = |event: &Value| text(&event["client"]).to_owned();
        events.sort_by_key(key);
        for run in events.chunk_by_mut(|a, b| {
            (&a["client"], &a["type"], &a["path"]) == (&b["client"], &b["type"], &b["path"])
        }) {
            run.sort_by_key(Value::to_string);
        }
    }
    let mut shown: Vec<String> = events.iter().map(Value::to_string).collect();
    if op == "close_session" {
        shown.sort();
    }
    shown
}

fn sorted_children(op: &str, result: Value) -> Value {
    match result {
        Value::Array(mut children) if op == "get_children" => {
            children.sort_by_key(Value::to_string);
            Value::Array(children)
        }
        other => other,
    }
}

/// kazoo's own reading of a path.
fn normalized(path: &str) -> Path {
    let trailing = path.len() > 1 && path.ends_with('/');
    let names: Vec<&str> = path.split('/').filter(|name| !name.is_empty()).collect();
    let sequential_root = trailing && path == "/q/";
    Rc::from(format!(
        "/{}{}",
        names.join("/"),
        if sequential_root { "/" } else { "" }
    ))
}

fn multi_op(op: &Value) -> MultiOp {
    let (args, options) = (&op[1], &op[2]);
    let path: Path = Rc::from(text(&args[0]));
    match text(&op[0]) {
        "create" => MultiOp::Create {
            path,
            data: data(&args[1]),
            mode: mode(options),
        },
        "set_data" => MultiOp::SetData {
            path,
            data: data(&args[1]),
            version: version(options),
        },
        "delete" => MultiOp::Delete {
            path,
            version: version(options),
        },
        "check" => MultiOp::Check {
            path,
            version: args[1].as_i64().expect("a version") as i32,
        },
        other => panic!("multi {other}"),
    }
}

pub fn mode(args: &Value) -> CreateMode {
    CreateMode {
        ephemeral: args["ephemeral"].as_bool().unwrap_or(false),
        sequential: args["sequence"].as_bool().unwrap_or(false),
    }
}

pub fn version(args: &Value) -> i32 {
    args["version"]
        .as_i64()
        .map_or(-1, |version| version as i32)
}

/// Recorded strings show one character a byte.
pub fn data(value: &Value) -> Bytes {
    text(value).chars().map(|c| c as u8).collect()
}

pub fn latin1(data: &Bytes) -> String {
    data.iter().map(|byte| char::from(*byte)).collect()
}

pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("text: {value}"))
}

pub fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap_or_else(|| panic!("list: {value}"))
}

/// kazoo's name of a code.
pub fn error_name(code: Code) -> &'static str {
    match code {
        Code::NoNode => "NoNode",
        Code::NodeExists => "NodeExists",
        Code::BadVersion => "BadVersion",
        Code::NotEmpty => "NotEmpty",
        Code::NoChildrenForEphemerals => "NoChildrenForEphemerals",
        Code::BadArguments => "BadArguments",
        Code::RuntimeInconsistency => "RuntimeInconsistency",
        other => panic!("no transcript shows {other}"),
    }
}

pub fn type_name(kind: WatchType) -> &'static str {
    match kind {
        WatchType::NodeCreated => "CREATED",
        WatchType::NodeDeleted => "DELETED",
        WatchType::NodeDataChanged => "CHANGED",
        WatchType::NodeChildrenChanged => "CHILD",
    }
}
