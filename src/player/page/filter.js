// Which events the list shows: by search, importance, node, topic and kind. Stepping goes over the same ones.
import { data, events, nodes, words } from "./run.js";
import { byId, byNumber, esc, topicOf } from "./html.js";
import { asked, journey } from "./journey.js";

export const filter = { events: [], topic: "" };
let changed = () => {};

const option = (value, name) => `<option value="${esc(value)}">${esc(name)}</option>`;
const list = (names, all) => option("", all) + [...names].sort(byNumber).map((name) => option(name, name)).join("");

function apply() {
  const search = byId("search").value.trim().toLowerCase();
  const importance = Number(byId("importance").value);
  const [node, topic, kind] = ["node", "topic", "kind"].map((id) => byId(id).value);
  filter.topic = topic;
  const record = asked(byId("search").value);
  filter.events = record ? journey(record) : [];
  for (let event = 0; !record && event < events.count; event++) {
    const name = nodes[events.node[event]].name;
    const of = events.of[event] === null ? "" : words[events.of[event]];
    const says = words[events.text[event]];
    const fits =
      (events.importance(event) <= importance || search) &&
      (!node || name === node) &&
      (!kind || data.kinds[events.kind[event]][0] === kind) &&
      (!topic || of === topic || topicOf(of) === topic || says.includes(topic)) &&
      (!search || (name + " " + says + " " + data.kinds[events.kind[event]][0]).toLowerCase().includes(search));
    if (fits) filter.events.push(event);
  }
  byId("count").textContent = filter.events.length + " of " + events.count;
  changed();
}

export function startFilter(whenChanged) {
  changed = whenChanged;
  const used = new Set(events.node);
  byId("node").innerHTML = list([...used].map((node) => nodes[node].name), "all");
  const topics = new Set(events.of.filter((of) => of !== null).map((of) => topicOf(words[of])));
  byId("topic").innerHTML = list(topics, "all");
  byId("kind").innerHTML = list(new Set(data.kinds.map(([kind]) => kind)), "all");
  for (const id of ["search", "importance", "node", "topic", "kind"]) byId(id).addEventListener("input", apply);
  apply();
}

/** Follows a record: the list has its way and nothing else. */
export function follow(name) {
  byId("search").value = name;
  apply();
}

/** The partitions that views show: those of the topic that is asked for, or the applications' first ones. */
export function partitions(names, most) {
  const own = names.filter((name) => (filter.topic ? topicOf(name) === filter.topic || name === filter.topic : !name.startsWith("__")));
  return { shown: own.slice(0, most), more: names.length - Math.min(own.length, most) };
}
