import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { program, startOmServer, type OmServer } from "@om/services";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createApi } from "../api.ts";
import { OmConnection } from "../connection.ts";
import { register, type Person } from "../testing/device.ts";
import { memoryTokens } from "../tokens.ts";
import { signIn, type SignInOptions } from "./account.ts";
import { createActions, type Actions } from "./actions.ts";
import { follow, applyConversation } from "./follow.ts";
import { startLineMode } from "./line-mode.ts";
import { createModel, selectedConversation, type Line, type Model } from "./model.ts";

let server: OmServer;
let home: string;
beforeAll(async () => {
  server = await startOmServer();
  home = mkdtempSync(join(tmpdir(), "om-chat-"));
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  rmSync(home, { recursive: true });
});

interface Chat extends AsyncDisposable {
  model: Model;
  actions: Actions;
  /** Enters lines one after another. @returns whether the last one was carried out */
  type(...lines: string[]): Promise<boolean>;
  until(condition: () => boolean): Promise<void>;
  lines(): Line[];
}

/** The chat of a user without a terminal. */
async function startChat(name: string, given: { person?: Person; print?: (line: string) => void } = {}): Promise<Chat> {
  const person = given.person ?? (await register(server.url, name));
  const api = createApi({ baseUrl: server.url, tokens: memoryTokens(person.tokens) });
  const connection = new OmConnection({ api, baseUrl: server.url, selfId: person.id });
  const model = createModel({ id: person.id, name });
  const waiting = new Set<() => void>();
  const look = (): void => {
    for (const check of waiting) check();
  };
  const actions = createActions({ api, connection, model, changed: look, quit: () => undefined });
  const lines = startLineMode({
    model,
    actions,
    input: Readable.from([]),
    print: given.print ?? (() => undefined),
    drained: () => connection.drained(),
  });
  follow(model, connection, (conversation) => {
    if (conversation !== undefined && conversation.id === model.openId) actions.seen(conversation);
    lines.show(conversation);
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
      let done = false;
      for (const line of lines) done = await actions.enter(line);
      return done;
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

const isSent = (chat: Chat): boolean => chat.lines().every(({ id }) => id > 0);
const texts = (chat: Chat): string[] => chat.lines().map(({ text }) => text);

test("two people make a group, invite, answer, change and delete their words, and leave", async () => {
  await using ann = await startChat("ann");
  await using bob = await startChat("bob");
  await ann.type("/group Hikers & friends", "first", "/invite");
  await bob.type((ann.model.notice?.text ?? "").replace("invite: ", ""));
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
  expect(bob.model.notice?.text).toBe("open somebody first: /open NAME");
});

test("a public group is joined by its handle; one that is not there, or not ours to invite to, is said", async () => {
  await using cat = await startChat("cat");
  await using dan = await startChat("dan");
  await cat.type("/group Books @books", "hello");
  await cat.until(() => isSent(cat));
  await dan.type("/join books");
  expect(texts(dan)).toEqual(["hello"]);
  await dan.type("/invite");
  expect(dan.model.notice?.text).toBe("forbidden");
  await dan.type("/join films");
  expect(dan.model.notice?.text).toBe("record not found");
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
  expect([selectedConversation(fay.model)?.isBlocked, fay.model.notice?.text]).toEqual([true, "eve is blocked"]);
  await eve.type("three");
  await eve.until(() => isSent(eve));
  await fay.type("/unblock");
  await eve.type("four");
  await fay.until(() => texts(fay).includes("four"));
  expect(texts(fay)).toEqual(["one", "two", "four"]);
  await fay.type("/edit nothing", "/nonsense");
  expect(fay.model.notice?.text).toBe("there is no /nonsense; /help shows what there is");
  await fay.type("/help");
  expect(fay.model.sheet?.some((row) => row.startsWith("/reply TEXT"))).toBe(true);
});

test("members are listed, removed and told; people, public groups and messages are found", async () => {
  await using gus = await startChat("gus");
  await using hal = await startChat("hal");
  await gus.type("/group Chess @chessclub", "سلام علي", "A Café");
  await gus.until(() => isSent(gus));
  await gus.type("/invite");
  await hal.type((gus.model.notice?.text ?? "").replace("invite: ", ""));
  await gus.type("/members");
  // Who is there is told of people one has written with.
  expect(gus.model.sheet).toEqual([expect.stringMatching(/^[●○] gus$/), expect.stringMatching(/^[●○] hal$/)]);
  await hal.type("/search سلام علی");
  expect(hal.model.sheet?.slice(1)).toEqual([expect.stringMatching(/^\d+ \w+ 20\d\d \d\d:\d\d gus: سلام علي$/)]);
  await hal.type("/search cafe");
  expect(hal.model.sheet?.[0]).toBe("1 with “cafe”");
  await hal.type("/find ches");
  expect(hal.model.sheet).toEqual(["/join chessclub  Chess"]);
  await gus.type("bye");
  await hal.until(() => texts(hal).includes("bye"));
  await gus.type("/kick hal");
  expect(gus.model.notice?.text).toBe("hal is no longer in Chess");
  await hal.until(() => hal.model.conversations.size === 0);
});

test("what is pasted is sent as it is, in all its lines; what is too long is refused before it is sent", async () => {
  await using ida = await startChat("ida");
  await using jon = await startChat("jon");
  await ida.type("/open jon");
  expect(await ida.actions.enter("/leave\nnow", { isText: true })).toBe(true);
  // Characters are counted as the server does.
  expect(await ida.type("😀".repeat(16_000))).toBe(true);
  expect(await ida.type("😀".repeat(16_001))).toBe(false);
  expect(ida.model.notice?.text).toBe("the message is longer than 16,000 characters");
  await jon.until(() => jon.model.conversations.size === 1);
  await jon.type("/open ida");
  await jon.until(() => jon.lines().length === 2);
  expect(texts(jon)).toEqual(["/leave\nnow", "😀".repeat(16_000)]);
});

test("scrolling reaches the first message", async () => {
  await using kim = await startChat("kim");
  const person = await register(server.url, "lea");
  const wanted = Array.from({ length: 230 }, (_, i) => `m${i}`);
  await kim.type("/open lea", ...wanted);
  await kim.until(() => kim.lines().every(({ id }) => id > 0));
  await using lea = await startChat("lea", { person });
  await lea.type("/open kim");
  expect(texts(lea).length).toBeLessThan(230);
  for (let page = 0; page < 3; page += 1) await lea.actions.older();
  expect(texts(lea)).toEqual(wanted);
  expect(selectedConversation(lea.model)?.complete).toBe(true);
});

/** Signs in as somebody who answers questions in turn. */
async function enter(options: Partial<SignInOptions>, ...answers: string[]) {
  const [questions, told] = [[] as string[], [] as string[]];
  const account = await signIn({
    server: server.url,
    user: undefined,
    email: undefined,
    password: undefined,
    folder: join(home, "accounts"),
    ask: (question, isSecret) => {
      questions.push(`${question}${isSecret ? "(secret)" : ""}`);
      return Promise.resolve(answers.shift() ?? "");
    },
    tell: (line) => void told.push(line),
    ...options,
  });
  return { account, questions, told };
}

const files = (): string[] => readdirSync(join(home, "accounts")).map((name) => join(home, "accounts", name));

test("a new account asks for its password and keeps tokens, no password, for its owner only; it is let in again without a question", async () => {
  const first = await enter({ user: "Mia" }, "short", "a long enough password");
  expect(first.questions).toHaveLength(2);
  expect(first.questions[0]).toBe("Mia is a new account. Choose a password (Enter makes one): (secret)");
  const [path = ""] = files();
  expect(readFileSync(path, "utf8")).not.toMatch(/a long enough password|"password"/);
  expect(statSync(path).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, "accounts")).mode & 0o777).toBe(0o700);
  const again = await enter({ user: "mia" });
  expect([again.questions, again.account.self]).toEqual([[], first.account.self]);
});

test("an account that was made elsewhere is entered with its e-mail and password, by name or by e-mail; wrong ones are asked for again", async () => {
  await register(server.url, "noa");
  const byName = await enter(
    { user: "noa" },
    "noa@example.org",
    "wrong password",
    "noa@example.org",
    "a long password",
  );
  expect(byName.questions.slice(0, 2)).toEqual(["E-mail of noa: ", "Password of noa@example.org: (secret)"]);
  expect([byName.told, byName.account.self.name]).toEqual([["Invalid credentials"], "noa"]);
  const byEmail = await enter({ email: "noa@example.org" }, "a long password");
  expect([byEmail.questions, byEmail.account.self]).toEqual([
    ["Password of noa@example.org: (secret)"],
    byName.account.self,
  ]);
  const nobodyThere = enter({ email: "noa@example.org", folder: join(home, "other"), ask: undefined });
  await expect(nobodyThere).rejects.toThrow("its password in OM_PASSWORD");
  for (const path of files()) expect(readFileSync(path, "utf8")).not.toContain("a long password");
});

/** The chat as a program, with lines on its input. */
async function chat(args: string[], input: string): Promise<{ code: number; out: string; err: string }> {
  const child = spawn(process.execPath, [...program("client/src/chat/main.ts"), "--server", server.url, ...args], {
    env: { ...process.env, HOME: home },
  });
  child.stdin.end(input);
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: Number(code), out, err };
}

