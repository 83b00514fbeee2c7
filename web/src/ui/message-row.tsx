import { memo, useEffect, useRef, useState } from "react";
import { refusalText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { dayName, fullTime, timeOfDay } from "../i18n/dates.ts";
import { peerOf, personOf, type ChatMessage, type Pending, type Quote, type Talk } from "../store/model.ts";
import { directionOf } from "../text/direction.ts";
import type { Row } from "../text/rows.ts";
import { Avatar } from "./avatar.tsx";
import { Content } from "./content.tsx";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { MessageMenu, type MenuStep } from "./message-menu.tsx";
import { gist, nameOf } from "./names.ts";
import { Reactions } from "./reactions.tsx";
import { Ticks } from "./ticks.tsx";

interface Props {
  row: Row;
  talk: Talk;
  /** It is what somebody came here for. */
  isLit: boolean;
}

export const RowView = memo(function RowView({ row, talk, isLit }: Props) {
  if (row.kind === "day")
    return (
      <p className="day">
        <span>{dayName(row.at)}</span>
      </p>
    );
  if (row.kind === "unread")
    return (
      <p className="unread-line">
        <span>{t("newMessages")}</span>
      </p>
    );
  return row.kind === "message" ? <MessageView {...row} talk={talk} isLit={isLit} /> : <PendingView {...row} />;
});

interface Place {
  starts: boolean;
  ends: boolean;
}

interface Shown extends Place {
  message: ChatMessage;
  talk: Talk;
  isLit: boolean;
}

function MessageView({ message, talk, starts, ends, isLit }: Shown) {
  const { store } = useHere();
  const sender = useStore(() => store.people.get(message.senderId));
  const isMine = message.senderId === store.me.id;
  const isGroup = peerOf(talk.id) === undefined;
  const name = isMine ? t("you") : nameOf(sender);
  const [step, setStep] = useState<MenuStep | undefined>();
  const self = useRef<HTMLElement>(null);
  // Whoever writes goes on writing.
  useEffect(() => {
    if (isLit && !(document.activeElement instanceof HTMLTextAreaElement)) self.current?.focus({ preventScroll: true });
  }, [isLit]);
  return (
    <article
      ref={self}
      className={`${placeClass(isMine, { starts, ends })}${isLit ? " lit" : ""}`}
      tabIndex={-1}
      onContextMenu={(event) => {
        if (event.target instanceof HTMLAnchorElement || getSelection()?.isCollapsed === false) return;
        event.preventDefault();
        setStep("menu");
      }}
      aria-label={`${name}, ${timeOfDay(message.at)}`}
      data-id={message.id}
    >
      {isGroup && !isMine && ends && (
        <Avatar id={message.senderId} name={name} picture={sender?.picture ?? ""} size="small" />
      )}
      <div className="bubble" dir={directionOf(message.text)}>
        {isGroup && !isMine && starts && (
          <p className={`author hue-${message.senderId % 8}`}>
            <bdi>{name}</bdi>
          </p>
        )}
        {message.forwardedFrom !== undefined && <ForwardedFrom id={message.forwardedFrom} />}
        {message.quote !== undefined && <QuoteView talkId={talk.id} quote={message.quote} />}
        <Content text={message.text} type={message.type} mentions={message.mentions} />
        <span className="meta">
          {message.isEdited && <span>{t("edited")}</span>}
          <time dateTime={new Date(message.at).toISOString()} title={fullTime(message.at)}>
            {timeOfDay(message.at)}
          </time>
          {isMine && <Ticks message={message} talk={talk} />}
        </span>
      </div>
      <Reactions message={message} />
      <button
        type="button"
        className="icon-button act"
        aria-label={t("messageActions")}
        aria-haspopup="dialog"
        onClick={() => setStep("menu")}
      >
        <Icon name="more" />
      </button>
      {step !== undefined && <MessageMenu message={message} step={step} onStep={setStep} />}
    </article>
  );
}

/** On its way, or refused: then it says why and can be tried again. */
function PendingView({ pending, starts, ends }: Place & { pending: Pending }) {
  const { retry, line } = useHere();
  const { refusal } = pending;
  return (
    <article className={placeClass(true, { starts, ends })} aria-label={t("you")}>
      <div className={refusal === undefined ? "bubble" : "bubble refused"} dir={directionOf(pending.text)}>
        {pending.forward !== undefined && <ForwardedFrom id={pending.forward.from} />}
        {pending.quote !== undefined && <QuoteView talkId={pending.talkId} quote={pending.quote} />}
        <Content text={pending.text} type={pending.type} mentions={pending.mentions} />
        <span className="meta">
          {pending.at > 0 && <time>{timeOfDay(pending.at)}</time>}
          {refusal === undefined && (
            <span className="tick">
              <span aria-hidden="true">…</span>
              <span className="hidden">{t("statusPending")}</span>
            </span>
          )}
        </span>
      </div>
      {refusal !== undefined && (
        <div className="refusal" role="alert">
          <p>{t("notSent", { reason: refusalText(refusal.code, refusal.text) })}</p>
          <button type="button" onClick={() => retry(pending)}>
            <Icon name="retry" />
            {t("tryAgain")}
          </button>
          <button type="button" onClick={() => line.drop(pending.clientId)}>
            {t("remove")}
          </button>
        </div>
      )}
    </article>
  );
}

function placeClass(isMine: boolean, { starts, ends }: Place): string {
  return `message ${isMine ? "mine" : "theirs"}${starts ? " starts" : ""}${ends ? " ends" : ""}`;
}

/** What a message answers; it leads there. */
function QuoteView({ talkId, quote }: { talkId: string; quote: Quote }) {
  const { jump, store } = useHere();
  const sender = useStore(() => store.people.get(quote.senderId));
  const text = quote.text === undefined ? "…" : gist({ text: quote.text, type: quote.type });
  return (
    <blockquote dir={directionOf(text)}>
      <button type="button" className="quote" onClick={() => void jump(talkId, quote.id)}>
        {quote.senderId !== 0 && <strong>{quote.senderId === store.me.id ? t("you") : nameOf(sender)}</strong>}
        <span>{text}</span>
      </button>
    </blockquote>
  );
}

/** Who wrote first what was passed on. */
function ForwardedFrom({ id }: { id: number }) {
  const { api, store } = useHere();
  const author = useStore(() => store.people.get(id));
  const isUnknown = author === undefined && id > 0;
  useEffect(() => {
    if (isUnknown)
      api.user({ params: { identifier: id } }).then(
        ({ user }) => store.putPerson(personOf(user)),
        () => undefined,
      );
  }, [api, store, id, isUnknown]);
  return <p className="forwarded">{t("forwardedFrom", { name: id === store.me.id ? t("you") : nameOf(author) })}</p>;
}
