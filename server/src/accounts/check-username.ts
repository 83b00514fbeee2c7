import { OmError } from "../platform/om-error.ts";
import type { AccountStore } from "./account-store.ts";
import { readUsername } from "./names.ts";

/** Whether a name is free among users and groups, without case. */
export async function checkUsername(accounts: AccountStore, text: string | undefined): Promise<{ available: boolean }> {
  if (text === undefined || text === "") throw new OmError("missing_username");
  return { available: !(await accounts.nameTaken(readUsername(text))) };
}
