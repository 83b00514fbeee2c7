import type { Direct, Route } from "../load/direct.ts";
import { openDirect } from "../load/direct.ts";
import { addPeople } from "../stage/people.ts";
import type { Stage, Subject } from "../stage/stage.ts";

/** Pairs of people, each a sender and a connected recipient. */
const pairs = 100;
/** Messages on their way per sender, where a maximum is measured. */
export const window = 8;

/** New people with open sockets, warm: they have written to each other for a while. */
export async function openPairs(stage: Stage, subject: Subject): Promise<Direct> {
  const people = await addPeople(subject.db, pairs * 2);
  const address = (i: number): string => `${subject.wsUrl}/ws?resume=1&token=${people[i]?.token}`;
  const routes = Array.from({ length: pairs }, (_, i): Route => {
    const recipient = i * 2 + 1;
    return { from: address(i * 2), to: address(recipient), recipientId: people[recipient]?.id ?? 0 };
  });
  const direct = stage.own(await openDirect(routes, subject.pid));
  await direct.send({ seconds: stage.size.seconds, window });
  return direct;
}

/** The same with nothing but `ws`: each frame of a sender is acknowledged and given to the recipient. */
export async function openBarePairs(stage: Stage, bytes: { ackBytes: number; pushBytes: number }): Promise<Direct> {
  const bare = await stage.bare();
  const routes = Array.from({ length: pairs }, (_, i): Route => {
    const sizes = `ack=${bytes.ackBytes}&push=${bytes.pushBytes}`;
    return {
      from: `${bare.wsUrl}/pair?me=s${i}&peer=r${i}&${sizes}`,
      to: `${bare.wsUrl}/pair?me=r${i}&peer=s${i}&${sizes}`,
      recipientId: i,
    };
  });
  return stage.own(await openDirect(routes, bare.pid, { ack: "", push: "" }));
}
