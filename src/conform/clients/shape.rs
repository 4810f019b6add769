//! What a recording of clients can show: its members, and the requests of Kafka 3.9's clients, named as Kafka's own
//! message definitions name their fields.

use crate::conform::field::Field;
use crate::conform::shape::{MAY, MUST, Member, NUMBER, Shape, TEXT_OR_NULL, TEXTS, check_members};
use crate::coordinator::group::GroupState;
use crate::plan::Problem;

use Shape::{Any, Each, Flag, List, Members, Number, Or, Text, Word};

/// The whole document.
pub(super) const DOCUMENT: &[&str] = &[
    "name",
    "about",
    "kafka",
    "config",
    "steps",
    "coordinators",
    "logs",
    "recorded",
];

/// A step: what is done, and with what; what was seen. Further arguments are for people.
const STEP: &[&str] = &[
    "do",
    "op",
    "member",
    "topics",
    "props",
    "nodes",
    "topic",
    "count",
    "client",
    "producer",
    "partition",
    "records",
    "seconds",
    "note",
    "until",
    "from",
    "ms",
    "group",
    "members",
    "requests",
    "coordinator",
    "result",
    "offsets",
    "no_offsets",
];

const SEEN: &[Member] = &[
    ("members", Each(&MEMBER), MUST),
    ("group", GROUP, MAY),
    ("requests", List(&Any), MAY),
    ("coordinator", NUMBER, MAY),
    ("client", Text, MAY),
    ("offsets", Each(&Each(&OFFSETS)), MAY),
    ("result", RESULT, MAY),
];

const MEMBER: Shape = Members(&[
    ("log", TEXTS, MUST),
    ("generation", Number(-1, i32::MAX as i64), MUST),
    ("assigned", TEXTS, MUST),
]);

const GROUP: Shape = Members(&[
    ("state", Word(STATES), MUST),
    ("assignor", Word(ASSIGNORS), MUST),
    ("coordinator", NUMBER, MUST),
    ("members", Number(0, i32::MAX as i64), MUST),
    ("offsets", Each(&Number(0, i64::MAX)), MUST),
]);

/// As an administrator is told of them.
const STATES: &[&str] = &[
    GroupState::Empty.name(),
    GroupState::PreparingRebalance.name(),
    GroupState::CompletingRebalance.name(),
    GroupState::Stable.name(),
    GroupState::Dead.name(),
];

/// Those of the Java client, or none while no generation has one.
const ASSIGNORS: &[&str] = &["range", "roundrobin", "sticky", "cooperative-sticky", ""];

const OFFSETS: Shape = Members(&[
    ("earliest", NUMBER, MUST),
    ("latest", NUMBER, MUST),
    ("leader_epoch", NUMBER, MUST),
    ("latest_committed", NUMBER, MUST),
    ("max_timestamp", NUMBER, MAY),
]);

const RESULT: Shape = Members(&[
    ("results", List(&PRODUCED), MAY),
    ("records", List(&Each(&Any)), MAY),
    ("position", NUMBER, MAY),
    ("error", Text, MAY),
    ("message", TEXT_OR_NULL, MAY),
]);

const PRODUCED: Shape = Members(&[
    ("partition", NUMBER, MAY),
    ("offset", NUMBER, MAY),
    ("error", Text, MAY),
    ("message", TEXT_OR_NULL, MAY),
]);

const REQUEST: Shape = Members(&[
    ("to", Text, MUST),
    ("client", Text, MUST),
    ("api", Text, MUST),
    ("version", Number(0, i16::MAX as i64), MUST),
    ("request", Each(&Any), MUST),
    ("response", Each(&Any), MUST),
    ("times", Number(1, i64::MAX), MAY),
]);

/// A list of maps with these members.
macro_rules! maps {
    ($key:literal, $($member:expr),+ $(,)?) => {
        ($key, List(&Members(&[$($member),+])), MUST)
    };
}

