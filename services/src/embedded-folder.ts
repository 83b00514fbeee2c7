import { cpSync } from "node:fs";

/** Names the folder of an embedded database, new and migrated, that is copied instead of making one anew each time. */
export const templateVariable = "OM_EMBEDDED_TEMPLATE";

/** Gives a folder that is still empty a new, migrated embedded database, if there is a template; else the first start makes it. */
export function fillEmbeddedFolder(folder: string): void {
  const template = process.env[templateVariable];
  if (template !== undefined) cpSync(template, folder, { recursive: true });
}
