// The list of events, of which only the rows in sight are in the page; and the current event with its why.
import { data, events, messages, nodes, upTo, words } from "./run.js";
import { byId, esc, heightOf, put, seconds, span } from "./html.js";
import { cursor, link, pause, toEvent } from "./cursor.js";
import { filter, follow } from "./filter.js";
import { hasBytes } from "./bytes.js";
import { nameOf, placeOfRecord } from "./journey.js";

const ROW = 46;
const BESIDE = 6;
// Where the list is scrolled to: known here, so that nothing is measured while it is drawn.
let top = 0;

/** The place in the list of the last event that has happened. */
export const placeOf = (event) => upTo(filter.events, event) - 1;

/** To the event so many further in the list. */
export function stepBy(steps) {
  pause();
  const place = placeOf(cursor.event);
  // Between two events of the list one step back leads to the one before.
  const isThere = filter.events[place] === cursor.event;
  const to = place + steps + (steps < 0 && !isThere ? 1 : 0);
  if (to >= 0 && to < filter.events.length) toEvent(filter.events[to]);
  else if (to < 0) toEvent(-1);
}

function rows() {
  const list = byId("events");
  const first = Math.max(Math.floor(top / ROW) - BESIDE, 0);
  const last = Math.min(first + Math.ceil(heightOf(list) / ROW) + 2 * BESIDE, filter.events.length);
  const current = placeOf(cursor.event);
  let out = `<div style="height:${filter.events.length * ROW}px"></div>`;
  for (let place = first; place < last; place++) {
    const event = filter.events[place];
    const kind = events.isFault(event) ? " fault" : events.isTurn(event) ? " turn" : "";
    const mark = events.isFault(event) ? "⚡ " : "";
    const now = place === current;
    out +=
      `<div class="row${kind}${now ? " current" : ""}" role="option" id="event-${event}" aria-selected="${now}" aria-posinset="${place + 1}" aria-setsize="${filter.events.length}" data-event="${event}" style="top:${place * ROW}px">` +
      `<div><span class="mono">${seconds(events.time[event])}</span> <span class="name">${mark}${esc(nodes[events.node[event]].name)}</span></div>` +
      `<div>${esc(words[events.text[event]])}</div></div>`;
  }
  put(list, out);
  if (current >= 0) list.setAttribute("aria-activedescendant", "event-" + filter.events[current]);
  else list.removeAttribute("aria-activedescendant");
}

const rule = (why) =>
  why ? `<p><span class="name">Why:</span> ${esc(why[0])}. <span class="faint">${esc([why[2], "rule " + why[3], why[1]].filter(Boolean).join("; "))}</span></p>` : "";

function now() {
  const event = cursor.event;
  const place = byId("now");
  if (event < 0) return put(place, '<p class="faint">Nothing has happened yet. Play, or step with →.</p>');
  const [kind, why] = data.kinds[events.kind[event]];
  const message = events.message[event];
  let read = "";
  if (message !== null) {
    const sort = words[messages.kind[message]];
    read = `<p><span class="name">After it read:</span> ${esc(sort)} from ${esc(nodes[messages.from[message]].name)}, sent ${span(messages.flight[message] ?? 0)} before. <span class="mono faint">${esc(words[messages.label[message]].slice(0, 200))}</span></p>`;
    read += why ? "" : rule(data.message_whys[sort]);
  }
  const record = nameOf(event);
  const follows = record ? `<button data-follow="${esc(record)}">follow ${esc(record.slice("record:".length))}</button>` : "";
  const at = hasBytes && placeOfRecord(event);
  const bytes = at ? `<button data-bytes="${esc(at.partition)}" data-offset="${at.offset}">bytes of ${esc(at.partition)} offset ${at.offset}</button>` : "";
  const way = follows || bytes ? `<p>${follows} ${bytes}</p>` : "";
  put(place, `<p class="faint"><span class="mono">${seconds(events.time[event], 6)}</span> ${esc(kind)}</p><p class="said"><span class="name">${esc(nodes[events.node[event]].name)}</span> ${esc(words[events.text[event]])}</p>${rule(why)}${read}${way}`);
}

let told = -1;
export function showEvents() {
  const list = byId("events");
  const current = Math.max(placeOf(cursor.event), 0);
  const height = heightOf(list);
  if (current * ROW < top || current * ROW > top + height - ROW) {
    const most = Math.max(filter.events.length * ROW - height, 0);
    top = Math.round(Math.min(Math.max(current * ROW - height / 2 + ROW / 2, 0), most));
    requestAnimationFrame(() => (list.scrollTop = top));
  }
  rows();
  now();
  byId("link").setAttribute("href", link());
  if (!cursor.playing && told !== cursor.event) {
    told = cursor.event;
    const event = cursor.event;
    byId("live").textContent = event < 0 ? "The beginning" : `${seconds(events.time[event])}: ${nodes[events.node[event]].name} ${words[events.text[event]]}`;
  }
}

export function startEvents() {
  const list = byId("events");
  list.addEventListener("scroll", () => {
    top = list.scrollTop;
    rows();
  });
  list.addEventListener("click", (it) => {
    const row = it.target.closest("[data-event]");
    if (!row) return;
    pause();
    toEvent(Number(row.dataset.event));
  });
  byId("now").addEventListener("click", (it) => {
    const name = it.target.closest("[data-follow]")?.dataset.follow;
    if (name) follow(name);
  });
  list.addEventListener("keydown", (it) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, PageDown: 8, PageUp: -8 }[it.key];
    if (!steps) return;
    it.preventDefault();
    stepBy(steps);
  });
}
