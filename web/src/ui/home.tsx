import { useEffect } from "react";
import { t } from "../i18n/index.ts";
import { timeOfDay } from "../i18n/dates.ts";
import { route } from "../route.ts";
import { useObserved } from "../store/observable.ts";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { Sidebar } from "./sidebar.tsx";
import { TalkView } from "./talk-view.tsx";

/** The list of talks beside the one that is open; on a phone one of the two. */
export function Home() {
  const { open } = useHere();
  const talkId = useObserved(route, () => route.place.talkId);
  const unread = useStore((store) => store.unread());
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) ${t("appName")}` : t("appName");
  }, [unread]);
  useEffect(() => {
    open(talkId);
    return () => open(undefined);
  }, [open, talkId]);
  return (
    <div className={talkId === undefined ? "home" : "home has-talk"}>
      <Sidebar openId={talkId} />
      <main className="pane" aria-label={t("talks")}>
        {talkId === undefined ? (
          <div className="empty">
            <Icon name="talks" />
            <p>{t("chooseTalk")}</p>
          </div>
        ) : (
          <TalkView key={talkId} talkId={talkId} />
        )}
      </main>
      <Notices />
    </div>
  );
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
