import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "../config.ts";

/**
 * The key that signs tokens: the given one, or with the embedded database one that is made once and kept beside it.
 * @throws ConfigError with an external database and no secret, because every node must have the same
 */
export function jwtSecret(options: { given: string; dataDir: string; embedded: boolean }): string {
  if (options.given !== "") return options.given;
  if (!options.embedded) {
    throw new ConfigError(
      "JWT_SECRET is not set, and every server on this database needs the same one; make it with: openssl rand -base64 48",
    );
  }
  const file = join(options.dataDir, "jwt-secret");
  const fresh = `${file}.${process.pid}`;
  try {
    mkdirSync(options.dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(fresh, randomBytes(48).toString("base64url"), { mode: 0o600, flush: true });
  } catch (error) {
    throw new ConfigError(`DATA_DIR: the folder ${options.dataDir} cannot be written: ${(error as Error).message}`);
  }
  try {
    // Fails when the file exists, so a secret once made is never replaced.
    linkSync(fresh, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
  } finally {
    rmSync(fresh, { force: true });
  }
  const kept = readFileSync(file, "utf8").trim();
  if (kept.length < 32) throw new ConfigError(`${file} is damaged; delete it, and everybody has to log in again`);
  return kept;
}
