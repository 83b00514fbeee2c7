import { chat } from "../load/direct.ts";
import { openSockets } from "../load/socket.ts";
import type { Scenario } from "../scenario.ts";
import { addGroup, addPeople, addTalks } from "../stage/people.ts";
import { pageBars, pageSession, readPage } from "./page.ts";

const groups = 5;

/** A list with groups in it in which people write. */
export const busyList: Scenario = {
  name: "list-busy",
  needs: "a server with Redis",
  how: "A list of 15 direct conversations and 5 groups of 200, each of which gets 2 messages per second while the list is read.",
  bars: pageBars("list of 15 direct and 5 busy groups", 0.25),
  async open(stage) {
    const subject = await stage.server("redis");
    const [reader, writer, ...others] = await addPeople(subject.db, 200);
    if (reader === undefined || writer === undefined) throw new Error("no people");
    const direct = others.slice(0, 15).map((other) => [other, reader] as const);
    await addTalks(subject.db, direct, 60);
    const ids: number[] = [];
    for (let i = 0; i < groups; i++) ids.push(await addGroup(subject.db, [writer, reader, ...others], 60));
    let failure: Error | undefined;
    const wrong = (why: string): void => void (failure ??= new Error(`who writes to the groups: ${why}`));
    const [socket] = await openSockets([`${subject.wsUrl}/ws?resume=1&token=${writer.token}`], () => ({
      onFrame: (data) => data.includes('"type":"error"') && wrong(data.toString()),
      onClose: wrong,
    }));
    if (socket !== undefined) stage.own(socket);
    let sent = 0;
    const write = (): void => {
      const to = { client_id: `busy-${writer.id}-${++sent}`, group_id: ids[sent % groups] };
      socket?.send(chat(to, `line ${sent} of a talk in a group`));
    };
    const session = pageSession(stage, await readPage(subject, { name: "list", reader, writer }), { changes: true });
    return {
      ...session,
      async run() {
        const timer = setInterval(write, 1000 / (2 * groups));
        try {
          const figures = await session.run();
          if (failure !== undefined) throw failure;
          return figures;
        } finally {
          clearInterval(timer);
        }
      },
    };
  },
};
