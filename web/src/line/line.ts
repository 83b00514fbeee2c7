import { OmConnection, type Api, type ConnectionEvents, type DeviceState, type Draft } from "@om/client";
import type { Disk } from "../storage/disk.ts";
import { followers } from "../store/follow.ts";
import { targetOfTalk, type Pending } from "../store/model.ts";
import type { Store } from "../store/store.ts";

/** What tabs tell each other: events of the line from the tab that has it, wishes from the others. */
type Told =
  | { kind: "event"; name: keyof ConnectionEvents; event: unknown }
  | { kind: "hello" }
  | { kind: "welcome"; status: ConnectionEvents["status"] }
  | { kind: "pending"; pending: Pending }
  | { kind: "dropped"; clientId: string }
  | { kind: "seen"; messageId: number }
  | { kind: "typing"; talkId: string; isTyping: boolean }
  | { kind: "signed-out" };

const eventNames = [
  "status",
  "message",
  "updated",
  "deleted",
  "cleared",
  "left",
  "group",
  "settings",
  "user",
  "users",
  "blocked",
  "position",
  "typing",
  "presence",
  "conversation",
  "acked",
  "refused",
  "reset",
] as const satisfies (keyof ConnectionEvents)[];

/** How long a tab waits for the one that has the line to write down what it knows, in ms. */
const welcomeMs = 400;

interface Options {
  api: Api;
  store: Store;
  disk: Disk;
  device: DeviceState | undefined;
  /** The session is over, or another tab has signed out. */
  onEnd: (signedOut: boolean) => void;
}

/**
 * The one connection of all tabs of a browser. Whoever holds the lock has the SDK's connection and writes to the disk; the others hear of its
 * events and hand over what they want to say. When that tab is gone the next one goes on from the disk.
 */
export class Line {
  readonly #options: Options;
  readonly #channel = new BroadcastChannel("om.line");
  readonly #ended = new AbortController();
  /** Messages that this tab is sending. */
  readonly #taken = new Set<string>();
  /** Of those, what other tabs have written down: it goes when the state of the connection has it. */
  readonly #handedOver = new Set<string>();
  #connection: OmConnection | undefined;
  #follow: ReturnType<typeof followers>;

  constructor(options: Options) {
    this.#options = options;
    this.#follow = followers(options.store);
    this.#channel.addEventListener("message", ({ data }: MessageEvent<Told>) => void this.#heard(data));
    void this.#lead();
  }

