import { useState } from "react";
import { t } from "../i18n/index.ts";
import { pathOfTalk, route } from "../route.ts";
import type { ChatMessage } from "../store/model.ts";
import { blocksOf, type Inline } from "../text/markup.ts";
import { mediaPath } from "../text/media.ts";
import { useHere, useStore } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

const onlyEmoji = /^(?:\p{RGI_Emoji}\s*){1,6}$/v;

interface Props extends Pick<ChatMessage, "text" | "type"> {
  mentions?: readonly number[] | undefined;
}

/** What a message says or shows. */
export function Content({ text, type, mentions = [] }: Props) {
  if (type === "image") return <Picture path={mediaPath(text)} />;
  if (type === "file")
    return (
      <a className="file" href={mediaPath(text)} download>
        <Icon name="down" />
        {t("file")} <span className="hint">{/\.(\w{1,5})$/.exec(text)?.[1]?.toUpperCase()}</span>
      </a>
    );
  if (text.length < 100 && onlyEmoji.test(text)) return <p className="text large">{text}</p>;
  return (
    <div className="text">
      {blocksOf(text).map((block, index) =>
        block.kind === "code" ? (
          <pre key={index} dir="ltr" tabIndex={0}>
            <code>{block.text}</code>
          </pre>
        ) : block.kind === "quote" ? (
          <blockquote key={index}>{block.parts.map((part, at) => inlineView(part, at, mentions))}</blockquote>
        ) : (
          <span key={index}>{block.parts.map((part, at) => inlineView(part, at, mentions))}</span>
        ),
      )}
    </div>
  );
}

function inlineView(part: Inline, index: number, mentions: readonly number[]) {
  const { kind, text } = part;
  if (kind === "mention") return mentions.length === 0 ? text : <Mention key={index} text={text} ids={mentions} />;
  if (part.kind === "link")
    return (
      <a key={index} href={part.href} target="_blank" rel="noopener noreferrer nofollow">
        <bdi>{text}</bdi>
      </a>
    );
  if (kind === "bold") return <strong key={index}>{text}</strong>;
  if (kind === "italic") return <em key={index}>{text}</em>;
  if (kind === "strike") return <s key={index}>{text}</s>;
  if (kind === "code") return <code key={index}>{text}</code>;
  return text;
}

/** A name that leads to its person, if the message says that this person is meant. */
function Mention({ text, ids }: { text: string; ids: readonly number[] }) {
  const { store } = useHere();
  const name = text.slice(1).toLowerCase();
  const person = useStore(({ people }) =>
    ids.map((id) => people.get(id)).find((one) => one?.username.toLowerCase() === name),
  );
  if (person === undefined) return text;
  const isMe = person.id === store.me.id;
  return (
    <a
      className={isMe ? "mention me" : "mention"}
      href={pathOfTalk(`user_${person.id}`)}
      onClick={(event) => {
        event.preventDefault();
        if (!isMe) route.go(pathOfTalk(`user_${person.id}`));
      }}
    >
      {text}
    </a>
  );
}

/** Opens large; one that cannot be loaded says so. */
function Picture({ path }: { path: string }) {
  const [isLarge, setLarge] = useState(false);
  const [isBroken, setBroken] = useState(false);
  if (isBroken) return <p className="text">{t("pictureBroken")}</p>;
  return (
    <>
      <button type="button" className="picture" onClick={() => setLarge(true)} aria-label={t("openPicture")}>
        <img src={path} alt={t("picture")} loading="lazy" onError={() => setBroken(true)} />
      </button>
      {isLarge && (
        <Dialog title={t("picture")} onClose={() => setLarge(false)} isWide>
          <img className="large-picture" src={path} alt={t("picture")} />
          <a className="quiet" href={path} download>
            {t("download")}
          </a>
        </Dialog>
      )}
    </>
  );
}
