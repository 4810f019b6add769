// Questions at their moments. While it plays, the page halts before what the timeline does then, and asks what will happen
// and why; at the end of the run it asks what has happened, and says of each option what is so. Nobody counts how many
// are right.
import { data, end } from "./run.js";
import { byId, esc, put, seconds } from "./html.js";
import { cursor, halts, link, pause, play, toTime, watch } from "./cursor.js";
import { follow } from "./filter.js";

const questions = data.questions ?? [];
// What was asked, and what was answered to it: the places of options by the part of the question.
const asked = new Set();
const answers = new Map();
// The question that is open, and the part of it: predict, reason; wait, till it has happened; recall, told.
let open = null;
let part = "";

const isAsking = () => ["predict", "reason", "recall"].includes(part);

function show(markup, announced) {
  const place = byId("ask-section");
  place.hidden = open === null;
  // What is to come is not given away by the list, while it is asked.
  document.body.classList.toggle("asking", part === "predict" || part === "reason");
  put(byId("ask"), markup);
  byId("ask-live").textContent = announced;
  if (open === null) return;
  byId("ask-words")?.focus({ preventScroll: true });
  place.scrollIntoView({ block: "start" });
}

const options = (of) => `<ol class="options">${of.options.map(([say], i) => `<li><button data-option="${i}">${i + 1}. ${esc(say)}</button></li>`).join("")}</ol>`;

function ask(question, which) {
  [open, part] = [question, which];
  const of = question[which];
  const said = which === "reason" ? `<p class="faint">You say: ${esc(question.predict.options[answers.get(question).predict][0])}</p>` : "";
  const place = which === "predict" ? `The run pauses at ${seconds(question.at)}. ` : which === "recall" ? "It has happened. " : "";
  show(`${said}<p id="ask-words" class="said" tabindex="-1">${esc(place + of.ask)}</p>${options(of)}<p><button data-skip>${which === "recall" ? "only tell me" : "skip, and play on"}</button></p>`, place + of.ask);
}

function wait() {
  part = "wait";
  const { predict, reason } = answers.get(open);
  const said = [open.predict.options[predict], reason === undefined ? null : open.reason.options[reason]].filter(Boolean);
  show(`<p id="ask-words" tabindex="-1">You say: ${said.map(([say]) => esc(say)).join(" ")} See what happens; at the end of the run you are asked what did.</p><p><button data-end>to the end now</button></p>`, "It goes on.");
}

/** What is so, of each option; and what the run says. Where it says otherwise, no option is told to be right. */
function explained(of, taken, isSo) {
  const option = ([say, instead], i) => {
    const mark = !isSo ? "" : i === of.is ? '<span class="name">✓ so:</span> ' : '<span class="name">✗ not so:</span> ';
    const yours = i === taken ? ' <span class="name">(you)</span>' : "";
    const why = isSo && i !== of.is && instead ? `<br><span class="instead">${esc(instead)}</span>` : "";
    return `<li>${mark}${esc(say)}${yours}${why}</li>`;
  };
  const run = !of.run ? "" : isSo ? `<p>The run: ${esc(of.run[1])}${of.run[2] ? `. Because: ${esc(of.run[2])}` : ""}</p>` : `<p class="name">In this run the scenario’s own answer, “${esc(of.options[of.is][0])}”, is not so: ${esc(of.run[1])}</p>`;
  return `<p class="said">${esc(of.ask)}</p><ul class="told">${of.options.map(option).join("")}</ul>${run}`;
}

function tell() {
  part = "told";
  const taken = answers.get(open);
  const parts = ["predict", "reason", "recall"].filter((it) => open[it]);
  // Why it is so is told only if it is.
  const isSo = (it) => open[it === "reason" ? "predict" : it].run[0];
  const { record, at } = open.see ?? {};
  const see = record ? `<button data-record="${esc(record)}">follow ${esc(record.slice("record:".length))}</button>` : at !== null && at !== undefined ? `<button data-at="${at}">see it at ${seconds(at, 1)}</button>` : "";
  const then = open.then_try ? `<p>Then try: <code>${esc(open.then_try)}</code></p>` : "";
  show(`<div id="ask-words" tabindex="-1">${parts.map((it) => explained(open[it], taken[it], isSo(it))).join("")}</div>${then}<p>${see} <button data-done>close</button></p>`, "What is so:");
}

const close = () => {
  const hadFocus = byId("ask-section").contains(document.activeElement);
  [open, part] = [null, ""];
  show("", "");
  if (hadFocus) byId("play").focus({ preventScroll: true });
};

/** The next that waits for its end. */
function recallNext() {
  const next = questions.find((it) => answers.has(it) && !answers.get(it).told);
  if (!next) return close();
  answers.get(next).told = true;
  open = next;
  if (next.recall) ask(next, "recall");
  else tell();
}

function answered(place) {
  answers.set(open, { ...answers.get(open), [part]: place });
  if (part === "recall") return tell();
  if (part === "predict" && open.reason) return ask(open, "reason");
  wait();
  play();
}

function skip() {
  if (part === "recall") return tell();
  // Who has said what, and not why, is asked what happened all the same.
  if (part === "reason") wait();
  else close();
  play();
}

function toEnd() {
  pause();
  toTime(end);
  recallNext();
}

export function startQuestions() {
  byId("ask-switch").hidden = !questions.length;
  byId("ask-count").textContent = questions.length > 1 ? ` (${questions.length} questions)` : "";
  const box = byId("ask-me");
  box.checked = cursor.ask;
  box.addEventListener("change", () => {
    cursor.ask = box.checked;
    if (!cursor.ask && open) close();
    history.replaceState(null, "", link());
  });
  halts.before = (from, to) => {
    const isDue = (it) => !asked.has(it) && (from < it.at || it.at === 0) && it.at <= to;
    const due = cursor.ask && questions.find(isDue);
    return due ? Math.max(due.at - 1, 0) : null;
  };
  halts.told = (isEnd) => {
    if (isEnd) return recallNext();
    const due = questions.find((it) => !asked.has(it) && it.at > cursor.time - 1);
    asked.add(due);
    ask(due, "predict");
  };
  // Who plays on does not want to be asked.
  watch(() => {
    if (cursor.playing && (part === "predict" || part === "reason")) part === "predict" ? close() : wait();
    if (box.checked !== cursor.ask) box.checked = cursor.ask;
  });
  byId("ask").addEventListener("click", (it) => {
    const at = it.target.closest("button")?.dataset;
    if (!at) return;
    if (at.option !== undefined) answered(Number(at.option));
    if (at.skip !== undefined) skip();
    if (at.end !== undefined) toEnd();
    if (at.record) follow(at.record);
    if (at.at) toTime(Number(at.at));
    if (at.done !== undefined) recallNext();
  });
  document.addEventListener("keydown", (it) => {
    const place = Number(it.key) - 1;
    const isField = it.target.matches("input:not([type=range]):not([type=checkbox]), select");
    if (!open || !isAsking() || isField || !byId("shortcuts").checked || it.ctrlKey || it.altKey || it.metaKey) return;
    if (it.key !== " " && place >= 0 && place < open[part].options.length) answered(place);
  });
}
