import { createContext, use } from "react";
import type { Here } from "../here.ts";
import type { Session } from "../session.ts";
import { useObserved } from "../store/observable.ts";
import type { Store } from "../store/store.ts";

export const SessionContext = createContext<Session | undefined>(undefined);
export const HereContext = createContext<Here | undefined>(undefined);

export function useSession(): Session {
  const session = use(SessionContext);
  if (session === undefined) throw new Error("outside of a page");
  return session;
}

export function useHere(): Here {
  const here = use(HereContext);
  if (here === undefined) throw new Error("nobody is signed in");
  return here;
}

/** @param look must give the same value as long as nothing changed */
export function useStore<T>(look: (store: Store) => T): T {
  const { store } = useHere();
  return useObserved(store, () => look(store));
}
