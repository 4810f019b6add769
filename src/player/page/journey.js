// A record's way: made, stored by each replica, committed, acknowledged, read, gone past by groups; and what went wrong on it.
// It is named as on the command line: record:trucks-1#5 by its producer, record:t-0@17 by its place.
import { data, events, words } from "./run.js";

const NAMED = /^record:(?:(.+#\d+)|(.+)@(\d+))$/;
const kindOf = (event) => data.kinds[events.kind[event]][0];
// Of these the first by each node is part of the way, later ones are of other records.
const FIRST = ["high-watermark-moved", "offset-committed"];
const ITSELF = ["appended", "truncated", "consumed", "processed"];

/** What a search asks to follow; null: nothing. */
export function asked(search) {
  const found = NAMED.exec(search.trim());
  return found && { record: found[1] ?? null, partition: found[2] ?? null, offset: found[3] === undefined ? null : Number(found[3]) };
}

/** How the record of an event is named, if it is about one. */
export function nameOf(event) {
  if (events.record[event] !== null) return "record:" + words[events.record[event]];
  const one = ITSELF.includes(kindOf(event)) && events.of[event] !== null;
  return one ? `record:${words[events.of[event]]}@${events.to[event] - 1}` : null;
}

/** Where the record of an event lies, if it says so: the first of several. */
export function placeOfRecord(event) {
  const isThere = [...ITSELF, "acked"].includes(kindOf(event)) && events.of[event] !== null && events.from[event] !== null;
  return isThere ? { partition: words[events.of[event]], offset: events.from[event] } : null;
}

export function journey({ record, partition, offset }) {
  const word = (event, column) => (events[column][event] === null ? null : words[events[column][event]]);
  // Its other name: where it lies, or whose it is.
  for (let event = 0; event < events.count; event++) {
    if (kindOf(event) !== "acked") continue;
    if (record !== null ? word(event, "record") === record : word(event, "of") === partition && events.from[event] === offset) {
      [record, partition, offset] = [word(event, "record"), word(event, "of"), events.from[event]];
      break;
    }
  }
  const found = [];
  const seen = new Set();
  for (let event = 0; event < events.count; event++) {
    const kind = kindOf(event);
    const holds = offset !== null && word(event, "of") === partition && events.from[event] <= offset && offset < events.to[event];
    if (record !== null && word(event, "record") === record) found.push(event);
    else if (holds && ITSELF.includes(kind)) found.push(event);
    else if (holds && FIRST.includes(kind) && !seen.has(kind + events.node[event])) {
      seen.add(kind + events.node[event]);
      found.push(event);
    } else if (events.isFault(event) && found.length) found.push(event);
  }
  // What the run does long after its last step is no part of it.
  while (found.length && events.isFault(found.at(-1))) found.pop();
  return found;
}
