import type { Scenario } from "../scenario.ts";
import type { Kind } from "../stage/stage.ts";
import { kindTitles, openPage, pageBars, pageSession, pageTitles, type PageName } from "./page.ts";

/** A page that does not change, asked for again and again. */
export function cachedPage(page: PageName, kind: Kind, bars: { atLeast: number; cpuAtMost?: number }): Scenario {
  return {
    name: kind === "redis" ? page : `${page}-${kind}`,
    needs: `a server ${kindTitles[kind]}`,
    how: "32 connections, one request at a time on each; every byte of every answer is compared. The ceiling answers the same bytes and headers from memory.",
    bars: pageBars(`${pageTitles[page]} ${kindTitles[kind]}`, bars.atLeast, bars.cpuAtMost),
    async open(stage) {
      const subject = await stage.server(kind);
      return pageSession(stage, await openPage(subject, page), { changes: false });
    },
  };
}
