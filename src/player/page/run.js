// The run: its data taken apart into columns, and the state at any event. A state is a list of slots; each event has the
// slots that it changed with their new values. What they were before is noted once, so that time can go backwards, and
// a copy of all slots is kept every so many events, so that a long way takes no longer than a short one.
export const data = JSON.parse(document.getElementById("run").textContent);

const KEYFRAME = 256;
const sums = (steps) => {
  let sum = 0;
  return Float64Array.from(steps, (step) => (sum += step));
};

export const nodes = data.nodes.map(([name, part]) => ({ name, part }));
export const words = data.words;
export const events = {
  count: data.events.time.length,
  time: sums(data.events.time),
  node: data.events.node,
  kind: data.events.kind,
  text: data.events.text,
  of: data.events.of,
  message: data.events.message,
  // Of a record: its name, or the offsets from the first to behind the last.
  record: data.events.record,
  from: data.events.from,
  to: data.events.to,
  isFault: (event) => (data.events.marks[event] & 1) > 0,
  isTurn: (event) => (data.events.marks[event] & 2) > 0,
  importance: (event) => data.events.marks[event] >> 2,
};
export const messages = {
  count: data.messages.time.length,
  sent: sums(data.messages.time),
  // How long it was under way; null: nobody read it.
  flight: data.messages.flight,
  from: data.messages.from,
  to: data.messages.to,
  kind: data.messages.kind,
  label: data.messages.label,
};
export const end = Math.max(data.end, events.count ? events.time[events.count - 1] : 0, 1);

const changes = data.events.changes;
const before = [];
const keyframes = [];
const values = new Array(data.slots.length).fill(null);
let at = -1;

// The slots of each kind: what they are of, and their number.
const bySort = {};
data.slots.forEach(([kind, of, and], slot) => {
  (bySort[kind] ??= []).push({ of, and, slot });
});
const byName = new Map(data.slots.map((name, slot) => [name.join("\n"), slot]));

function forward(event) {
  const changed = changes[event];
  for (let i = 0; i < changed.length; i += 2) values[changed[i]] = changed[i + 1];
}

function backward(event) {
  const changed = changes[event];
  for (let i = 0; i < changed.length; i += 2) values[changed[i]] = before[event][i >> 1];
}

// Once, from beginning to end.
for (let event = 0; event < events.count; event++) {
  if (event % KEYFRAME === 0) keyframes.push(values.slice());
  const changed = changes[event];
  const was = [];
  for (let i = 0; i < changed.length; i += 2) was.push(values[changed[i]]);
  before.push(was);
  forward(event);
}
at = events.count - 1;

/** Brings the slots to what they were after this event; -1: before the first. */
export function goTo(event) {
  if (Math.abs(event - at) > KEYFRAME && event >= 0) {
    const frame = keyframes[Math.floor(event / KEYFRAME)];
    for (let slot = 0; slot < values.length; slot++) values[slot] = frame[slot];
    at = Math.floor(event / KEYFRAME) * KEYFRAME - 1;
  }
  while (at < event) forward(++at);
  while (at > event) backward(at--);
}

/** A slot's value now; null if it has none. */
export const value = (kind, of = "", and = "") => values[byName.get(kind + "\n" + of + "\n" + and)] ?? null;

/** The slots of a kind that have a value now. */
export const all = (kind) =>
  (bySort[kind] ?? []).map(({ of, and, slot }) => ({ of, and, value: values[slot] })).filter((it) => it.value !== null);

/** Everything that slots of this kind are of, whether they have a value now or not. */
export const named = (kind) => bySort[kind] ?? [];

/** A slot's values over time: [[time, value], ...]. */
export function history(slot) {
  const found = [];
  for (let event = 0; event < events.count; event++) {
    const changed = changes[event];
    for (let i = 0; i < changed.length; i += 2) {
      if (changed[i] === slot) found.push([events.time[event], changed[i + 1]]);
    }
  }
  return found;
}

/** The slots that an event changed. */
export const changedBy = (event) => (event < 0 ? [] : changes[event].filter((_, i) => i % 2 === 0).map((slot) => data.slots[slot]));

/** How many of an ascending list are at most `limit`. */
export function upTo(list, limit) {
  let [low, high] = [0, list.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle] <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
