/** One place of the server that is made wrong. */
export interface Mutation {
  /** From the root of the repository. */
  file: string;
  /** It must stand there exactly once. */
  find: string;
  replace: string;
}

/** A server that breaks a rule of the cache, which a run has to notice. */
export interface Mutant {
  /** What it does, in words. */
  does: string;
  mutations: readonly Mutation[];
  /** Faults without which that does not show; none: it shows by itself. */
  faults?: readonly string[];
  /** It is slow, not wrong: a run with it has to pass. */
  passes?: true;
}

const cache = (file: string, find: string, replace: string): Mutation => ({
  file: `server/src/cache/${file}`,
  find,
  replace,
});
const sleep = (ms: number): string => `new Promise((resolve) => setTimeout(resolve, Math.random() * ${ms}))`;

/** Packets may be late or lost and writers slow, so these change nothing that is promised; they give what is wrong the time to show. */
const lateFillsBy = (ms: number): Mutation =>
  cache(
    "entries.ts",
    "    redis.script(fillDeadline, scripts.fill, [key], [epoch, token, made.entry, made.ttl]).then(",
    `    ${sleep(ms)}
      .then(() => redis.script(fillDeadline, scripts.fill, [key], [epoch, token, made.entry, made.ttl])).then(`,
  );
const lateCommitsBy = (ms: number): Mutation =>
  cache(
    "cache-writes.ts",
    `marked = await marks.mark(changed, under);
    await step?.("write-marked");`,
    `marked = await marks.mark(changed, under);
    await ${sleep(ms)};`,
  );
const latePostsBy = (ms: number): Mutation =>
  cache("marks.ts", "      post(posts, epoch);", `      void ${sleep(ms)}.then(() => post(posts, epoch));`);
/** For so long in each second no mark of a writer is sent, so that only rows in the database tell of its changes. */
const lostMarksFor = (ms: number): Mutation =>
  cache(
    "marks.ts",
    "    const outcomes =",
    `    if (Date.now() % 1_000 < ${ms}) return undefined;\n    const outcomes =`,
  );

/** Whatever is in Redis may be gone at any time: here counters are before every second look. */
const vanishingCounters = cache(
  "scripts/look.lua",
  "for i, key in ipairs(KEYS) do",
  "for i, key in ipairs(KEYS) do\n  if i > entries and redis.call('TIME')[2] % 2 == 0 then redis.call('DEL', key) end",
);

const noProbe = cache("loader.ts", "if (free.shift() === true)", "if (free.shift() !== undefined)");
const anyToken = cache("scripts/fill.lua", " or string.sub(h, 26, 33) ~= ARGV[2]", "");
const noMark = cache(
  "marks.ts",
  "    const started = performance.now();",
  "    if (changed.length > 0) return new Set(changed.map(({ key }) => key));\n    const started = performance.now();",
);

/** What answers show of such objects is not noted. */
const unrecorded = (kind: string): Mutation =>
  cache(
    "recorder.ts",
    "      for (const [index, id] of ids.entries()) {\n        const [key, ver]",
    `      if (source.name === "${kind}") return found;
      for (const [index, id] of ids.entries()) {\n        const [key, ver]`,
  );

