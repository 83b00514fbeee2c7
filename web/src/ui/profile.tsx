import { useEffect, useRef, useState } from "react";
import type { RouteOutput } from "@om/protocol";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { shortTime } from "../i18n/dates.ts";
import { personOf } from "../store/model.ts";
import { Avatar } from "./avatar.tsx";
import { useHere, useStore } from "./context.ts";
import { entered, Field } from "./field.tsx";
import { nameOf } from "./names.ts";

type Me = RouteOutput<"me">;

/** My own name and picture, as others see them. */
export function Profile() {
  const { api, store } = useHere();
  const me = useStore(() => store.people.get(store.me.id));
  const file = useRef<HTMLInputElement>(null);
  function keep(work: Promise<Me>): void {
    work.then(
      ({ user }) => {
        store.putPerson(personOf(user, store.people.get(user.id)));
        store.say(t("saved"));
      },
      (error: unknown) => store.say(errorText(error)),
    );
  }
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        const form = event.currentTarget;
        keep(
          api.updateMe({
            body: { full_name: entered(form, "name").trim(), username: entered(form, "username").trim() },
          }),
        );
      }}
    >
      <div className="person">
        <Avatar id={store.me.id} name={nameOf(me)} picture={me?.picture ?? ""} />
        <button type="button" className="quiet" onClick={() => file.current?.click()}>
          {t("changePicture")}
        </button>
        {me?.picture !== "" && (
          <button type="button" className="quiet" onClick={() => keep(api.deleteAvatar())}>
            {t("removePicture")}
          </button>
        )}
        <input
          ref={file}
          type="file"
          accept="image/*"
          hidden
          onChange={(event) => {
            const [picked] = event.currentTarget.files ?? [];
            if (picked !== undefined) keep(api.uploadAvatar({ file: picked }));
          }}
        />
      </div>
      <Field label={t("fullName")} name="name" defaultValue={me?.fullName} maxLength={128} />
      <Field label={t("username")} name="username" defaultValue={me?.username} dir="ltr" required />
      <button className="quiet">{t("save")}</button>
    </form>
  );
}

type Device = RouteOutput<"sessions">["sessions"][number];

/** Where I am signed in; each can be ended. */
export function Devices() {
  const { api, store } = useHere();
  const [devices, setDevices] = useState<readonly Device[]>([]);
  const [round, setRound] = useState(0);
  const fail = (error: unknown): void => store.say(errorText(error));
  useEffect(() => {
    api.sessions().then(
      ({ sessions }) => setDevices(sessions),
      (error: unknown) => store.say(errorText(error)),
    );
  }, [api, store, round]);
  const end = (work: Promise<unknown>): void => void work.then(() => setRound(round + 1), fail);
  return (
    <details>
      <summary>{t("devices")}</summary>
      <ul className="devices">
        {devices.map(({ id, user_agent: agent, last_used_at: at, current }) => (
          <li key={id}>
            <span>
              <bdi>{deviceName(agent)}</bdi>
              <span className="hint">{current ? t("thisDevice") : shortTime(Date.parse(at))}</span>
            </span>
            {!current && (
              <button type="button" className="quiet" onClick={() => end(api.endSession({ params: { id } }))}>
                {t("endSession")}
              </button>
            )}
          </li>
        ))}
      </ul>
      {devices.length > 1 && (
        <button type="button" className="danger" onClick={() => end(api.endOtherSessions())}>
          {t("endOthers")}
        </button>
      )}
    </details>
  );
}

/** What a browser says of itself, as people call it. */
function deviceName(agent: string): string {
  const [browser] = /Firefox|Edg|OPR|Chrome|Safari|okhttp|Dart|node/.exec(agent) ?? [];
  const [system] = /Android|iPhone|iPad|Windows|Mac OS|CrOS|Linux/.exec(agent) ?? [];
  const parts = [browser, system].filter((part) => part !== undefined);
  return parts.length === 0 ? t("unknownDevice") : parts.join(", ");
}
