import { setImmediate } from "node:timers/promises";
import { startRedis, type RedisServer } from "@om/services";
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import { RedisUnavailable, type Redis, type Reply } from "../platform/redis/redis.ts";
import { askedBy, patient, redisClient, until } from "../../tests/fixtures/redis-clients.ts";
import { keysOf } from "../../tests/fixtures/sharded-redis.ts";
import { together } from "./together.ts";
import { onlineKeys, presenceScripts, type OnlineKeys } from "./online-keys.ts";

/** Keys lie on three servers. A script that touched another key than its own would not find it there. */
let servers: RedisServer[];
let clients: Redis[];
beforeAll(async () => {
  servers = await Promise.all([startRedis(), startRedis(), startRedis()]);
  clients = servers.map((server) => patient(redisClient(server, { scripts: presenceScripts })));
  await Promise.all(clients.map((client) => until(client, true)));
});
afterAll(async () => {
  for (const one of [...clients, ...servers]) await one[Symbol.asyncDispose]();
});

const life = 60_000;
/** The call that was let through last. */
let underWay: Promise<unknown> = Promise.resolve();
/** Lets one call through at a time; every node has said what it asks next before another one is chosen. */
const scheduler = fc.scheduler({
  async act(run) {
    await run();
    await setImmediate();
    await Promise.allSettled([underWay]);
    await setImmediate();
  },
});
const everybody = [1, 2];
const everywhere = [0, 1, 2];

function owner(keys: readonly string[]): Redis {
  const [key, ...more] = keys;
  const client = clients[Buffer.from(key ?? "").reduce((sum, byte) => sum + byte, 0) % clients.length];
  if (key === undefined || client === undefined || more.length > 0) throw new Error(`keys ${keys.join(" ")} at once`);
  return client;
}
const ask = (command: string, ...args: (string | number)[]): Promise<Reply> =>
  owner(keysOf(command, args)).call(0, command, ...args);
const texts = (reply: Reply): string[] => (Array.isArray(reply) ? reply.map(String).toSorted() : []);

/** What becomes of a call: it is answered, it does not arrive, or its answer does not. */
const fate = fc.constantFrom("answered", "answered", "answered", "unsent", "unanswered");
/** Mostly the same one, who is fought over. */
const users = fc.oneof(
  { weight: 3, arbitrary: fc.constant([1]) },
  { weight: 1, arbitrary: fc.uniqueArray(fc.constantFrom(...everybody), { minLength: 1 }) },
);
const step = fc.oneof(
  { weight: 5, arbitrary: fc.record({ do: fc.constant("add" as const), users }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("remove" as const), users }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("renew" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("sweep" as const) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("reap" as const), other: fc.constantFrom(...everywhere) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("silence" as const), other: fc.constantFrom(...everywhere) }) },
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

interface Plan {
  /** Whom it has before anything goes on at once. */
  has: number[];
  steps: Step[];
  /** Of the first calls. */
  fates: string[];
  /** With which call the node dies. */
  death: number | null;
}
const plans = (troubles: boolean): fc.Arbitrary<Plan[]> =>
  fc.array(
    fc.record({
      has: fc.subarray(everybody),
      steps: fc.array(troubles ? step : step.filter((one) => one.do !== "silence"), { maxLength: 3, size: "max" }),
      fates: troubles ? fc.array(fate, { maxLength: 40, size: "max" }) : fc.constant([]),
      death: troubles ? fc.option(fc.nat(40)) : fc.constant(null),
    }),
    { minLength: everywhere.length, maxLength: everywhere.length },
  );

/** While it is on, calls are in turn, and what can go wrong does. */
interface Race {
  isOn: boolean;
  inTurn<T>(call: () => Promise<T>): Promise<T>;
}

/** A node that keeps Redis to what it wants, as a registration does: one call at a time, again if it fails, anew if taken for dead. */
class Node {
  readonly keys: OnlineKeys;
  readonly wanted = new Set<number>();
  readonly came: number[] = [];
  readonly gone: number[] = [];
  /** Names that it does not go by: before this one, or asked for without an answer. */
  readonly former: string[] = [];
  name: string;
  isDead = false;
  /** Died with work under way for which only the ends of the keys' lives make up. */
  leftRuins = false;
  #due = new Set<number>();
  #silenced = false;
  #sweeping = false;
  #calls = 0;
  readonly #plan: Plan;
  readonly #race: Race;

  constructor(name: string, plan: Plan, race: Race) {
    [this.name, this.#plan, this.#race] = [name, plan, race];
    const redis = askedBy(clients[0] as Redis, {
      call: (ms, command, ...args) => this.#call(() => owner(keysOf(command, args)).call(ms, command, ...args)),
      script: (ms, script, keys, args) => this.#call(() => owner(keys).script(ms, script, keys, args)),
    });
    this.keys = onlineKeys(Object.assign(redis, { isSharded: true }), 0);
  }

  #call<T>(call: () => Promise<T>): Promise<T> {
    return this.#race.isOn ? this.#race.inTurn(() => this.#meet(call)) : call();
  }

