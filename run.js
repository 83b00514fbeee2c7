// Starts a program of ours: `node run.js server/src/main.ts [arguments]`. What runs is the compiled JavaScript in the workspaces' dist/;
// what is older there than its sources is compiled first. Without a program it only compiles. Types are not checked here (`npm run check`).
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  constants,
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { pathToFileURL } from "node:url";

const root = import.meta.dirname;
const [, , source, ...args] = process.argv;
const lock = join(root, ".compiling");
/** A lock as old as this was left behind, in ms. */
const lockAge = 60_000;

// As PID 1 a process hears only the signals that it listens for. A program with listeners of its own decides for itself.
for (const [signal, code] of Object.entries({ SIGINT: 130, SIGTERM: 143 })) {
  const own = () => {
    // The server was asked to stop before it began anything.
    if (process.listenerCount(signal) === 1) process.exit(source === "server/src/main.ts" ? 0 : code);
  };
  process.on(signal, own);
}
process.setSourceMapsEnabled(true);
await compileChanged();
await bundleSchemas();
// Who only compiles may start the server from it later. A copy of the server alone has no web client.
if (existsSync(join(root, "web")) && (source === undefined || source === "server/src/main.ts")) await buildWeb();
if (source !== undefined) {
  const program = join(root, source.replace("/src/", "/dist/").replace(/\.ts$/, ".js"));
  process.argv = [process.execPath, program, ...args];
  await import(pathToFileURL(program).href);
}

async function compileChanged() {
  const { references } = JSON.parse(readFileSync(join(root, "tsconfig.json"), "utf8"));
  // What is left are the tests.
  const workspaces = references.map(({ path }) => path).filter((path) => !path.endsWith(".json"));
  while (workspaces.some(isStale)) {
    const compiler = await findCompiler();
    // Installed without the compiler (npm ci --omit=dev): what was compiled before runs as it is.
    if (compiler === undefined && workspaces.every((workspace) => builtAt(workspace) > 0)) return;
    if (compiler === undefined)
      fail("this is not compiled, and the compiler is not installed: run npm ci without --omit=dev once");
    if (takeLock()) return await compile(compiler, workspaces);
    await delay(50);
  }
}

async function compile(compiler, workspaces) {
  if (process.stderr.isTTY) console.error("Compiling what has changed …");
  const child = spawn(compiler, ["-b", "--noCheck", ...workspaces], { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
  const release = () => {
    child.kill();
    rmSync(lock, { force: true });
  };
  process.once("exit", release);
  const began = new Date();
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
  const [code] = await once(child, "close");
  process.removeListener("exit", release);
  release();
  if (code !== 0) fail(`cannot compile:\n${said.trim()}`);
  for (const workspace of workspaces) utimesSync(notesOf(workspace), began, began);
}

/** The schema library becomes one file: its 680 are what a start waits for longest. Without a bundler they are read one by one. */
async function bundleSchemas() {
  const file = join(root, "protocol/dist/typebox.js");
  // Another build, which this file starts too, may have none.
  const isBundled = () => !existsSync(file) || !readFileSync(file, "utf8").includes('from "typebox"');
  if (isBundled() || !isWritable(file)) return;
  const bundler = await import("rolldown").catch(() => undefined);
  if (bundler === undefined) return;
  await makeOnce(isBundled, async () => {
    const bundle = await bundler.rolldown({ input: file, platform: "node" });
    const { output } = await bundle.generate({ format: "esm" });
    await bundle.close();
    writeFileSync(`${file}.new`, output[0].code);
    renameSync(`${file}.new`, file);
  });
}

function isWritable(path) {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/** Does what is not done yet, unless another process does so meanwhile. */
async function makeOnce(isDone, make) {
  while (!isDone()) {
    if (!takeLock()) {
      await delay(50);
      continue;
    }
    const release = () => rmSync(lock, { force: true });
    process.once("exit", release);
    try {
      await make();
    } finally {
      process.removeListener("exit", release);
      release();
    }
  }
}

/** The web client, made anew when it is older than what it is made of. Without its builder, what was built before is served. */
async function buildWeb() {
  const page = join(root, "web/dist/index.html");
  const isBuilt = () => {
    const built = statSync(page, { throwIfNoEntry: false })?.mtimeMs ?? 0;
    const parts = ["web/src", "web/public", "client/src", "protocol/src"].flatMap(filesIn);
    const settings = ["web/index.html", "web/vite.config.ts", "web/package.json"].map((name) => join(root, name));
    return [...parts, ...settings].every((path) => !(statSync(path, { throwIfNoEntry: false })?.mtimeMs > built));
  };
  if (isBuilt()) return;
  const builder = await import("vite").catch(() => undefined);
  if (builder === undefined) return;
  await makeOnce(isBuilt, async () => {
    if (source !== undefined) console.error("Building the web client, once …");
    const began = new Date();
    // Under vitest it says "test", and React would bring along what helps to develop.
    const { NODE_ENV } = process.env;
    process.env.NODE_ENV = "production";
    try {
      await builder.build({ configFile: join(root, "web/vite.config.ts"), logLevel: "error" });
      utimesSync(page, began, began);
    } catch (error) {
      fail(`cannot build the web client: ${error.message}`);
    } finally {
      if (NODE_ENV === undefined) delete process.env.NODE_ENV;
      else process.env.NODE_ENV = NODE_ENV;
    }
  });
}

function filesIn(folder) {
  const names = readdirSync(join(root, folder), { recursive: true });
  return names.filter((name) => !/\.test\.tsx?$/.test(name)).map((name) => join(root, folder, name));
}

/** @returns whether this process is now the one that compiles */
function takeLock() {
  try {
    writeFileSync(lock, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") fail(`cannot compile: ${error.message}`);
    if (isLeftBehind()) rmSync(lock, { force: true });
    return false;
  }
}

function isLeftBehind() {
  try {
    if (Date.now() - statSync(lock).mtimeMs > lockAge) return true;
    process.kill(Number(readFileSync(lock, "utf8")), 0);
    return false;
  } catch (error) {
    return error.code === "ESRCH";
  }
}

async function findCompiler() {
  try {
    const exports = new URL("lib/getExePath.js", import.meta.resolve("typescript/package.json"));
    return (await import(exports.href)).default();
  } catch {
    return undefined;
  }
}

function notesOf(workspace) {
  return join(root, workspace, "dist/.tsbuildinfo");
}

/** When compiling began that left this workspace up to date, in ms. */
function builtAt(workspace) {
  return statSync(notesOf(workspace), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}

function isStale(workspace) {
  const built = builtAt(workspace);
  const sources = filesIn(join(workspace, "src")).filter((name) => name.endsWith(".ts"));
  const settings = [join(root, "tsconfig.base.json"), join(root, workspace, "tsconfig.json")];
  return [...sources, ...settings].some((path) => (statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0) > built);
}

function fail(why) {
  console.error(`OM Messenger cannot start: ${why}`);
  process.exit(1);
}
