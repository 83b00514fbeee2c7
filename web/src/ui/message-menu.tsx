import { useEffect, useRef, useState, type ReactNode } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { copyText } from "../insecure.ts";
import { pathOfTalk } from "../route.ts";
import { peerOf, type ChatMessage } from "../store/model.ts";
import { mediaPath } from "../text/media.ts";
import { useHere } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { EmojiPicker } from "./emoji-picker.tsx";
import { Forward } from "./forward.tsx";
import { nameOf } from "./names.ts";
import { ReactionChoice, useReact } from "./reactions.tsx";

/** What is open about a message. */
export type MenuStep = "menu" | "forward" | "emoji";

interface Props {
  message: ChatMessage;
  step: MenuStep;
  onStep: (step: MenuStep | undefined) => void;
}

/** What can be done with a message. */
export function MessageMenu({ message, step, onStep }: Props) {
  const { react } = useReact(message);
  const onClose = (): void => onStep(undefined);
  if (step === "forward") return <Forward message={message} onClose={onClose} />;
  if (step === "emoji") return <EmojiPicker onChoose={react} onClose={onClose} />;
  return <Actions message={message} onStep={onStep} />;
}

function Actions({ message, onStep }: Omit<Props, "step">) {
  const { api, store } = useHere();
  const [isSure, setSure] = useState(true);
  const isMine = message.senderId === store.me.id;
  const isGroup = peerOf(message.talkId) === undefined;
  const onClose = (): void => onStep(undefined);
  const then = (work: () => unknown) => (): void => {
    work();
    onClose();
  };
  const link = location.origin + pathOfTalk(message.talkId, message.id);
  const copied = message.type === "text" ? message.text : new URL(mediaPath(message.text), location.origin).href;
  const fail = (error: unknown): void => store.say(errorText(error));
  return (
    <Menu label={t("messageActions")} onClose={onClose}>
      <ReactionChoice message={message} onDone={onClose} onMore={() => onStep("emoji")} />
      <button type="button" onClick={then(() => store.setAim(message.talkId, { kind: "reply", message }))}>
        {t("reply")}
      </button>
      <button type="button" onClick={() => onStep("forward")}>
        {t("forward")}
      </button>
      <button type="button" onClick={() => void copyText(copied).then(onClose, fail)}>
        {t("copy")}
      </button>
      {isGroup && (
        <button type="button" onClick={() => void copyText(link).then(onClose, fail)}>
          {t("copyLink")}
        </button>
      )}
      {isMine && message.type === "text" && (
        <button type="button" onClick={then(() => store.setAim(message.talkId, { kind: "edit", message }))}>
          {t("edit")}
        </button>
      )}
      {isMine && isGroup && <Readers message={message} />}
      {(isMine || isGroup) && (
        <button
          type="button"
          className="risky"
          onClick={() => {
            if (isSure) return setSure(false);
            api.deleteMessage({ params: { id: message.id } }).catch(fail);
            onClose();
          }}
        >
          {t(isSure ? "deleteForAll" : "deleteSure")}
        </button>
      )}
    </Menu>
  );
}

/** Who of a group has read it. */
function Readers({ message }: { message: ChatMessage }) {
  const { api, store } = useHere();
  const [names, setNames] = useState<string | undefined>();
  useEffect(() => {
    api.receipts({ params: { id: message.id } }).then(
      ({ readers }) => setNames(readers.map((id) => nameOf(store.people.get(id))).join(", ")),
      (error: unknown) => setNames(errorText(error)),
    );
  }, [api, store, message.id]);
  return (
    <p className="hint" role="status">
      {names === undefined ? t("loading") : names === "" ? t("readByNobody") : t("readBy", { names })}
    </p>
  );
}

/** A short list of things to do: arrows go through it, Escape and a click beside it close it. */
function Menu({ label, onClose, children }: { label: string; onClose: () => void; children: ReactNode }) {
  const list = useRef<HTMLDivElement>(null);
  return (
    <Dialog title={label} onClose={onClose} isMenu>
      <div
        ref={list}
        className="menu"
        onKeyDown={(event) => {
          const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
          const buttons = [...(list.current?.querySelectorAll("button") ?? [])];
          const at = buttons.findIndex((button) => button === document.activeElement);
          if (step !== 0) buttons.at((at + step) % buttons.length)?.focus();
        }}
      >
        {children}
      </div>
    </Dialog>
  );
}
