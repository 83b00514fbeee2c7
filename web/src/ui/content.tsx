import { useState } from "react";
import { t } from "../i18n/index.ts";
import type { ChatMessage } from "../store/model.ts";
import { blocksOf, type Inline } from "../text/markup.ts";
import { mediaPath } from "../text/media.ts";
import { Dialog } from "./dialog.tsx";
import { Icon } from "./icons.tsx";

const onlyEmoji = /^(?:\p{RGI_Emoji}\s*){1,6}$/v;

/** What a message says or shows. */
export function Content({ text, type }: Pick<ChatMessage, "text" | "type">) {
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
          <blockquote key={index}>{block.parts.map(inlineView)}</blockquote>
        ) : (
          <span key={index}>{block.parts.map(inlineView)}</span>
        ),
      )}
    </div>
  );
}

function inlineView(part: Inline, index: number) {
  const { kind, text } = part;
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
