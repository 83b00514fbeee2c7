import { expect, test } from "vitest";
import { maybePlayable, playableType } from "./media-types.ts";

test.each([
  ["mp4", "\0\0\0\x18ftypisom", "video/mp4"],
  ["mov", "\0\0\0\x14ftypqt  ", "video/quicktime"],
  ["m4a", "\0\0\0\x1cftypM4A ", "audio/mp4"],
  ["webm", "\x1a\x45\xdf\xa3\x9f\x42", "video/webm"],
  ["opus", "OggS\0\x02", "audio/ogg"],
  ["mp3", "ID3\x04\0", "audio/mpeg"],
  ["mp3", "\xff\xfb\x90\x64", "audio/mpeg"],
  ["aac", "\xff\xf1\x50\x80", "audio/aac"],
  ["wav", "RIFF\x24\0\0\0WAVE", "audio/wav"],
  ["mp4", "<!doctype html>", undefined],
  ["mp3", "\0\0\0\x18ftypisom", undefined],
  ["heic", "\0\0\0\x18ftypheic", undefined],
  ["html", "ID3<script>", undefined],
])("a file .%s that begins with %j is %s", (extension, head, type) => {
  expect(playableType(extension, Buffer.from(head, "latin1"))).toBe(type);
  if (type !== undefined) expect(maybePlayable(extension)).toBe(true);
});
