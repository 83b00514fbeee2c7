import { limits } from "@om/protocol";
import { useEffect, useLayoutEffect, useRef, type KeyboardEvent, type RefObject } from "react";
import { t } from "../i18n/index.ts";
import { directionOf } from "../text/direction.ts";
import { IconButton } from "./button.tsx";
import { useHere, useStore } from "./context.ts";

/** What is being written. It is kept at every key, for each talk by itself. */
export function Composer({ talkId }: { talkId: string }) {
  const { store, line, send } = useHere();
  const draft = useStore(() => store.drafts.get(talkId) ?? "");
  const input = useRef<HTMLTextAreaElement>(null);
  const tooMany = charactersBeyond(draft);
  useDraft(input, draft);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) input.current?.focus();
    return () => line.typing(talkId, false);
  }, [line, talkId]);
  function submit(): void {
    const text = input.current?.value.trim() ?? "";
    if (text === "" || charactersBeyond(text) > 0) return;
    if (input.current !== null) input.current.value = "";
    store.setDraft(talkId, "");
    line.typing(talkId, false);
    send(talkId, text);
    input.current?.focus();
  }
  function press(event: KeyboardEvent): void {
    if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
    event.preventDefault();
    submit();
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <textarea
        ref={input}
        rows={1}
        defaultValue={draft}
        dir={directionOf(draft)}
        placeholder={t("writeMessage")}
        aria-label={t("writeMessage")}
        enterKeyHint="send"
        onKeyDown={press}
        onInput={(event) => {
          store.setDraft(talkId, event.currentTarget.value);
          line.typing(talkId, event.currentTarget.value !== "");
          grow(event.currentTarget);
        }}
      />
      {tooMany > 0 && (
        <p role="alert" className="problem">
          {t("tooLong", { count: tooMany })}
        </p>
      )}
      <IconButton type="submit" icon="send" label={t("send")} disabled={draft.trim() === "" || tooMany > 0} />
    </form>
  );
}

/** The text in the field is the browser's own; what another tab wrote is taken over. */
function useDraft(input: RefObject<HTMLTextAreaElement | null>, draft: string): void {
  useLayoutEffect(() => {
    const { current: field } = input;
    if (field === null) return;
    if (field.value !== draft && (draft === "" || document.activeElement !== field)) field.value = draft;
    grow(field);
  }, [input, draft]);
}

/** The server counts characters, not the units of JavaScript. */
function charactersBeyond(text: string): number {
  if (text.length <= limits.messageChars) return 0;
  return Math.max(0, Array.from(text.trim()).length - limits.messageChars);
}

function grow(field: HTMLTextAreaElement): void {
  field.style.blockSize = "auto";
  field.style.blockSize = `${field.scrollHeight}px`;
}