  /** Asks the tab that has the line to write everything down, so that what is read from the disk is all there is. */
  static async greet(): Promise<void> {
    const channel = new BroadcastChannel("om.line");
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, welcomeMs);
      channel.addEventListener("message", ({ data }: MessageEvent<Told>) => {
        if (data.kind !== "welcome") return;
        clearTimeout(timer);
        resolve();
      });
      channel.postMessage({ kind: "hello" } satisfies Told);
    });
    channel.close();
  }

  async #lead(): Promise<void> {
    const { store, disk } = this.#options;
    const { signal } = this.#ended;
    // Without a disk that all share each tab stands for itself.
    if (!disk.isKept || !("locks" in navigator)) return this.#connect(undefined);
    this.#tell({ kind: "hello" });
    await navigator.locks
      .request("om.line", { signal }, async () => {
        const { device } = await disk.load();
        if (signal.aborted) return;
        store.isWriter = true;
        this.#connect(device);
        await new Promise((resolve) => signal.addEventListener("abort", resolve));
      })
      .catch(() => undefined);
  }

  #connect(device: DeviceState | undefined): void {
    const { api, store, disk } = this.#options;
    const state = {
      load: () => device,
      save: (next: DeviceState) => {
        disk.put("kept", "device", next);
        for (const id of this.#handedOver) disk.delete("waiting", id);
        this.#handedOver.clear();
        void disk.flush();
      },
    };
    const connection = new OmConnection({ api, baseUrl: api.baseUrl, selfId: store.me.id, state });
    this.#connection = connection;
    for (const name of eventNames) {
      connection.on(name, (event) => {
        this.#apply(name, event);
        this.#tell({ kind: "event", name, event });
      });
    }
    void this.#takeWaiting();
  }

  #apply(name: keyof ConnectionEvents, event: unknown): void {
    if (name === "acked" || name === "refused") this.#taken.delete((event as { client_id: string }).client_id);
    (this.#follow[name] as (event: unknown) => void)(event);
    if (name === "status" && event === "ended" && !this.#ended.signal.aborted) this.#options.onEnd(false);
  }

  async #heard(told: Told): Promise<void> {
    const { store, disk } = this.#options;
    const leads = this.#connection !== undefined;
    if (told.kind === "event" && !leads) this.#apply(told.name, told.event);
    else if (told.kind === "welcome" && !leads) store.setStatus(told.status);
    else if (told.kind === "hello" && leads) {
      await disk.flush();
      this.#tell({ kind: "welcome", status: store.status });
    } else if (told.kind === "pending") {
      store.addPending(told.pending);
      if (leads) await this.#takeWaiting();
    } else if (told.kind === "dropped") store.dropPending(told.clientId);
    else if (told.kind === "seen" && leads) this.#connection?.markRead(told.messageId);
    else if (told.kind === "typing" && leads) this.#connection?.typing(targetOfTalk(told.talkId), told.isTyping);
    else if (told.kind === "signed-out") this.#options.onEnd(true);
  }

  /** Sends what other tabs have written down. */
  async #takeWaiting(): Promise<void> {
    for (const pending of await this.#options.disk.waiting()) {
      this.#handedOver.add(pending.clientId);
      this.#send(pending);
    }
  }

  #send(pending: Pending): void {
    if (this.#taken.has(pending.clientId)) return;
    this.#taken.add(pending.clientId);
    const { clientId, talkId, text, type, quote, mentions, forward } = pending;
    const draft: Draft = {
      to: targetOfTalk(talkId),
      content: text,
      messageType: type,
      clientId,
      ...(quote && { replyTo: quote.id }),
      ...(mentions && { mentions }),
      ...(forward && { forwardOf: forward.id }),
    };
    try {
      this.#connection?.send(draft);
    } catch (error) {
      const refusal = { type: "error", client_id: clientId, code: "message_too_long", error: String(error) } as const;
      this.#apply("refused", refusal);
      this.#tell({ kind: "event", name: "refused", event: refusal });
    }
  }

  /** On the screen at once, on its way as soon as there is a line; it outlives a reload. */
  send(pending: Pending): void {
    const { store, disk } = this.#options;
    store.addPending(pending);
    if (this.#connection !== undefined) {
      this.#send(pending);
      return this.#tell({ kind: "pending", pending });
    }
    disk.put("waiting", pending.clientId, pending);
    void disk.flush().then(() => this.#tell({ kind: "pending", pending }));
  }

  /** Lets go of a message that the server would not take. */
  drop(clientId: string): void {
    const { store, disk } = this.#options;
    store.dropPending(clientId);
    disk.delete("unsent", clientId);
    this.#tell({ kind: "dropped", clientId });
  }

  markRead(messageId: number): void {
    this.#connection?.markRead(messageId);
    this.#tell({ kind: "seen", messageId });
  }

  typing(talkId: string, isTyping: boolean): void {
    if (this.#connection !== undefined) this.#connection.typing(targetOfTalk(talkId), isTyping);
    else this.#tell({ kind: "typing", talkId, isTyping });
  }

  #tell(told: Told): void {
    this.#channel.postMessage(told);
  }

  async close(signedOut: boolean): Promise<void> {
    this.#ended.abort();
    if (signedOut) this.#tell({ kind: "signed-out" });
    await this.#connection?.close();
    this.#channel.close();
  }
}
