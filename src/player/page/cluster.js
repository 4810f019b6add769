// The cluster at the cursor: who is there and as what, which links are cut, and which messages are under way.
import { all, data, events, messages, nodes, upTo, value, words } from "./run.js";
import { byId, byNumber, cut, drawing, esc, put, roomOf, seconds, span, text } from "./html.js";

const BOX = 58;
const GAP = 62;
const MOST_DOTS = 24;
const LABELS = 6;
// Longer ones are looked for apart, so that each look goes back a short time only.
const LONG = 50_000;
// For so long of the reader's time a message is seen at least while it plays.
const SEEN = 350_000;

const isLong = (message) => messages.flight[message] === null || messages.flight[message] > LONG;
const longOnes = Array.from(messages.sent.keys()).filter(isLong);
const isAnswer = (message) => /Response$|Answer|Reply/.test(words[messages.kind[message]]);

// Clients of one workload are shown as one from this many on.
const MANY = 5;

/** The boxes: each stands for one node, or for many of a workload. */
function boxes() {
  const rows = { zookeeper: [], broker: [], client: [] };
  const crowds = new Map();
  const inOrder = [...nodes.entries()].sort(([, a], [, b]) => byNumber(a.name, b.name));
  inOrder.forEach(([node, { name, part }]) => {
    if (part === "timeline") return;
    if (part === "zookeeper" || part === "broker") return rows[part].push({ name, part, members: [node] });
    const crowd = name.replace(/-\d+$/, "");
    const key = part + " " + crowd;
    if (!crowds.has(key)) crowds.set(key, { name: crowd, part, members: [] });
    crowds.get(key).members.push(node);
  });
  const order = ["producer", "consumer", "other"];
  for (const crowd of [...crowds.values()].sort((a, b) => order.indexOf(a.part) - order.indexOf(b.part))) {
    if (crowd.members.length > MANY) rows.client.push({ ...crowd, name: `${crowd.name} (${crowd.members.length})` });
    else for (const node of crowd.members) rows.client.push({ name: nodes[node].name, part: crowd.part, members: [node] });
  }
  return [rows.zookeeper, rows.broker, rows.client];
}

const layers = boxes();
const placed = new Map();
let height = 0;
let room = 0;

function layOut(width) {
  room = width;
  let y = 8;
  for (const layer of layers) {
    const most = Math.max(Math.floor(width / 118), 1);
    const lines = Math.ceil(layer.length / most) || 0;
    const each = Math.ceil(layer.length / Math.max(lines, 1));
    for (let line = 0; line < lines; line++) {
      const here = layer.slice(line * each, (line + 1) * each);
      const pitch = width / here.length;
      const wide = Math.min(pitch - 10, 190);
      here.forEach((box, i) => {
        Object.assign(box, { x: Math.round(pitch * i + (pitch - wide) / 2), y, wide: Math.round(wide) });
        for (const node of box.members) placed.set(node, box);
      });
      y += BOX + (line + 1 < lines ? 12 : GAP);
    }
  }
  height = y - GAP + 8;
}

const sum = (box, kind) => box.members.reduce((all, node) => all + (value(kind, nodes[node].name) ?? 0), 0);

/** Two lines on what a node is now. */
function describe(box) {
  const name = nodes[box.members[0]].name;
  const process = value("process", name);
  if (box.members.length === 1 && process && process !== "runs") return [process, roleWhenGone(name, box)];
  if (box.part === "zookeeper") {
    const [role, epoch] = (value("ensemble", name) ?? "starts").split(", ");
    return [role, epoch ?? ""];
  }
  if (box.part === "broker") {
    const led = all("state").filter((it) => `broker-${it.value[0]}` === name && it.value !== null);
    const roles = all("role").filter((it) => it.of === name);
    const leads = roles.filter((it) => it.value[0] === "leader").length;
    const controller = value("controller", name);
    const first = controller === null ? (value("serves", name) ? `leads ${leads} of ${roles.length}` : "starts") : `★ controller, epoch ${controller}`;
    return [first, controller === null ? session(name) : `leads ${leads} of ${roles.length}`, led.length];
  }
  if (box.part === "producer") return [`${sum(box, "acked")} of ${sum(box, "made")} acked`, sum(box, "failed") ? `${sum(box, "failed")} failed` : ""];
  if (box.part === "consumer") return [`${sum(box, "read")} read`, ""];
  return [process ?? "", ""];
}

const session = (name) => {
  const session = value("session", name);
  return session && session !== "connected" ? `session ${session}` : "";
};
const roleWhenGone = (name, box) => (box.part === "broker" && value("registered", name) !== null ? "still registered" : session(name));

