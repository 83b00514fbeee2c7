import { openDirect } from "../load/direct.ts";
import type { Scenario } from "../scenario.ts";
import { openPage, pageBars, pageSession, pageTitles, type PageName } from "./page.ts";

const perSecond = 100;

/** A page while the conversation that it shows gets messages. */
export function changingPage(page: PageName): Scenario {
  return {
    name: `${page}-changing`,
    needs: "a server with Redis",
    how: `The same, while the conversation, or one of the list, gets ${perSecond} messages per second, each acknowledged and delivered.`,
    bars: pageBars(`${pageTitles[page]}, its conversation gets ${perSecond} messages/s`, 0.2),
    async open(stage) {
      const subject = await stage.server("redis");
      const opened = await openPage(subject, page);
      const { reader, writer } = opened;
      const address = (token: string): string => `${subject.wsUrl}/ws?resume=1&token=${token}`;
      const route = { from: address(writer.token), to: address(reader.token), recipientId: reader.id };
      const direct = stage.own(await openDirect([route], subject.pid));
      const session = pageSession(stage, opened, { changes: true });
      return {
        ...session,
        async run() {
          const [read] = await Promise.all([session.run(), direct.send({ seconds: stage.size.seconds, perSecond })]);
          return read;
        },
      };
    },
  };
}
