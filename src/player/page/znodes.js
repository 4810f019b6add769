// ZooKeeper's tree at the cursor, as its committed transactions say. What the current event changed is marked.
import { all, changedBy } from "./run.js";
import { byId, esc, put } from "./html.js";

const MOST = 12;

export function showZnodes(cursor) {
  const changed = new Set(changedBy(cursor.event).filter(([kind]) => kind === "znode").map(([, path]) => path));
  const tree = { children: new Map() };
  for (const { of, value } of all("znode")) {
    let place = tree;
    for (const part of of.split("/").slice(1)) {
      if (!place.children.has(part)) place.children.set(part, { children: new Map() });
      place = place.children.get(part);
    }
    Object.assign(place, { data: value[0], owner: value[1], path: of });
  }
  const list = ({ children }) => {
    if (!children.size) return "";
    const sorted = [...children].sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }));
    const items = sorted.slice(0, MOST).map(([name, node]) => {
      const owner = node.owner ? ` <span class="faint">ephemeral, of ${esc(node.owner)}</span>` : "";
      const says = node.data ? `<span class="mono faint" title="${esc(node.data)}">${esc(node.data)}</span>` : "";
      const now = changed.has(node.path) ? ' class="changed"' : "";
      return `<li><span${now}><span class="name">/${esc(name)}</span>${now ? " (changed now)" : ""}</span>${owner}${says}${list(node)}</li>`;
    });
    const more = sorted.length > MOST ? `<li class="faint">and ${sorted.length - MOST} more</li>` : "";
    return `<ul class="tree">${items.join("")}${more}</ul>`;
  };
  put(byId("znodes"), list(tree) || '<p class="faint">Nothing is written yet.</p>');
}
