import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { connect, createApi, memoryTokens, type Api } from "@om/client";
import { startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";

const run = promisify(execFile);
const root = join(import.meta.dirname, "../..");

/** A project that has installed the package as npm packs it. */
let project: string;
let server: OmServer;
beforeAll(async () => {
  project = mkdtempSync(join(tmpdir(), "om-sdk-"));
  [server] = await Promise.all([startOmServer(), install()]);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(project, { recursive: true });
});

async function install(): Promise<void> {
  const { stdout } = await run("npm", ["pack", "--silent", "-w", "sdk", "--pack-destination", project], { cwd: root });
  // ws comes from here, so that nothing is fetched.
  const dependencies = { ws: `file:${join(root, "node_modules/ws")}`, "om-client": `file:${stdout.trim()}` };
  writeFileSync(join(project, "package.json"), JSON.stringify({ type: "module", dependencies }));
  await run("npm", ["install", "--silent", "--offline", "--no-audit", "--no-fund"], { cwd: project });
  cpSync(join(project, "node_modules/om-client/examples"), project, { recursive: true });
}

const installed = (...path: string[]): string => join(project, "node_modules/om-client", ...path);

async function register(name: string): Promise<{ api: Api; id: number }> {
  const api = createApi({ baseUrl: server.url, tokens: memoryTokens() });
  const { user } = await api.register({ username: name, email: `${name}@example.org`, password: "a long password" });
  return { api, id: user.id };
}

test("what is installed has the protocol inside, no validator and no module of ours, and is small", () => {
  const files = readdirSync(installed("lib"));
  const code = files.filter((name) => name.endsWith(".js")).map((name) => readFileSync(installed("lib", name), "utf8"));
  expect(code.join("\n")).not.toMatch(/typebox|@om\//);
  expect(code.join("").length).toBeLessThan(80_000);
  for (const name of files.filter((name) => name.endsWith(".d.ts")))
    expect(readFileSync(installed("lib", name), "utf8"), name).not.toMatch(/typebox|"@om\//);
  expect(readdirSync(installed())).toEqual(
    expect.arrayContaining(["LICENSE", "README.md", "examples", "lib", "package.json"]),
  );
  // A page loads it as it is.
  expect(readFileSync(installed("lib/index.js"), "utf8")).not.toMatch(/from\s*"(?!\.)/);
});

test("its types stand alone and say what the routes take and answer", async () => {
  writeFileSync(
    join(project, "types.ts"),
    `import { connect, createApi, memoryTokens, type Message, type RouteOutput } from "om-client";
import { fileState } from "om-client/files";
const api = createApi({ baseUrl: "", tokens: memoryTokens() });
const { messages } = await api.history({ query: { recipient_id: 7 } });
const text: string | undefined = messages[0]?.content;
const group: RouteOutput<"createGroup"> = await api.createGroup({ body: { name: "x" } });
const connection = connect({ api, baseUrl: "", selfId: group.creator_id, state: fileState("x") });
connection.on("message", (message: Message) => void connection.send({ to: message.sender_id, content: text ?? "" }));
// @ts-expect-error a group needs a body
await api.createGroup();
// @ts-expect-error there is no such field
messages[0]?.nonsense;
// @ts-expect-error there is no such route
await api.call("nonsense");
`,
  );
  const settings = [
    "--noEmit",
    "--strict",
    "--exactOptionalPropertyTypes",
    "--module",
    "nodenext",
    "--target",
    "es2023",
    "--types",
    "",
  ];
  const { stdout } = await run(join(root, "node_modules/.bin/tsc"), [...settings, "--lib", "es2023,dom", "types.ts"], {
    cwd: project,
  });
  expect(stdout).toBe("");
});

test("the example bot runs: it makes its account, answers, and after a restart answers what was written meanwhile, once", async () => {
  const { api, id } = await register("ada");
  const answers: string[] = [];
  await using connection = connect({ api, baseUrl: server.url, selfId: id });
  const heard = (text: string): Promise<void> =>
    new Promise((resolve) => {
      connection.on("message", ({ content }) => {
        if (content === text) resolve();
      });
    });
  connection.on("message", ({ content }) => void answers.push(content));
  const start = async () => {
    const bot = spawn(process.execPath, ["bot.js", server.url], {
      cwd: project,
      env: { ...process.env, OM_EMAIL: "echo@example.org", OM_PASSWORD: "a long password" },
    });
    for await (const line of bot.stdout) if (String(line).includes("is live")) break;
    return bot;
  };
  const stop = async (bot: Awaited<ReturnType<typeof start>>): Promise<void> => {
    bot.kill();
    await once(bot, "exit");
  };
  const first = await start();
  const { user } = await api.user({ params: { identifier: "echo" } });
  const hello = heard("You wrote: hello");
  connection.send({ to: user.id, content: "hello" });
  await hello;
  await stop(first);
  await connection.send({ to: user.id, content: "are you there?" }).acked;
  const back = heard("You wrote: are you there?");
  const second = await start();
  await back;
  await stop(second);
  expect(answers).toEqual(["You wrote: hello", "You wrote: are you there?"]);
});

/** As much of a page as the example touches, around the platform's own fetch and a WebSocket; prints what the page shows. */
const page = `import { WebSocket } from "ws";
const element = (fields = {}) => ({
  fields, dataset: {}, children: [], listeners: {}, textContent: "", reset() {},
  addEventListener(name, listener) { this.listeners[name] = listener; },
  appendChild(child) { this.children.push(child); return child; },
});
const [, , server, email, password, name] = process.argv;
const elements = { login: element({ server, email, password, with: name }), status: element(), messages: element(), compose: element({ content: "from the page" }) };
const find = (id) => elements.messages.children.find((line) => line.dataset.id === id);
Object.assign(globalThis, {
  WebSocket,
  FormData: function FormData(form) { return new Map(Object.entries(form.fields)); },
  document: {
    cookie: "", getElementById: (id) => elements[id], createElement: () => element(),
    querySelector: (selector) => find(selector.slice(10, -2)) ?? null,
  },
});
const submit = (form) => form.listeners.submit({ preventDefault() {}, target: form });
await import("./browser.js");
await submit(elements.login);
if (elements.compose.listeners.submit === undefined) throw new Error(elements.status.textContent);
submit(elements.compose);
setInterval(() => console.log(JSON.stringify(elements.messages.children.map((line) => line.textContent))), 20);
`;

test("the example page logs in, shows what was written, sends, and shows what is answered", async () => {
  const [bea, cid] = await Promise.all([register("bea"), register("cid")]);
  await bea.api.send({ body: { recipient_id: cid.id, content: "before" } });
  await using connection = connect({ api: bea.api, baseUrl: server.url, selfId: bea.id });
  connection.on("message", ({ content }) => {
    if (content === "from the page") connection.send({ to: cid.id, content: "<b>back</b>" });
  });
  await connection.whenLive();
  writeFileSync(join(project, "page.js"), page);
  const child = spawn(process.execPath, ["page.js", server.url, "cid@example.org", "a long password", "bea"], {
    cwd: project,
  });
  let shown: unknown;
  for await (const lines of child.stdout) {
    shown = JSON.parse(String(lines).trim().split("\n").at(-1) ?? "[]");
    if (Array.isArray(shown) && shown.includes("bea: <b>back</b>") && shown.includes("cid: from the page")) break;
  }
  child.kill();
  expect(shown).toEqual(["bea: before", "cid: from the page", "bea: <b>back</b>"]);
});
