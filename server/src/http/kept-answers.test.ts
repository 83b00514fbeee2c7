import { once } from "node:events";
import { connect } from "node:net";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { call, openHttp, type TestHttp } from "../../tests/fixtures/http-server.ts";
import type { Caller } from "../platform/caller.ts";
import { deferred } from "../platform/deferred.ts";
import { jsonText } from "../platform/json-text.ts";
import { createKeptAnswers, type KeptAnswer, type KeptAnswers } from "./kept-answers.ts";

const listed = "https://app.example.org";
const path = "/api/messages?recipient_id=9";
const nika: Caller = { userId: 7, email: "nika@example.org", role: "user" };
const body = Buffer.from('{"count":0,"messages":[],"ver":3}');
const answer: KeptAnswer = { route: "history", body, etag: "tag-of-these-bytes_1-2" };

/** What is kept, and what becomes of it. */
const kept: KeptAnswers & { isThere: boolean; asked: string[] } = {
  isThere: true,
  asked: [],
  knownCaller: (token) => (token === "good" ? nika : undefined),
  find: ({ userId }, url) => (kept.isThere && userId === 7 && url === path ? answer : undefined),
  current: async (given) => given,
};
const proven = kept.current;

let http: TestHttp;
/** How often the usual way was gone. */
let usual = 0;
beforeAll(async () => {
  http = await openHttp({
    env: { ALLOWED_ORIGINS: listed },
    kept,
    handlers: {
      async history() {
        usual += 1;
        return jsonText(body, answer.etag);
      },
    },
  });
});
afterAll(() => http[Symbol.asyncDispose]());
beforeEach(() => {
  kept.isThere = true;
  kept.current = proven;
  usual = 0;
});

const bearer = { authorization: "Bearer good" };

