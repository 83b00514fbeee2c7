import { useEffect, useState } from "react";
import { errorText } from "../errors.ts";
import { personOf, type Person } from "../store/model.ts";
import { useHere, useStore } from "./context.ts";

const none: readonly Person[] = [];

/** Who is in a group; undefined asks nothing. Asked anew when their number is another one. */
export function useMembers(groupId: number | undefined) {
  const { api, store } = useHere();
  const [members, setMembers] = useState<readonly Person[]>(none);
  const [round, setRound] = useState(0);
  const count = useStore((store) => store.talk(`group_${groupId}`).memberCount);
  useEffect(() => {
    if (groupId === undefined) return;
    api.groupMembers({ params: { id: groupId } }).then(
      (users) => setMembers(users.map((user) => personOf(user, store.people.get(user.id)))),
      (error: unknown) => store.say(errorText(error)),
    );
  }, [api, store, groupId, round, count]);
  return { members, again: () => setRound(round + 1) };
}
