import { describe, expect, test } from "vitest";
import { presenceSuite, shortGrace, type OpenedPresence } from "../../tests/fixtures/presence-suite.ts";
import { createLocalPresence } from "./local-presence.ts";
import type { PresenceChange } from "./presence.ts";

async function open(): Promise<OpenedPresence> {
  const presence = createLocalPresence({ graceMs: shortGrace });
  const changes: PresenceChange[] = [];
  presence.onChange((change) => changes.push(change));
  return { presence, changes, [Symbol.asyncDispose]: () => presence[Symbol.asyncDispose]() };
}

describe("presence of a single node", () => {
  presenceSuite(open);

  test("is exact at every moment: the last socket's end shows at once", async () => {
    await using opened = await open();
    const { presence } = opened;
    presence.userConnected(7);
    presence.userConnected(8);
    presence.userDisconnected(7);
    const online = await presence.lookup([7, 8]);
    expect([online(7), online(8), await presence.count()]).toEqual([false, true, 1]);
  });
});
