import { describe, expect, test } from "vitest";
import {
  downloadExtension,
  isAttachmentKey,
  isAvatarKey,
  isOwnMediaUrl,
  keyOfOwner,
  mediaPath,
  newKey,
  imageTypeOf,
} from "./media-keys.ts";

const id = "2f1a4c9e-0b1d-4e5f-8a9b-0c1d2e3f4a5b";
const base = "https://chat.example.org/api";

test("keys are named by owner and chance, and their URLs lead back", () => {
  const avatar = newKey("avatars/7", "jpg");
  const attachment = newKey("attachments/7", "webp");
  expect(newKey("avatars/7", "jpg")).not.toBe(avatar);
  expect([isAvatarKey(avatar), isAvatarKey(newKey("avatars/group_3", "jpg"))]).toEqual([true, true]);
  expect([isAttachmentKey(attachment), isAttachmentKey(avatar), isAvatarKey(attachment)]).toEqual([true, false, false]);
  expect(mediaPath(avatar)).toBe(`/media/avatars/${avatar}`);
  expect(mediaPath(attachment)).toBe(`/media/${attachment}`);
  for (const key of [avatar, attachment]) expect(isOwnMediaUrl(base + mediaPath(key), base)).toBe(true);
});

describe("isOwnMediaUrl", () => {
  test.each([
    `${base}/media/avatars/avatars/7/${id}.jpg`,
    `${base}/media/avatars/avatars/group_3/${id}.jpg`,
    `${base}/media/attachments/7/${id}.png`,
    `${base}/media/attachments/123456/${id}.pdf`,
  ])("%s is ours", (url) => expect(isOwnMediaUrl(url, base)).toBe(true));

  test.each([
    "",
    base,
    `${base}/media/`,
    `${base}/media/attachments/`,
    `${base}/media/avatars/7/${id}.jpg`,
    `${base}/media/avatars/avatars/7/${id}.png`,
    `${base}/media/attachments/7/${id}`,
    `${base}/media/attachments/7/${id}.png?x=1`,
    `${base}/media/attachments/7/${id}.png#x`,
    `${base}/media/attachments/7/${id}.png `,
    `${base}/media/attachments/7/${id}.png\n`,
    `${base}/media/attachments/7/${id}.png\nhttps://evil.example`,
    ` ${base}/media/attachments/7/${id}.png`,
    `${base}/media/attachments/7/${id.toUpperCase()}.png`,
    `${base}/media/attachments/0/${id}.png`,
    `${base}/media/attachments/7/../8/${id}.png`,
    `${base}/media//attachments/7/${id}.png`,
    `${base}/media/attachments/7/${id}.png/../../../../../users/me`,
    `${base}/../evil/media/attachments/7/${id}.png`,
    `https://chat.example.org.evil.example/api/media/attachments/7/${id}.png`,
    `https://chat.example.org@evil.example/api/media/attachments/7/${id}.png`,
    `https://evil.example/?${base}/media/attachments/7/${id}.png`,
    `http://chat.example.org/api/media/attachments/7/${id}.png`,
    `HTTPS://chat.example.org/api/media/attachments/7/${id}.png`,
  ])("%j is not", (url) => expect(isOwnMediaUrl(url, base)).toBe(false));
});

test("an owner's key is found in a stored URL of any base, a stranger's or another thing is not", () => {
  const key = `avatars/7/${id}.jpg`;
  expect(keyOfOwner(`https://old.example/api/media/avatars/${key}`, "avatars/7")).toBe(key);
  expect(keyOfOwner(mediaPath(key), "avatars/70")).toBeUndefined();
  expect(keyOfOwner(mediaPath(`avatars/group_7/${id}.jpg`), "avatars/7")).toBeUndefined();
  for (const url of ["", "https://elsewhere.example/me.jpg", `${base}/media/avatars/avatars/7/../8/${id}.jpg`]) {
    expect(keyOfOwner(url, "avatars/7")).toBeUndefined();
  }
});

test("only extensions that we give to pictures are shown as pictures", () => {
  expect(["a.jpg", "a.png", "a.webp"].map(imageTypeOf)).toEqual(["image/jpeg", "image/png", "image/webp"]);
  for (const name of ["a.svg", "a.html", "a.gif", "a.jpeg", "a", "a.bin"]) {
    expect(imageTypeOf(name)).toBeUndefined();
  }
  for (const [name, extension] of [
    ["report.PDF", "pdf"],
    ["a.tar.gz", "gz"],
    ["page.html", "html"],
    ["fake.jpg", "bin"],
    ["fake.PNG", "bin"],
    ["noname", "bin"],
    ["", "bin"],
    ["x.", "bin"],
    ["x.this-is-long", "bin"],
    ["x.a/b", "bin"],
    ['x.a"b', "bin"],
    ["x.\u0661", "bin"],
  ] as const) {
    expect([name, downloadExtension(name)]).toEqual([name, extension]);
  }
});
