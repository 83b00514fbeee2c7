import { createApi, OmApiError } from "@om/client";
import type { RouteBody, User } from "@om/protocol";
import { createHere, type Here } from "./here.ts";
import { Line } from "./line/line.ts";
import { route } from "./route.ts";
import { Disk } from "./storage/disk.ts";
import { forgetLocal, readLocal, writeLocal } from "./storage/local.ts";
import { Observable } from "./store/observable.ts";
import { Store } from "./store/store.ts";

export type SessionState = { kind: "starting" } | { kind: "out"; isOver: boolean } | { kind: "in"; here: Here };

/** Signed out, starting, or somebody's session: what the whole page depends on. */
export class Session extends Observable {
  state: SessionState = { kind: "starting" };
  /** For those who are not signed in. */
  readonly api = createApi({ baseUrl: location.origin });
  #disk: Disk | undefined;

  /** With what the browser has, without waiting for the server. */
  async start(): Promise<void> {
    const disk = await Disk.open();
    this.#disk = disk;
    if (readLocal("in") === undefined) return this.#become({ kind: "out", isOver: false });
    await Line.greet();
    const saved = await disk.load();
    if (saved.self !== undefined) return this.#enter(saved.self, disk);
    try {
      const { user } = await this.api.me();
      await this.#enter(user, disk);
    } catch (error) {
      const isOver = error instanceof OmApiError && error.status === 401;
      if (isOver) return this.#become({ kind: "out", isOver: false });
      setTimeout(() => void this.start(), 2_000);
    }
  }

  async signIn(body: RouteBody<"login">): Promise<void> {
    const { user } = await this.api.login(body);
    await this.#admit(user);
  }

  async signUp(body: RouteBody<"register">): Promise<void> {
    const { user } = await this.api.register(body);
    // An invitation has done its work; a link to a group is followed once somebody is in.
    if (body.invite) route.go("/", true);
    await this.#admit(user);
  }

  /** Ends the session and takes everything of this person out of the browser. */
  async signOut(): Promise<void> {
    if (this.state.kind === "in") await this.state.here.line.close(true);
    // Without a line the cookies stay until they run out; the server forgets the session when it can be told.
    await this.api.logout().catch(() => undefined);
    await this.#forget();
    this.#become({ kind: "out", isOver: false });
  }

  async #admit(user: User): Promise<void> {
    const disk = (this.#disk ??= await Disk.open());
    const saved = await disk.load();
    if (saved.self !== undefined && saved.self.id !== user.id) await this.#forget();
    writeLocal("in", "1");
    disk.put("kept", "self", user);
    await disk.flush();
    await this.#enter(user, disk);
  }

  async #enter(user: User, disk: Disk): Promise<void> {
    const { state } = this;
    if (state.kind === "in") await state.here.line.close(false);
    const store = new Store(user, disk);
    const saved = await disk.load();
    store.restore(saved);
    disk.onFailure = () => store.say("disk-full");
    const onEnd = (signedOut: boolean): void => void this.#ended(signedOut);
    const line = new Line({ api: this.api, store, disk, device: saved.device, onEnd });
    this.#become({ kind: "in", here: createHere({ api: this.api, store, line }) });
  }

  async #ended(signedOut: boolean): Promise<void> {
    if (this.state.kind !== "in") return;
    const { line } = this.state.here;
    this.#become({ kind: "out", isOver: !signedOut });
    await line.close(false);
    // The tab that signs out clears what all share; this one opens it anew when somebody comes in.
    if (signedOut) this.#disk = undefined;
  }

  async #forget(): Promise<void> {
    forgetLocal("draft");
    writeLocal("emoji", undefined);
    writeLocal("in", undefined);
    await this.#disk?.erase();
    if ("caches" in globalThis) for (const key of await caches.keys()) await caches.delete(key);
  }

  #become(state: SessionState): void {
    this.state = state;
    this.tell();
  }
}
