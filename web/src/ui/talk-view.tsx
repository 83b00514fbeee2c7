import { useEffect } from "react";
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

/** One talk: who it is with, what was said, and what to say. */
export function TalkView({ talkId }: { talkId: string }) {
  useMissingPerson(talkId);
  return (
    <section className={peerOf(talkId) === undefined ? "talk is-group" : "talk"}>
      <TalkHeader talkId={talkId} />
      <MessageList talkId={talkId} />
      <Composer talkId={talkId} />
    </section>
  );
}

function TalkHeader({ talkId }: { talkId: string }) {
  const { store } = useHere();
  const talk = useStore(() => store.talks.get(talkId)) ?? store.talk(talkId);
  const peer = peerOf(talkId);
  const person = useStore(() => (peer === undefined ? undefined : store.people.get(peer)));
  const { id, name, picture } = faceOf(store, talk);
  return (
    <header className="bar">
      <IconButton icon="back" label={t("back")} onClick={() => route.go("/")} />
      <Avatar id={id} name={name} picture={picture} isOnline={person?.isOnline === true} size="small" />
      <div className="title">
        <h1>
          <bdi>{name}</bdi>
        </h1>
        <Activity talkId={talkId} />
      </div>
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

/** Somebody with whom there was no talk yet is asked for. */
function useMissingPerson(talkId: string): void {
  const { api, store } = useHere();
  useEffect(() => {
    const peer = peerOf(talkId);
    if (peer === undefined || store.people.has(peer)) return;
    api.user({ params: { identifier: peer } }).then(
      ({ user }) => store.putPerson(personOf(user)),
      () => undefined,
    );
  }, [api, store, talkId]);
}
