import { scripts, type Scripts, type Servable } from "./entry.ts";

/** Scripts with one mistake each: what an implementation might get wrong, and what the models must notice. */

/** noLease: FILL compares versions instead of tokens. */
export const fillByVersion: Scripts = {
  ...scripts,
  fill(slot, { epoch }, { ver, body }) {
    if (slot !== undefined && (slot.epoch !== epoch || slot.ver > ver)) return slot;
    return { epoch, ver, pend: Math.max(slot?.pend ?? 0, ver), token: 0, body };
  },
};

/** fillKeepsPend: FILL does not lower what a mark has raised. */
export const fillKeepsPend: Scripts = {
  ...scripts,
  fill(slot, lease, value) {
    const filled = scripts.fill(slot, lease, value);
    return filled === undefined || filled === slot || slot === undefined
      ? filled
      : { ...filled, pend: Math.max(slot.pend, value.ver) };
  },
};

/** markKeepsLease: MARK raises `pend` but leaves the token. */
export const markKeepsLease: Scripts = {
  ...scripts,
  mark(slot, epoch, n) {
    const marked = scripts.mark(slot, epoch, n);
    return marked && { ...marked, token: slot?.token ?? 0 };
  },
};

/** postCreates: POST makes an entry where there is none. */
export const postCreates: Scripts = {
  ...scripts,
  post: (slot, epoch, change) =>
    slot === undefined
      ? { epoch, ver: change.n, pend: change.n, token: 0, body: change.delta }
      : scripts.post(slot, epoch, change),
};

/** postWithoutContiguity (postGap): POST appends to any older version. */
export const postWithoutContiguity: Scripts = {
  ...scripts,
  post: (slot, epoch, change) =>
    scripts.post(slot, epoch, slot !== undefined && slot.ver < change.n ? { ...change, prev: slot.ver } : change),
};

/** compactAnyVersion: COMPACT does not look at the version that it replaces. */
export const compactAnyVersion: Scripts = {
  ...scripts,
  compact: (slot, epoch, value) =>
    scripts.servable(slot, epoch) ? { ...slot, ver: value.ver, pend: value.ver, body: value.body } : slot,
};

/** releaseCleans: RELEASE leaves the entry as if nobody had marked it. */
export const releaseCleans: Scripts = {
  ...scripts,
  release: (slot, token) => (slot?.token === token ? { ...slot, pend: slot.ver, token: 0 } : slot),
};

/** epochIgnored: an entry of any epoch is served. */
export const epochIgnored: Scripts = {
  ...scripts,
  servable: (slot): slot is Servable => slot !== undefined && scripts.servable(slot, slot.epoch),
};

/** leaseKeepsBody: LEASE puts its own epoch on an entry of another one and leaves the body. */
export const leaseKeepsBody: Scripts = {
  ...scripts,
  lease: (slot, epoch, token) =>
    scripts.lease(slot === undefined || slot.ver !== slot.pend ? slot : { ...slot, epoch }, epoch, token),
};
