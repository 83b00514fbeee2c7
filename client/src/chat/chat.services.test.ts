import { startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "../api.ts";
import { OmConnection } from "../connection.ts";
import { register } from "../testing/device.ts";
import { memoryTokens } from "../tokens.ts";
import { createActions, type Actions } from "./actions.ts";
import { follow, applyConversation } from "./follow.ts";
import { createModel, selectedConversation, type Line, type Model } from "./model.ts";

let server: OmServer;
beforeAll(async () => {
  server = await startOmServer();
});
afterAll(() => server[Symbol.asyncDispose]());

interface Chat extends AsyncDisposable {
  model: Model;
  actions: Actions;
  /** Enters lines one after another. */
  type(...lines: string[]): Promise<void>;
  until(condition: () => boolean): Promise<void>;
  lines(): Line[];
}

/** The chat of a user without a terminal. */
async function startChat(name: string): Promise<Chat> {
  const person = await register(server.url, name);
  const api = createApi({ baseUrl: server.url, tokens: memoryTokens(person.tokens) });
  const connection = new OmConnection({ api, baseUrl: server.url, selfId: person.id });
  const model = createModel({ id: person.id, name });
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const actions = createActions({ api, connection, model, changed: look, quit: () => undefined });
  follow(model, connection, (conversation) => {
    if (conversation !== undefined && conversation.id === model.openId) actions.seen(conversation);
    look();
  });
  const { conversations } = await api.conversations();
  for (const conversation of conversations) applyConversation(model, conversation);
  await connection.whenLive();
  return {
    model,
    actions,
    lines: () => selectedConversation(model)?.lines ?? [],
    async type(...lines) {
      for (const line of lines) await actions.enter(line);
    },
    until: (condition) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (!condition()) return;
          waiting.delete(check);
          resolve();
        };
        waiting.add(check);
        check();
      }),
    [Symbol.asyncDispose]: () => connection[Symbol.asyncDispose](),
  };
}

const texts = (chat: Chat): string[] => chat.lines().map(({ text }) => text);

test("two people make a group, invite, answer, change and delete their words, and leave", async () => {
  await using ann = await startChat("ann");
  await using bob = await startChat("bob");
  await ann.type("/group Hikers & friends", "first", "/invite");
  await bob.type(ann.model.notice.replace("invite: ", ""));
  expect([selectedConversation(bob.model)?.name, texts(bob)]).toEqual(["Hikers & friends", ["first"]]);
  await bob.type("/reply answer");
  await ann.until(() => texts(ann).includes("answer"));
  expect(ann.lines()[1]).toMatchObject({ name: "bob", quote: { name: "ann", text: "first" } });
  await ann.type("/edit first of all");
  await bob.until(() => texts(bob)[0] === "first of all");
  expect(bob.lines().map(({ isEdited, quote }) => [isEdited, quote?.text])).toEqual([
    [true, undefined],
    [undefined, "first of all"],
  ]);
  await bob.until(() => bob.lines()[1]?.id !== 0);
  await ann.type("second");
  await ann.until(() => ann.lines().every(({ id }) => id > 0 && id <= (selectedConversation(ann.model)?.read ?? 0)));
  await ann.type("/delete", "/delete");
  await bob.until(() => bob.lines().length === 1);
  expect([texts(bob), bob.lines()[0]?.quote]).toEqual([["answer"], undefined]);
  await bob.type("/leave");
  expect([bob.model.conversations.size, bob.model.openId]).toEqual([0, undefined]);
  await bob.type("/leave");
  expect(bob.model.notice).toBe("open somebody first: /open NAME");
});

test("a public group is joined by its handle; one that is not there, or not ours to invite to, is said", async () => {
  await using cat = await startChat("cat");
  await using dan = await startChat("dan");
  await cat.type("/group Books @books", "hello");
  await dan.type("/join books");
  expect(texts(dan)).toEqual(["hello"]);
  await dan.type("/invite");
  expect(dan.model.notice).toBe("forbidden");
  await dan.type("/join films");
  expect(dan.model.notice).toBe("record not found");
  const name = [...cat.model.conversations.keys()][0] ?? "";
  await dan.type("/open cat");
  await cat.type("who is here?");
  await dan.until(() => dan.model.conversations.get(name)?.unread === 1);
});

test("what is read while the conversation is open reaches its author; who is blocked is marked, and not heard", async () => {
  await using eve = await startChat("eve");
  await using fay = await startChat("fay");
  await eve.type("/open fay", "one");
  await fay.until(() => fay.model.conversations.size === 1);
  await fay.type("/open eve");
  await eve.type("two");
  await eve.until(() => eve.lines().every(({ id }) => id > 0 && id <= (selectedConversation(eve.model)?.read ?? 0)));
  await fay.type("/block");
  expect([selectedConversation(fay.model)?.isBlocked, fay.model.notice]).toEqual([true, "eve is blocked"]);
  await eve.type("three");
  await eve.until(() => eve.lines().every(({ id }) => id > 0));
  await fay.type("/unblock");
  await eve.type("four");
  await fay.until(() => texts(fay).includes("four"));
  expect(texts(fay)).toEqual(["one", "two", "four"]);
  await fay.type("/edit nothing", "/nonsense");
  expect([fay.model.showsHelp, fay.model.notice.includes("/reply TEXT")]).toEqual([true, true]);
});
