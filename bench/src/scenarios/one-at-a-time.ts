import { ask, httpLoad, type Target } from "../load/http.ts";
import type { Figures, Scenario } from "../scenario.ts";
import { openPage, pageTitles, unchanged, type PageName } from "./page.ts";

/** One request after the other: a page out of the cache against one that PostgreSQL is asked for. */
export function oneAtATime(page: PageName, atLeast: number): Scenario {
  return {
    name: `${page}-hit`,
    needs: "a server with Redis and one without",
    how: "Medians of one connection. The build: a server without Redis, and before each request, untimed, a new message to the reader, so that nothing that was kept can be answered.",
    bars: [
      {
        what: `${pageTitles[page]}, one request at a time: a hit against a build`,
        figure: "speed",
        unit: "requests/s",
        of: "the build",
        as: "multiple",
        atLeast,
      },
    ],
    async open(stage) {
      const cached = await openPage(await stage.server("redis"), page);
      const plain = await stage.server("plain");
      const built = await openPage(plain, page);
      const message = { recipient_id: built.reader.id, content: "a line that changes the page" };
      const before = (): Promise<unknown> =>
        ask({ url: `${plain.url}/api/messages`, token: built.writer.token }, message);
      const speed = async (target: Target): Promise<Figures> => {
        const { p50 } = await httpLoad(target, { seconds: stage.size.seconds, connections: 1 });
        return { speed: 1000 / p50, p50 };
      };
      return {
        ceiling: () => speed({ ...built.target, before }),
        run: () => speed(unchanged(cached)),
      };
    },
  };
}
