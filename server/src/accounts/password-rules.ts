import { createRequire } from "node:module";
import { limits } from "@om/protocol";
import type * as lists from "@zxcvbn-ts/language-common";
import { hasMoreCharacters } from "../platform/cut-text.ts";
import { OmError } from "../platform/om-error.ts";

/** Beside those that leaked most often: what other keyboards and languages have, and our own name. */
const added = "adminadmin qwertzuiop contraseña пароль йцукенгшщз رمزعبور گذرواژه 密码 ommessenger messenger".split(
  " ",
);
let common: ReadonlySet<string> | undefined;

/** Passwords that many people have, and words that they are made of, in lower case; read for the first password that is chosen. */
function commonPasswords(): ReadonlySet<string> {
  if (common === undefined) {
    const { dictionary } = createRequire(import.meta.url)("@zxcvbn-ts/language-common") as typeof lists;
    common = new Set([...dictionary["passwords-common"], ...added]);
  }
  return common;
}

/**
 * Whether a password may be chosen: long enough in characters, neither common nor one's own name, with whatever digits and signs around it.
 * @param names those of the account: username, e-mail address, full name
 * @throws OmError `weak_password`, `password_too_long`, `invalid_request_body` for what is no text
 */
export function checkNewPassword(password: string, minLength: number, names: readonly string[]): void {
  if (!password.isWellFormed()) throw new OmError("invalid_request_body");
  if (!hasMoreCharacters(password.normalize("NFC"), minLength - 1)) throw new OmError("weak_password");
  const own = names.flatMap((name) => [name, ...name.split("@", 1)]).map(folded);
  const tried = [folded(password), core(password)];
  if (own.some((name) => name !== "" && (tried.includes(name) || (core(name) !== "" && tried.includes(core(name))))))
    throw new OmError("weak_password", "Password must not be your name or address");
  if (isCommon(password)) throw new OmError("weak_password", "Password is too common");
  if (hasMoreCharacters(password.normalize("NFC"), limits.passwordChars)) throw new OmError("password_too_long");
}

function isCommon(password: string): boolean {
  const text = folded(password);
  const characters = Array.from(text);
  if (new Set(characters).size < 3) return true;
  const steps = new Set(
    characters.slice(1).map((next, i) => ((next.codePointAt(0) ?? 0) - (characters[i]?.codePointAt(0) ?? 0) + 10) % 10),
  );
  // 1234567890, 987654321, abcdefghij.
  if (steps.size === 1) return true;
  return commonPasswords().has(text) || commonPasswords().has(core(text));
}

function folded(text: string): string {
  return text.normalize("NFKC").toLowerCase().trim();
}

/** Without what is added to a word to make it pass. */
function core(text: string): string {
  return folded(text).replaceAll(/^\P{L}+|\P{L}+$/gu, "");
}
