import { useState, type FormEvent } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { pathOfTalk, route } from "../route.ts";
import type { Person } from "../store/model.ts";
import { useHere } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { entered, Field } from "./field.tsx";
import { Icon } from "./icons.tsx";
import { nameOf } from "./names.ts";
import { PeopleSearch } from "./people-search.tsx";

/** A talk with somebody, or a group of several. */
export function NewTalk({ onClose }: { onClose: () => void }) {
  const [isGroup, setGroup] = useState(false);
  return (
    <Dialog title={t(isGroup ? "newGroup" : "newTalk")} onClose={onClose}>
      {isGroup ? (
        <NewGroup onDone={onClose} />
      ) : (
        <>
          <button type="button" className="wide" onClick={() => setGroup(true)}>
            <Icon name="group" />
            {t("newGroup")}
          </button>
          <PeopleSearch
            onChoose={(person) => {
              onClose();
              route.go(pathOfTalk(`user_${person.id}`));
            }}
          />
        </>
      )}
    </Dialog>
  );
}

function NewGroup({ onDone }: { onDone: () => void }) {
  const { api, store } = useHere();
  const [members, setMembers] = useState<readonly Person[]>([]);
  const [problem, setProblem] = useState<string | undefined>();
  async function create(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const name = entered(event.currentTarget, "name").trim();
    setProblem(undefined);
    try {
      const group = await api.createGroup({ body: { name } });
      const failed: unknown[] = [];
      for (const { id } of members)
        await api
          .addMember({ params: { id: group.id }, body: { user_id: id } })
          .catch((error: unknown) => failed.push(error));
      if (failed.length > 0) store.say(errorText(failed[0]));
      store.editTalk(`group_${group.id}`, () => ({ name: group.name }));
      onDone();
      route.go(pathOfTalk(`group_${group.id}`));
    } catch (error) {
      setProblem(errorText(error));
    }
  }
  return (
    <form onSubmit={(event) => void create(event)}>
      <Field label={t("groupName")} name="name" required maxLength={100} autoFocus />
      {members.length > 0 && (
        <ul className="chips" aria-label={t("groupMembers")}>
          {members.map((person) => (
            <li key={person.id}>
              <button
                type="button"
                aria-label={t("removePerson", { name: nameOf(person) })}
                onClick={() => setMembers(members.filter((one) => one !== person))}
              >
                <bdi>{nameOf(person)}</bdi> <Icon name="close" />
              </button>
            </li>
          ))}
        </ul>
      )}
      <PeopleSearch except={members.map(({ id }) => id)} onChoose={(person) => setMembers([...members, person])} />
      <p role="alert" className="problem">
        {problem}
      </p>
      <button className="primary">{t("createGroup")}</button>
    </form>
  );
}
