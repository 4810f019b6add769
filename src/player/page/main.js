// Puts the page together: what there is to show, who shows it, and where to begin.
import { data, events, end } from "./run.js";
import { byId, forgetRooms, heightOf, seconds } from "./html.js";
import { cursor, fromLink, link, tellAll, toEvent, watch } from "./cursor.js";
import { startFilter } from "./filter.js";
import { showCluster } from "./cluster.js";
import { showLogs } from "./logs.js";
import { showLeadership } from "./leadership.js";
import { showGroups } from "./groups.js";
import { showZnodes } from "./znodes.js";
import { showTables } from "./tables.js";
import { startBytes } from "./bytes.js";
import { startQuestions } from "./questions.js";
import { showEvents, startEvents } from "./events.js";
import { showTime, startScrubber } from "./scrubber.js";
import { startKeys } from "./keys.js";

const counted = (counts) => Object.entries(counts).map(([kind, count]) => `${count} ${kind}`).join(", ");

function sayWhatIsLeftOut() {
  const said = [];
  const [kinds, sorts] = [counted(data.left_out), counted(data.messages_left_out)];
  if (kinds) said.push(`Of events these are not in this page, since there are too many: ${kinds}. What they changed is seen at the next event that is here.`);
  if (sorts) said.push(`Of messages these are not: ${sorts}.`);
  byId("left-out").textContent = said.join(" ");
  byId("left-out").hidden = !said.length;
}

byId("title").textContent = data.name;
byId("about").textContent = `${data.about} Seed ${data.seed}, ${seconds(end, 1)}, ${events.count} ${events.count === 1 ? "event" : "events"}.`;
sayWhatIsLeftOut();
for (const id of ["cluster", "logs", "leadership", "events", "bytes"]) heightOf(byId(id));
startScrubber();
startEvents();
startKeys();
startBytes();
for (const shows of [showTime, showEvents, showCluster, showLogs, showLeadership, showGroups, showZnodes, showTables]) watch(shows);
startFilter(() => tellAll());
// The address follows where the page rests, so that it can be copied at any time.
let resting = 0;
watch(() => {
  clearTimeout(resting);
  if (!cursor.playing) resting = setTimeout(() => history.replaceState(null, "", link()), 300);
});
// What was followed, though the address may have been set since.
addEventListener("hashchange", (it) => fromLink(new URL(it.newURL).hash));
addEventListener("resize", () => {
  forgetRooms();
  tellAll();
});

startQuestions();
if (!fromLink(location.hash)) toEvent(-1);
