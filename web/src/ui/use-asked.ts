import { useEffect, useState } from "react";
import { errorText } from "../errors.ts";

/** So long nothing is asked for while somebody types, in ms. */
const pauseMs = 150;

/** What the server says of what is being typed; "" asks nothing. `ask` must be the same as long as it asks the same. */
export function useAsked<T>(text: string, ask: (text: string, signal: AbortSignal) => Promise<T>) {
  const [answer, setAnswer] = useState<{ text: string; found?: T; problem?: string }>({ text: "" });
  useEffect(() => {
    if (text === "") return setAnswer({ text });
    const stop = new AbortController();
    const timer = setTimeout(() => {
      ask(text, stop.signal).then(
        (found) => !stop.signal.aborted && setAnswer({ text, found }),
        (error: unknown) => !stop.signal.aborted && setAnswer({ text, problem: errorText(error) }),
      );
    }, pauseMs);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [ask, text]);
  return { ...answer, isBusy: answer.text !== text };
}
