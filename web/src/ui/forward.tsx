import { useState } from "react";
import { t } from "../i18n/index.ts";
import { pathOfTalk, route } from "../route.ts";
import type { ChatMessage } from "../store/model.ts";
import { Avatar } from "./avatar.tsx";
import { useHere, useStore } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { Field } from "./field.tsx";
import { faceOf, nameFits } from "./names.ts";

const most = 50;

/** Passes a message on to another talk, which is opened then. */
export function Forward({ message, onClose }: { message: ChatMessage; onClose: () => void }) {
  const { store, send } = useHere();
  const [wanted, setWanted] = useState("");
  const all = useStore(({ list }) => list.call(store));
  const talks = all.filter((talk) => nameFits(store, talk, wanted.trim())).slice(0, most);
  return (
    <Dialog title={t("forwardTo")} onClose={onClose}>
      <Field
        label={t("filterTalks")}
        type="search"
        value={wanted}
        autoFocus
        autoComplete="off"
        onChange={(event) => setWanted(event.target.value)}
      />
      <ul className="people">
        {talks.map((talk) => {
          const { id, name, picture } = faceOf(store, talk);
          return (
            <li key={talk.id}>
              <button
                type="button"
                onClick={() => {
                  const { id: messageId, forwardedFrom, senderId, text, type } = message;
                  onClose();
                  route.go(pathOfTalk(talk.id));
                  send(talk.id, text, { type, forward: { id: messageId, from: forwardedFrom ?? senderId } });
                }}
              >
                <Avatar id={id} name={name} picture={picture} size="small" />
                <strong>
                  <bdi>{name}</bdi>
                </strong>
              </button>
            </li>
          );
        })}
      </ul>
      {talks.length === 0 && <p className="hint">{t("noMatches")}</p>}
    </Dialog>
  );
}
