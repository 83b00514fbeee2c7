import { useDeferredValue, useState, type KeyboardEvent } from "react";
import { Virtualizer } from "virtua";
import { t } from "../i18n/index.ts";
import { Avatar } from "./avatar.tsx";
import { IconButton } from "./button.tsx";
import { useHere, useStore } from "./context.ts";
import { Icon } from "./icons.tsx";
import { faceOf, nameFits, nameOf } from "./names.ts";
import { NewTalk } from "./new-talk.tsx";
import { SearchResults } from "./search-results.tsx";
import { Settings } from "./settings.tsx";
import { TalkRow } from "./talk-row.tsx";

interface Props {
  openId: string | undefined;
  /** The talk that is searched in; undefined: everywhere. */
  inTalk: string | undefined;
  onSearchAll: () => void;
}

/** All talks, newest activity first, and the ways to others. */
export function Sidebar({ openId, inTalk, onSearchAll }: Props) {
  const { store } = useHere();
  const [dialog, setDialog] = useState<"new" | "settings" | undefined>();
  const [wanted, setWanted] = useState("");
  const asked = useDeferredValue(wanted.trim());
  const all = useStore(({ list }) => list.call(store));
  const talks = asked === "" ? all : all.filter((talk) => nameFits(store, talk, asked));
  return (
    <div className="sidebar">
      <header className="bar">
        <Me onClick={() => setDialog("settings")} />
        <IconButton icon="compose" label={t("newTalk")} onClick={() => setDialog("new")} />
      </header>
      <SearchField value={wanted} onChange={setWanted} inTalk={inTalk} onSearchAll={onSearchAll} />
      <nav className="talks" aria-label={t("talks")} onKeyDown={walk}>
        {asked !== "" ? (
          <SearchResults text={asked} inTalk={inTalk} talks={talks} />
        ) : inTalk !== undefined ? (
          <p className="hint found">{t("searchHint")}</p>
        ) : all.length === 0 ? (
          <div className="empty small">
            <p>{t("noTalks")}</p>
            <button type="button" className="primary" onClick={() => setDialog("new")}>
              {t("newTalk")}
            </button>
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

interface FieldProps extends Pick<Props, "inTalk" | "onSearchAll"> {
  value: string;
  onChange: (value: string) => void;
}

/** The one field for everything. Escape empties it, the arrow goes down to what was found. */
function SearchField({ value, onChange, inTalk, onSearchAll }: FieldProps) {
  const { store } = useHere();
  return (
    <div className="filter">
      <Icon name="search" />
      <input
        type="search"
        aria-label={t("filterTalks")}
        aria-keyshortcuts="Control+K"
        placeholder={t("filterTalks")}
        value={value}
        onChange={(event) => onChange(event.target.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape" && (value !== "" || inTalk !== undefined)) {
            event.stopPropagation();
            onChange("");
            onSearchAll();
          } else if (event.key === "Enter" || event.key === "ArrowDown") {
            event.preventDefault();
            const first = document.querySelector<HTMLAnchorElement>(".talks a");
            if (event.key === "Enter" && value.trim() !== "") first?.click();
            else first?.focus();
          }
        }}
      />
      {inTalk !== undefined && (
        <ul className="chips">
          <li>
            <button type="button" onClick={onSearchAll} aria-label={t("searchEverywhere")}>
              <bdi>{faceOf(store, store.talk(inTalk)).name}</bdi> <Icon name="close" />
            </button>
          </li>
        </ul>
      )}
    </div>
  );
}

/** Up and down go from one to the next. */
function walk(event: KeyboardEvent<HTMLElement>): void {
  const step = event.key === "ArrowDown" ? 1 : event.key === "ArrowUp" ? -1 : 0;
  if (step === 0) return;
  const links = [...event.currentTarget.querySelectorAll("a")];
  const at = links.findIndex((link) => link === document.activeElement);
  if (at < 0) return;
  event.preventDefault();
  if (at + step < 0) document.querySelector<HTMLInputElement>(".filter input")?.focus();
  else links[at + step]?.focus();
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
