import { OmApiError } from "@om/client";
import type { RouteOutput } from "@om/protocol";
import { useEffect, useState, type FormEvent } from "react";
import { errorText } from "../errors.ts";
import type { TextKey } from "../i18n/en.ts";
import { languages, locale, t, type Language } from "../i18n/index.ts";
import { useSession } from "./context.ts";
import { entered, Field, PasswordField } from "./field.tsx";
import { Icon } from "./icons.tsx";

type Registration = RouteOutput<"registration">["registration"];

/** What somebody came with. */
type Invited =
  | { kind: "nobody" | "looking" | "spent" }
  /** To make an account, perhaps into a group. */
  | { kind: "account"; group: string | null }
  /** Into a group, by whoever has an account or may make one. */
  | { kind: "group"; group: string };

function useInvited(token: string | undefined): Invited {
  const { api } = useSession();
  const [invited, setInvited] = useState<Invited>({ kind: token === undefined ? "nobody" : "looking" });
  useEffect(() => {
    if (token === undefined) return;
    const params = { token };
    api
      .invitation({ params })
      .then(({ group }): Invited => ({ kind: "account", group }))
      .catch(() => api.previewInvite({ params }).then(({ group }): Invited => ({ kind: "group", group: group.name })))
      .catch((error: unknown): Invited => ({ kind: error instanceof OmApiError ? "spent" : "nobody" }))
      .then(setInvited, () => undefined);
  }, [api, token]);
  return invited;
}

function useRegistration(): Registration | undefined {
  const { api } = useSession();
  const [registration, setRegistration] = useState<Registration | undefined>();
  useEffect(() => {
    api.registration().then(
      (answer) => setRegistration(answer.registration),
      () => setRegistration("open"),
    );
  }, [api]);
  return registration;
}

function useEntering(isNew: boolean, invite: string | undefined) {
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
        await session.signUp({
          email,
          password,
          username: value("username").trim(),
          full_name: value("name").trim(),
          ...(invite === undefined ? {} : { invite }),
        });
      else await session.signIn({ email, password });
    } catch (error) {
      setProblem(errorText(error));
      setBusy(false);
    }
  }
  return { submit, problem, isBusy };
}

interface Props {
  isOver: boolean;
  /** The end of a link /join/…. */
  token: string | undefined;
}

/** The way in, for those who have an account and those who make one. */
export function SignIn({ isOver, token }: Props) {
  const invited = useInvited(token);
  const registration = useRegistration();
  const [wanted, setWanted] = useState<boolean | undefined>();
  const isNew = wanted ?? invited.kind === "account";
  const { submit, problem, isBusy } = useEntering(isNew, invited.kind === "account" ? token : undefined);
  const title: TextKey = isNew ? "signUp" : "signIn";
  const isKnown = registration !== undefined && invited.kind !== "looking";
  const mayRegister = invited.kind === "account" || (registration !== "invite" && registration !== "closed");
  return (
    <main className="entrance">
      <form className="card" onSubmit={(event) => void submit(event)} aria-labelledby="title">
        <Brand />
        <h1 id="title">{t(title)}</h1>
        {isOver && <p className="hint">{t("sessionOver")}</p>}
        <Welcome invited={invited} />
        {isNew && invited.kind !== "account" && registration !== "open" && (
          <p className="hint">{t("registrationWaits")}</p>
        )}
        {isNew && <NewNames />}
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
        <button className="primary" disabled={isBusy || invited.kind === "looking"}>
          {t(title)}
        </button>
        {isKnown && mayRegister && (
          <button type="button" className="quiet" onClick={() => setWanted(!isNew)}>
            {t(isNew ? "signInInstead" : "signUpInstead")}
          </button>
        )}
        {isKnown && !mayRegister && (
          <p className="hint">{t(registration === "closed" ? "registrationClosed" : "registrationInvite")}</p>
        )}
      </form>
      <LanguageChoice />
    </main>
  );
}

function Welcome({ invited }: { invited: Invited }) {
  if ("group" in invited)
    return <p className="hint">{invited.group === null ? t("invited") : t("invitedTo", { name: invited.group })}</p>;
  return (
    <p role="alert" className="problem">
      {invited.kind === "spent" && t("errorInvite")}
    </p>
  );
}

function NewNames() {
  return (
    <>
      <Field label={t("fullName")} name="name" autoComplete="name" />
      <Field
        label={t("username")}
        name="username"
        hint={t("usernameHint")}
        autoComplete="username"
        dir="ltr"
        required
      />
    </>
  );
}

export function Brand() {
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
