import { useEffect, useState } from "react";
import { t } from "../i18n/index.ts";
import { shortTime } from "../i18n/dates.ts";
import { route } from "../route.ts";
import { peerOf, personOf } from "../store/model.ts";
import { Avatar } from "./avatar.tsx";
import { IconButton } from "./button.tsx";
import { Composer } from "./composer.tsx";
import { useHere, useStore } from "./context.ts";
import { MessageList } from "./message-list.tsx";
import { faceOf, nameOf } from "./names.ts";
import { TalkInfo } from "./talk-info.tsx";

interface Props {
  talkId: string;
  /** Somebody wants to search in it. */
  onSearch: () => void;
}

/** One talk: who it is with, what was said, and what to say. */
export function TalkView({ talkId, onSearch }: Props) {
  useNewestFace(talkId);
  return (
    <section className={peerOf(talkId) === undefined ? "talk is-group" : "talk"}>
      <TalkHeader talkId={talkId} onSearch={onSearch} />
      <MessageList talkId={talkId} />
      <Composer talkId={talkId} />
    </section>
  );
}

function TalkHeader({ talkId, onSearch }: Props) {
  const { store } = useHere();
  const talk = useStore(() => store.talks.get(talkId)) ?? store.talk(talkId);
  const peer = peerOf(talkId);
  const person = useStore(() => (peer === undefined ? undefined : store.people.get(peer)));
  const { id, name, picture } = faceOf(store, talk);
  const [hasInfo, setInfo] = useState(false);
  return (
    <header className="bar">
      <IconButton icon="back" label={t("back")} onClick={() => route.go("/")} />
      <Avatar id={id} name={name} picture={picture} isOnline={person?.isOnline === true} size="small" />
      <div className="title">
        <h2>
          <button type="button" onClick={() => setInfo(true)}>
            <bdi>{name}</bdi>
          </button>
        </h2>
        <Activity talkId={talkId} />
      </div>
      <IconButton icon="search" label={t("searchHere")} onClick={onSearch} />
      {hasInfo && <TalkInfo talkId={talkId} onClose={() => setInfo(false)} />}
    </header>
  );
}

function Activity({ talkId }: { talkId: string }) {
  const { store } = useHere();
  const typists = useStore(() => store.typistsOf(talkId));
  const peer = peerOf(talkId);
  const person = useStore(() => (peer === undefined ? undefined : store.people.get(peer)));
  const members = useStore(() => store.talk(talkId).memberCount);
  if (typists.length > 0) {
    const [first] = typists;
    const someone = t("someoneTyping", { name: nameOf(first === undefined ? undefined : store.people.get(first)) });
    return (
      <p className="typing">{peer !== undefined ? t("typing") : typists.length > 1 ? t("severalTyping") : someone}</p>
    );
  }
  if (peer === undefined) return <p>{members > 0 ? t("members", { count: members }) : ""}</p>;
  if (person === undefined) return <p />;
  const seen = person.lastSeen > 0 ? t("lastSeen", { time: shortTime(person.lastSeen) }) : t("offline");
  return <p>{person.isOnline ? t("online") : seen}</p>;
}

/** Of somebody who is looked at, what is newest; with whom there was no talk yet nothing is known. */
function useNewestFace(talkId: string): void {
  const { api, store } = useHere();
  useEffect(() => {
    const peer = peerOf(talkId);
    if (peer === undefined) return;
    api.user({ params: { identifier: peer } }).then(
      ({ user }) => store.putPerson(personOf(user, store.people.get(user.id))),
      () => undefined,
    );
  }, [api, store, talkId]);
}
