import type { Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import {
  axeFindings,
  composer,
  expectTexts,
  openTalk,
  openTalkWith,
  openWorld,
  password,
  say,
  search,
  type Visitor,
  type World,
} from "./fixtures/browser.ts";

let world: World;
let ada: Visitor;
let bob: Visitor;
beforeAll(async () => {
  world = await openWorld();
  [ada, bob] = [await world.signUp("Ada"), await world.signUp("Bob")];
});
afterAll(() => world[Symbol.asyncDispose]());
afterEach(() => expect(world.complaints()).toEqual([]));

test("two people talk: unread, typing, ticks, presence, and all of it again after a reload", async () => {
  await openTalkWith(ada.page, "Bob");
  await say(ada.page, "Are you there?", "سلام، تا شب see you");
  await bob.page.getByText("2 unread messages").waitFor({ state: "attached" });
  await openTalk(bob.page, "Ada");
  await expectTexts(bob.page, ["Are you there?", "سلام، تا شب see you"]);
  expect(await bob.page.locator(".bubble").evaluateAll((all) => all.map((one) => one.getAttribute("dir")))).toEqual([
    "ltr",
    "rtl",
  ]);
  await ada.page.locator(".messages .tick.read").nth(1).waitFor();
  // Only those are told to whom one has written.
  await composer(ada.page).pressSequentially("?");
  await bob.page.locator(".title .typing").waitFor();
  await composer(ada.page).fill("");
  await composer(bob.page).pressSequentially("Yes");
  await composer(bob.page).press("Shift+Enter");
  await composer(bob.page).pressSequentially("I am");
  await composer(bob.page).press("Enter");
  const all = ["Are you there?", "سلام، تا شب see you", "Yes\nI am"];
  await expectTexts(ada.page, all);
  await ada.page.locator(".title").getByText("online").waitFor();
  expect(await bob.page.title()).toBe("OM Messenger");
  await ada.page.reload();
  await expectTexts(ada.page, all);
});

test("a server that is killed loses and doubles nothing, and what is typed meanwhile goes out once, in order", async () => {
  await say(ada.page, "before");
  await bob.page.locator(".messages").getByText("before").waitFor();
  await world.server.kill();
  await ada.page.getByText("No connection since").waitFor();
  await say(ada.page, "one", "two", "three");
  await say(bob.page, "four");
  await ada.page.locator(".messages").getByText("on its way").nth(2).waitFor({ state: "attached" });
  await world.server.start();
  await expect.poll(() => ada.page.locator(".messages").getByText("four").count(), { timeout: 40_000 }).toBe(1);
  await expect.poll(() => ada.page.getByText("on its way").count()).toBe(0);
  const seen = async ({ page }: Visitor) => (await page.locator(".messages .text").allTextContents()).slice(4);
  await expect
    .poll(async () => (await seen(bob)).toSorted(), { timeout: 30_000 })
    .toEqual(["four", "one", "three", "two"]);
  expect((await seen(bob)).filter((text) => text !== "four")).toEqual(["one", "two", "three"]);
  for (const visitor of [ada, bob]) {
    await visitor.page.reload();
    await expect.poll(async () => (await seen(visitor)).length).toBe(4);
  }
  expect(await seen(ada)).toEqual(await seen(bob));
});

test("a draft is there after a reload, another talk and a closed tab; drafts of two talks are two", async () => {
  await composer(ada.page).pressSequentially("half a thou");
  await ada.page.reload();
  await expect.poll(() => composer(ada.page).inputValue()).toBe("half a thou");
  await ada.page.goto(world.server.url);
  await ada.page.getByText("Draft:").waitFor();
  await ada.page.close();
  ada.page = await ada.context.newPage();
  await ada.page.goto(world.server.url);
  await openTalk(ada.page, "Bob");
  expect(await composer(ada.page).inputValue()).toBe("half a thou");
  await composer(ada.page).fill("");
});

test("two tabs have one line: what either sends goes out once, and the second goes on when the first is closed", async () => {
  const other = await ada.context.newPage();
  await other.goto(world.server.url);
  await openTalk(other, "Bob");
  await say(other, "from the second tab");
  await say(ada.page, "from the first tab");
  const ends = (page: typeof other) => page.locator(".messages .text").allTextContents();
  for (const page of [bob.page, other, ada.page])
    await expect
      .poll(async () => (await ends(page)).slice(-2).toSorted())
      .toEqual(["from the first tab", "from the second tab"]);
  await ada.page.close();
  await say(other, "and alone");
  await expect.poll(async () => (await ends(bob.page)).at(-1), { timeout: 20_000 }).toBe("and alone");
  await expect.poll(() => other.getByText("on its way").count()).toBe(0);
  ada.page = other;
});

test("a message is answered, edited, given an emoji and deleted; a picture is sent and opens large", async () => {
  const on = (page: Page, text: string) => page.locator(".messages article").filter({ hasText: text }).last();
  const act = async (page: Page, text: string, name: string): Promise<void> => {
    await on(page, text).click({ button: "right" });
    await page.getByRole("dialog").getByRole("button", { name, exact: true }).click();
  };
  await act(bob.page, "and alone", "Reply");
  await say(bob.page, "not **alone**, <b>no</b> javascript:alert(1)");
  await on(ada.page, "not alone").locator(".quote").getByText("and alone").waitFor();
  await expect.poll(() => on(ada.page, "not alone").locator("strong").last().textContent()).toBe("alone");
  await act(ada.page, "not alone", "👍");
  await on(bob.page, "not alone").getByRole("button", { name: "👍 1" }).waitFor();
  await act(bob.page, "not alone", "Edit");
  await say(bob.page, "changed my mind");
  await on(ada.page, "changed my mind").getByText("edited").waitFor();
  await act(bob.page, "changed my mind", "Delete for everybody");
  await bob.page.getByRole("button", { name: /no way back/ }).click();
  await expect.poll(() => on(ada.page, "changed my mind").count()).toBe(0);
  const png = Buffer.from(
    "iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAIAAABLbSncAAAAEUlEQVR4nGNQaEjAihiGlgQA8jBAAbIO7xUAAAAASUVORK5CYII=",
    "base64",
  );
  await bob.page.locator('input[type="file"]').setInputFiles({ name: "dot.png", mimeType: "image/png", buffer: png });
  await ada.page.getByRole("button", { name: "Open picture" }).click();
  const width = `document.querySelector(".large-picture")?.naturalWidth`;
  await expect.poll(() => ada.page.evaluate(width)).toBe(8);
  await ada.page.keyboard.press("Escape");
});

test("a group is made, and whoever follows its invite link comes into it by way of signing up", async () => {
  await ada.page.getByRole("button", { name: "New talk" }).click();
  await ada.page.getByRole("button", { name: "New group" }).click();
  await ada.page.getByLabel("Name of the group").fill("Readers");
  await ada.page.getByRole("button", { name: "Create group" }).click();
  await ada.page.getByRole("button", { name: "Readers" }).click();
  await ada.page.getByRole("button", { name: /Invite link/ }).click();
  const link = await ada.page.getByRole("textbox", { name: /Invite link/ }).inputValue();
  await ada.page.keyboard.press("Escape");
  const carol = await world.signUp("Carol", {}, new URL(link).pathname);
  await carol.page.getByRole("dialog").getByRole("button", { name: "Join" }).click();
  await carol.page.getByRole("heading", { name: "Readers" }).waitFor();
  await say(carol.page, "here I am");
  await ada.page.locator(".messages").getByText("here I am").waitFor();
  await carol.context.close();
  await openTalk(ada.page, "Bob");
});

test("hundreds of older messages come as one scrolls up, and what is looked at does not move", async () => {
  await bob.page.evaluate(manyMessages);
  const carol = await world.visit();
  await carol.getByLabel("E-mail or username").fill("ada");
  await carol.getByLabel("Password", { exact: true }).fill(password);
  await carol.getByRole("button", { name: "Sign in", exact: true }).click();
  await openTalk(carol, "Bob");
  await expect.poll(() => carol.locator(".messages article").last().textContent()).toContain("line 129");
  const jumps = (await carol.evaluate(`(${jumpsWhileScrollingUp})(document.querySelector(".messages"))`)) as number[];
  expect(jumps.filter((jump) => Math.abs(jump) > 1)).toEqual([]);
  expect(await carol.locator(".messages article").first().textContent()).toContain("Are you there?");
  await carol.getByRole("button", { name: /newest/ }).click();
  await expect.poll(() => carol.locator(".messages article").last().textContent()).toContain("line 129");
  await carol.context().close();
});

test("one field finds people, groups and messages; a hit and a quote are shown where they stand", async () => {
  const results = (title: string) => ada.page.locator(".results").filter({ hasText: title }).locator("a");
  const isInView = (page: Page, text: string) =>
    expect.poll(() => page.evaluate(`(${inView})(${JSON.stringify(text)})`), { timeout: 10_000 }).toEqual([true, text]);
  await search(ada.page, "read");
  await results("Talks").filter({ hasText: "Readers" }).waitFor();
  await search(ada.page, "carol");
  await results("People").filter({ hasText: "@carol" }).waitFor();
  await search(bob.page, "you ther");
  await expect.poll(() => bob.page.locator(".results mark").allTextContents()).toEqual(["you", "ther"]);
  await bob.page.locator(".results a").click();
  await isInView(bob.page, "Are you there?");
  expect(await axeFindings(bob.page)).toEqual([]);
  await bob.page.locator(".lit").click({ button: "right" });
  await bob.page.getByRole("dialog").getByRole("button", { name: "Reply" }).click();
  // What is said while an older place is looked at stands at the end, where it is shown.
  await say(bob.page, "answered late");
  for (const { page } of [bob, ada])
    await expect.poll(() => page.locator(".messages article").last().textContent()).toContain("answered late");
  await ada.page.locator(".messages article").last().locator(".quote").click();
  await isInView(ada.page, "Are you there?");
  const drift = `(${driftWhileWatching})(document.querySelector(".lit"))`;
  expect(await ada.page.evaluate(drift)).toBeLessThanOrEqual(1);
  // From there on everything is there, down to the end.
  for (let step = 0; (await ada.page.getByRole("button", { name: /newest/ }).count()) > 0 && step < 60; step++)
    await ada.page.evaluate(`document.querySelector(".messages").scrollBy(0, 4000)`);
  expect(await ada.page.locator(".messages article").last().textContent()).toContain("answered late");
  await ada.page.getByRole("button", { name: "Search in this talk" }).click();
  await search(ada.page, "line 77");
  await expect.poll(() => results("Messages").count()).toBe(1);
  await ada.page.keyboard.press("Escape");
  await openTalk(ada.page, "Bob");
});

test("on a phone, in Persian and in the dark everything fits, and axe finds nothing on any screen", async () => {
  const { page } = ada;
  const fits = "document.documentElement.scrollWidth <= innerWidth";
  const visitor = await world.visit();
  await visitor.getByRole("heading", { name: "Sign in" }).waitFor();
  expect(await axeFindings(visitor)).toEqual([]);
  await visitor.getByRole("button", { name: "I am new here" }).click();
  expect(await axeFindings(visitor)).toEqual([]);
  await visitor.context().close();
  expect(await axeFindings(page)).toEqual([]);
  await page.getByTitle("New talk").click();
  expect(await axeFindings(page)).toEqual([]);
  await page.keyboard.press("Escape");
  await page.emulateMedia({ colorScheme: "dark" });
  await page.getByRole("button", { name: /Settings/ }).click();
  expect(await axeFindings(page)).toEqual([]);
  await page.getByRole("dialog").getByLabel("Language").selectOption("fa");
  await expect.poll(() => page.evaluate("document.documentElement.dir")).toBe("rtl");
  await page.setViewportSize({ width: 320, height: 600 });
  expect([await page.evaluate(fits), await axeFindings(page)]).toEqual([true, []]);
  await page.getByRole("button", { name: "بازگشت" }).click();
  expect([await page.evaluate(fits), await axeFindings(page)]).toEqual([true, []]);
});

test("where accounts need an invitation its link leads through sign-up, and a reset link to a new password", async () => {
  await world.server.stop();
  await world.server.start({ REGISTRATION: "invite" });
  const stranger = await world.visit();
  await stranger.getByText("New here? Ask").waitFor();
  expect(await stranger.getByRole("button", { name: "I am new here" }).count()).toBe(0);
  const [, first] = /(\/join\/[\w-]+)/.exec(world.server.output()) ?? [];
  const chief = await world.signUp("Chief", {}, first);
  const made = (path: string) => chief.page.evaluate(`(${postTo})("${path}")`) as Promise<{ path: string }>;
  const { path } = await made("/api/admin/invites");
  await stranger.goto(world.server.url + path);
  await stranger.getByRole("heading", { name: "Create account" }).waitFor();
  expect(await axeFindings(stranger)).toEqual([]);
  await world.signUp("Dora", {}, path).then(({ context }) => context.close());
  await stranger.reload();
  await stranger.getByText("cannot be used any more").waitFor();
  const { path: reset } = await made(`/api/admin/users/${Number(await bob.page.evaluate(ownId))}/reset-link`);
  await stranger.goto(world.server.url + reset);
  expect(await axeFindings(stranger)).toEqual([]);
  await stranger.getByLabel("Password", { exact: true }).fill("another long horse");
  await stranger.getByRole("button", { name: "Save" }).click();
  await stranger.getByRole("button", { name: "Sign in" }).click();
  await stranger.getByLabel("E-mail or username").fill("bob");
  await stranger.getByLabel("Password", { exact: true }).fill("another long horse");
  await stranger.getByRole("button", { name: "Sign in", exact: true }).click();
  await stranger.getByRole("link", { name: /Ada/ }).waitFor();
  // Where the old session was, it is over.
  await bob.page.getByText("Your session has ended").waitFor();
  bob = { ...bob, page: stranger, context: stranger.context() };
  await openTalk(bob.page, "Ada");
});

test("signing out leaves nothing of this person in the browser", async () => {
  const { page } = bob;
  await composer(page).fill("secret draft");
  await page.getByRole("button", { name: /Settings/ }).click();
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  const left = await page.evaluate(`(async () => {
    const rows = [];
    for (const { name } of await indexedDB.databases()) {
      const db = await new Promise((done) => (indexedDB.open(name).onsuccess = (event) => done(event.target.result)));
      for (const table of db.objectStoreNames)
        rows.push(await new Promise((done) => (db.transaction(table).objectStore(table).count().onsuccess = (event) => done(event.target.result))));
    }
    return { rows: rows.filter((count) => count > 0), local: Object.keys(localStorage), cookies: document.cookie.includes("om_access") };
  })()`);
  expect(left).toEqual({ rows: [], local: [], cookies: false });
  expect((await bob.context.cookies()).map(({ name }) => name)).not.toContain("om_refresh");
});

/** Whether the message that was jumped to is seen as a whole, and what it says. */
const inView = `(text) => {
  const lit = [...document.querySelectorAll(".lit")].find((one) => one.textContent.includes(text));
  const [box, frame] = [lit?.getBoundingClientRect(), document.querySelector(".messages").getBoundingClientRect()];
  return [box !== undefined && box.top >= frame.top && box.bottom <= frame.bottom, lit?.querySelector(".text").textContent];
}`;

/** By how many pixels something moves in the next thirty frames, at most. */
const driftWhileWatching = `async (one) => {
  const start = one.getBoundingClientRect().top;
  let most = 0;
  for (let i = 0; i < 30; i++) {
    await new Promise(requestAnimationFrame);
    most = Math.max(most, Math.abs(one.getBoundingClientRect().top - start));
  }
  return most;
}`;

const ownId = `fetch("/api/users/me").then((answer) => answer.json()).then(({ user }) => user.id)`;

const postTo = `async (path) => {
  const [, csrf] = /om_csrf=([^;]*)/.exec(document.cookie);
  const headers = { "content-type": "application/json", "x-om-csrf": csrf };
  return (await fetch(path, { method: "POST", headers, body: "{}" })).json();
}`;

/** Sends 130 messages of one to three lines in the open talk. */
const manyMessages = `(async () => {
  const [, csrf] = /om_csrf=([^;]*)/.exec(document.cookie);
  const recipient_id = Number(/user_(\\d+)/.exec(location.pathname)[1]);
  for (let i = 0; i < 130; i++) {
    const body = JSON.stringify({ recipient_id, content: ("line " + i + "\\n").repeat(1 + (i % 3)).trim() });
    const headers = { "content-type": "application/json", "x-om-csrf": csrf };
    const answer = await fetch("/api/messages", { method: "POST", headers, body });
    if (!answer.ok) throw new Error(await answer.text());
  }
})()`;

/** Scrolls to the very start in steps; after each frame tells by how much a message that was in view moved beyond the step. */
const jumpsWhileScrollingUp = `async (feed) => {
  const frame = () => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
  const jumps = [];
  let still = 0;
  while (still < 40) {
    const box = feed.getBoundingClientRect();
    const anchor = [...feed.querySelectorAll("article")].find((one) => one.getBoundingClientRect().top > box.top + 150);
    const before = anchor?.getBoundingClientRect().top ?? 0;
    const from = feed.scrollTop;
    feed.scrollTop = Math.max(0, from - 120);
    const asked = from - feed.scrollTop;
    await frame();
    if (anchor?.isConnected) jumps.push(Math.round(anchor.getBoundingClientRect().top - before - asked));
    still = from === 0 ? still + 1 : 0;
  }
  return jumps;
}`;
