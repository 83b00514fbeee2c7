import { Type, type Static } from "./typebox.ts";
import { Id, noted, Nullable, Time } from "./entities.ts";

export const Registration = Type.Enum(["open", "invite", "domains", "approval", "closed"], {
  description:
    "Who may make an account: everybody; by invitation; with an address of certain domains; whom an administrator lets in; nobody.",
});
export type Registration = Static<typeof Registration>;

export const Role = Type.Enum(["administrator", "moderator", "user", "bot"], {
  description:
    "What somebody may do in this installation. Moderators look after users and bots, administrators after everything.",
});
export type Role = Static<typeof Role>;

export const AccountState = Type.Enum(["open", "waiting", "disabled"], {
  description: "`waiting`: an administrator has not let the person in yet.",
});
export type AccountState = Static<typeof AccountState>;

export const Account = Type.Object(
  {
    id: Id,
    username: Type.String(),
    email: noted(Type.String(), '`""` for moderators.'),
    full_name: Type.String(),
    role: Role,
    state: AccountState,
    created_at: Time,
    last_seen: Nullable(Time),
    sessions: noted(Type.Integer({ minimum: 0 }), "That go on."),
  },
  { description: "Somebody as those see it who look after people." },
);
export type Account = Static<typeof Account>;

export const Act = Type.Object(
  {
    id: Id,
    at: Time,
    actor_id: noted(Nullable(Id), "null: whoever has the server."),
    actor: noted(Nullable(Type.String()), "What the actor is called by now."),
    origin: noted(Type.String(), "The address that it came from, or who ran `om`."),
    act: noted(Type.String(), "Such as `set_account_state`."),
    user_id: noted(Nullable(Id), "To whom it was done."),
    user: Nullable(Type.String()),
    group_id: Nullable(Id),
    details: Type.Record(Type.String(), Type.Unknown()),
  },
  { description: "What somebody in charge did, as the audit log keeps it." },
);
export type Act = Static<typeof Act>;

export const Invitation = Type.Object(
  {
    id: Id,
    note: Type.String(),
    role: Role,
    group_id: Nullable(Id),
    created_by: noted(Nullable(Id), "null: whoever has the server."),
    created_at: Time,
    expires_at: Nullable(Time),
    max_uses: Nullable(Type.Integer({ minimum: 1 })),
    used_count: Type.Integer({ minimum: 0 }),
  },
  { description: "Lets people make accounts; its link is shown once, when it is made." },
);
export type Invitation = Static<typeof Invitation>;
