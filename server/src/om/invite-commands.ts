import { UsageError, type Command } from "./command.ts";
import { linkText } from "./user-commands.ts";

const units = { m: 60, h: 3_600, d: 86_400 } as const;

/** `30m`, `12h` or `7d` in seconds; null: never. @throws UsageError */
function seconds(text: string): number | null {
  if (text === "never") return null;
  const [, count = "", unit = ""] = /^(\d{1,5})([mhd])$/.exec(text) ?? [];
  const each = units[unit as keyof typeof units];
  if (Number(count) < 1 || each === undefined) throw new UsageError("--expires: such as 30m, 12h, 7d, or never");
  return Number(count) * each;
}

/** A count from 1; null: any number. @throws UsageError */
function count(option: string, text: string): number | null {
  if (text === "any") return null;
  if (!/^[1-9]\d{0,5}$/.test(text)) throw new UsageError(`--${option}: a whole number from 1`);
  return Number(text);
}

export const inviteCommands: Record<string, Command> = {
  "invite create": {
    takes: "",
    does: "A link by which people make accounts.",
    options: {
      expires: { type: "string", meaning: "30m, 12h, 7d or never; default: 7d" },
      uses: { type: "string", meaning: "how many people, or any; default: 1" },
      group: { type: "string", meaning: "id of a group that they join with it" },
      note: { type: "string", meaning: "whom it is for, for yourself" },
    },
    async run(operator, { values }) {
      const group = values["group"];
      const { invitation, token } = await operator.invite({
        note: String(values["note"] ?? ""),
        expiresInSeconds: seconds(String(values["expires"] ?? "7d")),
        maxUses: count("uses", String(values["uses"] ?? "1")),
        groupId: group === undefined ? null : count("group", String(group)),
      });
      const link = operator.joinLink(token);
      const closed = operator.registration === "closed" ? "REGISTRATION=closed: nobody gets in by it. " : "";
      const line = `${closed}Invitation ${invitation.id}, shown this once`;
      return { json: { invitation, token, ...link }, text: linkText(line, link.url, token) };
    },
  },
  "invite list": {
    takes: "",
    does: "Invitations that still let somebody in, the newest first.",
    async run(operator) {
      const all = await operator.invitations();
      const rows = all.map(({ id, note, role, group_id, used_count, max_uses, expires_at }) => ({
        id,
        note,
        role,
        group: group_id,
        used: `${used_count}/${max_uses ?? "any"}`,
        expires: expires_at,
      }));
      return { json: all, text: rows };
    },
  },
  "invite revoke": {
    takes: "ID",
    does: "Ends an invitation.",
    async run(operator, { words: [id = ""] }) {
      await operator.revoke(count("id", id) ?? 0);
      return { json: { id: Number(id) }, text: `Invitation ${id} is revoked` };
    },
  },
};
