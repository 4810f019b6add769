// Time: the scrubber with the faults above it, the buttons, speed, jumps.
import { end, events, words } from "./run.js";
import { byId, esc, seconds } from "./html.js";
import { cursor, pause, play, tellAll, toEvent, toTime } from "./cursor.js";
import { stepBy } from "./events.js";

/** To the next or previous event of which this is true. */
export function jump(direction, is) {
  pause();
  let event = cursor.event + direction;
  while (event >= 0 && event < events.count && !is(event)) event += direction;
  if (event >= 0 && event < events.count) toEvent(event);
}

export function changeSpeed(steps) {
  const speed = byId("speed");
  speed.selectedIndex = Math.min(Math.max(speed.selectedIndex + steps, 0), speed.length - 1);
  cursor.speed = Number(speed.value);
}

function ticks() {
  let out = "";
  let free = 0;
  for (let event = 0; event < events.count; event++) {
    const left = (events.time[event] / end) * 100;
    if (events.isFault(event)) {
      out += `<i class="fault" style="left:${left}%"></i>`;
      // Words where there is room for them.
      if (left >= free) {
        out += `<b style="left:${left}%;max-width:${Math.min(30, 100 - left)}%">⚡ ${esc(words[events.text[event]])}</b>`;
        free = left + 30;
      }
    }
  }
  byId("ticks").innerHTML = out;
}

export function showTime() {
  const time = byId("time");
  time.value = Math.round(cursor.time);
  time.setAttribute("aria-valuetext", seconds(cursor.time));
  byId("clock").textContent = seconds(cursor.time);
  const button = byId("play");
  const words = cursor.playing ? "❚❚ Pause" : "▶ Play";
  if (button.textContent !== words) {
    button.textContent = words;
    button.setAttribute("aria-pressed", String(cursor.playing));
  }
}

export function startScrubber() {
  const time = byId("time");
  time.max = end;
  // A keyboard's step on the scrubber: a two hundredth of the run.
  time.addEventListener("input", () => {
    pause();
    toTime(Number(time.value));
  });
  time.addEventListener("keydown", (it) => {
    const step = { ArrowUp: 1, ArrowDown: -1, PageUp: 10, PageDown: -10 }[it.key];
    if (!step) return;
    it.preventDefault();
    pause();
    toTime(cursor.time + (step * end) / 200);
  });
  const on = (id, does) => byId(id).addEventListener("click", does);
  on("play", play);
  on("next", () => stepBy(1));
  on("previous", () => stepBy(-1));
  on("next-turn", () => jump(1, events.isTurn));
  on("previous-turn", () => jump(-1, events.isTurn));
  on("next-fault", () => jump(1, events.isFault));
  on("previous-fault", () => jump(-1, events.isFault));
  byId("speed").addEventListener("input", () => {
    changeSpeed(0);
    tellAll();
  });
  ticks();
}
