import { LRUCache } from "lru-cache";
import type { UserViews } from "../accounts/user-view.ts";
import type { MessageTuple } from "../conversations/conversation-row.ts";
import { withWireTimes } from "../conversations/conversation-view.ts";
import { jsonText, type JsonText } from "../platform/json-text.ts";
import { historyResponse, type HistoryPage } from "./fetch-history.ts";

/** A page as it was answered, and all that it was made of. */
interface Made {
  /** The very tuple of a decoded value: another version, or another epoch, has others. */
  newest: MessageTuple | undefined;
  oldest: MessageTuple | undefined;
  stamp: string;
  json: Buffer;
}

/** Bytes of answers that are kept. */
const maxBytes = 64 * 1024 * 1024;

/**
 * The JSON of a page. One that was made of the same messages, positions and people is not made again: most reads of an active
 * conversation find what the one before them found.
 */
export function createHistoryJson(views: UserViews): (page: HistoryPage) => JsonText {
  const made = new LRUCache<string, Made>({ maxSize: maxBytes, sizeCalculation: ({ json }) => json.length + 1_000 });
  return (page) => {
    const { row, viewerId, online } = page;
    // Only tuple that memory keeps are the same at the next read.
    if (row === undefined || page.from === "database") return jsonText(JSON.stringify(historyResponse(page, views)));
    const [newest, oldest] = [row.messages[0], row.messages.at(-1)];
    const users = row.profiles.map((profile) => views.user(withWireTimes(profile), viewerId, online));
    const { ver, lo_read, lo_delivered, hi_read, hi_delivered } = row;
    const stamp = JSON.stringify([ver, lo_read, lo_delivered, hi_read, hi_delivered, row.messages.length, users]);
    const key = `${row.conversation_id}/${viewerId}/${row.messages.length}`;
    const known = made.get(key);
    if (known?.stamp === stamp && known.newest === newest && known.oldest === oldest) return jsonText(known.json);
    const json = Buffer.from(JSON.stringify(historyResponse(page, views)));
    made.set(key, { newest, oldest, stamp, json });
    return jsonText(json);
  };
}
