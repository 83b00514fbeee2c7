import type { Sample } from "../checks/liveness.ts";
import type { Recorder } from "../history/recorder.ts";
import type { RedisPair } from "../stage/redis-pair.ts";
import { now } from "./clock.ts";

/** The header of a cached entry, which is of fixed width: version, highest version to come, and whether there is a body. */
const headerBytes = 48;
const at = { first: 0, ver: 6, pend: 15, hasBody: 47 } as const;
const msgpack = { array32: 0xdd, true: 0xc3 } as const;
const everyMs = 100;

/** Looks at all entries that were read, again and again, until it is stopped. */
export function sampleEntries(redis: RedisPair, recorder: Recorder): { stop(): Promise<Sample[]> } {
  const samples: Sample[] = [];
  let stopped = false;
  const look = async (): Promise<void> => {
    while (!stopped) {
      const keys = recorder.keysRead();
      const answers = await redis.askAll(keys.map((key) => ["GETRANGE", key, 0, headerBytes - 1])).catch(() => []);
      for (const [index, key] of keys.entries()) {
        const header = answers[index];
        if (header instanceof Buffer)
          samples.push({ key, at: now(), reads: recorder.readsOf(key), ...stateOf(header) });
      }
      await new Promise((resolve) => setTimeout(resolve, everyMs));
    }
  };
  const running = look();
  return {
    async stop() {
      stopped = true;
      await running;
      return samples;
    },
  };
}

function stateOf(header: Buffer): Pick<Sample, "state" | "ver" | "pend"> {
  if (header.length < headerBytes || header[at.first] !== msgpack.array32 || header[at.hasBody] !== msgpack.true)
    return { state: "other", ver: 0, pend: 0 };
  const [ver, pend] = [Number(header.readBigUInt64BE(at.ver)), Number(header.readBigUInt64BE(at.pend))];
  return { state: ver === pend ? "clean" : "dirty", ver, pend };
}
