import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { copyTemplate } from "@om/services";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { parseConfig } from "../config.ts";
import { openStorage } from "./open-storage.ts";

let folder: string;
const unhandled = vi.fn<(error: unknown) => void>();
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "om-storage-"));
  copyTemplate(join(folder, "pgdata"));
  unhandled.mockClear();
  process.on("unhandledRejection", unhandled);
});
afterEach(() => {
  process.removeListener("unhandledRejection", unhandled);
  rmSync(folder, { recursive: true, force: true });
});

test("given up while its server starts, it ends the server and nothing else fails", async () => {
  const events = { onOutage: vi.fn(), onEnd: vi.fn() };
  const start = new AbortController();
  const opening = openStorage(parseConfig({ DATA_DIR: folder }), events, start.signal);
  start.abort(new Error("no more wanted"));
  await expect(opening).rejects.toThrow("no more wanted");
  // What would fail unheard does so in a turn of its own.
  await new Promise((resolve) => setImmediate(resolve));
  expect([unhandled.mock.calls, events.onEnd.mock.calls]).toEqual([[], []]);
});