test("the exit code is 1 when nothing was sent, or not everything; the password that was made is told once", async () => {
  const made = await chat(["--user", "ola"], "");
  expect([made.code, made.err]).toEqual([0, expect.stringMatching(/has the password \S{24}\nIt is not kept here/)]);
  expect(await chat(["--user", "ola", "--with", "nobody_here"], "hello\n")).toMatchObject({
    code: 1,
    err: expect.stringContaining("User not found"),
  });
  expect((await chat(["--user", "ola", "--with", "ola"], "")).code).toBe(1);
  expect(await chat(["--user", "ola", "--with", "ola"], "hello\n")).toEqual({ code: 0, out: "", err: "" });
  expect(await chat(["--user", "ola", "--with", "ola"], `hello\n${"x".repeat(16_001)}\n`)).toMatchObject({ code: 1 });
});

test("a stranger's messages and group cannot write to the terminal of whoever was added to it and removed", async () => {
  const evil = "\x1b]0;OWNED\x07\x1b]52;c;Y3VybA==\x07\x1b[2J";
  const printed: string[] = [];
  await using quin = await startChat("quin", { print: (line) => void printed.push(line) });
  const { api } = await register(server.url, "rex");
  const { id } = await api.createGroup({ body: { name: "a group" } });
  await api.addMember({ params: { id }, body: { user_id: quin.model.self.id } });
  await api.groupSend({ params: { id }, body: { client_id: "evil", content: `${evil}hi` } });
  await quin.until(() => printed.length > 0);
  await api.removeMember({ params: { id, user_id: quin.model.self.id } });
  await quin.until(() => printed.length > 1);
  expect(printed).toEqual([
    expect.stringMatching(/^(a group|group \d+)\/rex: \]0;OWNED\]52;c;Y3VybA==\[2Jhi$/),
    "* you are no longer in a group",
  ]);
});
