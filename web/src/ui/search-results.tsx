import type { FoundMessage } from "@om/protocol";
import { useCallback, useState, type MouseEvent, type ReactNode } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { fullTime, shortTime } from "../i18n/dates.ts";
import { pathOfTalk, route } from "../route.ts";
import { messageOf, personOf, type ChatMessage, type Talk } from "../store/model.ts";
import { directionOf } from "../text/direction.ts";
import { snippetOf } from "../text/snippet.ts";
import { Avatar } from "./avatar.tsx";
import { useHere } from "./context.ts";
import { faceOf, nameOf } from "./names.ts";
import { useFoundPeople } from "./people-search.tsx";
import { TalkRow } from "./talk-row.tsx";
import { useAsked } from "./use-asked.ts";

interface Props {
  text: string;
  /** Search in this talk alone. */
  inTalk: string | undefined;
  /** Talks whose name fits. */
  talks: readonly Talk[];
}

/** Talks, people and messages that fit what is typed. */
export function SearchResults({ text, inTalk, talks }: Props) {
  const { store } = useHere();
  const { people } = useFoundPeople(inTalk === undefined ? text : "");
  const { hits, more, isBusy, problem } = useHits(text, inTalk);
  const others = people.filter(({ id }) => id !== store.me.id && !store.talks.has(`user_${id}`));
  const isEmpty = talks.length === 0 && others.length === 0 && hits.length === 0;
  return (
    <>
      <Section title={t("talks")} isShown={inTalk === undefined && talks.length > 0}>
        {talks.slice(0, 20).map((talk) => (
          <li key={talk.id}>
            <TalkRow talk={talk} isOpen={false} />
          </li>
        ))}
      </Section>
      <Section title={t("people")} isShown={others.length > 0}>
        {others.map((person) => (
          <li key={person.id}>
            <Result path={pathOfTalk(`user_${person.id}`)}>
              <Avatar id={person.id} name={nameOf(person)} picture={person.picture} isOnline={person.isOnline} />
              <span className="line">
                <strong>
                  <bdi>{nameOf(person)}</bdi>
                </strong>
              </span>
              <span className="line">
                <bdi className="words">@{person.username}</bdi>
              </span>
            </Result>
          </li>
        ))}
      </Section>
      <Section title={t("messages")} isShown={hits.length > 0}>
        {hits.map((hit) => (
          <li key={hit.message.id}>
            <HitView {...hit} />
          </li>
        ))}
      </Section>
      {more !== undefined && (
        <button type="button" className="quiet" onClick={more}>
          {t("more")}
        </button>
      )}
      <p className="hint found" role="status">
        {problem ?? (isBusy && isEmpty ? t("searching") : isEmpty ? t("noMatches") : "")}
      </p>
    </>
  );
}

function Section({ title, isShown, children }: { title: string; isShown: boolean; children: ReactNode }) {
  if (!isShown) return null;
  return (
    <section className="results">
      <h2>{title}</h2>
      <ul>{children}</ul>
    </section>
  );
}

interface Hit {
  message: ChatMessage;
  marks: FoundMessage["marks"];
}
interface Hits {
  hits: readonly Hit[];
  next: number | undefined;
}

const noHits: readonly Hit[] = [];

/** The newest messages that have these words, and the way to older ones. */
function useHits(text: string, inTalk: string | undefined) {
  const { api, store } = useHere();
  const [added, setAdded] = useState<{ of: Hits; hits: readonly Hit[]; next: number | undefined } | undefined>();
  const ask = useCallback(
    async (q: string, signal?: AbortSignal, cursor?: number): Promise<Hits> => {
      const body = { q, conversation_id: inTalk ?? null, cursor: cursor ?? null };
      const { results, next_cursor: next } = await api.searchMessages({ body, ...(signal && { signal }) });
      for (const { message } of results)
        if (!store.people.has(message.sender.id)) store.putPerson(personOf(message.sender));
      const hits = results.map(({ message, marks }) => ({
        message: messageOf(message, message.conversation_id),
        marks,
      }));
      return { hits, next };
    },
    [api, store, inTalk],
  );
  const { found, problem, isBusy } = useAsked(text, ask);
  const rest = added?.of === found ? added : undefined;
  const next = rest === undefined ? found?.next : rest.next;
  const more = (): void => {
    if (found === undefined) return;
    ask(text, undefined, next).then(
      (page) => setAdded({ of: found, hits: [...(rest?.hits ?? []), ...page.hits], next: page.next }),
      (error: unknown) => store.say(errorText(error)),
    );
  };
  return {
    hits: [...(found?.hits ?? noHits), ...(rest?.hits ?? noHits)],
    more: next === undefined ? undefined : more,
    problem,
    isBusy,
  };
}

function Result({ path, children }: { path: string; children: ReactNode }) {
  const open = (event: MouseEvent): void => {
    if (event.metaKey || event.ctrlKey || event.shiftKey) return;
    event.preventDefault();
    route.go(path);
  };
  return (
    <a className="talk-row" href={path} onClick={open}>
      {children}
    </a>
  );
}

/** A message that was found: where it stands, and the words in it. */
function HitView({ message, marks }: Hit) {
  const { store } = useHere();
  const { id, name, picture } = faceOf(store, store.talk(message.talkId));
  const author = message.senderId === store.me.id ? t("you") : nameOf(store.people.get(message.senderId));
  const isOther = message.senderId === store.me.id || message.talkId.startsWith("group_");
  return (
    <Result path={pathOfTalk(message.talkId, message.id)}>
      <Avatar id={id} name={name} picture={picture} />
      <span className="line">
        <strong>
          <bdi>{name}</bdi>
        </strong>
        <time dateTime={new Date(message.at).toISOString()} title={fullTime(message.at)}>
          {shortTime(message.at)}
        </time>
      </span>
      <span className="line">
        <span className="words">
          {isOther && <bdi>{author}: </bdi>}
          <bdi dir={directionOf(message.text)}>
            {snippetOf(message.text, marks).map(({ text, isMarked }, index) =>
              isMarked ? <mark key={index}>{text}</mark> : text,
            )}
          </bdi>
        </span>
      </span>
    </Result>
  );
}
