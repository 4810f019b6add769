// What a person does with a page that plays a run, done in a headless Chromium: open, scrub, step, jump, search, filter,
// click, play, follow a link, at the width of a desk and of a phone, in light and dark; nothing may complain.
//
//     tests/player/run.sh [--pictures DIR]
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { open } from "./browser.mjs";

const [folder, pictures] = process.argv.slice(2);
const url = (name, hash = "") => pathToFileURL(`${folder}/${name}.html`).href + hash;
const wait = (millis) => new Promise((done) => setTimeout(done, millis));
let passed = 0;

async function test(name, how, does) {
  const page = await open({ width: 1280, height: 900, ...how });
  try {
    await does(page);
    assert.deepEqual(page.complaints, [], "nothing complains");
    if (pictures) {
      mkdirSync(pictures, { recursive: true });
      writeFileSync(`${pictures}/${name.replace(/\W+/g, "-")}.png`, await page.picture());
    }
    console.log("ok   " + name);
    passed++;
  } catch (error) {
    console.log("FAIL " + name + "\n" + error.stack);
    process.exitCode = 1;
  } finally {
    await page.close();
  }
}

const now = (page) => page.run("document.querySelector('#now').textContent");
const clock = (page) => page.run("document.querySelector('#clock').textContent");
const click = (page, what) => page.run(`document.querySelector(${JSON.stringify(what)}).click()`);
const choose = (page, id, value) =>
  page.run(`{ const it = document.getElementById("${id}"); it.value = ${JSON.stringify(value)}; it.dispatchEvent(new Event("input", { bubbles: true })); }`);

/** Texts that are hard to read: their colour against what lies behind them, as WCAG 2 reckons it. */
const FAINT = `(() => {
  const rgb = (text) => (text.match(/[\\d.]+/g) ?? []).map(Number);
  const light = (colour) => { const [r, g, b] = colour.map((it) => (it /= 255) <= 0.03928 ? it / 12.92 : ((it + 0.055) / 1.055) ** 2.4); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
  const behind = (it) => { for (; it; it = it.parentElement) { const c = rgb(getComputedStyle(it).backgroundColor); if (c.length === 3 || c[3] > 0.9) return c.slice(0, 3); } return [255, 255, 255]; };
  const found = [];
  for (const it of document.querySelectorAll("body *")) {
    const says = [...it.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
    if (!says || !it.getClientRects().length || it.matches("script, style, option, title, .on")) continue;
    const style = getComputedStyle(it);
    const [a, b] = [light(rgb(it instanceof SVGElement ? style.fill : style.color).slice(0, 3)), light(behind(it instanceof SVGElement ? it.closest("div") : it))];
    const ratio = (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    if (ratio < 4.5) found.push(it.textContent.trim().slice(0, 40) + " " + ratio.toFixed(2));
  }
  return found;
})()`;

await test("it opens at the beginning, and steps forwards and back", { url: url("leader-crash") }, async (page) => {
  assert.match(await now(page), /Nothing has happened yet/);
  await page.press("ArrowRight");
  const first = await now(page);
  await page.press("ArrowRight");
  assert.notEqual(await now(page), first);
  await page.press("ArrowLeft");
  assert.equal(await now(page), first);
  await page.press("ArrowLeft");
  assert.match(await now(page), /Nothing has happened yet/);
  assert.match(await page.run("document.querySelector('#live').textContent"), /beginning/);
});

await test("keys jump to faults and changes of state", { url: url("leader-crash") }, async (page) => {
  await page.press("f");
  assert.match(await now(page), /crash of broker-3/);
  await page.press("ArrowRight", true);
  assert.match(await now(page), /broker-3 crashes/);
  assert.match(await page.run("document.querySelector('#cluster').textContent"), /✕ broker-3\s*crashed/);
  assert.match(await page.run("document.querySelector('#logs').textContent"), /not running/);
  await page.press("f");
  assert.match(await now(page), /start of broker-3/);
  await page.press("F", true);
  assert.match(await now(page), /crash of broker-3/);
  await page.press("End");
  assert.match(await clock(page), /^120\.000/);
  await page.press("Home");
  assert.match(await clock(page), /^0\.000/);
});

