import type { ConversationModel } from "./model.ts";

/** Pages of history that one search reads at most. */
const maxPages = 50;

/** The messages of a conversation that hold a text, the newest first; older ones are read as far as that goes. */
export async function findLines(
  conversation: ConversationModel,
  text: string,
  load: (conversation: ConversationModel) => Promise<void>,
): Promise<string[]> {
  for (let page = 0; page < maxPages && !conversation.complete; page += 1) await load(conversation);
  const wanted = folded(text);
  const found = conversation.lines.filter((line) => folded(line.text).includes(wanted));
  const rows = found
    .toReversed()
    .map((line) => `${date.format(line.at * 1000).replace(",", "")} ${line.name}: ${line.text}`);
  return [`${found.length} with “${text}”${conversation.complete ? "" : " among the newest"}`, ...rows];
}

const date = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "short" });

/** Letters as they are looked for: without case, marks and the two ways to write Arabic ya and kaf. */
function folded(text: string): string {
  return text
    .normalize("NFKD")
    .replaceAll(/[\p{M}\u200c]/gu, "")
    .toLowerCase()
    .replaceAll(/[يى]/g, "ی")
    .replaceAll("ك", "ک");
}
