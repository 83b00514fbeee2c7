import { expect, test } from "vitest";
import { createUserViews, type Profile } from "./user-view.ts";
import { presenceSource } from "../../tests/fixtures/presence-source.ts";

const profile: Profile = {
  id: 7,
  username: "nika",
  email: "nika@example.org",
  full_name: "Nika",
  avatar: "",
  role: "user",
  last_seen: "2026-03-04T05:06:07Z",
};

function open() {
  const asked: (readonly number[])[] = [];
  const views = createUserViews({
    exposeEmails: false,
    presence: presenceSource(
      async (ids) => (asked.push(ids), (id) => (id === 7 ? true : id === 8 ? false : undefined)),
    ),
  });
  return { views, asked };
}

test("online, offline and unknown: only the last one says more than the boolean", async () => {
  const { views } = open();
  const online = await views.lookup([profile]);
  const shown = (id: number) => views.user({ ...profile, id }, 1, online);
  expect(shown(7)).toMatchObject({ is_online: true });
  expect(shown(8)).toMatchObject({ is_online: false });
  expect([shown(7), shown(8)].some((user) => "presence" in user)).toBe(false);
  expect(shown(9)).toMatchObject({ is_online: false, presence: "unknown", last_seen: profile.last_seen });
  expect(views.peer({ ...profile, id: 9 }, 1, online)).toMatchObject({ is_online: false, presence: "unknown" });
  const full = { ...profile, id: 9, created_at: "2026-03-04T05:06:07Z", updated_at: "2026-03-04T05:06:07Z" };
  expect(views.full(full, 1, online)).toMatchObject({ is_online: false, presence: "unknown" });
});

test.each([0, 1, 2, 3, 5, 6, 7])(
  "a block, or that nothing was written, hides presence, known or not (relation %i)",
  async (relation) => {
    const { views } = open();
    for (const id of [7, 8, 9]) {
      const user = views.user({ ...profile, id, relation }, 1, (who) => (who === 7 ? true : undefined));
      expect(user).toMatchObject({ is_online: false, last_seen: null });
      expect(user).not.toHaveProperty("presence");
    }
  },
);

test("everybody is asked for once, those whose presence is not shown not at all", async () => {
  const { views, asked } = open();
  await views.lookup([profile, { id: 8, relation: 4 }, profile, { id: 9, relation: 2 }, { id: 10, relation: 0 }]);
  expect(asked).toEqual([[7, 8]]);
});