  async #meet<T>(call: () => Promise<T>): Promise<T> {
    const { fates, death } = this.#plan;
    const at = this.#calls++;
    if (this.isDead) throw new RedisUnavailable("disconnected");
    if (at === death) {
      this.isDead = true;
      this.leftRuins = this.#sweeping || this.#silenced;
    }
    // What a sweep leaves unfinished is only made up for when keys end, which is told of deaths.
    const fate = this.#sweeping ? "answered" : (fates[at] ?? "answered");
    if (fate === "unsent") throw new RedisUnavailable("disconnected");
    const reply = await call();
    if (this.isDead || fate === "unanswered") throw new RedisUnavailable("timeout");
    return reply;
  }

  async begin(): Promise<void> {
    await this.keys.join(this.name, life);
    for (const userId of this.#plan.has) this.wanted.add(userId);
    if (this.wanted.size > 0) await this.write([...this.wanted]);
  }

  async run(nodes: readonly Node[]): Promise<void> {
    for (const one of this.#plan.steps) {
      if (this.isDead) return;
      await this.#take(one, nodes).catch(onlyUnavailable);
    }
  }

  async #take(one: Step, nodes: readonly Node[]): Promise<void> {
    const other = "other" in one ? nodes[one.other] : undefined;
    switch (one.do) {
      case "add":
        for (const userId of one.users) this.wanted.add(userId);
        return this.write(one.users);
      case "remove":
        for (const userId of one.users) this.wanted.delete(userId);
        return this.write(one.users);
      case "renew":
        await this.#rename();
        await this.write([]);
        return this.#retire();
      case "sweep":
        this.#sweeping = true;
        for (let cursor = ""; cursor !== "0" && !this.isDead;) cursor = await this.#sweep(cursor);
        this.#sweeping = false;
        return;
      case "reap":
        if (other !== undefined && other !== this) await this.reap(other.name, false);
        return;
      case "silence":
        await other?.silence();
    }
  }

  async #sweep(cursor: string): Promise<string> {
    const { next, gone } = await this.keys.sweep(this.name, cursor || "0");
    this.gone.push(...gone);
    return next;
  }

  /** Nobody has heard of it for too long. */
  async silence(): Promise<void> {
    this.#silenced = true;
    for (const name of [...this.former, this.name]) await ask("ZADD", "presence:nodes", "XX", 1, name);
  }

  async write(userIds: readonly number[]): Promise<void> {
    for (const userId of userIds) this.#due.add(userId);
    while (this.#due.size > 0) {
      const due = [...this.#due];
      const [adds, removes] = [true, false].map((on) => due.filter((userId) => this.wanted.has(userId) === on));
      const [came, gone] = await together([
        adds?.length ? this.keys.add(this.name, adds) : Promise.resolve([]),
        removes?.length ? this.keys.remove(this.name, removes) : Promise.resolve([]),
      ]);
      this.gone.push(...gone);
      for (const userId of removes ?? []) this.#due.delete(userId);
      if (came === undefined) await this.#rename();
      else for (const userId of adds ?? []) this.#due.delete(userId);
      this.came.push(...(came ?? []));
    }
  }

  async #rename(): Promise<void> {
    const next = `${this.name}${this.former.length}`;
    this.former.push(next);
    await this.keys.join(next, life);
    this.former[this.former.length - 1] = this.name;
    this.name = next;
    this.#due = new Set([...this.#due, ...this.wanted]);
  }

  async #retire(): Promise<void> {
    for (const name of this.former) await this.reap(name, true);
  }

  async reap(name: string, own: boolean): Promise<void> {
    for (let more = true; more;) {
      const part = await this.keys.reap(name, own);
      this.gone.push(...part.gone);
      ({ more } = part);
    }
  }

  /** Nothing goes wrong any more: what is due is done, and the dead are taken off. */
  async finish(): Promise<void> {
    const { alive, silent } = await this.keys.beat(this.name, life);
    if (!alive) await this.#rename();
    await this.write([]);
    await this.#retire();
    for (const name of silent) await this.reap(name, false);
  }

  async refreshAndSweep(): Promise<void> {
    await this.write([...this.wanted]);
    await this.#sweep("0");
  }
}

function onlyUnavailable(error: unknown): void {
  if (!(error instanceof RedisUnavailable)) throw error;
}

