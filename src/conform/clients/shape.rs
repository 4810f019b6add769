//! What a recording of clients can show: its members, and the requests of Kafka 3.9's clients, named as Kafka's own
//! message definitions name their fields.

use crate::conform::field::Field;
use crate::conform::shape::{MAY, MUST, Member, NUMBER, Shape, TEXT_OR_NULL, TEXTS, check_members};
use crate::plan::Problem;
use crate::protocol::config::nearest;

use Shape::{Any, Each, Flag, List, Members, Number, Or, Text};

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
    ("state", Text, MUST),
    ("assignor", Text, MUST),
    ("coordinator", NUMBER, MUST),
    ("members", Number(0, i32::MAX as i64), MUST),
    ("offsets", Each(&Number(0, i64::MAX)), MUST),
]);

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

/// A request and its answer by Kafka's names; of those of transactions nothing is compared.
const APIS: &[(&str, Shape, Shape)] = &[
    (
        "FIND_COORDINATOR",
        Members(&[("keyType", NUMBER, MUST), ("coordinatorKeys", TEXTS, MUST)]),
        Members(&[
            THROTTLE,
            (
                "coordinators",
                List(&Members(&[
                    ("key", Text, MUST),
                    ("nodeId", NUMBER, MUST),
                    ("host", Text, MUST),
                    ("port", NUMBER, MUST),
                    ERROR,
                    ("errorMessage", TEXT_OR_NULL, MUST),
                ])),
                MUST,
            ),
        ]),
    ),
    (
        "JOIN_GROUP",
        Members(&[
            ("groupId", Text, MUST),
            ("sessionTimeoutMs", NUMBER, MUST),
            ("rebalanceTimeoutMs", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            ("protocolType", Text, MUST),
            (
                "protocols",
                List(&Members(&[("name", Text, MUST), ("metadata", Text, MUST)])),
                MUST,
            ),
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
            (
                "members",
                List(&Members(&[
                    ("memberId", Text, MUST),
                    ("groupInstanceId", TEXT_OR_NULL, MUST),
                    ("metadata", Text, MUST),
                ])),
                MUST,
            ),
        ]),
    ),
    (
        "SYNC_GROUP",
        Members(&[
            ("groupId", Text, MUST),
            ("generationId", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            ("protocolType", TEXT_OR_NULL, MUST),
            ("protocolName", TEXT_OR_NULL, MUST),
            (
                "assignments",
                List(&Members(&[
                    ("memberId", Text, MUST),
                    ("assignment", Text, MUST),
                ])),
                MUST,
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
        Members(&[
            ("groupId", Text, MUST),
            (
                "members",
                List(&Members(&[
                    ("memberId", Text, MUST),
                    ("groupInstanceId", TEXT_OR_NULL, MUST),
                    ("reason", TEXT_OR_NULL, MUST),
                ])),
                MUST,
            ),
        ]),
        Members(&[
            THROTTLE,
            ERROR,
            (
                "members",
                List(&Members(&[
                    ("memberId", Text, MUST),
                    ("groupInstanceId", TEXT_OR_NULL, MUST),
                    ERROR,
                ])),
                MUST,
            ),
        ]),
    ),
    (
        "OFFSET_FETCH",
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
            (
                "groups",
                List(&Members(&[
                    ("groupId", Text, MUST),
                    (
                        "topics",
                        List(&Members(&[
                            ("name", Text, MUST),
                            (
                                "partitions",
                                List(&Members(&[
                                    ("partitionIndex", NUMBER, MUST),
                                    ("committedOffset", NUMBER, MUST),
                                    ("committedLeaderEpoch", NUMBER, MUST),
                                    ("metadata", TEXT_OR_NULL, MUST),
                                    ERROR,
                                ])),
                                MUST,
                            ),
                        ])),
                        MUST,
                    ),
                    ERROR,
                ])),
                MUST,
            ),
        ]),
    ),
    (
        "OFFSET_COMMIT",
        Members(&[
            ("groupId", Text, MUST),
            ("generationIdOrMemberEpoch", NUMBER, MUST),
            ("memberId", Text, MUST),
            ("groupInstanceId", TEXT_OR_NULL, MUST),
            (
                "topics",
                List(&Members(&[
                    ("name", Text, MUST),
                    (
                        "partitions",
                        List(&Members(&[
                            ("partitionIndex", NUMBER, MUST),
                            ("committedOffset", NUMBER, MUST),
                            ("committedLeaderEpoch", NUMBER, MUST),
                            ("committedMetadata", TEXT_OR_NULL, MUST),
                        ])),
                        MUST,
                    ),
                ])),
                MUST,
            ),
        ]),
        Members(&[
            THROTTLE,
            (
                "topics",
                List(&Members(&[
                    ("name", Text, MUST),
                    (
                        "partitions",
                        List(&Members(&[("partitionIndex", NUMBER, MUST), ERROR])),
                        MUST,
                    ),
                ])),
                MUST,
            ),
        ]),
    ),
    (
        "PRODUCE",
        Members(&[
            ("transactionalId", TEXT_OR_NULL, MUST),
            ("acks", Number(-1, 1), MUST),
            ("timeoutMs", NUMBER, MUST),
            (
                "topicData",
                List(&Members(&[
                    ("name", Text, MUST),
                    (
                        "partitionData",
                        List(&Members(&[
                            ("index", PARTITION, MUST),
                            ("recordsSizeInBytes", NUMBER, MUST),
                        ])),
                        MUST,
                    ),
                ])),
                MUST,
            ),
        ]),
        Members(&[
            THROTTLE,
            (
                "responses",
                List(&Members(&[
                    ("name", Text, MUST),
                    (
                        "partitionResponses",
                        List(&Members(&[
                            ("index", PARTITION, MUST),
                            ERROR,
                            ("baseOffset", NUMBER, MUST),
                            ("logAppendTimeMs", NUMBER, MUST),
                            ("logStartOffset", NUMBER, MUST),
                            ("recordErrors", List(&Each(&Any)), MUST),
                            ("errorMessage", TEXT_OR_NULL, MUST),
                            // Where the leader is another.
                            ("currentLeader", Each(&NUMBER), MAY),
                        ])),
                        MUST,
                    ),
                ])),
                MUST,
            ),
            ("nodeEndpoints", List(&Each(&Any)), MAY),
        ]),
    ),
    (
        "INIT_PRODUCER_ID",
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
        Members(&[("brokerId", NUMBER, MUST), ("brokerEpoch", NUMBER, MUST)]),
        Members(&[
            THROTTLE,
            ERROR,
            ("producerIdStart", NUMBER, MUST),
            ("producerIdLen", NUMBER, MUST),
        ]),
    ),
    ("ADD_PARTITIONS_TO_TXN", Any, Any),
    ("ADD_OFFSETS_TO_TXN", Any, Any),
    ("TXN_OFFSET_COMMIT", Any, Any),
    ("END_TXN", Any, Any),
    ("WRITE_TXN_MARKERS", Any, Any),
];

const THROTTLE: Member = ("throttleTimeMs", NUMBER, MAY);
const ERROR: Member = ("errorCode", Number(-1, i16::MAX as i64), MUST);
/// The largest number that a partition can have here.
const PARTITION: Shape = Number(0, 10_000);

/// Everything that a step shows, of a cluster of so many brokers.
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
    broker(&to)?;
    let api = request.need("api", "\"api\": \"JOIN_GROUP\"")?;
    let name = api.text()?;
    let Some((_, asked, answered)) = APIS.iter().find(|(known, ..)| *known == name) else {
        return match nearest(name, APIS.iter().map(|(known, ..)| *known)) {
            Some(near) => Err(api
                .wrong("one of Kafka's requests")
                .suggest(format!("\"{near}\""))),
            None if name.is_empty() => Err(api.wrong("one of Kafka's requests")),
            None => Ok(()),
        };
    };
    asked.check(&request.need("request", "\"request\": {}")?)?;
    answered.check(&request.need("response", "\"response\": {}")?)
}

/// The number of a broker in `b1`.
pub(super) fn broker(name: &Field<'_>) -> Result<u32, Problem> {
    let number = name.text()?.strip_prefix('b');
    let number = number.and_then(|number| number.parse::<u32>().ok());
    number
        .filter(|number| (1..=MOST_BROKERS).contains(number))
        .ok_or_else(|| name.wrong(format!("a broker, from \"b1\" to \"b{MOST_BROKERS}\"")))
}

/// The recorder's clusters had three; nine are more than any had.
pub(super) const MOST_BROKERS: u32 = 9;

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