/** Broken servers, by the rule that they break: a run with any of them has to fail, or the checks would prove nothing. */
export const mutants: Record<string, Mutant> = {
  harmlessDelays: {
    does: "fills and posts up to 60 ms late, commits up to 15 ms, which must not matter",
    mutations: [lateFillsBy(60), lateCommitsBy(15), latePostsBy(60)],
    passes: true,
  },
  harmlessLosses: {
    does: "sends no mark for 300 ms of each second and loses counters, which must not matter",
    mutations: [lostMarksFor(300), vanishingCounters],
    passes: true,
  },
  noProbe: {
    does: "stores what it read although a writer was at work",
    mutations: [noProbe, lateCommitsBy(60), latePostsBy(1_000)],
  },
  noMark: {
    does: "commits without a mark",
    mutations: [noMark, latePostsBy(2_000)],
  },
  noLease: {
    does: "stores what it read whether or not its lease still holds",
    mutations: [anyToken, lateFillsBy(500)],
  },
  postCreates: {
    does: "appends a change to an entry that lacks what came before it",
    mutations: [cache("scripts/post.lua", "elseif ver ~= prev then", "elseif false then"), latePostsBy(60)],
  },
  readBeforeProbe: {
    does: "reads first and asks then whether a writer is at work",
    mutations: [
      cache(
        "loader.ts",
        `    const free = locks.length === 0 ? [] : [...(await options.probe(locks))];
    const rows = await source.load(
      wishes.map(({ id }) => id),
      locks.length > 0,
    );`,
        `    const rows = await source.load(
      wishes.map(({ id }) => id),
      locks.length > 0,
    );
    await ${sleep(200)};
    const free = locks.length === 0 ? [] : [...(await options.probe(locks))];`,
      ),
      lateCommitsBy(150),
      latePostsBy(1_000),
    ],
  },
  noDirtyRows: {
    does: "forgets to say in the database which keys it could not mark",
    mutations: [
      {
        file: "server/sql/functions/add-dirty.sql",
        find: `  insert into cache_dirty (key, ver) select d.key, d.ver from unnest(p_keys, p_vers) as d(key, ver);
  get diagnostics added = row_count;`,
        replace: "  added := 0;",
      },
    ],
    faults: ["Redis refused", "Redis swallowed", "Redis late", "Redis reset"],
  },
  epochIgnored: {
    does: "serves entries of another epoch, as a restarted or promoted Redis has them",
    mutations: [
      cache("entries.ts", "if (header.epoch !== at.epoch || !header.hasBody)", "if (!header.hasBody)"),
      cache("scripts/lease.lua", "header(key, epoch)", "header(key)"),
    ],
    faults: ["Redis killed, comes back with old data", "failover to a replica that lags"],
  },
  answerForgetsPresence: {
    does: "keeps answers without noting whom they show as online",
    mutations: [
      cache(
        "recorder.ts",
        "observe: (observation, changes) => void observations.push({ observation, changes }),",
        "observe: () => undefined,",
      ),
    ],
  },
  answerForgetsProfiles: {
    does: "keeps answers without noting whose profiles they show",
    mutations: [unrecorded("profile")],
  },
  answerForgetsGroups: {
    does: "keeps answers without noting which groups they tell about",
    mutations: [unrecorded("about")],
  },
  answerKeptInPart: {
    does: "keeps answers of which a part came past the cache",
    mutations: [cache("recorder.ts", "bypass: () => void (recording.isComplete = false),", "bypass: () => undefined,")],
  },
  answerBelowFloor: {
    does: "keeps answers that are older than what this node has written or shown",
    mutations: [
      cache("answers.ts", "    raise: store.raise,", "    raise: () => undefined,"),
      cache("answers.ts", "recording.isComplete && !isOutdated &&", "recording.isComplete && (!isOutdated || true) &&"),
      lostMarksFor(300),
    ],
  },
  counterRestarts: {
    does: "begins a counter that was deleted at 1 instead of at a number that nobody has seen",
    mutations: [
      cache("scripts/look.lua", "h = string.format('%.0f', t[1] * 1000000 + t[2])", "h = '1'"),
      cache("scripts/mark.lua", "if redis.call('EXISTS', KEYS[i]) == 1 and type", "if type"),
      vanishingCounters,
    ],
  },
  lookShared: {
    does: "proves an answer by a look that began before it was asked for, half a second before at most",
    mutations: [
      cache(
        "witness.ts",
        "  return (keys) => {\n    if (next === undefined) {",
        `  return (keys) => {
    for (const look of under) if (keys.every((key) => look.keys.has(key))) return look.sight.promise;
    if (next === undefined) {`,
      ),
      cache("witness.ts", "  let running = 0;", "  let running = 0;\n  const under = new Set<Look>();"),
      cache(
        "witness.ts",
        `    next = undefined;
    running += 1;
    void send([...keys])
      .catch(() => undefined)
      .then((found) => {`,
        `    const look = next;
    under.add(look);
    next = undefined;
    running += 1;
    void send([...keys])
      .catch(() => undefined)
      .then((found) => {
        setTimeout(() => under.delete(look), 500);`,
      ),
    ],
  },
  deleteAfterCommit: {
    does: "caches as the first server did: deletes the keys after the commit, and stores whatever it has read",
    mutations: [
      noMark,
      noProbe,
      cache("scripts/fill.lua", "if not h or string.sub(h, 26, 33) ~= ARGV[2] then return 0 end", ""),
      cache(
        "marks.ts",
        "      post(posts, epoch);",
        `      void redis?.call(200, "DEL", ...changed.map(({ key }) => key)).catch(() => undefined);`,
      ),
    ],
  },
};
