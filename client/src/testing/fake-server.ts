import type { Message, OutboundFrame } from "@om/protocol";
import { HandshakeError, type OpenSocket, type SocketOptions } from "../socket.ts";
import { conversationIdOf, targetOf, type Target } from "../target.ts";
import { FakeRoutes } from "./fake-routes.ts";
import { FakeConversations, fakeUser, wireIdOf, type Emit } from "./fake-conversations.ts";

interface FakeSocket {
  userId: number;
  options: SocketOptions;
  open: boolean;
}

/** A server in memory that keeps the promises of the protocol, on a line that the test may spoil. */
export class FakeServer {
  /** What happens to frames on their way to clients; default: they arrive. */
  line: (frame: OutboundFrame, deliver: () => void) => void = (_frame, deliver) => deliver();
  /** Looked at before every request; a status is the answer. */
  refuse: (path: string) => number | undefined = () => undefined;
  /** Answers a `chat` instead of storing it. */
  answerChat: (clientId: string) => OutboundFrame | undefined = () => undefined;
  /** Paths with query of all requests. */
  readonly requests: string[] = [];
  /** Frames of all clients. */
  readonly received: { userId: number; type: string; payload: Record<string, unknown> }[] = [];
  readonly #conversations = new FakeConversations();
  readonly #reads: FakeRoutes;
  readonly #sockets = new Set<FakeSocket>();
  readonly #emit: Emit = (userId, frame) => this.#push(userId, frame);

  constructor(options: { pageSize?: number } = {}) {
    this.#reads = new FakeRoutes(this.#conversations, options.pageSize ?? 3);
  }

  /** Stores a message, as if by another device of the sender. */
  say(from: number, to: number | Target, content: string): Message {
    return this.#conversations.store({ from, to: targetOf(to), content }, this.#emit);
  }

  edit(message: Message): void {
    this.#conversations.edit(message, this.#emit);
  }

  remove(message: Message): void {
    this.#conversations.remove(message, this.#emit);
  }

  /** Deletes a conversation for one user. */
  clear(userId: number, of: Target): void {
    this.#conversations.clear(this.#conversations.named(conversationIdOf(of), userId), userId, this.#emit);
  }

  join(groupId: number, ...userIds: number[]): void {
    for (const userId of userIds) this.#conversations.join(this.#conversations.group(groupId), userId, this.#emit);
  }

  leave(groupId: number, userId: number): void {
    this.#conversations.leave(this.#conversations.group(groupId), userId, this.#emit);
  }

  /** Any frame to all devices of a user. */
  push(userId: number, frame: OutboundFrame): void {
    this.#push(userId, frame);
  }

  /** What stands in a conversation as a user sees it, in order. */
  contents(userId: number, to: number | Target): string[] {
    const { messages } = this.#conversations.named(conversationIdOf(targetOf(to)), userId);
    return messages.filter(({ isDeleted }) => !isDeleted).map(({ message }) => message.content);
  }

  /** The newest message of a conversation. */
  last(userId: number, to: Target): Message {
    const found = this.#conversations.named(conversationIdOf(to), userId).messages.at(-1);
    if (found === undefined) throw new Error("nothing was said");
    return found.message;
  }

  /** As after a restore of a copy: cursors mean nothing any more. */
  restore(): void {
    this.#reads.epoch += 1;
  }

  /** As after the promotion of a standby that has not had the last message of these two. */
  promote(a: number, b: number): void {
    this.restore();
    this.#conversations.lose(a, b);
  }

