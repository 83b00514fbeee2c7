/** One place of the server that is made wrong. */
export interface Mutation {
  /** From the root of the repository. */
  file: string;
  /** It must stand there exactly once. */
  find: string;
  replace: string;
}

/** A server that breaks a rule, and by which check that has to show. */
export interface Mutant {
  /** What it does wrong, in words. */
  does: string;
  mutations: readonly Mutation[];
}

const history = "server/src/messages/read-history.ts";

/**
 * Broken servers: a run with any of them has to fail, or the checks would prove nothing. The first ones need no cache, they break
 * what every read does.
 */
export const mutants: Record<string, Mutant> = {
  staleMemory: {
    does: "remembers pages for 300 ms, whatever is written meanwhile",
    mutations: [
      {
        file: history,
        find: "  const row = await store.history(place, caller.userId, { before, limit });",
        replace: `  const name = JSON.stringify([place, caller.userId, before, limit]);
  const known = remembered.get(name);
  const row = known !== undefined && Date.now() - known.at < 300 ? known.row : await store.history(place, caller.userId, { before, limit });
  if (known === undefined || row !== known.row) remembered.set(name, { at: Date.now(), row });`,
      },
      {
        file: history,
        find: "interface Deps {",
        replace:
          'const remembered = new Map<string, { at: number; row: Awaited<ReturnType<MessageStore["history"]>> }>();\n\ninterface Deps {',
      },
    ],
  },
  lostEdit: {
    does: "answers an edit without having written its text",
    mutations: [
      {
        file: "server/src/messages/read-history.ts",
        find: "const messages = row === undefined ? [] : toMessages(row, caller.userId, views);",
        replace:
          'const messages = row === undefined ? [] : toMessages(row, caller.userId, views).map((message) => ({ ...message, content: message.content.split(", or rather")[0] ?? "" }));',
      },
    ],
  },
};
