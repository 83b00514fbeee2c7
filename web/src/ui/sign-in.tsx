import { useState, type FormEvent } from "react";
import { errorText } from "../errors.ts";
import type { TextKey } from "../i18n/en.ts";
import { languages, locale, t, type Language } from "../i18n/index.ts";
import { useSession } from "./context.ts";
import { entered, Field, PasswordField } from "./field.tsx";
import { Icon } from "./icons.tsx";

function useEntering(isNew: boolean) {
  const session = useSession();
  const [problem, setProblem] = useState<string | undefined>();
  const [isBusy, setBusy] = useState(false);
  async function submit(event: FormEvent<HTMLFormElement>): Promise<void> {
    event.preventDefault();
    const form = event.currentTarget;
    const value = (name: string): string => entered(form, name);
    const { email, password } = { email: value("email").trim(), password: value("password") };
    setBusy(true);
    setProblem(undefined);
    try {
      if (isNew)
        await session.signUp({ email, password, username: value("username").trim(), full_name: value("name").trim() });
      else await session.signIn({ email, password });
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  }
  return { submit, problem, isBusy };
}

/** The way in, for those who have an account and those who make one. */
export function SignIn({ isOver }: { isOver: boolean }) {
  const [isNew, setNew] = useState(false);
  const { submit, problem, isBusy } = useEntering(isNew);
  const title: TextKey = isNew ? "signUp" : "signIn";
  return (
    <main className="entrance">
      <form className="card" onSubmit={(event) => void submit(event)} aria-labelledby="title">
        <Brand />
        <h1 id="title">{t(title)}</h1>
        {isOver && <p className="hint">{t("sessionOver")}</p>}
        {isNew && <Field label={t("fullName")} name="name" autoComplete="name" />}
        {isNew && (
          <Field
            label={t("username")}
            name="username"
            hint={t("usernameHint")}
            autoComplete="username"
            dir="ltr"
            required
          />
        )}
        <Field
          key={title}
          label={t(isNew ? "email" : "nameOrEmail")}
          name="email"
          type={isNew ? "email" : "text"}
          autoComplete={isNew ? "email" : "username"}
          dir="ltr"
          required
        />
        <PasswordField isNew={isNew} />
        <p role="alert" className="problem">
          {problem}
        </p>
        <button className="primary" disabled={isBusy}>
          {t(title)}
        </button>
        <button type="button" className="quiet" onClick={() => setNew(!isNew)}>
          {t(isNew ? "signInInstead" : "signUpInstead")}
        </button>
      </form>
      <LanguageChoice />
    </main>
  );
}

function Brand() {
  return (
    <p className="brand">
      <Icon name="talks" />
      <span>
        <strong>{t("appName")}</strong>
        <span>{t("tagline")}</span>
      </span>
    </p>
  );
}

export function LanguageChoice() {
  return (
    <label className="choice">
      <span>{t("language")}</span>
      <select value={locale.language} onChange={(event) => locale.set(event.target.value as Language)}>
        {Object.entries(languages).map(([tag, { name }]) => (
          <option key={tag} value={tag} lang={tag}>
            {name}
          </option>
        ))}
      </select>
    </label>
  );
}