function drawBox(box, actor) {
  const [first, second] = describe(box);
  const names = box.members.map((node) => nodes[node].name);
  const process = names.length === 1 ? value("process", names[0]) : "runs";
  const down = process !== null && process !== "runs";
  const suffers = all("suffers").filter((it) => names.includes(it.of)).map((it) => it.value);
  const round = box.part === "zookeeper" ? 16 : box.part === "broker" ? 2 : 28;
  const isController = box.part === "broker" && value("controller", names[0]) !== null;
  const at = (dx, dy, words, kind, letter) => text(box.x + box.wide / 2 + dx, box.y + dy, cut(words, box.wide - 10, letter), kind, "middle");
  const state = suffers[0] ?? second;
  return (
    `<g><title>${esc([names.slice(0, 8).join(", "), first, second, ...suffers].filter(Boolean).join("; "))}</title>` +
    `<rect class="box${down ? " down" : ""}${box.members.includes(actor) ? " actor" : ""}" x="${box.x}" y="${box.y}" width="${box.wide}" height="${BOX}" rx="${round}"/>` +
    (isController ? `<rect class="ring" x="${box.x + 3}" y="${box.y + 3}" width="${box.wide - 6}" height="${BOX - 6}"/>` : "") +
    at(0, 19, (down ? "✕ " : "") + box.name, "name", 7.6) +
    at(0, 35, first, down ? "bad" : "", 6.6) +
    at(0, 50, state, suffers.length ? "bad" : "faint", 6.6) +
    "</g>"
  );
}

/** The pairs of boxes between which links are cut, with the word for it. */
function cutLinks() {
  const pairs = new Map();
  const nodeOf = new Map(nodes.map(({ name }, node) => [name, node]));
  for (const [what, sides] of value("links") ?? []) {
    const known = sides.map((side) => side.map((name) => nodeOf.get(name)).filter((node) => placed.has(node)));
    const groups = known.length > 1 ? known : [known[0], [...placed.keys()].filter((node) => !known[0].includes(node))];
    groups.forEach((one, i) => {
      for (const other of groups.slice(i + 1)) {
        for (const a of one) for (const b of other) {
          const [from, to] = [placed.get(a), placed.get(b)];
          if (from !== to) pairs.set(from.name + "\n" + to.name, { from, to, what });
        }
      }
    });
  }
  return [...pairs.values()];
}

const middle = (box) => [box.x + box.wide / 2, box.y + BOX / 2];

/** The way from one box to another, as three points of a curve: through the free space between rows, never over a box. */
function way(from, to) {
  const ahead = to.x >= from.x ? 1 : -1;
  const [ax, bx] = [from.x + from.wide / 2 + 14 * ahead, to.x + to.wide / 2 - 14 * ahead];
  const under = from.y + BOX;
  // Within a row it goes below, an answer a little deeper.
  if (from.y === to.y) return [[ax, under], [(ax + bx) / 2, under + (ahead > 0 ? 44 : 64)], [bx, under]];
  const down = to.y > from.y;
  const [ay, by] = down ? [under, to.y] : [from.y, to.y + BOX];
  // Past a row in the middle it goes at its side.
  const far = Math.abs(by - ay) > GAP + 14;
  const side = far ? (ax < room / 2 ? -1 : 1) * Math.min(Math.abs(by - ay), room / 3) : down ? 10 : -10;
  return [[ax, ay], [Math.min(Math.max((ax + bx) / 2 + side, 0), room), (ay + by) / 2], [bx, by]];
}

const onWay = ([[ax, ay], [mx, my], [bx, by]], part) => {
  const [a, m, b] = [(1 - part) ** 2, 2 * part * (1 - part), part ** 2];
  return [Math.round(a * ax + m * mx + b * bx), Math.round(a * ay + m * my + b * by)];
};

/** Those under way, the rarer kinds first. */
function underWay(cursor) {
  const least = cursor.playing ? SEEN * cursor.speed : 0;
  const reach = Math.max(LONG, least);
  const lasts = (message) => Math.max(messages.flight[message] ?? LONG, least);
  const flies = (message) => messages.sent[message] + lasts(message) >= cursor.time;
  const found = [];
  let message = upTo(messages.sent, cursor.time) - 1;
  for (let seen = 0; message >= 0 && seen < 600 && messages.sent[message] >= cursor.time - reach; message--, seen++) {
    if (!isLong(message) && flies(message)) found.push(message);
  }
  for (const long of longOnes) {
    if (messages.sent[long] > cursor.time) break;
    if (flies(long)) found.push(long);
  }
  const rank = (message) => (messages.flight[message] === null ? 0 : /^Fetch/.test(words[messages.kind[message]]) ? 2 : 1);
  const part = (message) => Math.min(Math.max((cursor.time - messages.sent[message]) / Math.max(lasts(message), 1), 0), 1);
  return found.sort((a, b) => rank(a) - rank(b) || a - b).map((message) => ({ message, part: part(message) }));
}

