import { limits } from "@om/protocol";
import {
  useEffect,
  useId,
  useLayoutEffect,
  useRef,
  useState,
  type ClipboardEvent,
  type DragEvent,
  type KeyboardEvent,
  type RefObject,
} from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { directionOf } from "../text/direction.ts";
import { useUploads } from "./attach.ts";
import { IconButton } from "./button.tsx";
import { CompletionList } from "./completion-list.tsx";
import { useHere, useStore } from "./context.ts";
import { EmojiPicker } from "./emoji-picker.tsx";
import { gist, nameOf } from "./names.ts";
import { useCompletion } from "./use-completion.ts";

type Field = RefObject<HTMLTextAreaElement | null>;

/** What is being written. It is kept at every key, for each talk by itself. */
export function Composer({ talkId }: { talkId: string }) {
  const { store, line } = useHere();
  const draft = useStore(() => store.drafts.get(talkId) ?? "");
  const input: Field = useRef(null);
  const uploads = useUploads(talkId);
  const tooMany = charactersBeyond(draft);
  const completion = useCompletion(talkId, input);
  const submit = useSubmit(talkId, input, completion.mentioned);
  const [picks, setPicks] = useState(false);
  useEffect(() => {
    if (matchMedia("(hover: hover)").matches) input.current?.focus();
    return () => line.typing(talkId, false);
  }, [line, talkId]);
  function take(event: ClipboardEvent | DragEvent, files: FileList): void {
    if (files.length === 0) return;
    event.preventDefault();
    uploads.add(files);
  }
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => take(event, event.dataTransfer.files)}
    >
      <AimBar talkId={talkId} input={input} />
      <UploadList {...uploads} />
      {tooMany > 0 && (
        <p role="alert" className="problem">
          {t("tooLong", { count: tooMany })}
        </p>
      )}
      <PickFiles onPick={uploads.add} />
      <TextField talkId={talkId} input={input} completion={completion} onSubmit={submit} onFiles={take} />
      <IconButton icon="smile" label={t("emoji")} onClick={() => setPicks(true)} />
      <IconButton type="submit" icon="send" label={t("send")} disabled={draft.trim() === "" || tooMany > 0} />
      {picks && <EmojiPicker onChoose={completion.insert} onClose={() => setPicks(false)} />}
    </form>
  );
}

interface TextProps {
  talkId: string;
  input: Field;
  completion: ReturnType<typeof useCompletion>;
  onSubmit: () => void;
  onFiles: (event: ClipboardEvent, files: FileList) => void;
}

function TextField({ talkId, input, completion, onSubmit, onFiles }: TextProps) {
  const { store, line } = useHere();
  const draft = useStore(() => store.drafts.get(talkId) ?? "");
  const listId = useId();
  useDraft(input, draft);
  const hasOptions = completion.options.length > 0;
  return (
    <>
      {hasOptions && <CompletionList id={listId} {...completion} onChoose={completion.choose} />}
      <textarea
        ref={input}
        rows={1}
        defaultValue={draft}
        dir={directionOf(draft)}
        placeholder={t("writeMessage")}
        aria-label={t("writeMessage")}
        enterKeyHint="send"
        aria-autocomplete="list"
        aria-controls={hasOptions ? listId : undefined}
        aria-activedescendant={hasOptions ? `${listId}-${completion.active}` : undefined}
        onSelect={completion.look}
        onBlur={() => completion.choose(undefined)}
        onPaste={(event) => onFiles(event, event.clipboardData.files)}
        onKeyDown={(event) => completion.press(event) || press(event, onSubmit)}
        onInput={(event) => {
          store.setDraft(talkId, event.currentTarget.value);
          line.typing(talkId, event.currentTarget.value !== "");
          grow(event.currentTarget);
          completion.look();
        }}
      />
    </>
  );
}

function press(event: KeyboardEvent, submit: () => void): void {
  if (event.key !== "Enter" || event.shiftKey || event.nativeEvent.isComposing) return;
  event.preventDefault();
  submit();
}

/** Sends what was written, as an answer or in place of an earlier text if that was chosen. */
function useSubmit(talkId: string, input: Field, mentioned: (text: string) => readonly number[]): () => void {
  const { api, store, line, send } = useHere();
  return () => {
    const text = input.current?.value.trim() ?? "";
    if (text === "" || charactersBeyond(text) > 0) return;
    const aim = store.aims.get(talkId);
    if (input.current !== null) input.current.value = "";
    store.setDraft(talkId, "");
    store.setAim(talkId, undefined);
    line.typing(talkId, false);
    if (aim?.kind === "edit") {
      api.editMessage({ params: { id: aim.message.id }, body: { content: text } }).catch((error: unknown) => {
        // What was typed comes back.
        store.setDraft(talkId, text);
        store.setAim(talkId, aim);
        store.say(errorText(error));
      });
    } else {
      const mentions = mentioned(text);
      const quoted = aim?.message;
      send(talkId, text, {
        ...(mentions.length > 0 && { mentions }),
        ...(quoted && { quote: { id: quoted.id, senderId: quoted.senderId, text: quoted.text, type: quoted.type } }),
      });
    }
    input.current?.focus();
  };
}

/** Which message is answered or edited. */
function AimBar({ talkId, input }: { talkId: string; input: Field }) {
  const { store } = useHere();
  const aim = useStore(() => store.aims.get(talkId));
  useEffect(() => {
    if (aim === undefined) return;
    if (aim.kind === "edit") store.setDraft(talkId, aim.message.text);
    if (aim.kind === "edit" && input.current !== null) input.current.value = aim.message.text;
    input.current?.focus();
  }, [aim, input, store, talkId]);
  if (aim === undefined) return null;
  const name = aim.message.senderId === store.me.id ? t("you") : nameOf(store.people.get(aim.message.senderId));
  return (
    <div className="aim">
      <p>
        <strong>{aim.kind === "edit" ? t("editing") : t("replyingTo", { name })}</strong>
        <bdi dir={directionOf(aim.message.text)}>{gist(aim.message)}</bdi>
      </p>
      <IconButton
        icon="close"
        label={t("cancel")}
        onClick={() => {
          if (aim.kind === "edit") store.setDraft(talkId, "");
          store.setAim(talkId, undefined);
        }}
      />
    </div>
  );
}

function UploadList({ uploads, stop, retry }: ReturnType<typeof useUploads>) {
  if (uploads.length === 0) return null;
  return (
    <ul className="uploads" role="status">
      {uploads.map((upload) => (
        <li key={upload.key}>
          <bdi className={upload.problem === undefined ? "" : "problem"}>
            {upload.problem ?? t("uploading", { name: upload.file.name })}
          </bdi>
          {upload.problem !== undefined && (
            <IconButton icon="retry" label={t("tryAgain")} onClick={() => retry(upload)} />
          )}
          <IconButton icon="close" label={t("cancel")} onClick={() => stop(upload)} />
        </li>
      ))}
    </ul>
  );
}

function PickFiles({ onPick }: { onPick: (files: Iterable<File>) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [key, setKey] = useState(0);
  return (
    <>
      <IconButton icon="attach" label={t("attach")} onClick={() => input.current?.click()} />
      <input
        key={key}
        ref={input}
        type="file"
        multiple
        hidden
        onChange={(event) => {
          onPick([...(event.currentTarget.files ?? [])]);
          setKey(key + 1);
        }}
      />
    </>
  );
}

/** The text in the field is the browser's own; what another tab wrote is taken over. */
function useDraft(input: Field, draft: string): void {
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