  /** Closes all sockets. */
  disconnect(code = 1006): void {
    for (const socket of this.#sockets) this.#end(socket, code);
  }

  readonly fetch: typeof fetch = async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    this.requests.push(url.pathname + url.search);
    const refused = this.refuse(url.pathname);
    if (refused !== undefined) return Response.json({ error: "refused" }, { status: refused });
    await new Promise((resolve) => setImmediate(resolve));
    init?.signal?.throwIfAborted();
    const viewer = Number(new Headers(init?.headers).get("authorization")?.slice("Bearer ".length));
    const user = Number(/^\/api\/users\/(\d+)$/.exec(url.pathname)?.[1]);
    if (user > 100) return Response.json({ code: "user_not_found" }, { status: 404 });
    if (user > 0) return Response.json({ user: fakeUser(user) });
    if (url.pathname === "/api/messages/changes")
      return Response.json(this.#reads.messageChanges(viewer, url.searchParams));
    const groupId = Number(/^\/api\/groups\/(\d+)\/messages$/.exec(url.pathname)?.[1]);
    if (groupId > 0) return Response.json(this.#reads.groupHistory(viewer, groupId, url.searchParams));
    const changes = this.#reads.changes(viewer, url.searchParams);
    return changes === undefined ? Response.json({ code: "invalid_cursor" }, { status: 400 }) : Response.json(changes);
  };

  /** The ticket in the URL is the user's id. */
  readonly open: OpenSocket = async (options) => {
    await new Promise((resolve) => setImmediate(resolve));
    const refused = this.refuse("/ws");
    if (refused !== undefined) throw new HandshakeError("refused", refused);
    const socket = { userId: Number(new URL(options.url).searchParams.get("ticket")), options, open: true };
    this.#sockets.add(socket);
    return {
      send: ({ type, payload }) => {
        if (!socket.open) return false;
        const fields = payload as Record<string, unknown>;
        this.received.push({ userId: socket.userId, type, payload: fields });
        setImmediate(() => this.#take(socket, type, fields));
        return true;
      },
      close: () => this.#end(socket, 1000),
    };
  };

  #take(socket: FakeSocket, type: string, payload: Record<string, unknown>): void {
    const moved = (id: unknown, kind: "read" | "delivered"): void =>
      this.#conversations.advance(socket.userId, { messageId: Number(id), kind }, this.#emit);
    if (type === "chat") this.#chat(socket, payload);
    else if (type === "read") moved(payload["message_id"], "read");
    else if (type === "ack") moved(payload["server_id"], "delivered");
  }

  #chat(socket: FakeSocket, payload: Record<string, unknown>): void {
    const clientId = String(payload["client_id"]);
    const instead = this.answerChat(clientId);
    if (instead !== undefined) return socket.options.onFrame(instead);
    const from = socket.userId;
    const groupId = Number(payload["group_id"] ?? 0);
    const to: Target = groupId > 0 ? { groupId } : { userId: Number(payload["recipient_id"]) };
    const conversation = this.#conversations.named(conversationIdOf(to), from);
    if (!conversation.members.has(from)) {
      return socket.options.onFrame({ type: "error", error: "no", code: "not_group_member", client_id: clientId });
    }
    const known = conversation.messages.find(({ message }) => message.client_id === clientId)?.message;
    const replyTo = payload["reply_to_id"] === undefined ? {} : { replyTo: Number(payload["reply_to_id"]) };
    const draft = { from, to, clientId, content: String(payload["content"]), ...replyTo };
    const message = known ?? this.#conversations.store(draft, (userId, frame) => this.#push(userId, frame, socket));
    const where = { conversation_id: wireIdOf(conversation, from), ver: message.ver, seq: message.seq };
    const ack = { client_id: clientId, server_id: message.id, status: "sent" as const, created_at_unix: 1, ...where };
    const frame: OutboundFrame = { type: "ack", payload: ack, ...ack };
    this.line(frame, () => {
      if (socket.open) socket.options.onFrame(frame);
    });
  }

  #push(userId: number, frame: OutboundFrame, except?: FakeSocket): void {
    for (const socket of this.#sockets) {
      if (socket.userId !== userId || socket === except) continue;
      this.line(frame, () => {
        if (socket.open) socket.options.onFrame(frame);
      });
    }
  }

  #end(socket: FakeSocket, code: number): void {
    if (!this.#sockets.delete(socket)) return;
    socket.open = false;
    socket.options.onClose(code);
  }
}
