/** Which conversation is meant: that of two users (`lo <= hi`), or a group's. */
export type ConversationRef = { lo: number; hi: number } | { groupId: number };

/** A row that names its conversation. */
export interface RefColumns {
  /** Of a direct conversation; null for a group. */
  lo: number | null;
  hi: number | null;
  group_id: number | null;
}

export function refOf({ lo, hi, group_id: groupId }: RefColumns): ConversationRef {
  return lo === null || hi === null ? { groupId: groupId ?? 0 } : { lo, hi };
}

export function directRef(a: number, b: number): { lo: number; hi: number } {
  return { lo: Math.min(a, b), hi: Math.max(a, b) };
}

/** The conversation of `user_<peer>` or `group_<id>` for a viewer; undefined when the wire id is neither. */
export function parseWireId(wireId: string, viewerId: number): ConversationRef | undefined {
  const [, kind, digits] = /^(user|group)_(\d{1,16})$/.exec(wireId) ?? [];
  const id = Number(digits);
  if (!Number.isSafeInteger(id) || id < 1) return undefined;
  return kind === "group" ? { groupId: id } : directRef(id, viewerId);
}

/** Parameters of `conversationByRef`. */
export function refValues(ref: ConversationRef): [lo: number | null, hi: number | null, groupId: number | null] {
  return "groupId" in ref ? [null, null, ref.groupId] : [ref.lo, ref.hi, null];
}

/** The same of many refs, as arrays to unnest. */
export function refColumns(refs: readonly ConversationRef[]): (number | null)[][] {
  const values = refs.map(refValues);
  return [values.map(([lo]) => lo), values.map(([, hi]) => hi), values.map(([, , groupId]) => groupId)];
}

/** The other one of a direct conversation; null: it is a group. */
export function peerOf({ lo, hi }: Pick<RefColumns, "lo" | "hi">, userId: number): number | null {
  return lo === userId ? hi : lo;
}

/** What the wire calls a conversation for `viewerId`. */
export function wireIdOf(row: RefColumns, viewerId: number): string {
  return row.group_id === null ? `user_${peerOf(row, viewerId)}` : `group_${row.group_id}`;
}

/** `conversations c` of a ref given by three expressions. */
export const conversationByRef = (lo: string, hi: string, groupId: string): string =>
  `(select k.id from conversations k where k.lo = ${lo} and k.hi = ${hi}` +
  ` union all select k.id from conversations k where k.group_id = ${groupId}) ref join conversations c on c.id = ref.id`;
