import { memo, type MouseEvent } from "react";
import type { TextKey } from "../i18n/en.ts";
import { t, formatNumber } from "../i18n/index.ts";
import { fullTime, shortTime } from "../i18n/dates.ts";
import { pathOfTalk, route } from "../route.ts";
import { isOnline } from "../store/follow.ts";
import { peerOf, type Talk } from "../store/model.ts";
import { isMuted } from "../store/store.ts";
import { directionOf } from "../text/direction.ts";
import { Avatar } from "./avatar.tsx";
import { useHere, useStore } from "./context.ts";
import { Icon, type IconName } from "./icons.tsx";
import { faceOf, gist, nameOf } from "./names.ts";
import { Ticks } from "./ticks.tsx";

/** One talk in the list. */
export const TalkRow = memo(function TalkRow({ talk, isOpen }: { talk: Talk; isOpen: boolean }) {
  const { store } = useHere();
  const online = useStore(() => isOnline(store, talk.id));
  const peer = peerOf(talk.id);
  useStore(() => (peer === undefined ? undefined : store.people.get(peer)));
  const { id, name, picture } = faceOf(store, talk);
  function open(event: MouseEvent): void {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    route.go(pathOfTalk(talk.id));
  }
  return (
    <a className="talk-row" href={pathOfTalk(talk.id)} onClick={open} aria-current={isOpen ? "page" : undefined}>
      <Avatar id={id} name={name} picture={picture} isOnline={online} />
      <span className="line">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        {talk.at > 0 && (
          <time dateTime={new Date(talk.at).toISOString()} title={fullTime(talk.at)}>
            {shortTime(talk.at)}
          </time>
        )}
      </span>
      <span className="line">
        <LastWords talk={talk} />
        {talk.settings.pinned === true && <Mark icon="pin" label="pin" />}
        {isMuted(talk) && (
          <Mark
            icon={talk.settings.archived === true ? "archive" : "mute"}
            label={talk.settings.archived === true ? "archive" : "mute"}
          />
        )}
        {talk.mentions > 0 && (
          <span className="badge">
            <span aria-hidden="true">@</span>
            <span className="hidden">{t("mentioned")}</span>
          </span>
        )}
        {talk.unread > 0 && (
          <span className={isMuted(talk) ? "badge silent" : "badge"}>
            <span aria-hidden="true">{formatNumber(talk.unread)}</span>
            <span className="hidden">{t("unread", { count: talk.unread })}</span>
          </span>
        )}
      </span>
    </a>
  );
});

function Mark({ icon, label }: { icon: IconName; label: TextKey }) {
  return (
    <span className="mark" title={t(label)}>
      <Icon name={icon} />
      <span className="hidden">{t(label)}</span>
    </span>
  );
}

/** Who is typing, what was begun, or what was said last. */
function LastWords({ talk }: { talk: Talk }) {
  const { store } = useHere();
  const isTyping = useStore(() => store.typistsOf(talk.id).length > 0);
  const draft = useStore(() => store.drafts.get(talk.id));
  const waiting = useStore(() => store.pendingOf(talk.id).at(-1));
  const { last } = talk;
  if (isTyping) return <span className="words typing">{t("typing")}</span>;
  if (draft !== undefined)
    return (
      <span className="words">
        <span className="draft">{t("draft")}</span>{" "}
        <bdi dir={directionOf(draft)}>{gist({ text: draft, type: "text" })}</bdi>
      </span>
    );
  const shown = waiting ?? last;
  if (shown === undefined) return <span className="words" />;
  const isMine = waiting !== undefined || last?.senderId === store.me.id;
  const isGroup = peerOf(talk.id) === undefined;
  const text = gist(shown);
  return (
    <span className="words">
      {waiting !== undefined && <span className="tick">…</span>}
      {waiting === undefined && isMine && last !== undefined && <Ticks message={last} talk={talk} />}
      {isGroup && !isMine && last !== undefined && <bdi>{nameOf(store.people.get(last.senderId))}: </bdi>}
      <bdi dir={directionOf(text)}>{text}</bdi>
    </span>
  );
}
