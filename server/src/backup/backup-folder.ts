import { closeSync, fsyncSync, mkdirSync, openSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** A backup cannot be made or used as things are; the message is one line for the operator. */
export class BackupRefused extends Error {}

/** What a backup is of; written last, so a folder without it is half of one. */
export interface Manifest {
  madeAt: string;
  /** Of the build that made it. */
  version: string;
  /** Name and checksum of every migration that the database has had. */
  migrations: Record<string, string>;
  tables: { name: string; columns: string[]; rows: number }[];
  /** Last number of each sequence that was used. */
  sequences: Record<string, string>;
}

export const parts = (folder: string) => ({
  manifest: join(folder, "manifest.json"),
  table: (name: string): string => join(folder, "tables", `${name}.gz`),
  tables: join(folder, "tables"),
  media: join(folder, "media"),
  secret: join(folder, "jwt-secret"),
});

/** Makes the folder of a new backup, for nobody's eyes but ours. @throws BackupRefused when there is something in it */
export function makeFolder(folder: string): void {
  mkdirSync(parts(folder).tables, { recursive: true, mode: 0o700 });
  const [found] = readdirSync(folder).filter((name) => name !== "tables");
  if (found !== undefined) throw new BackupRefused(`${folder} holds something already (${found}): name a new folder`);
}

export function writeManifest(folder: string, manifest: Manifest): void {
  writeFileSync(parts(folder).manifest, `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600, flush: true });
  for (const path of [parts(folder).tables, folder]) {
    const opened = openSync(path, "r");
    fsyncSync(opened);
    closeSync(opened);
  }
}

/** @throws BackupRefused */
export function readManifest(folder: string): Manifest {
  try {
    return JSON.parse(readFileSync(parts(folder).manifest, "utf8")) as Manifest;
  } catch {
    throw new BackupRefused(`${folder} holds no backup, or half of one: there is no readable manifest.json`);
  }
}
