import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { fileState, fileTokens } from "./files.ts";

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "om-files-"))));
afterEach(() => rmSync(folder, { recursive: true }));

test("tokens are kept for their owner only, shared between stores, and forgotten", () => {
  const path = join(folder, "deep", "tokens.json");
  const store = fileTokens(path);
  expect(store.load()).toBeUndefined();
  const tokens = { accessToken: "a", refreshToken: "r" };
  store.save(tokens);
  expect(fileTokens(path).load()).toEqual(tokens);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  store.save(undefined);
  store.save(undefined);
  expect(store.load()).toBeUndefined();
});

test("a state comes back as it was saved; a file that is no JSON is as good as none", () => {
  const path = join(folder, "state.json");
  const state = { cursor: "c", conversations: [["user_2", { ver: 1, seq: 1 }]], outbox: [], reads: [4] } as const;
  fileState(path).save(structuredClone(state) as never);
  expect(fileState(path).load()).toEqual(state);
  writeFileSync(path, "{");
  expect(fileState(path).load()).toBeUndefined();
});
