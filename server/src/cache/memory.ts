import { LRUCache } from "lru-cache";

/** A decoded value and the version that Redis must name for it to be used. */
interface Kept {
  epoch: number;
  ver: number;
  value: unknown;
  bytes: number;
}

/** Decoded values of this process. They are never believed by themselves: Redis says before each use whether they are the newest. */
export interface Memory {
  get(key: string): Kept | undefined;
  set(key: string, kept: Kept): void;
  /** Lowest version of the key that this node may answer with: what it wrote without a mark, or has answered before. */
  floor(key: string): number;
  raiseFloor(key: string, ver: number): void;
  /** This version is too long to be kept, or otherwise not to be: it is not worth a lease. */
  setUnkept(key: string, ver: number): void;
  /** Whether that is so of the newest version that this node has seen. */
  isUnkept(key: string): boolean;
  /** In a new epoch no value is good any more; in another run of the database versions may begin anew as well. */
  forget(change: { isOtherRun: boolean }): void;
}

export function createMemory(options: {
  maxBytes: number;
  maxKeys: number;
  /** A floor has risen. */
  onRaise: (key: string, ver: number) => void;
}): Memory {
  const values = new LRUCache<string, Kept>({
    max: options.maxKeys,
    maxSize: options.maxBytes,
    // Decoded, a value takes some times what it took in Redis.
    sizeCalculation: ({ bytes }) => 4 * bytes + 500,
  });
  const floors = new LRUCache<string, number>({ max: 100_000 });
  const unkept = new LRUCache<string, number>({ max: 10_000 });
  return {
    get: (key) => values.get(key),
    set: (key, kept) => void values.set(key, kept),
    floor: (key) => floors.get(key) ?? 0,
    raiseFloor(key, ver) {
      if (ver <= (floors.get(key) ?? 0)) return;
      floors.set(key, ver);
      options.onRaise(key, ver);
    },
    setUnkept: (key, ver) => void unkept.set(key, ver),
    isUnkept: (key) => unkept.get(key) === (floors.get(key) ?? 0),
    forget({ isOtherRun }) {
      values.clear();
      if (isOtherRun) floors.clear();
    },
  };
}
