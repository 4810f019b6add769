// ZooKeeper's tree at the cursor, as its committed transactions say, and who waits to be told of its nodes. What the current
// event changed is marked.
import { all, changedBy, data, named, value } from "./run.js";
import { byId, byNumber, esc, put } from "./html.js";

const MOST = 12;

/** Watches: an eye is full where a server will tell, hollow where a client counts on it and no server holds it. */
function eyes(path) {
  const watches = value("watches", path) ?? [];
  const line = (mark, kind, [children, , server], names) =>
    `<span class="eye">${mark} ${kind}${children ? "its children" : "its data"}: ${esc(names.join(", "))}${server ? ` <span class="faint">at ${esc(server)}</span>` : ""}</span>`;
  const sorts = new Map();
  for (const watch of watches) {
    const [children, , server, counts] = watch;
    const sort = [children, server, counts].join();
    sorts.set(sort, [...(sorts.get(sort) ?? []), watch]);
  }
  const said = [...sorts.values()].map((alike) => {
    const [, , server, counts] = alike[0];
    const kind = server === null ? "no server holds the watch on " : counts ? "watched, " : "watched, though its client has not heard so, ";
    return line(server === null ? "◯" : "◉", kind, alike[0], alike.map(([, owner]) => owner).sort(byNumber));
  });
  return said.join("");
}

export function showZnodes(cursor) {
  const changed = new Map(changedBy(cursor.event).map(([kind, path]) => [kind + path, true]));
  const tree = { children: new Map() };
  const at = (path) => {
    let place = tree;
    for (const part of path.split("/").slice(1)) {
      if (!place.children.has(part)) place.children.set(part, { children: new Map() });
      place = place.children.get(part);
    }
    return Object.assign(place, { path });
  };
  for (const { of, value } of all("znode")) Object.assign(at(of), { data: value[0], owner: value[1], isThere: true });
  for (const { of } of all("watches")) at(of);
  const list = ({ children }) => {
    if (!children.size) return "";
    const sorted = [...children].sort(([a], [b]) => byNumber(a, b));
    const items = sorted.slice(0, MOST).map(([name, node]) => {
      const owner = node.owner ? ` <span class="faint">ephemeral, of ${esc(node.owner)}</span>` : "";
      const says = node.data ? `<span class="mono faint" title="${esc(node.data)}">${esc(node.data)}</span>` : "";
      const now = changed.has("znode" + node.path) ? ' class="changed"' : "";
      const gone = node.path && !node.isThere ? ' <span class="faint">is not there</span>' : "";
      const watched = node.path ? eyes(node.path) : "";
      const look = changed.has("watches" + node.path) && watched ? `<span class="changed">${watched}</span>` : watched;
      return `<li><span${now}><span class="name">/${esc(name)}</span>${now ? " (changed now)" : ""}</span>${owner}${gone}${says}${look}${list(node)}</li>`;
    });
    const more = sorted.length > MOST ? `<li class="faint">and ${sorted.length - MOST} more</li>` : "";
    return `<ul class="tree">${items.join("")}${more}</ul>`;
  };
  const note = named("watches").length
    ? '<p class="note">◉ a watch: a server will tell of the next change, once. ◯ a client counts on being told, and no server that runs holds its watch.</p>'
    : data.batches ? "" : '<p class="note">A trace does not hold who watches what.</p>';
  put(byId("znodes"), (list(tree) || '<p class="faint">Nothing is written yet.</p>') + note);
}
