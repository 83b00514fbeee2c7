import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Signs what is kept in the database, so that whoever writes that alone cannot make it. */
export interface Signer {
  sign(text: string): string;
  /** By this key or an earlier one. */
  isOurs(text: string, signature: string): boolean;
}

/** @param secrets JWT_SECRET, and the one before if there is one */
export function createSigner(secrets: readonly string[], purpose: string): Signer {
  const keys = secrets
    .filter((secret) => secret !== "")
    .map((secret) => Buffer.from(hkdfSync("sha256", secret, "", purpose, 32)));
  const signature = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();
  return {
    sign(text) {
      const [key] = keys;
      if (key === undefined) throw new Error("JWT_SECRET is not set here");
      return signature(key, text).toString("base64url");
    },
    isOurs(text, given) {
      const bytes = Buffer.from(given, "base64url");
      return keys.some((key) => bytes.length === 32 && timingSafeEqual(bytes, signature(key, text)));
    },
  };
}
