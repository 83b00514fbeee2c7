import type { DeviceState } from "@om/client";
import type { User } from "@om/protocol";
import { deleteDB, openDB, type DBSchema, type IDBPDatabase } from "idb";
import type { ChatMessage, Pending, Person, Talk } from "../store/model.ts";

/** What one browser keeps of one person; all tabs share it. */
interface Tables extends DBSchema {
  kept: { key: string; value: unknown };
  people: { key: number; value: Person };
  talks: { key: string; value: Talk };
  messages: { key: [talkId: string, seq: number]; value: ChatMessage; indexes: { id: number } };
  /** Messages that a tab without the line hands over to the one that has it. */
  waiting: { key: string; value: Pending };
  /** Messages that the server would not take. */
  unsent: { key: string; value: Pending };
}
type Table = "kept" | "people" | "talks" | "messages" | "waiting" | "unsent";
const tables = ["kept", "people", "talks", "messages", "waiting", "unsent"] as const;

type Key = string | number | [string, number];
interface Change {
  table: Table;
  key: Key | IDBKeyRange;
  /** undefined: it is deleted. */
  value: unknown;
}

export interface Saved {
  self: User | undefined;
  device: DeviceState | undefined;
  people: Person[];
  talks: Talk[];
  waiting: Pending[];
  unsent: Pending[];
}

const name = "om";
const delayMs = 100;

/** What the page keeps in IndexedDB. Without one (a private window) everything works and nothing is kept. */
export class Disk {
  #db: IDBPDatabase<Tables> | undefined;
  readonly #changes = new Map<string, Change>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #writing: Promise<void> = Promise.resolve();
  /** Told when something could not be kept, such as when the storage is full. */
  onFailure: () => void = () => undefined;

  static async open(): Promise<Disk> {
    const disk = new Disk();
    await disk.#open();
    return disk;
  }

  get isKept(): boolean {
    return this.#db !== undefined;
  }

  async #open(): Promise<void> {
    try {
      this.#db = await openDB<Tables>(name, 2, {
        upgrade(db) {
          // What an older page kept is fetched again.
          for (const table of db.objectStoreNames) db.deleteObjectStore(table);
          for (const table of ["kept", "people", "talks", "waiting", "unsent"] as const) db.createObjectStore(table);
          db.createObjectStore("messages").createIndex("id", "id");
        },
        blocking: () => this.#close(),
        terminated: () => this.#close(),
      });
    } catch {
      this.#db = undefined;
    }
  }

  #close(): void {
    this.#db?.close();
    this.#db = undefined;
  }

  async load(): Promise<Saved> {
    const db = this.#db;
    if (db === undefined) return { self: undefined, device: undefined, people: [], talks: [], waiting: [], unsent: [] };
    const [self, device, people, talks, waiting, unsent] = await Promise.all([
      db.get("kept", "self"),
      db.get("kept", "device"),
      db.getAll("people"),
      db.getAll("talks"),
      db.getAll("waiting"),
      db.getAll("unsent"),
    ]);
    return { self: self as User, device: device as DeviceState, people, talks, waiting, unsent };
  }

  async waiting(): Promise<Pending[]> {
    await this.flush();
    return (await this.#db?.getAll("waiting")) ?? [];
  }

  /** The newest messages below `before`, oldest first. */
  async page(talkId: string, before: number, limit: number): Promise<ChatMessage[]> {
    await this.flush();
    if (this.#db === undefined) return [];
    const range = IDBKeyRange.bound([talkId, 0], [talkId, before], false, true);
    const found: ChatMessage[] = [];
    let cursor = await this.#db.transaction("messages").store.openCursor(range, "prev");
    for (; cursor !== null && found.length < limit; cursor = await cursor.continue()) found.push(cursor.value);
    return found.toReversed();
  }

  put(table: Table, key: Key, value: unknown): void {
    this.#change({ table, key, value });
  }

  delete(table: Table, key: Key): void {
    this.#change({ table, key, value: undefined });
  }

  /** Forgets the messages of a talk from one place to another, both included. */
  deleteMessages(talkId: string, from = 0, to = Number.MAX_SAFE_INTEGER): void {
    this.#change({ table: "messages", key: IDBKeyRange.bound([talkId, from], [talkId, to]), value: undefined });
  }

  deleteMessage(id: number): void {
    void this.#db?.getKeyFromIndex("messages", "id", id).then((key) => key && this.delete("messages", key));
  }

  #change(change: Change): void {
    if (this.#db === undefined) return;
    const { table, key } = change;
    const isRange = key instanceof IDBKeyRange;
    const label = `${table} ${String(isRange ? [key.lower, key.upper] : key)}`;
    // What is said last is written last.
    this.#changes.delete(label);
    this.#changes.set(label, change);
    this.#timer ??= setTimeout(() => void this.flush(), delayMs);
  }

  /** Writes everything that was said up to now, in one transaction. */
  flush(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changes.size === 0) return this.#writing;
    const changes = [...this.#changes.values()];
    this.#changes.clear();
    this.#writing = this.#writing.then(() => this.#write(changes)).catch(() => this.onFailure());
    return this.#writing;
  }

  async #write(changes: Change[]): Promise<void> {
    if (this.#db === undefined) return;
    const transaction = this.#db.transaction(tables, "readwrite", { durability: "relaxed" });
    for (const { table, key, value } of changes) {
      const store = transaction.objectStore(table);
      if (value === undefined) void store.delete(key as never).catch(() => undefined);
      else void store.put(value as never, key as never).catch(() => undefined);
    }
    await transaction.done;
  }

  /** Everything of this person is gone from the browser. */
  async erase(): Promise<void> {
    clearTimeout(this.#timer);
    this.#changes.clear();
    await this.#writing;
    this.#close();
    await deleteDB(name).catch(() => undefined);
    await this.#open();
  }
}
