import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { httpLoad } from "./load/http.ts";
import { runScenario } from "./runner.ts";
import type { Bar, Figures, Scenario, Session } from "./scenario.ts";
import { openStage } from "./stage/stage.ts";

const body = Buffer.from("the same bytes");
const server = createServer(
  (request, response) =>
    void delay(Number(request.url?.slice(1))).then(() =>
      response.writeHead(200, { "Content-Length": body.length }).end(body),
    ),
);
let url = "";
beforeAll(async () => {
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => server.close());

const rate: Bar = { what: "pages", figure: "rate", unit: "requests/s", of: "bare", atLeast: 0.5 };
/** Answers after so many ms. */
const pages =
  (afterMs: number, expected = body) =>
  (): Promise<Figures> =>
    httpLoad(
      { url: `${url}/${afterMs}`, token: "", pid: process.pid, body: expected },
      { seconds: 0.1, connections: 1 },
    );

function run(session: Session, more: Partial<Scenario> = {}) {
  const scenario = { name: "pages", needs: "", how: "", bars: [rate], open: () => Promise.resolve(session), ...more };
  return runScenario(scenario, openStage({ runs: 3, seconds: 0.1, quick: true, soakMinutes: 1, messages: 1_000 }));
}

test("a ceiling that is slowed on purpose changes the ratio, and what becomes of the bar", async () => {
  const fast = await run({ ceiling: pages(0), run: pages(300) }, { runs: 1 });
  const slowed = await run({ ceiling: pages(900), run: pages(300) }, { runs: 1 });
  expect(fast.bars[0]?.met).toBe(false);
  expect(slowed.bars[0]?.met).toBe(true);
  expect(slowed.bars[0]?.value).toBeGreaterThan((fast.bars[0]?.value ?? 0) * 2);
});

test("wrong bytes fail a scenario: it has no figures, and says why", async () => {
  const result = await run({ ceiling: pages(0), run: pages(0, Buffer.from("the same Bytes")) });
  expect(result.failure).toMatch(/other bytes/);
  expect(result.bars).toEqual([]);
});

test("ceiling and scenario take turns, the first of each is not counted, and the median of the ratios is what counts", async () => {
  const order: string[] = [];
  const give = (name: string, values: number[]) => () => {
    order.push(name);
    return Promise.resolve({ rate: values.shift() ?? 0, other: 7 });
  };
  const result = await run({ ceiling: give("ceiling", [1, 100, 200, 400]), run: give("run", [1, 60, 80, 300]) });
  expect(order).toEqual(["ceiling", "run", "ceiling", "run", "ceiling", "run", "ceiling", "run"]);
  expect(result.bars[0]).toMatchObject({ figures: [60, 80, 300], ceilings: [100, 200, 400], values: [0.6, 0.4, 0.75] });
  expect(result.bars[0]).toMatchObject({ value: 0.6, met: true });
  expect(result.medians).toEqual({ rate: 80, other: 7, "ceiling.rate": 200, "ceiling.other": 7 });
});

test("without a ceiling the figure itself is held against the bar; a scenario can say how often it is run", async () => {
  let runs = 0;
  const bars = [{ what: "stale reads", figure: "stale", unit: "reads", atMost: 0 }];
  const result = await run({ run: () => Promise.resolve({ stale: runs++ }) }, { bars, runs: 2 });
  expect(result.bars[0]).toMatchObject({ values: [0, 1], value: 0.5, met: false });
});
