/** Where an app may run. */
export const platforms = ["android", "ios", "web"] as const;
export type Platform = (typeof platforms)[number];

export function readPlatform(text: string): Platform | undefined {
  return platforms.find((known) => known === text);
}

/** Of a caller that names none. */
export const defaultPlatform: Platform = "android";
