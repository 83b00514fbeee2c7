import { locale, t } from "./i18n/index.ts";
import { route } from "./route.ts";
import type { Session } from "./session.ts";
import { useObserved } from "./store/observable.ts";
import { HereContext, SessionContext } from "./ui/context.ts";
import { Home } from "./ui/home.tsx";
import { Reset } from "./ui/reset.tsx";
import { SignIn } from "./ui/sign-in.tsx";

/** Everything is drawn anew in another language. */
export function App({ session }: { session: Session }) {
  const state = useObserved(session, () => session.state);
  const language = useObserved(locale, () => locale.language);
  const { reset, invite } = useObserved(route, () => route.place);
  if (reset !== undefined)
    return (
      <SessionContext value={session}>
        <Reset key={language} token={reset} />
      </SessionContext>
    );
  return (
    <SessionContext value={session}>
      {state.kind === "starting" && (
        <main className="splash" key={language}>
          <p>{t("starting")}</p>
        </main>
      )}
      {state.kind === "out" && <SignIn key={`${language} ${invite}`} isOver={state.isOver} token={invite} />}
      {state.kind === "in" && (
        <HereContext value={state.here}>
          <Home key={language} />
        </HereContext>
      )}
    </SessionContext>
  );
}
