import { errorText } from "../errors.ts";
import { formatNumber, t } from "../i18n/index.ts";
import { messageOf, type ChatMessage } from "../store/model.ts";
import { useHere } from "./context.ts";
import { Icon } from "./icons.tsx";
import { nameOf } from "./names.ts";

const offered = ["👍", "❤️", "😂", "😮", "😢", "🙏"];

/** Gives a message an emoji, or takes the own one back. */
export function useReact(message: ChatMessage) {
  const { api, store } = useHere();
  const mine = message.reactions.find(({ userIds }) => userIds.includes(store.me.id))?.emoji;
  const react = (emoji: string): void => {
    api.react({ params: { id: message.id }, body: { emoji: emoji === mine ? null : emoji } }).then(
      (answer) => store.putMessages(message.talkId, [messageOf(answer, message.talkId)]),
      (error: unknown) => store.say(errorText(error)),
    );
  };
  return { mine, react };
}

/** What a message was given, and by whom. */
export function Reactions({ message }: { message: ChatMessage }) {
  const { store } = useHere();
  const { mine, react } = useReact(message);
  if (message.reactions.length === 0) return null;
  return (
    <div className="reactions">
      {message.reactions.map(({ emoji, userIds }) => (
        <button
          key={emoji}
          type="button"
          aria-pressed={emoji === mine}
          title={userIds.map((id) => (id === store.me.id ? t("you") : nameOf(store.people.get(id)))).join(", ")}
          onClick={() => react(emoji)}
        >
          {emoji} {formatNumber(userIds.length)}
        </button>
      ))}
    </div>
  );
}

interface ChoiceProps {
  message: ChatMessage;
  onDone: () => void;
  /** None of these is meant. */
  onMore: () => void;
}

/** The emoji that are given most, to choose from. */
export function ReactionChoice({ message, onDone, onMore }: ChoiceProps) {
  const { mine, react } = useReact(message);
  return (
    <div className="reaction-choice" role="group" aria-label={t("react")}>
      {offered.map((emoji) => (
        <button
          key={emoji}
          type="button"
          aria-pressed={emoji === mine}
          onClick={() => {
            react(emoji);
            onDone();
          }}
        >
          {emoji}
        </button>
      ))}
      <button type="button" aria-label={t("emojiMore")} title={t("emojiMore")} onClick={onMore}>
        <Icon name="smile" />
      </button>
    </div>
  );
}
