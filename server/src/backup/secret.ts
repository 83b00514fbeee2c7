import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Config } from "../config.ts";
import { isEmbedded } from "../open/postgres-connection.ts";
import { parts } from "./backup-folder.ts";

/** Where the embedded database's server keeps the key that it has made. */
const generated = ({ dataDir }: Config): string => join(dataDir, "jwt-secret");

/** Writes the key that signs tokens into a backup. */
export function keepSecret(config: Config, folder: string): void {
  const file = generated(config);
  const secret = config.jwtSecret || (isEmbedded(config) && existsSync(file) ? readFileSync(file, "utf8") : "");
  if (secret !== "") writeFileSync(parts(folder).secret, secret, { mode: 0o600, flush: true });
}

/** Gives it to the server of a data folder. @returns what is left to do, as lines for the operator */
export function giveSecretBack(config: Config, folder: string): string[] {
  const { secret: file } = parts(folder);
  if (!existsSync(file)) return ["The backup holds no key that signs tokens: everybody has to log in again"];
  const secret = readFileSync(file, "utf8").trim();
  if (config.jwtSecret === secret) return [];
  if (config.jwtSecret === "" && isEmbedded(config)) {
    writeFileSync(generated(config), secret, { mode: 0o600, flush: true });
    return [];
  }
  return [
    `JWT_SECRET is not the backup's: set JWT_SECRET_FILE=${file}, or what stands there, or everybody has to log in again`,
  ];
}
