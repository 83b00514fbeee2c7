import { randomUUID } from "node:crypto";
import { broadcast, openAudience, type FrameMatcher } from "../load/broadcast.ts";
import { chat } from "../load/direct.ts";
import type { Scenario } from "../scenario.ts";
import { addGroup, addPeople } from "../stage/people.ts";

/** Durable messages to a group whose members are all connected. @param window of messages on their way */
export function group(window: 1 | 16): Scenario {
  return {
    name: window === 1 ? "group" : `group-${window}`,
    needs: "a server with Redis",
    how: `A group of 1,000, ${window === 1 ? "one message after the other" : `${window} messages on their way`}. A message has arrived when 999 sockets have it; each must get all of them once, in order, and byte for byte the same. The ceiling sends as many bytes to as many sockets and stores nothing.`,
    bars: [
      {
        what: `group message to 1,000 sockets, ${window === 1 ? "one by one" : `${window} on their way`}, CPU per delivery`,
        figure: "cpu",
        unit: "µs",
        of: "bare ws broadcast",
        as: "multiple",
        atMost: 1.1,
      },
    ],
    async open(stage) {
      const subject = await stage.server("redis");
      const people = await addPeople(subject.db, stage.size.quick ? 500 : 1_000);
      const groupId = await addGroup(subject.db, people, 1);
      const bare = await stage.bare();
      const urls = people.map(({ token }) => `${subject.wsUrl}/ws?resume=1&token=${token}`);
      const members = stage.own(await openAudience(urls));
      const bareMembers = stage.own(await openAudience(urls.map(() => `${bare.wsUrl}/all`)));
      const load = { seconds: stage.size.seconds, window };
      const messages = groupMessages(groupId);
      const warm = await broadcast(members, { ...load, pid: subject.pid }, messages);
      return {
        ceiling: () => broadcast(bareMembers, { ...load, pid: bare.pid }, frames(warm.bytes)),
        run: () => broadcast(members, { ...load, pid: subject.pid }, messages),
      };
    },
  };
}

function groupMessages(groupId: number): FrameMatcher {
  return {
    frame(n) {
      const content = `${n} is the number of this message, of ordinary length, as people write in groups`;
      return chat({ client_id: randomUUID(), group_id: groupId }, content);
    },
    counts: (data) => data.includes('"type":"message"'),
    mark: (n) => `"content":"${n} is`,
  };
}

/** Frames of so many bytes. */
export function frames(bytes: number): FrameMatcher {
  return { frame: (n) => `#${n} `.padEnd(bytes, "x"), counts: () => true, mark: (n) => `#${n} ` };
}
