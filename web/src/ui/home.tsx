import { useEffect, useState } from "react";
import { t } from "../i18n/index.ts";
import { timeOfDay } from "../i18n/dates.ts";
import { keepPage } from "../offline.ts";
import { pathOfTalk, route } from "../route.ts";
import { useObserved } from "../store/observable.ts";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { Join } from "./join.tsx";
import { Sidebar } from "./sidebar.tsx";
import { TalkView } from "./talk-view.tsx";

/** The list of talks beside the one that is open; on a phone one of the two. */
export function Home() {
  const { open, jump, store } = useHere();
  const place = useObserved(route, () => route.place);
  const { talkId, messageId, invite } = place;
  const [inTalk, setInTalk] = useState<string | undefined>();
  const unread = useStore((store) => store.unread());
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t("appName")}` : t("appName");
  }, [unread]);
  useEffect(() => keepPage(() => store.say(t("updateReady"))), [store]);
  useShortcuts();
  useEffect(() => {
    open(talkId);
    return () => open(undefined);
  }, [open, talkId]);
  useEffect(() => {
    if (talkId !== undefined && messageId !== undefined) void jump(talkId, messageId);
  }, [jump, place, talkId, messageId]);
  useEffect(() => {
    setInTalk(undefined);
  }, [talkId]);
  useEffect(() => {
    if (inTalk !== undefined) document.querySelector<HTMLInputElement>(".filter input")?.focus();
  }, [inTalk]);
  function searchHere(): void {
    if (talkId !== undefined) route.go(pathOfTalk(talkId), true);
    setInTalk(talkId);
  }
  const isBeside = talkId === undefined || (inTalk !== undefined && messageId === undefined);
  return (
    <main className={isBeside ? "home" : "home has-talk"}>
      <h1 className="hidden">{t("talks")}</h1>
      <Sidebar openId={talkId} inTalk={inTalk} onSearchAll={() => setInTalk(undefined)} />
      <div className="pane">
        {talkId === undefined ? (
          <div className="empty">
            <Icon name="talks" />
            <p>{t("chooseTalk")}</p>
          </div>
        ) : (
          <TalkView key={talkId} talkId={talkId} onSearch={searchHere} />
        )}
      </div>
      {invite !== undefined && <Join key={invite} token={invite} />}
      <Notices />
    </main>
  );
}

function useShortcuts(): void {
  useEffect(() => {
    const press = (event: KeyboardEvent): void => {
      if (document.querySelector("dialog[open]") !== null) return;
      if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
        event.preventDefault();
        document.querySelector<HTMLInputElement>(".filter input")?.focus();
      } else if (event.key === "Escape" && !event.isComposing) route.go("/");
    };
    addEventListener("keydown", press);
    return () => removeEventListener("keydown", press);
  }, []);
}

/** What the page has to say: that the line is gone, that something did not work. */
function Notices() {
  const notice = useStore((store) => store.notice);
  const away = useStore((store) => store.awaySince);
  return (
    <div role="status" className="notices">
      {away !== undefined && <p className="notice">{t("offlineSince", { time: timeOfDay(away) })}</p>}
      {notice !== undefined && <p className="notice">{notice === "disk-full" ? t("diskFull") : notice}</p>}
    </div>
  );
}
