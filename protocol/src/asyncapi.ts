import { Type, type TSchema } from "./typebox.ts";
import { inboundSummaries, outboundSummaries } from "./frame-summaries.ts";
import { closeCodes, inboundFrames, Nullable, OutboundFrame, wsQuery, type InboundType } from "./index.ts";
import type { DocumentOptions } from "./openapi.ts";
import { createSchemaWriter, type Json, type SchemaWriter } from "./schema-names.ts";

/** The WebSocket as an AsyncAPI 3.0 document, seen from the server: it receives what a client sends. */
export function asyncApiDocument({ version, serverUrl }: DocumentOptions): Json {
  const writer = createSchemaWriter();
  const received = receivedMessages(writer);
  const sent = sentMessages(writer);
  const security = Object.keys(securitySchemes).map((name) => ref("securitySchemes", name));
  const operation = (action: "receive" | "send", summary: string, messages: Json): Json => ({
    action,
    summary,
    channel: { $ref: "#/channels/ws" },
    security,
    messages: Object.keys(messages).map((name) => ({ $ref: `#/channels/ws/messages/${name}` })),
  });
  const messages = { ...received, ...sent };
  return {
    asyncapi: "3.0.0",
    info: {
      title: "OM Messenger",
      version,
      description:
        "The WebSocket of OM Messenger. The HTTP routes are described in the OpenAPI document beside this one.",
      license: { name: "MIT" },
    },
    ...(serverUrl === undefined ? {} : { servers: { main: server(serverUrl) } }),
    defaultContentType: "application/json",
    channels: { ws: channel(Object.keys(messages)) },
    operations: {
      fromClient: operation("receive", "What a client sends.", received),
      toClient: operation("send", "What the server sends.", sent),
    },
    components: { messages, schemas: writer.used(), securitySchemes },
  };
}

const securitySchemes = {
  bearer: { type: "http", scheme: "bearer", bearerFormat: "JWT" },
  cookie: { type: "httpApiKey", in: "cookie", name: "om_access" },
  query: { type: "httpApiKey", in: "query", name: wsQuery.token },
  ticket: { type: "httpApiKey", in: "query", name: wsQuery.ticket },
};

const queryMeanings: Record<keyof typeof wsQuery, string> = {
  token:
    "The access token, where neither the header nor the cookie can be set. Addresses are logged on their way: when the token ends, the socket is closed with 4005 unless the session was renewed meanwhile.",
  ticket:
    "What `POST /api/sessions/ticket` answered: opens one socket, within 30 seconds, and goes before the other ways.",
  gzip: "`1`: pushes above 512 bytes come as one binary gzip frame, and messages that waited as `batch`.",
  resume:
    "`1`: the client catches up over HTTP (`GET /api/changes`), so nothing that waited is sent, and it also gets what its user does on other devices.",
};

function channel(messages: string[]): Json {
  const query = Object.entries(wsQuery).map(([key, name]) => [
    name,
    { type: "string", description: queryMeanings[key as keyof typeof wsQuery] },
  ]);
  return {
    address: "/ws",
    title: "WebSocket",
    description:
      "One JSON object in each text frame; a binary frame is gzip of the same. A client's frame is `{type, payload}`, where `payload` may be null; " +
      "fields that are not known are ignored. The server pings every 30 s and closes a socket from which nothing came for 90 s. " +
      "Close codes below 4500 mean that the client should come back, from 4500 on that it should not.",
    messages: Object.fromEntries(messages.map((name) => [name, ref("messages", name)])),
    bindings: {
      ws: { method: "GET", query: { type: "object", properties: Object.fromEntries(query) }, bindingVersion: "0.1.0" },
    },
    "x-close-codes": Object.values(closeCodes),
  };
}

function receivedMessages(writer: SchemaWriter): Json {
  const entries = Object.entries<TSchema>(inboundFrames).map(([type, payload]) => {
    const open = Object.keys(payload).length === 0;
    const envelope = Type.Object({ type: Type.Literal(type), payload: open ? payload : Nullable(payload) });
    return [`client_${type}`, message(type, inboundSummaries[type as InboundType], writer.write(envelope))];
  });
  return Object.fromEntries(entries) as Json;
}

function sentMessages(writer: SchemaWriter): Json {
  const entries = OutboundFrame.anyOf.map((frame) => {
    const type = frame.properties.type.const;
    return [`server_${type}`, message(type, outboundSummaries[type], writer.write(frame))];
  });
  return Object.fromEntries(entries) as Json;
}

function message(name: string, summary: string, payload: Json): Json {
  return { name, title: name, summary, payload };
}

function ref(kind: string, name: string): Json {
  return { $ref: `#/components/${kind}/${name}` };
}

function server(url: string): Json {
  const [, secure, host = "", pathname = ""] = /^http(s?):\/\/([^/]+)(\/.*)?$/.exec(url) ?? [];
  return { host, protocol: secure === "s" ? "wss" : "ws", ...(pathname === "" ? {} : { pathname }) };
}
