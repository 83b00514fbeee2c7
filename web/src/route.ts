import { Observable } from "./store/observable.ts";

/** What the address of the page names: `/c/<talk>` and `/join/<token>`. */
export interface Place {
  talkId: string | undefined;
  invite: string | undefined;
}

class Route extends Observable {
  place = placeOf(location.pathname);

  constructor() {
    super();
    addEventListener("popstate", () => this.#follow());
  }

  go(path: string, replaces = false): void {
    if (path === location.pathname) return;
    if (replaces) history.replaceState(null, "", path);
    else history.pushState(null, "", path);
    this.#follow();
  }

  #follow(): void {
    this.place = placeOf(location.pathname);
    this.tell();
  }
}

function placeOf(path: string): Place {
  const [, talkId] = /^\/c\/((?:user|group)_\d+)\/?$/.exec(path) ?? [];
  const [, invite] = /^\/join\/([^/]+)\/?$/.exec(path) ?? [];
  return { talkId, invite };
}

export const route = new Route();

export function pathOfTalk(talkId: string): string {
  return `/c/${talkId}`;
}
