import { t } from "../i18n/index.ts";
import type { ChatMessage, Talk } from "../store/model.ts";
import { TickMarks } from "./icons.tsx";

/** How far an own message has come. */
export function Ticks({ message, talk }: { message: Pick<ChatMessage, "id">; talk: Pick<Talk, "read" | "delivered"> }) {
  const isRead = message.id <= talk.read;
  const isDelivered = isRead || message.id <= talk.delivered;
  return (
    <span className={isRead ? "tick read" : "tick"}>
      <TickMarks isDouble={isDelivered} />
      <span className="hidden">{t(isRead ? "statusRead" : isDelivered ? "statusDelivered" : "statusSent")}</span>
    </span>
  );
}
