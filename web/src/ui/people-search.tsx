import { useCallback, useState } from "react";
import { t } from "../i18n/index.ts";
import { personOf, type Person } from "../store/model.ts";
import { Avatar } from "./avatar.tsx";
import { useHere } from "./context.ts";
import { Field } from "./field.tsx";
import { nameOf } from "./names.ts";
import { useAsked } from "./use-asked.ts";

const least = 2;
const none: readonly Person[] = [];

interface Props {
  onChoose: (person: Person) => void;
  except?: readonly number[];
}

/** Finds people while their name is being typed. */
export function PeopleSearch({ onChoose, except = [] }: Props) {
  const { store } = useHere();
  const [text, setText] = useState("");
  const { people, problem } = useFoundPeople(text.trim());
  const shown = people.filter(({ id }) => id !== store.me.id && !except.includes(id));
  return (
    <div className="people-search">
      <Field
        label={t("findPeople")}
        type="search"
        value={text}
        autoComplete="off"
        onChange={(event) => setText(event.target.value)}
        onKeyDown={(event) => {
          if (event.key !== "Enter") return;
          event.preventDefault();
          if (shown[0] !== undefined) onChoose(shown[0]);
        }}
      />
      <ul className="people">
        {shown.map((person) => (
          <li key={person.id}>
            <button type="button" onClick={() => onChoose(person)}>
              <Avatar
                id={person.id}
                name={nameOf(person)}
                picture={person.picture}
                isOnline={person.isOnline}
                size="small"
              />
              <span>
                <strong>
                  <bdi>{nameOf(person)}</bdi>
                </strong>
                <bdi className="hint">@{person.username}</bdi>
              </span>
            </button>
          </li>
        ))}
      </ul>
      <p className="hint" role="status">
        {problem ?? (text.trim().length < least ? t("findPeopleHint") : shown.length === 0 ? t("noMatches") : "")}
      </p>
    </div>
  );
}

/** Whose name has this in it. */
export function useFoundPeople(text: string) {
  const { api, store } = useHere();
  const ask = useCallback(
    async (q: string, signal: AbortSignal) => {
      const { users } = await api.searchUsers({ query: { q }, signal });
      const people = users.map((user) => personOf(user, store.people.get(user.id)));
      for (const person of people) store.putPerson(person);
      return people;
    },
    [api, store],
  );
  const { found = none, problem } = useAsked(text.length < least ? "" : text, ask);
  return { people: found, problem };
}
