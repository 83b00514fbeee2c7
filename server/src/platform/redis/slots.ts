/** How many slots the keys of a cluster are spread over. */
export const slotCount = 16_384;

/** CRC16 of XMODEM, one byte at a time. */
const table = Uint16Array.from({ length: 256 }, (_, byte) => {
  let crc = byte << 8;
  for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1;
  return crc;
});

/** The slot of a key, from 0 to 16383, as CLUSTER KEYSLOT has it; between the first `{` and the next `}` stands what counts, if anything. */
export function slotOf(key: string | Buffer): number {
  const bytes = typeof key === "string" ? Buffer.from(key) : key;
  const open = bytes.indexOf("{");
  const close = open < 0 ? -1 : bytes.indexOf("}", open + 1);
  const [from, to] = close > open + 1 ? [open + 1, close] : [0, bytes.length];
  let crc = 0;
  for (let i = from; i < to; i++) crc = ((crc << 8) & 0xffff) ^ (table[(crc >> 8) ^ (bytes[i] ?? 0)] ?? 0);
  return crc % slotCount;
}

/** Commands of ours that name no key. */
const keyless: ReadonlySet<string> = new Set(["PING", "INFO", "PUBLISH"]);

/** The slot of the first key of a command, which decides which server gets it; undefined: it names no key. */
export function slotOfCommand(command: string, args: readonly (string | number | Buffer)[]): number | undefined {
  const [key] = args;
  if (key === undefined || keyless.has(command)) return undefined;
  return slotOf(typeof key === "number" ? String(key) : key);
}

/** The slot of a script's keys; undefined: it has none. @throws Error when they lie in several, which is a mistake in our code */
export function slotOfScript(name: string, keys: readonly string[]): number | undefined {
  const slots = new Set(keys.map(slotOf));
  if (slots.size > 1)
    throw new Error(`script ${name}: its ${keys.length} keys lie in ${slots.size} slots of the cluster`);
  return [...slots][0];
}
