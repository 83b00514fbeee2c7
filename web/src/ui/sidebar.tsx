import { useDeferredValue, useState } from "react";
import { Virtualizer } from "virtua";
import { t } from "../i18n/index.ts";
import type { Talk } from "../store/model.ts";
import type { Store } from "../store/store.ts";
import { Avatar } from "./avatar.tsx";
import { IconButton } from "./button.tsx";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { faceOf, nameOf } from "./names.ts";
import { NewTalk } from "./new-talk.tsx";
import { Settings } from "./settings.tsx";
import { TalkRow } from "./talk-row.tsx";

/** All talks, newest activity first, and the ways to others. */
export function Sidebar({ openId }: { openId: string | undefined }) {
  const { store } = useHere();
  const [dialog, setDialog] = useState<"new" | "settings" | undefined>();
  const [wanted, setWanted] = useState("");
  const text = useDeferredValue(wanted.trim().toLocaleLowerCase());
  const all = useStore(({ list }) => list.call(store));
  const talks = text === "" ? all : all.filter((talk) => matches(store, talk, text));
  return (
    <div className="sidebar">
      <header className="bar">
        <Me onClick={() => setDialog("settings")} />
        <IconButton icon="compose" label={t("newTalk")} onClick={() => setDialog("new")} />
      </header>
      <div className="filter">
        <Icon name="search" />
        <input
          type="search"
          aria-label={t("filterTalks")}
          placeholder={t("filterTalks")}
          value={wanted}
          onChange={(event) => setWanted(event.target.value)}
        />
      </div>
      <nav className="talks" aria-label={t("talks")}>
        {talks.length === 0 ? (
          <div className="empty small">
            <p>{t(all.length === 0 ? "noTalks" : "noMatches")}</p>
            {all.length === 0 && (
              <button type="button" className="primary" onClick={() => setDialog("new")}>
                {t("newTalk")}
              </button>
            )}
          </div>
        ) : (
          <Virtualizer as="ul" item="li" data={talks} itemSize={72}>
            {(talk) => <TalkRow key={talk.id} talk={talk} isOpen={talk.id === openId} />}
          </Virtualizer>
        )}
      </nav>
      {dialog === "new" && <NewTalk onClose={() => setDialog(undefined)} />}
      {dialog === "settings" && <Settings onClose={() => setDialog(undefined)} />}
    </div>
  );
}

function Me({ onClick }: { onClick: () => void }) {
  const me = useStore((store) => store.people.get(store.me.id));
  const status = useStore((store) => store.status);
  return (
    <button type="button" className="me" onClick={onClick}>
      <Avatar
        id={me?.id ?? 0}
        name={nameOf(me)}
        picture={me?.picture ?? ""}
        isOnline={status === "live"}
        size="small"
      />
      <span>
        <strong>
          <bdi>{nameOf(me)}</bdi>
        </strong>
        {status !== "live" && <span>{t("connecting")}</span>}
        <span className="hidden">{t("settings")}</span>
      </span>
    </button>
  );
}

function matches(store: Store, talk: Talk, text: string): boolean {
  const peer = store.people.get(faceOf(store, talk).id);
  const names = talk.id.startsWith("group") ? [talk.name] : [peer?.fullName, peer?.username];
  return names.some((name) => name?.toLocaleLowerCase().includes(text));
}
