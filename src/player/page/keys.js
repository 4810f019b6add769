// The keyboard. Fields keep their own keys, and the box in the help turns all of this off.
import { end, events } from "./run.js";
import { byId } from "./html.js";
import { play, pause, toEvent, toTime } from "./cursor.js";
import { stepBy } from "./events.js";
import { changeSpeed, jump } from "./scrubber.js";

const DOES = {
  " ": play,
  ArrowRight: () => stepBy(1),
  ArrowLeft: () => stepBy(-1),
  "Shift ArrowRight": () => jump(1, events.isTurn),
  "Shift ArrowLeft": () => jump(-1, events.isTurn),
  f: () => jump(1, events.isFault),
  "Shift F": () => jump(-1, events.isFault),
  Home: () => (pause(), toEvent(-1)),
  End: () => (pause(), toTime(end)),
  "+": () => changeSpeed(1),
  "-": () => changeSpeed(-1),
  "/": () => byId("search").focus(),
  "?": () => {
    const help = byId("help");
    help.open = !help.open;
    if (help.open) help.querySelector("summary").focus();
  },
};
// These need Shift on most keyboards anyway.
const EITHER = ["+", "?", "/"];

export function startKeys() {
  document.addEventListener("keydown", (it) => {
    const at = it.target;
    if (it.key === "Escape" && at.id === "search") return at.blur();
    if (!byId("shortcuts").checked || it.ctrlKey || it.altKey || it.metaKey || it.defaultPrevented) return;
    const isField = at.matches("input:not([type=range]):not([type=checkbox]), select");
    // Space presses what has the focus.
    if (isField || (it.key === " " && at.matches("button, input, summary, a"))) return;
    const name = it.shiftKey && !EITHER.includes(it.key) ? "Shift " + it.key : it.key;
    if (!DOES[name]) return;
    it.preventDefault();
    DOES[name]();
  });
}