/** Sends these bytes and reads what comes until the server closes the connection. */
async function raw(request: string): Promise<string> {
  const socket = connect(http.port, "127.0.0.1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk));
  socket.write(request);
  await once(socket, "close");
  return Buffer.concat(chunks).toString();
}

function requestOf(headers: Record<string, string>, method = "GET"): string {
  const lines = Object.entries({ host: "chat.example.org", ...headers, connection: "close" });
  return `${method} ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}

/** Status, headers in the order of their names, and body; without what differs each time. */
function partsOf(response: string): { status: string; headers: string[]; body: string } {
  const end = response.indexOf("\r\n\r\n");
  const [status = "", ...headers] = response.slice(0, end).split("\r\n");
  const stable = headers.map((line) => line.replace(/^date: .*/i, "date").replace(/^(x-request-id: ).{36}$/i, "$1new"));
  return { status, headers: stable.toSorted(), body: response.slice(end + 4) };
}

describe("an answer that is kept is the one of the usual way, byte by byte", () => {
  const weak = `W/"${answer.etag}"`;
  test.each<[string, Record<string, string>, string]>([
    ["a bearer", bearer, "200 OK"],
    ["a cookie", { cookie: "a=b; om_access=good; om_csrf=x" }, "200 OK"],
    ["an allowed origin", { ...bearer, origin: listed }, "200 OK"],
    ["an empty origin", { ...bearer, origin: "" }, "200 OK"],
    ["a request id", { ...bearer, "x-request-id": "my-own" }, "200 OK"],
    ["a request id that is none", { ...bearer, "x-request-id": "x".repeat(201) }, "200 OK"],
    ["a preflight header that is none of a GET", { ...bearer, "access-control-request-method": "GET" }, "200 OK"],
    ["another tag", { ...bearer, "if-none-match": '"another"' }, "200 OK"],
    ["a star", { ...bearer, "if-none-match": "*" }, "200 OK"],
    ["an empty tag", { ...bearer, "if-none-match": "" }, "200 OK"],
    ["the tag", { ...bearer, "if-none-match": weak }, "304 Not Modified"],
    ["the tag, strong", { ...bearer, "if-none-match": `"${answer.etag}"` }, "304 Not Modified"],
    ["the tag without quotes", { ...bearer, "if-none-match": answer.etag }, "304 Not Modified"],
    ["the tag among others", { ...bearer, "if-none-match": `"a", ${weak} ,"b"` }, "304 Not Modified"],
    ["the tag, from an allowed origin", { ...bearer, origin: listed, "if-none-match": weak }, "304 Not Modified"],
  ])("%s", async (_, headers, status) => {
    kept.isThere = false;
    const first = partsOf(await raw(requestOf(headers)));
    kept.isThere = true;
    const second = partsOf(await raw(requestOf(headers)));
    expect(usual).toBe(1);
    expect(second).toEqual(first);
    expect(second.status).toBe(`HTTP/1.1 ${status}`);
    expect(second.body).toBe(status === "200 OK" ? body.toString() : "");
  });

  test("on a connection that stays open too", async () => {
    const headers: string[][] = [];
    for (const isThere of [false, true]) {
      kept.isThere = isThere;
      const both = `${requestOf(bearer).replace("connection: close\r\n", "")}${requestOf(bearer)}`;
      headers.push(partsOf(await raw(both)).headers);
    }
    expect(headers[1]).toEqual(headers[0]);
    expect(usual).toBe(2);
  });
});

describe("the usual way is gone, once,", () => {
  test.each<[string, string, Record<string, string>, number]>([
    ["of a HEAD", "HEAD", bearer, 200],
    ["with an unknown token", "GET", { authorization: "Bearer bad" }, 401],
    ["without a token", "GET", {}, 401],
    ["with an empty bearer and a good cookie", "GET", { authorization: "", cookie: "om_access=good" }, 200],
    ["with a malformed header and a good cookie", "GET", { authorization: "good", cookie: "om_access=good" }, 401],
    ["with a bad bearer and a good cookie", "GET", { authorization: "Bearer bad", cookie: "om_access=good" }, 401],
    ["from a foreign origin", "GET", { ...bearer, origin: "https://evil.example" }, 403],
    ["of a POST", "POST", bearer, 400],
  ])("%s", async (_, method, headers, status) => {
    let isAsked = false;
    kept.current = async (given) => {
      isAsked = true;
      return given;
    };
    const response = await call(http.port, method, path, { headers });
    expect([response.status, isAsked]).toEqual([status, false]);
    expect(usual).toBe(status === 200 ? 1 : 0);
  });

  test("with a body, however it is announced", async () => {
    const sized = await raw(`${requestOf({ ...bearer, "content-length": "2" })}{}`);
    const chunked = await raw(`${requestOf({ ...bearer, "transfer-encoding": "chunked" })}2\r\n{}\r\n0\r\n\r\n`);
    expect([sized, chunked].map((text) => partsOf(text).status)).toEqual(["HTTP/1.1 200 OK", "HTTP/1.1 200 OK"]);
    expect(usual).toBe(2);
  });

  test.each<[string, KeptAnswers["current"]]>([
    ["when it cannot be told", async () => undefined],
    ["when proving it fails", () => Promise.reject(new Error("a defect"))],
  ])("%s", async (_, current) => {
    kept.current = current;
    const response = await http.call("GET", path, { headers: bearer });
    expect([response.status, response.text, usual]).toEqual([200, body.toString(), 1]);
  });

  test("what was made of it meanwhile is given, with its own tag", async () => {
    const other = { ...answer, body: Buffer.from('{"count":0,"messages":[],"ver":4}'), etag: "another-tag" };
    kept.current = async () => other;
    const response = await http.call("GET", path, { headers: { ...bearer, "if-none-match": answer.etag } });
    expect([response.status, response.text, usual]).toEqual([200, other.body.toString(), 0]);
    const again = await http.call("GET", path, { headers: { ...bearer, "if-none-match": other.etag } });
    expect(again.status).toBe(304);
  });

  test("at an address of which nothing is kept", async () => {
    await http.call("GET", `${path}&limit=9`, { headers: bearer });
    expect(usual).toBe(1);
  });
});

test("before the server has started nothing is asked of memory", () => {
  let others = 0;
  const handle = createKeptAnswers({
    kept: () => undefined,
    isAllowed: () => true,
    headers: [],
    sending: () => true,
    onAnswered: () => undefined,
  });
  handle({ method: "GET", url: path, headers: bearer } as never, {} as never, () => (others += 1));
  expect(others).toBe(1);
});

test("whoever leaves large answers unread gets no more of them out of memory", async () => {
  const large = { ...answer, body: Buffer.alloc(30_000_000, "x") };
  kept.current = async () => large;
  const deaf = connect(http.port, "127.0.0.1");
  deaf.write(requestOf(bearer));
  await once(deaf, "readable");
  // The usual way has a small one in this test.
  expect([(await http.call("GET", path, { headers: bearer })).text, usual]).toEqual([body.toString(), 1]);
  deaf.destroy();
});

test("requests on one connection are answered in their order, whichever is proven first", async () => {
  const [slow, begun] = [deferred<KeptAnswer>(), deferred()];
  let asked = 0;
  kept.current = async (given) => {
    asked += 1;
    begun.resolve();
    if (asked === 1) return slow.promise;
    return asked === 3 ? undefined : given;
  };
  const open = (id: string): string =>
    requestOf({ ...bearer, "x-request-id": id }).replace("connection: close\r\n", "");
  const last = requestOf({ ...bearer, "x-request-id": "fourth" });
  const answered = raw(`${open("first")}${open("second")}${open("third")}${last}`);
  await begun.promise;
  await expect.poll(() => asked).toBe(4);
  slow.resolve(answer);
  const ids = [...(await answered).matchAll(/x-request-id: (\w+)/gi)].map(([, id]) => id);
  expect(ids).toEqual(["first", "second", "third", "fourth"]);
  expect(usual).toBe(1);
});

test("a client that hangs up while it is proven harms nobody", async () => {
  for (const current of [answer, undefined]) {
    const [begun, end] = [deferred(), deferred<KeptAnswer | undefined>()];
    kept.current = () => {
      begun.resolve();
      return end.promise;
    };
    const socket = connect(http.port, "127.0.0.1");
    socket.write(requestOf(bearer));
    await begun.promise;
    const closed = once(http.server, "connection").then(([other]) => other as unknown);
    socket.destroy();
    await once(socket, "close");
    // By then the server has read the end of the first one.
    const later = connect(http.port, "127.0.0.1");
    await closed;
    later.destroy();
    end.resolve(current);
    kept.current = proven;
    expect((await http.call("GET", path, { headers: bearer })).status).toBe(200);
  }
  expect(http.failures).toEqual([]);
});

test("a server that stops does not answer from memory any more", async () => {
  const stopping = await openHttp({ kept, handlers: { history: async () => jsonText("{}") } });
  const socket = connect(stopping.port, "127.0.0.1");
  const chunks: string[] = [];
  socket.on("data", (chunk: Buffer) => chunks.push(chunk.toString()));
  const open = requestOf(bearer).replace("connection: close\r\n", "");
  // Half of a request holds the connection open.
  socket.write(`${open}${open.slice(0, 20)}`);
  await expect.poll(() => chunks.join("")).toContain(body.toString());
  const closed = stopping[Symbol.asyncDispose]();
  await expect.poll(() => stopping.server.listening).toBe(false);
  let isAsked = false;
  kept.current = async (given) => {
    isAsked = true;
    return given;
  };
  socket.write(open.slice(20));
  await Promise.all([once(socket, "close"), closed]);
  expect(isAsked).toBe(false);
  expect(chunks.join("").slice(-400)).toMatch(/connection: close/i);
});
