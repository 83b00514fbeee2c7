import { Observable } from "./store/observable.ts";

/** What the address of the page names: `/c/<talk>`, `/c/<talk>/<message>`, `/join/<token>` and `/reset/<token>`. */
export interface Place {
  talkId: string | undefined;
  messageId: number | undefined;
  invite: string | undefined;
  reset: string | undefined;
}

class Route extends Observable {
  place = placeOf(location.pathname);

  constructor() {
    super();
    addEventListener("popstate", () => this.#follow());
  }

  go(path: string, replaces = false): void {
    if (replaces || path === location.pathname) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    this.#follow();
  }

  #follow(): void {
    this.place = placeOf(location.pathname);
    this.tell();
  }
}

function placeOf(path: string): Place {
  const [, talkId, message] = /^\/c\/((?:user|group)_\d+)(?:\/(\d+))?\/?$/.exec(path) ?? [];
  const [, kind, token] = /^\/(join|reset)\/([^/]+)\/?$/.exec(path) ?? [];
  return {
    talkId,
    messageId: message === undefined ? undefined : Number(message),
    invite: kind === "join" ? token : undefined,
    reset: kind === "reset" ? token : undefined,
  };
}

export const route = new Route();

export function pathOfTalk(talkId: string, messageId?: number): string {
  return messageId === undefined ? `/c/${talkId}` : `/c/${talkId}/${messageId}`;
}
