import { useState, type FormEvent } from "react";
import { errorText } from "../errors.ts";
import { t } from "../i18n/index.ts";
import { route } from "../route.ts";
import { useSession } from "./context.ts";
import { entered, PasswordField } from "./field.tsx";
import { Brand, LanguageChoice } from "./sign-in.tsx";

/** What the link of an administrator leads to: a new password, once. */
export function Reset({ token }: { token: string }) {
  const { api } = useSession();
  const [problem, setProblem] = useState<string | undefined>();
  const [step, setStep] = useState<"ask" | "busy" | "done">("ask");
  const submit = (event: FormEvent<HTMLFormElement>): void => {
    event.preventDefault();
    setStep("busy");
    setProblem(undefined);
    api.resetPassword({ body: { token, new_password: entered(event.currentTarget, "password") } }).then(
      () => setStep("done"),
      (error: unknown) => {
        setProblem(errorText(error));
        setStep("ask");
      },
    );
  };
  return (
    <main className="entrance">
      <form className="card" onSubmit={submit} aria-labelledby="title">
        <Brand />
        <h1 id="title">{t("newPassword")}</h1>
        {step === "done" ? (
          <>
            <p role="status">{t("resetDone")}</p>
            <button type="button" className="primary" onClick={() => route.go("/", true)}>
              {t("signIn")}
            </button>
          </>
        ) : (
          <>
            <p className="hint">{t("resetHint")}</p>
            <PasswordField isNew />
            <p role="alert" className="problem">
              {problem}
            </p>
            <button className="primary" disabled={step === "busy"}>
              {t("save")}
            </button>
          </>
        )}
      </form>
      <LanguageChoice />
    </main>
  );
}
