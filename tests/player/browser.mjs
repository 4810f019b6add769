// A headless Chromium, spoken to over a pipe in its own protocol (CDP): no package, no network.
import { spawn } from "node:child_process";

export async function open({ width, height, url, dark = false }) {
  const program = process.env.CHROMIUM ?? "chromium";
  const flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", "--no-first-run", "about:blank"];
  const browser = spawn(program, flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
  const [to, from] = [browser.stdio[3], browser.stdio[4]];
  const gone = new Promise((_, reject) => browser.on("error", reject));
  const waiting = new Map();
  const complaints = [];
  let number = 0;
  let rest = "";
  from.on("data", (bytes) => {
    const parts = (rest + bytes).split("\0");
    rest = parts.pop();
    for (const part of parts) hear(JSON.parse(part));
  });
  function hear(said) {
    if (said.id) {
      const { resolve, reject } = waiting.get(said.id);
      waiting.delete(said.id);
      if (said.error) reject(new Error(said.error.message));
      else resolve(said.result);
    }
    if (said.method === "Runtime.exceptionThrown") complaints.push(said.params.exceptionDetails.exception?.description ?? said.params.exceptionDetails.text);
    if (said.method === "Log.entryAdded" && said.params.entry.level === "error") complaints.push(said.params.entry.text);
    if (said.method === "Network.requestWillBeSent" && !/^(file|data):/.test(said.params.request.url)) complaints.push("asks for " + said.params.request.url);
  }
  const send = (method, params = {}, sessionId) =>
    Promise.race([gone, new Promise((resolve, reject) => {
      waiting.set(++number, { resolve, reject });
      to.write(JSON.stringify({ id: number, method, params, sessionId }) + "\0");
    })]);
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  const { sessionId } = await send("Target.attachToTarget", { targetId, flatten: true });
  const ask = (method, params) => send(method, params, sessionId);
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await ask(domain + ".enable");
  const size = { width, height, deviceScaleFactor: 1, mobile: width < 600 };
  await ask("Emulation.setDeviceMetricsOverride", size);
  await ask("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: dark ? "dark" : "light" }] });
  const run = async (expression) => {
    const { result, exceptionDetails } = await ask("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  await ask("Page.navigate", { url });
  await run("new Promise((done) => document.readyState === 'complete' ? done() : addEventListener('load', done))");
  const KEYS = { " ": "Space", "/": "Slash", "?": "Slash" };
  return {
    complaints,
    run,
    async press(key, shift = false) {
      const text = key.length === 1 ? key : undefined;
      const code = KEYS[key] ?? key;
      for (const type of ["keyDown", "keyUp"]) await ask("Input.dispatchKeyEvent", { type, key, code, text: type === "keyDown" ? text : undefined, modifiers: shift ? 8 : 0 });
    },
    async picture(whole = true) {
      const { data } = await ask("Page.captureScreenshot", { captureBeyondViewport: whole });
      return Buffer.from(data, "base64");
    },
    close: async () => {
      await send("Browser.close").catch(() => {});
      await new Promise((done) => (browser.exitCode === null ? browser.on("exit", done) : done()));
    },
  };
}