/// Topics by name, each with a list of partitions with these members.
macro_rules! partitions {
    ($topics:literal, $partitions:literal, $($member:expr),+ $(,)?) => {
        maps!($topics, ("name", Text, MUST), maps!($partitions, $($member),+))
    };
}

/// A request, the versions that 3.9's clients and brokers send, and its members and those of its answer by Kafka's
/// names; of those of transactions nothing is compared.
const APIS: &[(&str, (i64, i64), Shape, Shape)] = &[
    (
        "FIND_COORDINATOR",
        (6, 6),
        Members(&[("keyType", NUMBER, MUST), ("coordinatorKeys", TEXTS, MUST)]),
        Members(&[
            THROTTLE,
            maps!(
                "coordinators",
                ("key", Text, MUST),
                ("nodeId", NUMBER, MUST),
                ("host", Text, MUST),
                ("port", NUMBER, MUST),
                ERROR,
                ("errorMessage", TEXT_OR_NULL, MUST)
            ),
        ]),
    ),
    (
        "JOIN_GROUP",
        (9, 9),
        Members(&[
            ("groupId", Text, MUST),
            ("sessionTimeoutMs", NUMBER, MUST),
            ("rebalanceTimeoutMs", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            ("protocolType", Text, MUST),
            maps!("protocols", ("name", Text, MUST), ("metadata", Text, MUST)),
            ("reason", TEXT_OR_NULL, MUST),
        ]),
        Members(&[
            THROTTLE,
            ERROR,
            ("generationId", NUMBER, MUST),
            ("protocolType", TEXT_OR_NULL, MUST),
            ("protocolName", TEXT_OR_NULL, MUST),
            ("leader", Text, MUST),
            ("skipAssignment", Flag, MUST),
            ("memberId", Text, MUST),
            maps!(
                "members",
                ("memberId", Text, MUST),
                ("groupInstanceId", TEXT_OR_NULL, MUST),
                ("metadata", Text, MUST)
            ),
        ]),
    ),
    (
        "SYNC_GROUP",
        (5, 5),
        Members(&[
            ("groupId", Text, MUST),
            ("generationId", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            ("protocolType", TEXT_OR_NULL, MUST),
            ("protocolName", TEXT_OR_NULL, MUST),
            maps!(
                "assignments",
                ("memberId", Text, MUST),
                ("assignment", Text, MUST)
            ),
        ]),
        Members(&[
            THROTTLE,
            ERROR,
            ("protocolType", TEXT_OR_NULL, MUST),
            ("protocolName", TEXT_OR_NULL, MUST),
            ("assignment", Text, MUST),
        ]),
    ),
    (
        "HEARTBEAT",
        (4, 4),
        Members(&[
            ("groupId", Text, MUST),
            ("generationId", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
        ]),
        Members(&[THROTTLE, ERROR]),
    ),
    (
        "LEAVE_GROUP",
        (5, 5),
        Members(&[
            ("groupId", Text, MUST),
            maps!(
                "members",
                ("memberId", Text, MUST),
                ("groupInstanceId", TEXT_OR_NULL, MUST),
                ("reason", TEXT_OR_NULL, MUST)
            ),
        ]),
        Members(&[
            THROTTLE,
            ERROR,
            maps!(
                "members",
                ("memberId", Text, MUST),
                ("groupInstanceId", TEXT_OR_NULL, MUST),
                ERROR
            ),
        ]),
    ),
    (
        "OFFSET_FETCH",
        (9, 9),
        Members(&[
            (
                "groups",
                List(&Members(&[
                    ("groupId", Text, MUST),
                    ("memberId", TEXT_OR_NULL, MUST),
                    ("memberEpoch", NUMBER, MUST),
                    (
                        "topics",
                        Or(&List(&Members(&[
                            ("name", Text, MUST),
                            ("partitionIndexes", List(&NUMBER), MUST),
                        ]))),
                        MUST,
                    ),
                ])),
                MUST,
            ),
            ("requireStable", Flag, MUST),
        ]),
        Members(&[
            THROTTLE,
            maps!(
                "groups",
                ("groupId", Text, MUST),
                partitions!(
                    "topics",
                    "partitions",
                    ("partitionIndex", NUMBER, MUST),
                    ("committedOffset", NUMBER, MUST),
                    ("committedLeaderEpoch", NUMBER, MUST),
                    ("metadata", TEXT_OR_NULL, MUST),
                    ERROR
                ),
                ERROR
            ),
        ]),
    ),
    (
        "OFFSET_COMMIT",
        (9, 9),
        Members(&[
            ("groupId", Text, MUST),
            ("generationIdOrMemberEpoch", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            partitions!(
                "topics",
                "partitions",
                ("partitionIndex", NUMBER, MUST),
                ("committedOffset", NUMBER, MUST),
                ("committedLeaderEpoch", NUMBER, MUST),
                ("committedMetadata", TEXT_OR_NULL, MUST)
            ),
        ]),
        Members(&[
            THROTTLE,
            partitions!(
                "topics",
                "partitions",
                ("partitionIndex", NUMBER, MUST),
                ERROR
            ),
        ]),
    ),
    (
        "PRODUCE",
        (11, 11),
        Members(&[
            ("transactionalId", TEXT_OR_NULL, MUST),
            ("acks", Number(-1, 1), MUST),
            ("timeoutMs", NUMBER, MUST),
            partitions!(
                "topicData",
                "partitionData",
                ("index", PARTITION, MUST),
                ("recordsSizeInBytes", NUMBER, MUST)
            ),
        ]),
        Members(&[
            THROTTLE,
            partitions!(
                "responses",
                "partitionResponses",
                ("index", PARTITION, MUST),
                ERROR,
                ("baseOffset", NUMBER, MUST),
                ("logAppendTimeMs", NUMBER, MUST),
                ("logStartOffset", NUMBER, MUST),
                ("recordErrors", List(&Each(&Any)), MUST),
                ("errorMessage", TEXT_OR_NULL, MUST),
                // Where the leader is another.
                ("currentLeader", Each(&NUMBER), MAY)
            ),
            ("nodeEndpoints", List(&Each(&Any)), MAY),
        ]),
    ),
    (
        "INIT_PRODUCER_ID",
        (5, 5),
        Members(&[
            ("transactionalId", TEXT_OR_NULL, MUST),
            ("transactionTimeoutMs", NUMBER, MUST),
            ("producerId", NUMBER, MUST),
            ("producerEpoch", NUMBER, MUST),
        ]),
        Members(&[
            THROTTLE,
            ERROR,
            ("producerId", NUMBER, MUST),
            ("producerEpoch", NUMBER, MUST),
        ]),
    ),
    (
        "ALLOCATE_PRODUCER_IDS",
        (0, 0),
        Members(&[("brokerId", NUMBER, MUST), ("brokerEpoch", NUMBER, MUST)]),
        Members(&[
            THROTTLE,
            ERROR,
            ("producerIdStart", NUMBER, MUST),
            ("producerIdLen", NUMBER, MUST),
        ]),
    ),
    ("ADD_PARTITIONS_TO_TXN", (3, 5), Any, Any),
    ("ADD_OFFSETS_TO_TXN", (3, 4), Any, Any),
    ("TXN_OFFSET_COMMIT", (3, 4), Any, Any),
    ("END_TXN", (3, 4), Any, Any),
    ("WRITE_TXN_MARKERS", (1, 1), Any, Any),
];

const THROTTLE: Member = ("throttleTimeMs", NUMBER, MAY);
const ERROR: Member = ("errorCode", Number(-1, i16::MAX as i64), MUST);
/// The largest number that a partition can have here.
const PARTITION: Shape = Number(0, 10_000);

/// Everything that a step shows.
pub(super) fn check_step(step: &Field<'_>) -> Result<(), Problem> {
    step.no_slips(STEP)?;
    check_members(step, SEEN)?;
    if let Some(requests) = step.get("requests") {
        requests
            .items()?
            .try_for_each(|request| check_request(&request))?;
    }
    if let Some(members) = step.get("members") {
        for (_, member) in members.fields()? {
            let assigned = member.need("assigned", "\"assigned\": [\"t-0\"]")?;
            assigned.items()?.try_for_each(|it| partition(&it))?;
            let log = member.need("log", "\"log\": []")?;
            log.items()?.try_for_each(|line| told(&line))?;
        }
    }
    if let Some(offsets) = step.get("group").and_then(|group| group.get("offsets")) {
        for (name, offset) in offsets.fields()? {
            partition_named(name).ok_or_else(|| no_partition(&offset, name).on_key())?;
        }
    }
    Ok(())
}

fn check_request(request: &Field<'_>) -> Result<(), Problem> {
    REQUEST.check(request)?;
    let to = request.need("to", "\"to\": \"b1\"")?;
    to.word(&["b1", "b2", "b3"])?;
    let api = request.need("api", "\"api\": \"JOIN_GROUP\"")?;
    let name = api.text()?;
    let Some((_, (least, most), asked, answered)) = APIS.iter().find(|(known, ..)| *known == name)
    else {
        let known: Vec<&'static str> = APIS.iter().map(|(known, ..)| *known).collect();
        return api.word(&known);
    };
    let version = request.need("version", "\"version\": 9")?;
    if least == most && version.value.as_i64() != Some(*least) {
        return Err(version.wrong(format!("{least}, the version of {name} that 3.9 sends")));
    }
    version.number(*least, *most)?;
    asked.check(&request.need("request", "\"request\": {}")?)?;
    answered.check(&request.need("response", "\"response\": {}")?)
}

/// The recorder's clusters have three.
pub(super) const BROKERS: u32 = 3;

/// `t-3`.
pub(super) fn partition_named(name: &str) -> Option<(&str, i32)> {
    let (topic, number) = name.rsplit_once('-')?;
    let number = number.parse().ok()?;
    (!topic.is_empty() && (0..=10_000).contains(&number)).then_some((topic, number))
}

fn partition(field: &Field<'_>) -> Result<(), Problem> {
    let name = field.text()?;
    partition_named(name)
        .map(drop)
        .ok_or_else(|| no_partition(field, name))
}

/// What an application was told: `assigned [t-0 t-1]`, or `error FencedInstanceIdException`.
fn told(line: &Field<'_>) -> Result<(), Problem> {
    let is_told = |line: &str| {
        let (what, rest) = line.split_once(' ')?;
        let mut names = rest.strip_prefix('[')?.strip_suffix(']')?.split(' ');
        let is_list = rest == "[]" || names.all(|it| partition_named(it).is_some());
        Some(is_list && ["assigned", "revoked", "lost"].contains(&what))
    };
    let text = line.text()?;
    let thrown = text.strip_prefix("error ");
    let is_thrown =
        thrown.is_some_and(|it| !it.is_empty() && it.chars().all(char::is_alphanumeric));
    match is_thrown || is_told(text) == Some(true) {
        true => Ok(()),
        false => Err(line.wrong(
            "\"assigned [t-0 t-1]\", \"revoked [...]\", \"lost [...]\" or \"error\" and an exception",
        )),
    }
}

pub(super) fn no_partition(field: &Field<'_>, name: &str) -> Problem {
    field
        .problem(format!("\"{name}\" is no partition"))
        .expected("a topic and a number, such as \"t-0\"")
}

/// A line of the dump tool: of a batch, or of a record in it.
pub(super) fn dump_line(line: &Field<'_>) -> Result<String, Problem> {
    let text = line.text()?;
    match text.starts_with("baseOffset: ") || text.starts_with("| offset: ") {
        true => Ok(text.to_owned()),
        false => {
            Err(line.wrong("a line of the dump tool: \"baseOffset: ...\" or \"| offset: ...\""))
        }
    }
}
