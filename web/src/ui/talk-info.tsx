import { useState } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { pathOfTalk, route } from "../route.ts";
import { targetOfTalk, type Person } from "../store/model.ts";
import { Avatar } from "./avatar.tsx";
import { IconButton } from "./button.tsx";
import { useHere, useStore } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { entered, Field } from "./field.tsx";
import { faceOf, nameOf } from "./names.ts";
import { PeopleSearch } from "./people-search.tsx";
import { Sure } from "./sure.tsx";
import { useMembers } from "./use-members.ts";

/** Who a talk is with, and what can be done about it. */
export function TalkInfo({ talkId, onClose }: { talkId: string; onClose: () => void }) {
  const { api, store } = useHere();
  const target = targetOfTalk(talkId);
  const { name } = faceOf(store, store.talk(talkId));
  const clear = (): void => {
    api
      .deleteConversation({ params: { conversation_id: talkId }, query: {} })
      .catch((error: unknown) => store.say(errorText(error)));
    onClose();
  };
  return (
    <Dialog title={t("about", { name })} onClose={onClose}>
      {"userId" in target ? (
        <PersonInfo userId={target.userId} />
      ) : (
        <GroupInfo groupId={target.groupId} onLeft={onClose} />
      )}
      <Keeping talkId={talkId} />
      <Sure onSure={clear}>{t("clearTalk")}</Sure>
    </Dialog>
  );
}

/** For ever, as far as a time on the wire goes. */
const always = "9999-12-31T00:00:00Z";

/** How I keep it: pinned, muted, archived, on all my devices. */
function Keeping({ talkId }: { talkId: string }) {
  const { api, store } = useHere();
  const talk = useStore(() => store.talks.get(talkId));
  if (talk === undefined) return null;
  const { pinned = false, archived = false } = talk.settings;
  const isSilent = talk.settings.muted_until !== undefined && Date.parse(talk.settings.muted_until) > Date.now();
  const keep = (body: { pinned?: boolean; archived?: boolean; muted_until?: string | null }): void => {
    api.keepConversation({ params: { conversation_id: talkId }, body }).then(
      ({ settings }) => store.editTalk(talkId, () => ({ settings })),
      (error: unknown) => store.say(errorText(error)),
    );
  };
  return (
    <div className="keeping">
      <button type="button" aria-pressed={pinned} onClick={() => keep({ pinned: !pinned })}>
        {t("pin")}
      </button>
      <button type="button" aria-pressed={isSilent} onClick={() => keep({ muted_until: isSilent ? null : always })}>
        {t("mute")}
      </button>
      <button type="button" aria-pressed={archived} onClick={() => keep({ archived: !archived })}>
        {t("archive")}
      </button>
    </div>
  );
}

function PersonInfo({ userId }: { userId: number }) {
  const { api, store } = useHere();
  const person = useStore(() => store.people.get(userId));
  const isBlocked = useStore(() => store.blocked.has(userId));
  async function change(): Promise<void> {
    try {
      await (isBlocked ? api.unblock({ params: { id: userId } }) : api.block({ params: { id: userId } }));
      store.setBlocked(isBlocked ? [...store.blocked].filter((id) => id !== userId) : [...store.blocked, userId]);
    } catch (error) {
      store.say(errorText(error));
    }
  }
  return (
    <>
      <p className="person">
        <Avatar
          id={userId}
          name={nameOf(person)}
          picture={person?.picture ?? ""}
          isOnline={person?.isOnline === true}
        />
        <span>
          <strong>
            <bdi>{nameOf(person)}</bdi>
          </strong>
          <bdi className="hint">@{person?.username}</bdi>
        </span>
      </p>
      {isBlocked && <p className="hint">{t("blockedHint")}</p>}
      <button type="button" className="quiet" onClick={() => void change()}>
        {t(isBlocked ? "unblock" : "block")}
      </button>
    </>
  );
}

function GroupInfo({ groupId, onLeft }: { groupId: number; onLeft: () => void }) {
  const { api, store } = useHere();
  const { members, again } = useMembers(groupId);
  const run = (work: Promise<unknown>): void => void work.then(again, (error: unknown) => store.say(errorText(error)));
  return (
    <>
      <form
        className="inline"
        onSubmit={(event) => {
          event.preventDefault();
          const name = entered(event.currentTarget, "name").trim();
          run(api.editGroup({ params: { id: groupId }, body: { name } }));
        }}
      >
        <Field label={t("groupName")} name="name" defaultValue={store.talk(`group_${groupId}`).name} maxLength={100} />
        <button className="quiet">{t("save")}</button>
      </form>
      <h3>{t("members", { count: members.length })}</h3>
      <ul className="people">
        {members.map((person) => (
          <MemberRow
            key={person.id}
            person={person}
            onRemove={() => run(api.removeMember({ params: { id: groupId, user_id: person.id } }))}
          />
        ))}
      </ul>
      <details>
        <summary>{t("addMembers")}</summary>
        <PeopleSearch
          except={members.map(({ id }) => id)}
          onChoose={({ id }) => run(api.addMember({ params: { id: groupId }, body: { user_id: id } }))}
        />
      </details>
      <InviteLink groupId={groupId} />
      <Sure
        onSure={() => {
          run(api.leaveGroup({ params: { id: groupId } }));
          onLeft();
        }}
      >
        {t("leaveGroup")}
      </Sure>
    </>
  );
}

/** A link that leads others into the group for a week; it is shown, and copied where the browser lets us. */
function InviteLink({ groupId }: { groupId: number }) {
  const { api, store } = useHere();
  const [link, setLink] = useState<string | undefined>();
  async function make(): Promise<void> {
    try {
      const body = { expires_in_seconds: 7 * 24 * 3600 };
      const { token } = await api.createInvite({ params: { id: groupId }, body });
      const address = `${location.origin}/join/${token}`;
      setLink(address);
      await navigator.clipboard.writeText(address).catch(() => undefined);
    } catch (error) {
      store.say(errorText(error));
    }
  }
  return link === undefined ? (
    <button type="button" className="quiet" onClick={() => void make()}>
      {t("inviteLink")}
    </button>
  ) : (
    <Field label={t("inviteLink")} value={link} readOnly dir="ltr" onFocus={(event) => event.currentTarget.select()} />
  );
}

function MemberRow({ person, onRemove }: { person: Person; onRemove: () => void }) {
  const { store } = useHere();
  return (
    <li>
      <button type="button" onClick={() => route.go(pathOfTalk(`user_${person.id}`))}>
        <Avatar id={person.id} name={nameOf(person)} picture={person.picture} isOnline={person.isOnline} size="small" />
        <span>
          <strong>
            <bdi>{person.id === store.me.id ? t("you") : nameOf(person)}</bdi>
          </strong>
          <bdi className="hint">@{person.username}</bdi>
        </span>
      </button>
      {person.id !== store.me.id && (
        <IconButton icon="close" label={t("removePerson", { name: nameOf(person) })} onClick={onRemove} />
      )}
    </li>
  );
}
