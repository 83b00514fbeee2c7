import type { Act } from "@om/protocol";
import type { ActsVerified } from "../acts/verify-acts.ts";
import { UsageError, type Command, type Said } from "./command.ts";
import { find } from "./user-commands.ts";

const page = 1_000;

export const auditCommands: Record<string, Command> = {
  "audit list": {
    takes: "",
    does: "What those in charge did, the newest first.",
    options: {
      who: { type: "string", meaning: "somebody who did it, or to whom it was done" },
      limit: { type: "string", meaning: "how many; default: 50" },
    },
    async run(operator, { values }) {
      const limit = String(values["limit"] ?? "50");
      if (!/^[1-9]\d{0,6}$/.test(limit)) throw new UsageError("--limit: a whole number from 1");
      const who = values["who"];
      const about = who === undefined ? undefined : await find(operator, [String(who)]);
      const all: Act[] = [];
      for (let more = true; more;) {
        const wanted = Math.min(page, Number(limit) - all.length);
        const before = all.at(-1)?.id ?? Number.MAX_SAFE_INTEGER;
        const found = await operator.acts({ about, before, limit: wanted });
        all.push(...found);
        more = found.length === page && all.length < Number(limit);
      }
      return { json: all, text: all.map(row) };
    },
  },
  "audit verify": {
    takes: "",
    does: "Reads the audit log again: finds acts that were changed, are missing or were reordered.",
    options: { head: { type: "string", meaning: "NR:HASH, which a log line of the server once told as the newest" } },
    async run(operator, { values: { head } }) {
      const [, nr, hash = ""] = /^(\d{1,15}):([0-9a-f]{64})$/.exec(String(head)) ?? [];
      if (head !== undefined && nr === undefined) throw new UsageError("--head: a number, a colon and 64 digits");
      return said(await operator.verifyActs(nr === undefined ? [] : [{ nr: Number(nr), hash }]));
    },
  },
};

const row = ({ id, at, actor_id, actor, origin, act, user_id, user, group_id, details }: Act) => ({
  id,
  at,
  who: actor_id === null ? "–" : `${actor} (${actor_id})`,
  from: origin,
  act,
  whom: user_id === null ? "–" : `${user} (${user_id})`,
  group: group_id,
  details: Object.keys(details).length === 0 ? "" : details,
});

export const historyCommands: Record<string, Command> = {
  "history verify": {
    takes: "",
    does: "Compares all messages with the checksums that the server made of them when they were a minute old.",
    options: { accept: { type: "boolean", meaning: "take what is found as right from now on" } },
    async run(operator, { values }) {
      const found = await operator.verifyHistory(values["accept"] === true);
      const { messages, faults, renewed, open } = found;
      const verdict = faults.length === 0 ? "Nothing is wrong" : "WRONG";
      const summary = `${verdict}: ${messages} messages compared, of which ${renewed} were revised since; ${open} are too new`;
      return { json: found, text: [...faults.map(({ text }) => text), summary].join("\n"), failed: faults.length > 0 };
    },
  },
};

function said(found: ActsVerified): Said {
  const { acts, faults, sealed, head } = found;
  const lines = faults.map(({ text }) => text);
  const seal = sealed === undefined ? "not sealed yet" : `sealed up to act ${sealed.nr} at ${sealed.at}`;
  const summary = `${faults.length === 0 ? "Nothing is wrong" : "WRONG"}: ${acts} acts, ${seal}; the newest is ${head.nr}:${head.hash}`;
  return { json: found, text: [...lines, summary].join("\n"), failed: faults.length > 0 };
}
