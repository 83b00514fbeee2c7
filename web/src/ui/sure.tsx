import { useState, type ReactNode } from "react";
import { t } from "../i18n/index.ts";

/** What cannot be taken back is done by the second click. */
export function Sure({ onSure, children }: { onSure: () => void; children: ReactNode }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <button
      type="button"
      className="danger"
      onBlur={() => setAsked(false)}
      onClick={() => (isAsked ? onSure() : setAsked(true))}
    >
      {isAsked ? t("confirm") : children}
    </button>
  );
}
