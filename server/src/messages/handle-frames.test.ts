import { expect, test } from "vitest";
import { OmError } from "../platform/om-error.ts";
import { DatabaseUnavailable } from "../platform/postgres/database.ts";
import { handleGroupRead } from "./handle-frames.ts";

const caller = { userId: 7, email: "", role: "user" };
async function refusalOf(error: Error, payload: Parameters<typeof handleGroupRead>[2] = { group_id: 3 }) {
  const read = async (): Promise<never> => {
    throw error;
  };
  try {
    return await handleGroupRead(read, caller, payload);
  } catch (refusal) {
    return refusal;
  }
}

test.each([
  ["not a member", new OmError("not_group_member"), "not_group_member"],
  ["a foreign message", new OmError("invalid_message_id"), "invalid_message_id"],
  ["an overload", new OmError("unavailable"), "mark_group_read_failed"],
  ["an outage of the database", new DatabaseUnavailable(new Error("ECONNREFUSED")), "mark_group_read_failed"],
])("%s has its own error code, and no text from inside", async (_what, error, code) => {
  expect(await refusalOf(error)).toMatchObject({ code, details: undefined, clientId: undefined });
});

test("a defect stays one; group 0 is missing_group_id", async () => {
  const defect = new Error("secret");
  expect(await refusalOf(defect)).toBe(defect);
  for (const payload of [{}, { group_id: 0 }, { group_id: null }]) {
    expect(await refusalOf(defect, payload)).toMatchObject({ code: "missing_group_id" });
  }
});
