import { useState } from "react";
import { t } from "../i18n/index.ts";
import { currentTheme, setTheme, themes, type Theme } from "../theme.ts";
import { useSession } from "./context.ts";
import { Dialog } from "./dialog.tsx";
import { Devices, Profile } from "./profile.tsx";
import { LanguageChoice } from "./sign-in.tsx";

const names = { auto: "themeAuto", light: "themeLight", dark: "themeDark" } as const;

export function Settings({ onClose }: { onClose: () => void }) {
  const session = useSession();
  const [theme, choose] = useState(currentTheme);
  return (
    <Dialog title={t("settings")} onClose={onClose}>
      <Profile />
      <label className="choice">
        <span>{t("theme")}</span>
        <select
          value={theme}
          onChange={(event) => {
            choose(event.target.value as Theme);
            setTheme(event.target.value as Theme);
          }}
        >
          {themes.map((one) => (
            <option key={one} value={one}>
              {t(names[one])}
            </option>
          ))}
        </select>
      </label>
      <LanguageChoice />
      <Devices />
      <p className="hint">{t("shortcuts")}</p>
      <button type="button" className="danger" onClick={() => void session.signOut()}>
        {t("signOut")}
      </button>
    </Dialog>
  );
}
