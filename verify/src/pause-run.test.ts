import { expect, test } from "vitest";
import { createRecorder } from "./history/recorder.ts";
import { pauseReport, stretches } from "./pause-run.ts";

test("requests belong where they were answered, and what a client did wrong is no error", () => {
  const recorder = createRecorder();
  recorder.answered("read history", 90, 95);
  recorder.answered("read history", 98, 140);
  recorder.answered("edit", 1_000, 1_200);
  recorder.trouble("join", "400 already_member", 150);
  recorder.trouble("read history", "no answer", 160);
  const all = stretches(recorder, { began: 0, stopped: 100, resumed: 2_000, ended: 3_000 });
  expect(all.map(({ requests, slowestMs, errors }) => [requests, slowestMs, errors])).toEqual([
    [1, 5, 0],
    [1, 42, 1],
    [1, 200, 0],
    [0, 0, 0],
  ]);
  expect(pauseReport(all)).toContain("FAILED: 1 requests failed");
});