/** Everything that has users, by key. */
async function shown(nodes: readonly Node[]): Promise<Record<string, string[]>> {
  const living = new Set(nodes.map(({ name }) => name));
  const found = await Promise.all(clients.map((client) => client.call(0, "KEYS", "*")));
  const all: Record<string, string[]> = { "presence:nodes": texts(await ask("ZRANGE", "presence:nodes", 0, -1)) };
  for (const key of found.flatMap(texts)) {
    if (/^online:\d+$/.test(key)) all[key] = texts([await ask("GET", key)]);
    else if (key !== "presence:nodes") all[key] = texts(await ask("SMEMBERS", key));
    // Dead ones are struck off when somebody looks.
    if (key.startsWith("presence:user:")) all[key] = (all[key] ?? []).filter((name) => living.has(name));
    if (all[key]?.length === 0) delete all[key];
  }
  return all;
}

function right(nodes: readonly Node[]): Record<string, string[]> {
  const all: Record<string, string[]> = { "presence:nodes": nodes.map(({ name }) => name).toSorted() };
  for (const { name, wanted } of nodes) {
    if (wanted.size > 0) all[`presence:node:${name}`] = [...wanted].map(String).toSorted();
    for (const userId of wanted) (all[`presence:user:${userId}`] ??= []).push(name);
  }
  const online = everybody.filter((userId) => nodes.some(({ wanted }) => wanted.has(userId)));
  for (const userId of online) {
    all[`online:${userId}`] = ["1"];
    all[`presence:user:${userId}`]?.sort();
  }
  return online.length === 0 ? all : { ...all, "online:users": online.map(String) };
}

/** What happens to keys that nobody writes for 90 s. */
async function endLives(nodes: readonly Node[]): Promise<void> {
  for (const userId of everybody) for (const key of ["online", "presence:user"]) await ask("DEL", `${key}:${userId}`);
  for (const { name, isDead } of nodes) if (isDead) await ask("DEL", `presence:node:${name}`);
}

/** Runs the plans at once, their calls in the order that the scheduler likes. */
async function runAll(all: readonly Plan[], scheduler: fc.Scheduler): Promise<Node[]> {
  await Promise.all(clients.map((client) => client.call(0, "FLUSHALL")));
  const race: Race = {
    isOn: false,
    async inTurn(call) {
      await scheduler.schedule(Promise.resolve());
      const answer = call();
      underWay = answer;
      return answer;
    },
  };
  const nodes = all.map((plan, at) => new Node(`${at}`, plan, race));
  for (const node of nodes) await node.begin();
  race.isOn = true;
  await scheduler.waitFor(Promise.all(nodes.map((node) => node.run(nodes))));
  race.isOn = false;
  return nodes;
}

test("one node's last device of a user goes while another node's first one comes, or that node gets a new name", async () => {
  const go: Step = { do: "remove", users: [1] };
  const come: Step = { do: "add", users: [1] };
  const plan = (has: number[], steps: Step[]): Plan => ({ has, steps, fates: [], death: null });
  const others = fc.constantFrom(plan([], [come]), plan([], [come, go]), plan([1], [{ do: "renew" }]));
  const duels = others.map((other) => [plan([1], [go]), other]);
  await fc.assert(
    fc.asyncProperty(duels, scheduler, async (all, scheduler) => {
      const nodes = await runAll(all, scheduler);
      expect(await shown(nodes)).toEqual(right(nodes));
    }),
    { numRuns: 600 },
  );
});

test("whatever comes between the calls: when all have ended, what is shown is what the nodes have, and it was told", async () => {
  await fc.assert(
    fc.asyncProperty(plans(false), scheduler, async (all, scheduler) => {
      const nodes = await runAll(all, scheduler);
      expect(await shown(nodes)).toEqual(right(nodes));
      const [came, gone] = [nodes.flatMap((node) => node.came), nodes.flatMap((node) => node.gone)];
      for (const userId of everybody) {
        if (nodes.some(({ wanted }) => wanted.has(userId))) expect(came).toContain(userId);
        else if (came.includes(userId)) expect(gone).toContain(userId);
      }
    }),
    { numRuns: 300 },
  );
});

test("calls fail, nodes die in between or are taken for dead: what is left is repaired by the next refresh and sweep", async () => {
  await fc.assert(
    fc.asyncProperty(plans(true), scheduler, async (all, scheduler) => {
      const nodes = await runAll(all, scheduler);
      for (const node of nodes) if (node.isDead) await node.silence();
      // There is always somebody who notices.
      const calm: Race = { isOn: false, inTurn: (call) => call() };
      const heir = new Node("heir", { has: [], steps: [], fates: [], death: null }, calm);
      await heir.begin();
      const living = [...nodes.filter(({ isDead }) => !isDead), heir];
      for (const node of living) await node.finish();
      if (nodes.some(({ leftRuins }) => leftRuins)) await endLives(nodes);
      for (const node of living) await node.refreshAndSweep();
      expect(await shown(living)).toEqual(right(living));
    }),
    { numRuns: 300 },
  );
});
