/** Addresses of media are stored as they are below the API, such as `/media/attachments/7/<uuid>.png`, and shown with its address in front. */
export interface MediaAddress {
  /** What is stored, as clients see it. */
  shown(stored: string): string;
  /** One of ours as it is stored. */
  stored(url: string): string;
}

/** @param base the public address of the API, without a slash at the end */
export function createMediaAddress(base: () => string): MediaAddress {
  return {
    shown: (stored) => (stored.startsWith("/media/") ? base() + stored : stored),
    stored: (url) => (url.startsWith(`${base()}/media/`) ? url.slice(base().length) : url),
  };
}