function drawMessage({ message, part }, labelled) {
  const [from, to] = [placed.get(messages.from[message]), placed.get(messages.to[message])];
  if (!from || !to || from === to) return "";
  const lost = messages.flight[message] === null;
  // What nobody reads ends between the two.
  const [x, y] = onWay(way(from, to), lost ? part * 0.55 : 0.04 + part * 0.92);
  const kind = words[messages.kind[message]];
  const mark =
    lost && part > 0.6
      ? `<path class="cross" d="M${x - 5} ${y - 5}l10 10m0 -10l-10 10"/>`
      : `<circle class="dot${isAnswer(message) ? " answer" : ""}" cx="${x}" cy="${y}" r="5"/>`;
  const toLeft = x > room - 110;
  return `<g><title>${esc(kind)}</title>${mark}${labelled ? text(toLeft ? x - 8 : x + 8, y + 4, kind, "halo", toLeft ? "end" : "start") : ""}</g>`;
}

const inWords = ({ message }) => {
  const [from, to] = [nodes[messages.from[message]].name, nodes[messages.to[message]].name];
  const flight = messages.flight[message];
  const label = words[messages.label[message]];
  const kind = words[messages.kind[message]];
  return (
    `<li><span class="name">${esc(kind)}</span> ${esc(from)} → ${esc(to)}, sent at ${seconds(messages.sent[message], 6)}, ` +
    (flight === null ? "nobody reads it" : `read after ${span(flight)}`) +
    (label && label !== kind ? `: <span class="mono">${esc(label.slice(0, 160))}</span>` : "") +
    "</li>"
  );
};

export function showCluster(cursor) {
  const place = byId("cluster");
  const width = roomOf(place);
  if (width !== room) layOut(width);
  const flying = underWay(cursor);
  const cuts = cutLinks();
  const actor = cursor.event < 0 ? -1 : events.node[cursor.event];
  const line = ({ from, to }) => {
    const [[ax, ay], [bx, by]] = [middle(from), middle(to)];
    return `<path class="cut" d="M${ax} ${ay}L${bx} ${by}"/>`;
  };
  const wire = ({ from, to }) => {
    const [a, m, b] = way(from, to);
    return `<path class="wire" d="M${a.join(" ")}Q${m.join(" ")} ${b.join(" ")}"/>`;
  };
  const wires = flying.slice(0, MOST_DOTS).map(({ message }) => ({ from: placed.get(messages.from[message]), to: placed.get(messages.to[message]) }));
  const parts =
    wires.filter(({ from, to }) => from && to && from !== to).map(wire).join("") +
    cuts.slice(0, 40).map(line).join("") +
    layers.flat().map((box) => drawBox(box, actor)).join("") +
    cuts.slice(0, 8).map((pair) => {
      const [[ax, ay], [bx, by]] = [middle(pair.from), middle(pair.to)];
      return text((ax + bx) / 2, (ay + by) / 2 + 4, "✕ " + pair.what, "halo bad", "middle");
    }).join("") +
    flying.slice(0, MOST_DOTS).map((one, i) => drawMessage(one, i < LABELS)).join("");
  const links = (value("links") ?? []).map(([what, sides]) => `<li>✕ messages are ${esc(what)} between ${esc(sides.map((side) => side.join(", ")).join(" and ") || "all")}${sides.length === 1 ? " and everybody else" : ""}</li>`);
  const more = flying.length > LABELS ? `<li class="faint">and ${flying.length - LABELS} more under way</li>` : "";
  const quiet = messages.count > 0 ? "No message is under way." : "In this run nobody sends anything.";
  const none = data.has_messages ? quiet : "This trace was written without messages (trial run --causes).";
  const list = flying.slice(0, LABELS).map(inWords).join("") + more;
  put(place, drawing(width, height, "Nodes of the cluster, cut links, and messages under way; the list below has them as text", parts) +
    `<ul class="plain">${links.join("")}${list || `<li class="faint">${none}</li>`}</ul>`);
}