await test("the scrubber leads to a time, and the address to that moment", { url: url("leader-crash", "#t=44.5") }, async (page) => {
  assert.equal(await clock(page), "44.500 s");
  await choose(page, "time", "30500000");
  assert.equal(await clock(page), "30.500 s");
  const link = await page.run("document.querySelector('#link').getAttribute('href')");
  await page.press("Home");
  await page.run(`location.hash = ${JSON.stringify(link)}`);
  await wait(250);
  assert.match(await clock(page), /^30\.\d/);
  await wait(400);
  assert.match(await page.run("location.hash"), /^#t=30\./);
});

await test("it plays and pauses", { url: url("leader-crash", "#t=29&ask=off") }, async (page) => {
  await choose(page, "speed", "5");
  await page.press(" ");
  await wait(600);
  await page.press(" ");
  const at = await clock(page);
  assert.ok(parseFloat(at) > 29.5, at);
  await wait(200);
  assert.equal(await clock(page), at);
  assert.equal(await page.run("document.querySelector('#play').textContent"), "▶ Play");
});

await test("search and filters choose what the list shows", { url: url("leader-crash") }, async (page) => {
  const count = async () => parseInt(await page.run("document.querySelector('#count').textContent"));
  const story = await count();
  await choose(page, "importance", "2");
  const everything = await count();
  assert.ok(everything > 10 * story);
  await choose(page, "node", "broker-2");
  const ofNode = await count();
  assert.ok(ofNode > 0 && ofNode < everything);
  await choose(page, "kind", "became-leader");
  assert.ok((await count()) < 5);
  await choose(page, "node", "");
  await choose(page, "kind", "");
  await page.press("/");
  assert.equal(await page.run("document.activeElement.id"), "search");
  await page.press("k");
  assert.equal(await page.run("document.querySelector('#search').value"), "k", "a field keeps its keys");
  await choose(page, "search", "gives up the session");
  assert.equal(await count(), 1);
  await click(page, "#events [data-event]");
  assert.match(await now(page), /gives up the session of broker-3/);
  assert.match(await now(page), /Why:.*zookeeper\.session\.timeout\.ms/);
});

await test("a record is followed from its making to its readers", { url: url("leader-crash") }, async (page) => {
  await choose(page, "search", "record:trucks-2#5");
  const says = await page.run("document.querySelector('#events').textContent");
  for (const step of [/makes trucks-2#5/, /trucks-2#5 is acknowledged/, /high watermark/, /dashboard/]) assert.match(says, step);
  const count = await page.run("document.querySelector('#count').textContent");
  await page.press("ArrowRight");
  assert.match(await now(page), /trucks-2#5/);
  await choose(page, "search", "");
  await choose(page, "importance", "2");
  await choose(page, "kind", "acked");
  await click(page, "#events [data-event]");
  await click(page, "[data-follow]");
  assert.match(await page.run("document.querySelector('#search').value"), /^record:trucks-\d#\d+$/);
  assert.match(count, /^\d+ of 3045$/);
});

await test("keys can be turned off", { url: url("leader-crash") }, async (page) => {
  await page.press("?");
  assert.equal(await page.run("document.querySelector('#help').open"), true);
  await click(page, "#shortcuts");
  await page.run("document.activeElement.blur()");
  await page.press("f");
  assert.match(await now(page), /Nothing has happened yet/);
});

await test("all that can be used is reached by the tabulator", { url: url("leader-crash") }, async (page) => {
  const reached = new Set();
  for (let i = 0; i < 30; i++) {
    await page.press("Tab");
    reached.add(await page.run("document.activeElement.id || document.activeElement.tagName"));
  }
  for (const id of ["previous-fault", "previous", "play", "next", "speed", "link", "ask-me", "time", "bytes-partition", "bytes-offset", "bytes-show", "search", "importance", "node", "topic", "kind", "events", "SUMMARY"]) {
    assert.ok(reached.has(id), `${id} is not reached: ${[...reached]}`);
  }
});

await test("groups, lag and cut links are told in words", { url: url("eager-rebalance", "#t=22") }, async (page) => {
  const groups = await page.run("document.querySelector('#groups').textContent");
  assert.match(groups, /dashboards Stable, generation \d+, members: 3/);
  assert.match(groups, /CURRENT-OFFSET/);
});

await test("a cut is seen, and who leads no longer", { url: url("leader-cut-from-zookeeper", "#t=50") }, async (page) => {
  assert.match(await page.run("document.querySelector('#cluster').textContent"), /messages are cut between broker-2 and zookeeper-1/);
  assert.match(await page.run("document.querySelector('#logs').textContent"), /out of the ISR/);
});

const texts = (page, what) => page.run(`document.querySelector(${JSON.stringify(what)}).textContent`);
const isHidden = (page, what) => page.run(`!document.querySelector(${JSON.stringify(what)}).getClientRects().length`);
/** Plays until the page halts by itself. */
async function playOn(page) {
  await choose(page, "speed", "5");
  await click(page, "#play");
  for (let i = 0; i < 50 && (await texts(page, "#play")) !== "▶ Play"; i++) await wait(50);
}

await test("a question halts it at its moment, and is told of at the end", { url: url("leader-crash", "#t=29.5") }, async (page) => {
  assert.ok(await isHidden(page, "#ask-section"));
  await playOn(page);
  assert.equal(await clock(page), "30.000 s");
  assert.match(await now(page), /^(?!.*crash)/, "before what the timeline does then");
  assert.match(await texts(page, "#ask"), /The run pauses at 30\.000 s\. The leader of trucks_gps-0 is killed now/);
  assert.match(await texts(page, "#ask-live"), /The leader of trucks_gps-0 is killed now/);
  assert.equal(await page.run("document.activeElement.id"), "ask-words");
  assert.equal(await page.run("getComputedStyle(document.querySelector('#events')).visibility"), "hidden", "the answer is not given away");
  await page.press("Tab");
  assert.equal(await page.run("document.activeElement.dataset.option"), "0");
  await page.press("1");
  assert.match(await texts(page, "#ask"), /You say: Those that only the leader had are gone.*Why\?/);
  await page.press("2");
  assert.equal(await texts(page, "#play"), "❚❚ Pause", "it goes on");
  assert.equal(await page.run("getComputedStyle(document.querySelector('#events')).visibility"), "visible");
  await choose(page, "speed", "100");
  for (let i = 0; i < 50 && (await clock(page)) !== "120.000 s"; i++) await wait(50);
  assert.match(await texts(page, "#ask"), /It has happened. When did another broker lead trucks_gps-0\?/);
  await page.press("2");
  const told = await texts(page, "#ask");
  assert.match(told, /✗ not so: Those that only the leader had are gone\. \(you\)With acks=all/);
  assert.match(told, /✓ so: All are still there/);
  assert.match(told, /✓ so: Only many seconds later.*\(you\)/);
  assert.match(told, /The run: no acknowledged record is lost — 354 acknowledged/);
  assert.match(told, /Then try: trial predict acks-1-loss/);
  assert.doesNotMatch(told, /score|points|\d of \d right/i);
  await page.run("document.querySelector('[data-done]').focus()");
  await page.press(" ");
  assert.ok(await isHidden(page, "#ask-section"));
  assert.equal(await page.run("document.activeElement.id"), "play");
});

await test("who does not play is not asked, nor who does not want to be", { url: url("leader-crash") }, async (page) => {
  await page.press("f");
  await choose(page, "time", "31000000");
  assert.ok(await isHidden(page, "#ask-section"));
  await choose(page, "time", "29500000");
  await click(page, "#ask-me");
  await wait(50);
  assert.match(await page.run("location.hash"), /&ask=off$/);
  await choose(page, "speed", "5");
  await click(page, "#play");
  await wait(500);
  await click(page, "#play");
  assert.ok(parseFloat(await clock(page)) > 30.2);
  assert.ok(await isHidden(page, "#ask-section"));
});

await test("a question can be left out, and a link can say so", { url: url("leader-crash", "#t=29.8&ask=off") }, async (page) => {
  assert.equal(await page.run("document.querySelector('#ask-me').checked"), false);
  assert.match(await page.run("document.querySelector('#link').getAttribute('href')"), /ask=off/);
  await click(page, "#ask-me");
  await playOn(page);
  await click(page, "[data-skip]");
  assert.equal(await texts(page, "#play"), "❚❚ Pause");
  assert.ok(await isHidden(page, "#ask-section"));
});

await test("an answer that this run does not bear out is not told as right", { url: url("otherwise", "#t=14.5") }, async (page) => {
  await playOn(page);
  for (const part of ["[data-option]", "[data-option]", "[data-end]", "[data-option]"]) await click(page, part);
  const told = await texts(page, "#ask");
  assert.match(told, /In this run the scenario’s own answer, “They are never drawn\.”, is not so: FAILED: records never processed/);
  assert.doesNotMatch(told, /✓|✗/);
});

await test("the bytes of a record, and which field is which", { url: url("leader-crash", "#t=31") }, async (page) => {
  await page.run("document.querySelector('#logs [data-offset=\"18\"]').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
  assert.match(await texts(page, "#bytes"), /trucks_gps-0 offset 18: a batch of \d+ bytes/);
  const { all, covered } = await page.run("({ all: document.querySelectorAll('#bytes .byte').length, covered: document.querySelectorAll('#bytes .covered').length })");
  assert.equal(covered, all - 21);
  const lit = () => page.run("[...document.querySelectorAll('#bytes .byte.lit')].map((it) => it.textContent).join('')");
  assert.equal(await lit(), "");
  await page.run("document.querySelector('#fields').focus()");
  for (let i = 0; i < 5; i++) await page.press("ArrowDown");
  assert.equal((await lit()).length, 8, "four bytes of the checksum");
  assert.match(await page.run("document.querySelector('#fields [aria-selected=true]').textContent"), new RegExp(`^crc \\(4 B at 17\\) ${await lit()}: of bytes 21 to ${all - 1}, and is right`));
  assert.match(await texts(page, "#bytes-why"), /CRC-32C/);
  await page.press("End");
  assert.match(await page.run("document.querySelector('#fields [aria-selected=true]').textContent"), /^headersCount/);
  // From bytes to the field.
  await page.run("[...document.querySelectorAll('#bytes .byte')].at(-3).dispatchEvent(new MouseEvent('mouseover', { bubbles: true }))");
  assert.match(await page.run("document.querySelector('#fields [aria-selected=true]').textContent"), /^value .*"truck":"truck/);
  assert.ok(await page.run("(() => { const [list, it] = ['#fields', '#fields [aria-selected=true]'].map((what) => document.querySelector(what).getBoundingClientRect()); return it.top >= list.top && it.bottom <= list.bottom; })()"), "it is in sight");
  await choose(page, "importance", "2");
  await choose(page, "kind", "appended");
  await click(page, "#events [data-event]");
  await click(page, "[data-bytes]");
  const button = await page.run("document.querySelector('[data-bytes]').textContent");
  assert.ok((await texts(page, "#bytes")).includes(button.replace("bytes of ", "")), button);
  await choose(page, "bytes-offset", "9999");
  await click(page, "#bytes-show");
  assert.match(await texts(page, "#bytes"), /no leader has appended it in this run/);
});

await test("of too many batches a page says that it lacks some", { url: url("truck-gps-100") }, async (page) => {
  await choose(page, "bytes-offset", "9999");
  await click(page, "#bytes-show");
  assert.match(await texts(page, "#bytes"), /it holds \d+ of \d+ batches/);
  await click(page, "[data-near]");
  assert.match(await texts(page, "#bytes"), /a batch of \d+ bytes/);
});

await test("Kafka's tables follow the cursor, and end as the run's own", { url: url("leader-crash", "#t=31") }, async (page) => {
  const leader = async () => /Partition: 0\tLeader: (\S+)/.exec(await texts(page, "#tables pre"))[1];
  assert.equal(await leader(), "3");
  assert.match(await texts(page, "#tables"), /trucks_gps:0 is left out: broker-3, its leader, does not answer/);
  await choose(page, "time", "60000000");
  assert.equal(await leader(), "2");
  await choose(page, "time", "31000000");
  assert.equal(await leader(), "3");
  await page.press("End");
  assert.ok(readFileSync(`${folder}/leader-crash.txt`, "utf8").includes("\n" + (await texts(page, "#tables pre")) + "\n"));
});

await test("who watches which znode, and whose watch no server holds", { url: url("zookeeper-leader-crash", "#t=29.9") }, async (page) => {
  const watched = (path) => page.run(`[...document.querySelectorAll("#znodes li")].find((it) => it.querySelector(".name").textContent === "${path}").querySelector(":scope > .eye, :scope > .changed > .eye")?.textContent ?? ""`);
  assert.match(await watched("/ids"), /^◉ watched, its children: broker-\d at zookeeper-\d$/);
  assert.doesNotMatch(await texts(page, "#znodes ul"), /◯/);
  await choose(page, "time", "30010000");
  assert.match(await texts(page, "#znodes ul"), /◯ no server holds the watch on its (data|children): broker-\d/);
  await choose(page, "time", "29900000");
  assert.doesNotMatch(await texts(page, "#znodes ul"), /◯/);
});

await test("a page from a trace asks nothing, and says what it does not hold", { url: url("trace", "#t=29.8") }, async (page) => {
  assert.match(await texts(page, "#bytes"), /A trace holds no bytes/);
  assert.match(await texts(page, "#tables"), /A trace does not hold/);
  assert.match(await texts(page, "#znodes"), /A trace does not hold who watches what/);
  assert.ok(await isHidden(page, "#ask-switch"));
  await choose(page, "speed", "5");
  await click(page, "#play");
  await wait(300);
  await click(page, "#play");
  assert.ok(parseFloat(await clock(page)) > 30.2);
  assert.ok(await isHidden(page, "#ask-section"));
});

/** With a question that is told of, and the bytes of a record. */
async function opened(page) {
  await playOn(page);
  await click(page, "[data-option]");
  await click(page, "[data-option]");
  await click(page, "[data-end]");
  await click(page, "[data-option]");
  await page.run("document.querySelector('#logs [data-offset]').dispatchEvent(new MouseEvent('click', { bubbles: true }))");
  await click(page, "#fields li[data-field='4']");
}

for (const dark of [false, true]) {
  const how = { url: url("leader-crash", "#t=29.8"), dark };
  await test(`contrast of questions and bytes, ${dark ? "dark" : "light"}`, how, async (page) => {
    await opened(page);
    assert.deepEqual(await page.run(FAINT), []);
  });
}

await test("questions and bytes on a phone", { url: url("leader-crash", "#t=29.8"), width: 390, height: 844 }, async (page) => {
  await opened(page);
  assert.ok((await page.run("document.documentElement.scrollWidth")) <= 390);
});

for (const dark of [false, true]) {
  const how = { url: url("leader-crash", "#t=31"), dark };
  await test(`contrast is that of WCAG AA, ${dark ? "dark" : "light"}`, how, async (page) => {
    assert.deepEqual(await page.run(FAINT), []);
  });
}

for (const name of ["leader-crash", "eager-rebalance", "truck-gps-100"]) {
  await test(`on a phone nothing is wider than the page: ${name}`, { url: url(name, "#t=31"), width: 390, height: 844 }, async (page) => {
    assert.ok((await page.run("document.documentElement.scrollWidth")) <= 390);
  });
}

for (const name of ["leader-crash", "truck-gps-100"]) {
  await test(`it is quick, and a state is the same from both sides: ${name}`, { url: url(name) }, async (page) => {
    const measured = await page.run("trialSelfTest()");
    console.log("     " + JSON.stringify(measured));
    assert.equal(measured.differ, 0);
    // Of a machine that has nothing else to do: SPEED=1 tests/player/run.sh
    if (process.env.SPEED) {
      assert.ok(measured.usual < 16, "input to the end of its handler under 16 ms");
    }
  });
}

console.log(`${passed} passed, ${process.exitCode ? "some" : 0} failed`);
